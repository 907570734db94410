"""The facts of a caller and a call, under the names that the rulebook knows. Pure.

Fetched when a condition or a text first asks: most rulebooks ask for few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from calls.call import Call
from calls.caller import Caller, Contact, IdentityOutcome, Order
from calls.money import Money
from calls.segments import Segments
from config.conditions import Seen
from config.facts import OWN_SEGMENTS, WEEKDAYS, as_dialled
from config.rulebook import Rulebook
from ivr.doors import doors_at, next_opening
from ivr.known import NOTHING_KNOWN, Known
from ivr.own_segments import own_segments

MAX_SPOKEN = 200

#: As for somebody the CRM does not know.
_NO_CONTACT: dict[str, Any] = {
    "caller.known": False,
    "caller.first_name": None,
    "caller.last_name": None,
    "caller.name": None,
    "caller.company": None,
    "caller.language": None,
    "caller.open_orders": 0,
    "caller.open_cases": 0,
    "caller.open_complaints": 0,
    "caller.owns": frozenset(),
    "caller.last_order.product": None,
    "caller.last_order.days_ago": None,
    "caller.last_order.late_days": None,
    "caller.last_order.status": None,
    "caller.last_order.number": None,
    "caller.last_order.due_on": None,
    "caller.balance": None,
    "caller.next_appointment.at": None,
    "caller.next_appointment.subject": None,
}
_SEGMENTS = (
    "tier",
    "lifecycle",
    "recency",
    "frequency",
    "monetary",
    "spend_12m",
    "days_since_last",
    "usual_gap_days",
    "behaviour",
    "price_band",
    "main_category",
    "loyalty",
    "churn_warning",
)
_NO_SEGMENTS: dict[str, Any] = {f"caller.{name}": None for name in _SEGMENTS}
#: Not spoken to somebody who may be somebody else.
_PRIVATE: dict[str, Any] = {
    **_NO_CONTACT,
    **_NO_SEGMENTS,
    "caller.past_intents": frozenset(),
    "caller.churn_risk": None,
    "caller.expected_purchases": None,
    OWN_SEGMENTS: frozenset(),
}
#: Not spoken to somebody of whom only the number they show says who they are.
_SECRET: dict[str, Any] = {"caller.balance": None}

Fetch = Callable[[str], Any]


class Asked(dict[str, Any]):
    """Facts for conditions; holds just those that were asked for."""

    def __init__(self, fetch: Fetch) -> None:
        super().__init__()
        self._fetch = fetch

    def __missing__(self, name: str) -> Any:
        value = self[name] = self._fetch(name)
        return value

    #: `[]` asks `__missing__`, and stays as fast as a dict's own on what was asked before.
    get = dict.__getitem__  # type: ignore[assignment]


class _Scope:
    """`caller` or `caller.last_order` in a text."""

    __slots__ = ("_fetch", "_names", "_prefix")

    def __init__(self, prefix: str, names: Mapping[str, Any], fetch: Fetch) -> None:
        self._prefix = prefix
        self._names = names
        self._fetch = fetch

    def __getattr__(self, leaf: str) -> Any:
        name = f"{self._prefix}.{leaf}"
        if name in self._names:
            value = self._fetch(name)
            return value[:MAX_SPOKEN] if isinstance(value, str) else value
        if any(other.startswith(f"{name}.") for other in self._names):
            return _Scope(name, self._names, self._fetch)
        raise AttributeError(name)


@dataclass(frozen=True, slots=True)
class Facts:
    """`values` are by dotted name and remember what was asked, `seen` is how conditions look at
    them; `spoken` are the variables of texts, private facts left out where `may_be_personal` is not
    set, and the balance also where nothing but a number says who calls. `heard` is for conditions
    on what is said: a sentence that only some hear tells them why, so it sees no more than may be
    spoken."""

    values: Asked
    #: Those that conditions on what is said asked for.
    aloud: Asked
    seen: Seen
    heard: Seen
    spoken: Mapping[str, Any]
    may_be_personal: bool
    #: As `values`, but nothing is remembered.
    fetch: Fetch


def facts_of(
    rulebook: Rulebook,
    caller: Caller,
    call: Call,
    now: datetime,
    *,
    language: str,
    known: Known = NOTHING_KNOWN,
    given: Mapping[str, Any] | None = None,
    arms: Mapping[str, str] = {},
) -> Facts:
    """`now` is aware and on the clock of the dialled number. `given` are an example's own facts:
    they go before what is known, and all may be spoken. `arms` are by experiment."""
    shared = _shared_facts(caller)
    plain = {
        "caller.identity": caller.identity.outcome.value,
        "caller.confidence": caller.identity.confidence,
        "caller.number": caller.number,
        "caller.past_intents": past_intents(known),
        "caller.churn_risk": _of_two_digits(known.propensities.churn),
        "caller.expected_purchases": _of_two_digits(known.propensities.expected_purchases),
        "caller.pin_ok": known.pin_ok,
        "call.dialled": as_dialled(call.dialled),
        "call.withheld": call.withheld,
        "call.hour": now.hour,
        "call.weekday": WEEKDAYS[now.weekday()],
        "call.language": language,
        **_of_contact(caller, now),
        **_of_segments(caller.segments),
        **{f"typed.{name}": digits for name, digits in known.typed.items()},
        **_of_answers(known),
        **{f"experiment.{name}": arm for name, arm in arms.items()},
        **(given or {}),
    }

    def fetch(name: str) -> Any:
        if name == OWN_SEGMENTS and name not in plain:
            return own_segments(rulebook, seen)
        return plain[name] if name in plain else _of_the_house(name, rulebook, now)

    personal = caller.may_hear_personal_facts or bool(given)
    unsaid = {} if given else _unsaid(caller, known)

    def fetch_spoken(name: str) -> Any:
        if name in shared:
            return shared[name]
        return unsaid[name] if name in unsaid else fetch(name)

    spoken = fetch_spoken if unsaid else fetch
    roots = {name.partition(".")[0] for name in rulebook.facts}
    scopes = {root: _Scope(root, rulebook.facts, spoken) for root in roots}
    values = Asked(fetch)
    aloud = Asked(fetch_spoken) if unsaid else values
    seen = Seen(values)
    heard = Seen(aloud) if unsaid else seen
    return Facts(values, aloud, seen, heard, scopes, personal, fetch)


def _unsaid(caller: Caller, known: Known) -> Mapping[str, Any]:
    """What this caller hears instead of the facts."""
    if not caller.may_hear_personal_facts:
        return _PRIVATE
    proved = known.pin_ok or caller.identity.method == "typed_key"
    has_secrets = caller.contact is not None and caller.contact.balance is not None
    return _SECRET if has_secrets and not proved else {}


def past_intents(known: Known) -> frozenset[str]:
    """What this caller chose before, in any menu."""
    memory = known.memory
    return frozenset(intent for _, intent in (*memory.digits, *memory.choices))


def all_values(rulebook: Rulebook, facts: Facts) -> dict[str, Any]:
    """Every fact there is, `propensity` aside: it belongs to an offer."""
    return {name: facts.fetch(name) for name in rulebook.facts if name != "propensity"}


def as_json(value: Any) -> Any:
    """A fact's value as JSON holds it."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Money):
        return {"amount": str(value.amount), "currency": value.currency}
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def _of_the_house(name: str, rulebook: Rulebook, now: datetime) -> Any:
    group, _, rest = name.partition(".")
    if group == "hours" and rest in rulebook.hours:
        return doors_at(rulebook.hours[rest], now).value
    if group == "opens" and rest in rulebook.hours:
        return next_opening(rulebook.hours[rest], now)
    if group == "promotion" and rest in rulebook.promotions:
        return rulebook.promotions[rest].holds_at(now)
    return None


def _shared_facts(caller: Caller) -> dict[str, Any]:
    """Of a caller who is one of several: what all of these have in common tells nobody anything of
    another, so it may be spoken too."""
    if caller.identity.outcome is not IdentityOutcome.MULTIPLE:
        return {}
    return {"caller.language": caller.language, "caller.company": caller.company}


def _of_contact(caller: Caller, now: datetime) -> dict[str, Any]:
    contact = caller.contact
    if contact is None:
        return _NO_CONTACT | _shared_facts(caller)
    order = _last_order(contact)
    open_cases = [case for case in contact.cases if case.is_open]
    appointment = next((one for one in contact.appointments if one.at > now), None)
    return {
        "caller.known": True,
        "caller.first_name": contact.first_name or None,
        "caller.last_name": contact.last_name or None,
        "caller.name": contact.name or None,
        "caller.company": contact.company or None,
        "caller.language": contact.language or None,
        "caller.open_orders": sum(order.is_open for order in contact.orders),
        "caller.open_cases": len(open_cases),
        "caller.open_complaints": sum(case.kind == "complaint" for case in open_cases),
        "caller.owns": contact.owns,
        "caller.last_order.product": order.product_name if order else None,
        "caller.last_order.days_ago": (now - order.placed_at).days if order else None,
        "caller.last_order.late_days": late_days(order, now) if order else None,
        "caller.last_order.status": order.status if order else None,
        "caller.last_order.number": order.number if order else None,
        "caller.last_order.due_on": order.due_on if order else None,
        "caller.balance": contact.balance,
        "caller.next_appointment.at": appointment.at.astimezone(now.tzinfo)
        if appointment
        else None,
        "caller.next_appointment.subject": appointment.subject or None if appointment else None,
    }


def _last_order(contact: Contact) -> Order | None:
    """The newest that is still open, else the newest (orders come newest first)."""
    return next(
        (order for order in contact.orders if order.is_open), next(iter(contact.orders), None)
    )


def late_days(order: Order, now: datetime) -> int:
    if not order.is_open or order.due_on is None:
        return 0
    return max(0, (now.date() - order.due_on).days)


def _of_segments(segments: Segments | None) -> dict[str, Any]:
    return _NO_SEGMENTS if segments is None else segment_facts(segments)


def segment_facts(segments: Segments) -> dict[str, Any]:
    """Everything that `config.facts.SEGMENT_FACTS` names."""
    found = {f"caller.{name}": getattr(segments, name) for name in _SEGMENTS}
    for name in ("behaviour", "price_band", "loyalty"):
        value = getattr(segments, name)
        found[f"caller.{name}"] = value.value if value is not None else None
    found["caller.churn_warning"] = segments.churn_warning is not None
    found["caller.tier"] = segments.tier.value
    found["caller.lifecycle"] = segments.lifecycle.value
    return found


def _of_two_digits(value: float | None) -> float | None:
    """More digits of a forecast say nothing."""
    return None if value is None else float(f"{value:.2g}")


def _of_answers(known: Known) -> dict[str, Any]:
    return {
        f"answers.{webhook}.{name}": value
        for webhook, values in known.answers.items()
        for name, value in values.items()
    }
