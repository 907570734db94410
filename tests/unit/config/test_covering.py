"""Where one condition is said to cover another, no caller proves it wrong."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.money import Money
from config.condition_reader import read_condition
from config.conditions import Condition
from config.covering import meaning_of
from config.facts import FACTS, FactKind

pytestmark = pytest.mark.unit

NAMES = {
    "caller.open_orders": st.integers(-2, 4),
    "caller.confidence": st.sampled_from([0, 0.25, 0.5, 1, 1.5]),
    "caller.known": st.booleans(),
    "caller.tier": st.sampled_from(["vip", "important", "ordinary"]),
    "caller.company": st.sampled_from(["Acme", "Acme Ltd", "", "b"]),
    "caller.balance": st.integers(-2, 2),
    "caller.owns": st.sampled_from(["LAPTOP", "PHONE", "BAG"]),
}
PATTERNS = st.sampled_from(["A*", "*Ltd", "?", "Acme", "b*"])


def comparison(name: str) -> st.SearchStrategy[dict[str, Any]]:
    kind, values = FACTS[name].kind, NAMES[name]
    several = st.lists(values, min_size=1, max_size=3)
    operators: dict[str, st.SearchStrategy[Any]] = {"exists": st.booleans()}
    if kind is FactKind.SET:
        operators["has"] = values
    else:
        if kind is not FactKind.MONEY:
            operators |= {"eq": values, "ne": values}
        if kind not in (FactKind.YES_NO, FactKind.MONEY):
            operators |= {"in": several, "not_in": several}
        if kind in (FactKind.WHOLE, FactKind.NUMBER, FactKind.MONEY):
            operators |= dict.fromkeys(("lt", "lte", "gt", "gte"), values)
            operators["between"] = st.tuples(values, values).map(sorted)
        if kind is FactKind.TEXT:
            operators["matches"] = PATTERNS
    return st.one_of(*(_compared(name, *each) for each in operators.items()))


def _compared(
    name: str, operator: str, values: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    return values.map(lambda value: {name: {operator: value}})


def raw_conditions(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        st.one_of(*map(comparison, names)),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=5,
    )


CONDITIONS = st.lists(st.sampled_from(list(NAMES)), min_size=1, max_size=2, unique=True).flatmap(
    lambda names: st.tuples(raw_conditions(names), raw_conditions(names))
)
FACT_SETS = st.fixed_dictionaries(
    {
        "caller.open_orders": st.one_of(st.none(), st.integers(-3, 5)),
        "caller.confidence": st.one_of(st.none(), st.floats(-1, 2)),
        "caller.known": st.one_of(st.none(), st.booleans()),
        "caller.tier": st.sampled_from([None, "vip", "important", "ordinary"]),
        "caller.company": st.sampled_from([None, "Acme", "Acme Ltd", "", "b", "c", "A", "XLtd"]),
        "caller.balance": st.one_of(
            st.none(),
            st.decimals(-3, 3, places=1).map(lambda amount: Money(Decimal(amount), "EUR")),
        ),
        "caller.owns": st.sets(st.sampled_from(["LAPTOP", "PHONE", "BAG", "CASE"])).map(frozenset),
    }
)


def read(raw: dict[str, Any]) -> Condition:
    problems: list[str] = []
    condition = read_condition(raw, (), lambda _, sentence: problems.append(sentence))
    assert condition is not None, problems
    return condition


@settings(max_examples=150)
@given(both=CONDITIONS, several=st.lists(FACT_SETS, min_size=10, max_size=20))
def test_who_matches_the_covered_one_matches_the_covering_one(
    both: tuple[dict[str, Any], dict[str, Any]], several: list[dict[str, Any]]
) -> None:
    wide, narrow = map(read, both)
    covers = meaning_of(wide).covers(meaning_of(narrow))
    impossible = meaning_of(narrow).is_impossible
    for facts in several:
        if narrow.evaluate(facts).matched:
            assert not impossible
            assert wide.evaluate(facts).matched or not covers


COVERED = [
    ({"caller.open_orders": {"gte": 1}}, {"caller.open_orders": {"gt": 0}}),
    ({"any": [{"call.hour": {"lt": 9}}, {"call.hour": 9}]}, {"call.hour": {"lt": 10}}),
    ({"caller.open_orders": {"gt": 0}}, {"caller.open_orders": {"gt": 3}}),
    ({"caller.open_orders": {"gte": 1}}, {"caller.open_orders": {"in": [1, 2]}}),
    ({"caller.open_orders": {"ne": 0}}, {"caller.open_orders": {"exists": False}}),
    ({"caller.tier": {"in": ["vip", "important"]}}, {"caller.tier": "vip"}),
    ({"caller.tier": {"exists": True}}, {"caller.tier": "vip"}),
    ({"caller.company": {"matches": "A*"}}, {"caller.company": "Acme"}),
    ({"caller.known": True}, {"caller.company": {"matches": "A*"}, "caller.known": True}),
    ({"caller.owns": "LAPTOP"}, {"all": [{"caller.owns": "LAPTOP"}, {"caller.owns": "BAG"}]}),
    ({"any": [{"caller.known": True}, {"caller.tier": "vip"}]}, {"caller.tier": "vip"}),
    ({"not": {"caller.known": True}}, {"caller.known": False}),
    ({"call.hour": {"between": [8, 18]}}, {"call.hour": {"between": [9, 17]}}),
    ({"caller.balance": {"lt": 0}}, {"caller.balance": {"lt": -10}}),
]  # fmt: skip
NOT_COVERED = [
    ({"caller.confidence": {"gte": 1}}, {"caller.confidence": {"gt": 0}}),
    ({"caller.open_orders": {"gt": 3}}, {"caller.open_orders": {"gt": 0}}),
    ({"caller.tier": "vip"}, {"caller.tier": {"in": ["vip", "important"]}}),
    ({"caller.known": True}, {"not": {"caller.known": False}}),
    ({"caller.tier": "vip", "caller.known": True}, {"caller.tier": "vip"}),
    ({"caller.owns": "BAG"}, {"caller.owns": "LAPTOP"}),
    ({"caller.company": {"matches": "A*"}}, {"caller.company": {"matches": "*A*"}}),
]


@pytest.mark.parametrize(("wide", "narrow"), COVERED)
def test_what_authors_repeat_is_seen(wide: dict[str, Any], narrow: dict[str, Any]) -> None:
    assert meaning_of(read(wide)).covers(meaning_of(read(narrow)))
    assert meaning_of(None).covers(meaning_of(read(narrow)))
    assert not meaning_of(read(narrow)).covers(meaning_of(None))


@pytest.mark.parametrize(("wide", "narrow"), NOT_COVERED)
def test_what_may_still_match_is_let_alone(wide: dict[str, Any], narrow: dict[str, Any]) -> None:
    assert not meaning_of(read(wide)).covers(meaning_of(read(narrow)))


@pytest.mark.parametrize(
    "raw",
    [
        {"caller.open_orders": {"gt": 3, "lt": 4}},
        {"caller.confidence": {"gt": 0.3, "lt": 0.3}},
        {"all": [{"caller.tier": "vip"}, {"caller.tier": "ordinary"}]},
        {"all": [{"caller.known": True}, {"not": {"caller.known": True}}]},
        {"caller.company": {"exists": False, "matches": "A*"}},
    ],
)
def test_a_contradiction_is_impossible(raw: dict[str, Any]) -> None:
    assert meaning_of(read(raw)).is_impossible


def test_too_many_alternatives_are_let_alone() -> None:
    wide = {"any": [{"call.hour": n, "caller.open_orders": n} for n in range(12)]}
    assert not meaning_of(read(wide)).covers(meaning_of(read(wide)))


def test_what_is_not_compared_is_never_asked() -> None:
    moment = {"caller.next_appointment.at": {"exists": True}}
    facts = {"caller.next_appointment.at": datetime(2026, 11, 23)}  # noqa: DTZ001
    assert read(moment).evaluate(facts).matched
    assert not meaning_of(read(moment)).is_impossible
