"""Tables of the reference that no schema holds: values, operators, filters and stock texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from config.condition_reader import OPERATORS, OPERATORS_BY_KIND
from config.facts import FACTS
from config.stock_texts import STOCK_TEXTS

VALUES = (
    ("a text", '`"Welcome"`, `{en: "Welcome", zh: "您好"}`, or the name of one of `texts`'),
    ("a name", "letters a to z, digits, `_` and `-`"),
    ("action", "one of the [actions](#actions): `{queue: sales}`, `{menu: billing}` ..."),
    ("route action", "an action, with `skip_menu: true` where no menu is heard before it"),
    ("condition", "[facts](#facts) and what they must be: `{caller.tier: vip}`; see operators"),
    ("moment", '`"2026-11-23"` or `"2026-11-23T08:00"`; in quotes'),
    ("week", '`{mon-fri: "09:00-18:00", sat: ["10:00-13:00", "14:00-16:00"]}`'),
    ("digit count", "`8`, or `[4, 10]` for the least and the most"),
    ("mailbox", '`100` or `"100@sales"`'),
    ("hold callback", "`true`, or a text of your own"),
)
OPERATOR_EXAMPLES = {
    "eq": ("is", "`caller.tier: vip`, the same as `caller.tier: {eq: vip}`"),
    "ne": ("is something else, or not known", "`{ne: vip}`"),
    "lt": ("is below", "`caller.spend_12m: {lt: 100}`"),
    "lte": ("is at most", "`{lte: 100}`"),
    "gt": ("is above", "`caller.open_orders: {gt: 0}`"),
    "gte": ("is at least", "`{gte: 3}`"),
    "in": ("is one of", "`caller.lifecycle: [new, active]` or `{in: [new, active]}`"),
    "not_in": ("is none of, or not known", "`{not_in: [lost]}`"),
    "has": ("holds", "`caller.owns: {has: LAPTOP}`"),
    "matches": ("looks like, `*` for anything, `?` for one sign", '`{matches: "+1202*"}`'),
    "between": ("lies between, both included", "`call.hour: {between: [9, 17]}`"),
    "exists": ("is known", "`caller.next_appointment.at: {exists: true}`"),
}
FILTERS = (
    ("money", "an amount with its currency, in words"),
    ("date", "a day: Monday, the twenty-third of November"),
    ("time", "the time of day"),
    ("datetime", "both"),
    ("number", "a number in words, as without a filter"),
    ("digits", "one digit after the other; telephone numbers in groups"),
    ("default", '`{{ caller.first_name \\| default("you") }}`: instead of what is not known'),
    ("capitalize, lower, title, trim, upper", "change letters"),
    ("int, round", "change numbers"),
)


def tables() -> Iterator[str]:
    yield from _table("Values", ("written as", "what"), VALUES)
    operators = [
        (f"`{name}`", *OPERATOR_EXAMPLES[name], ", ".join(_kinds_with(name))) for name in OPERATORS
    ]
    yield from _table("Operators", ("operator", "the fact ...", "example", "for"), operators)
    yield "Several facts in one condition must all hold. `all: [...]`, `any: [...]` and `not: ...`"
    yield "take conditions: `{any: [{caller.tier: vip}, {not: {caller.known: true}}]}`. A fact that"
    yield "is not known fits `ne`, `not_in` and `exists: false` only."
    yield ""
    yield from _table("Filters of texts", ("filter", "speaks"), [(f"`{n}`", w) for n, w in FILTERS])
    yield "`{% if caller.known %}...{% else %}...{% endif %}` chooses between words."
    yield ""
    rows = [(f"`{name}`", each["en"].replace("|", "\\|")) for name, each in STOCK_TEXTS.items()]
    yield from _table("Stock texts", ("name", "said where you wrote nothing of that name"), rows)
    yield "## Facts"
    yield ""
    yield "For `when:` and for texts (`{{ caller.first_name }}`). Besides these a rulebook has its"
    yield "own: `hours.NAME`, `opens.NAME`, `promotion.NAME`, `typed.FIELD`, `experiment.NAME`,"
    yield "`answers.WEBHOOK.VALUE`, the names of its `segments` in `caller.segments`, and"
    yield "`propensity` in the `when` of an offer: the chance, 0 to 1, that this caller buys its"
    yield "product for the first time within `scoring.horizon_days` (30), asked or not; a few in a"
    yield "thousand for most products, whether a trained model tells it or counting."
    yield ""
    yield "| fact | kind | values |"
    yield "|---|---|---|"
    for name, fact in FACTS.items():
        yield f"| `{name}` | {fact.kind} | {', '.join(f'`{one}`' for one in fact.choices)} |"


def _kinds_with(operator: str) -> list[str]:
    return [str(kind) for kind, names in OPERATORS_BY_KIND.items() if operator in names]


def _table(title: str, heads: tuple[str, ...], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
