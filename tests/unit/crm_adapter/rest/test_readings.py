"""Expressions are checked as they are written, their results where they are used."""

from __future__ import annotations

from typing import Any

import pytest

from crm_adapter.adapter import Unavailable
from crm_adapter.mapped.reading import moment
from crm_adapter.rest.readings import LONGEST, Reading

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("data[", "ends too early, character 6"),
        ("foo..bar", "look at '.bar', character 5, after 'foo.'"),
        ("'x", "look at"),
        ("", "no JMESPath"),
        ("a.nofunc(@)", "no function 'nofunc'"),
        ("jion(' ', @)", "did you mean 'join'?"),
        ("[?contains(a)]", "'contains' takes 2 values here, not 1"),
        ("x" * (LONGEST + 1), "at most"),
        ("[" * 400, "JMESPath"),
    ],
)
def test_a_mistake_is_named_where_it_is(expression: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"JMESPath|takes") as raised:
        Reading(expression)
    assert words in str(raised.value)


def test_what_does_not_fit_is_an_error_or_a_part_left_out() -> None:
    reading = Reading("join(' ', [first, last])")
    assert reading.of({"first": "Ann", "last": "Ng"}) == "Ann Ng"
    with pytest.raises(Unavailable, match="does not fit"):
        reading.of({"first": 7, "last": None})
    assert reading.part({"first": 7, "last": None}) is None


@pytest.mark.parametrize(
    ("document", "holds"),
    [({"ok": True}, True), ({"ok": 0}, True), ({"ok": []}, False), ({}, False), ([], False)],
)
def test_truth_is_that_of_jmespath(document: Any, holds: bool) -> None:
    assert Reading("ok").holds(document) is holds


@pytest.mark.parametrize(
    "told",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "9999-12-31T23:00"],
)
def test_a_time_that_only_some_zones_have_is_none(told: str) -> None:
    """Whoever stored it, or said it by another clock, would fail."""
    assert moment(told) is None
    assert moment("0001-01-03T00:00:00+14:00") is not None
