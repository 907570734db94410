"""Conditions mean what they say, for any value, and say which value decided."""

from __future__ import annotations

import operator
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.condition_reader import OPERATORS, read_condition
from config.conditions import Condition, Verdict

pytestmark = pytest.mark.unit


def read(raw: Any) -> Condition:
    problems: list[str] = []
    condition = read_condition(raw, (), lambda _, sentence: problems.append(sentence))
    assert problems == []
    assert condition is not None
    return condition


def judge(raw: Any, **facts: Any) -> Verdict:
    return read(raw).evaluate({f"caller.{name}": value for name, value in facts.items()})


@given(actual=st.integers(-100, 100), value=st.integers(-100, 100))
def test_order_is_that_of_numbers(actual: int, value: int) -> None:
    for name in ("eq", "ne", "lt", "gt"):
        verdict = judge({"caller.open_orders": {name: value}}, open_orders=actual)
        assert verdict.matched is getattr(operator, name)(actual, value)
        assert str(actual) in verdict.because
    below = judge({"caller.open_orders": {"lte": value}}, open_orders=actual).matched
    assert below is not judge({"caller.open_orders": {"gt": value}}, open_orders=actual).matched


conditions = st.recursive(
    st.one_of(
        st.builds(lambda n: {"caller.open_orders": {"gt": n}}, st.integers(-2, 2)),
        st.builds(lambda b: {"caller.known": b}, st.booleans()),
        st.builds(lambda b: {"caller.tier": {"exists": b}}, st.booleans()),
    ),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=6,
)
facts = st.fixed_dictionaries(
    {
        "open_orders": st.integers(-3, 3),
        "known": st.booleans(),
        "tier": st.sampled_from([None, "vip", "ordinary"]),
    }
)


def meaning(raw: dict[str, Any], values: dict[str, Any]) -> bool:
    ((key, value),) = raw.items()
    match key:
        case "all":
            return all(meaning(part, values) for part in value)
        case "any":
            return any(meaning(part, values) for part in value)
        case "not":
            return not meaning(value, values)
        case "caller.known":
            return bool(values["known"] == value)
        case "caller.tier":
            return (values["tier"] is not None) is value["exists"]
    return bool(values["open_orders"] > value["gt"])


@given(raw=conditions, values=facts)
def test_all_any_not_are_logic(raw: dict[str, Any], values: dict[str, Any]) -> None:
    verdict = judge(raw, **values)
    assert verdict.matched is meaning(raw, values)
    assert verdict.because


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["all", "any", "not", "caller.tier", "caller.owns", *OPERATORS, "x"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@given(raw=junk, values=facts)
def test_junk_is_a_sentence_or_a_condition_never_an_exception(
    raw: Any, values: dict[str, Any]
) -> None:
    problems: list[str] = []
    condition = read_condition(raw, (), lambda _, sentence: problems.append(sentence))
    assert (condition is None) == bool(problems)
    if condition is not None:
        condition.evaluate({f"caller.{name}": value for name, value in values.items()})


@pytest.mark.parametrize(
    ("raw", "known", "matched", "because"),
    [
        ({"caller.tier": "vip"}, {"tier": "vip"}, True, "caller.tier is vip"),
        ({"caller.tier": "vip"}, {"tier": None}, False, "caller.tier is not known, not vip"),
        (
            {"caller.tier": {"ne": "vip"}},
            {"tier": None},
            True,
            "caller.tier is not known, other than vip",
        ),
        (
            {"caller.tier": ["vip", "important"]},
            {"tier": "important"},
            True,
            "caller.tier is important, one of vip, important",
        ),
        (
            {"caller.owns": {"has": "LAPTOP"}},
            {"owns": frozenset({"LAPTOP", "BAG"})},
            True,
            "caller.owns is BAG, LAPTOP, with LAPTOP",
        ),
        (
            {"caller.number": {"matches": "+49*"}},
            {"number": "+4930123"},
            True,
            "caller.number is +4930123, like +49*",
        ),
        (
            {"caller.monetary": {"between": [4, 5]}},
            {"monetary": 3},
            False,
            "caller.monetary is 3, not between 4, 5",
        ),
        (
            {"caller.known": True, "caller.open_orders": {"gt": 0}},
            {"known": True, "open_orders": 2},
            True,
            "caller.known is true and caller.open_orders is 2, above 0",
        ),
        (
            {"any": [{"caller.known": True}, {"caller.open_orders": {"gt": 0}}]},
            {"known": False, "open_orders": 0},
            False,
            "caller.known is false, not true and caller.open_orders is 0, not above 0",
        ),
        (
            {"caller.spend_12m": {"gte": 100}},
            {"spend_12m": None},
            False,
            "caller.spend_12m is not known, not at least 100",
        ),
    ],
)
def test_the_reason_names_the_value(
    raw: Any, known: dict[str, Any], matched: bool, because: str
) -> None:
    assert judge(raw, **known) == Verdict(matched, because)


def test_wildcards_stay_cheap_on_hostile_values() -> None:
    started = time.thread_time()
    assert not judge({"caller.name": {"matches": "*a" * 49}}, name="a" * 48 + "b" * 5000).matched
    assert time.thread_time() - started < 1
