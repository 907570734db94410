"""What a key means in a menu, and which extensions may be dialled there. Pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.actions import HangUp, ToQueue, ToTarget
from ivr.direct_dial import Extensions
from ivr.menu import (
    Mistakes,
    Outcome,
    PresentedMenu,
    PresentedOption,
    PresentedRetry,
    answer_in,
    may_go_on,
    press,
)

pytestmark = pytest.mark.unit

SALES, PERSON, FAILED, CONFUSED = (ToQueue(name) for name in ("sales", "person", "failed", "lost"))
MENU = PresentedMenu(
    name="main",
    language="en",
    greeting=None,
    options=(
        PresentedOption("1", "sales", "To order", SALES),
        PresentedOption("2", "billing", "To pay", HangUp()),
        PresentedOption("0", "agent", "For a person", PERSON),
    ),
    tries=3,
    timeout_s=5,
    invalid=PresentedRetry("Wrong.", 2, CONFUSED),
    timeout=PresentedRetry("Hello?", 3),
    failure=FAILED,
    direct_dial=True,
)
ALL = Extensions.of(["2XX", " 70x ", "", "8"])
KEYS = st.text("0123456789*#", max_size=8)


def test_wrong_keys_and_silence_are_counted_apart() -> None:
    assert press(MENU, "9").retry is MENU.invalid
    assert press(MENU, "").retry is MENU.timeout
    assert press(MENU, "9", Mistakes(timeout=2)).outcome is Outcome.INVALID
    assert press(MENU, "", Mistakes(invalid=1, timeout=1)).outcome is Outcome.TIMEOUT


def test_each_loop_ends_where_it_says_or_in_the_menus_failure() -> None:
    wrong, silent = press(MENU, "9", Mistakes(invalid=1)), press(MENU, "", Mistakes(timeout=2))
    assert (wrong.outcome, wrong.next_action, wrong.retry) == (Outcome.FAILURE, CONFUSED, None)
    assert (silent.outcome, silent.next_action, silent.retry) == (Outcome.FAILURE, FAILED, None)
    assert press(MENU, "1", Mistakes(invalid=9, timeout=9)).next_action == SALES


@pytest.mark.parametrize(
    ("digits", "is_one"),
    [("215", True), ("700", True), ("8", True), ("21", False), ("2155", False), ("71", False)],
)
def test_extensions(digits: str, is_one: bool) -> None:
    assert ALL.has(digits) is is_one
    assert (press(MENU, digits, extensions=ALL).next_action == ToTarget(digits)) is is_one


@pytest.mark.parametrize("digits", ["2*5", "2#5", "2٣5", "2XX", "xxx"])
def test_x_is_a_digit_and_nothing_else(digits: str) -> None:
    assert not ALL.has(digits)


@pytest.mark.parametrize(
    ("typed", "goes_on"), [("1", False), ("2", True), ("7", True), ("0", False), ("8", False)]
)
def test_a_key_waits_only_where_more_could_follow(typed: str, goes_on: bool) -> None:
    assert may_go_on(MENU, typed, ALL) is goes_on
    assert not may_go_on(MENU, typed)


@pytest.mark.parametrize(
    ("typed", "answer", "rest"),
    [
        ("2", "2", ""),
        ("2#", "2", ""),
        ("215", "215", ""),
        ("21", "2", "1"),
        ("2*", "2", "*"),
        ("70", "70", ""),
        ("9", "9", ""),
    ],
)
def test_what_was_typed_for_later_is_kept_for_later(typed: str, answer: str, rest: str) -> None:
    assert answer_in(MENU, typed, ALL) == (answer, rest)


@given(KEYS, st.lists(st.text("0123456789X", min_size=1, max_size=5), max_size=4))
def test_no_key_is_lost_or_made_up(typed: str, patterns: list[str]) -> None:
    answer, rest = answer_in(MENU, typed, Extensions.of(patterns))
    assert typed in (answer + rest, answer + "#" + rest)
    assert bool(answer) == bool(typed)


@given(KEYS)
def test_without_patterns_every_key_answers_at_once(typed: str) -> None:
    assert not may_go_on(MENU, typed) or typed == ""
