"""When a CRM is not asked any more, and when again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_adapter.live.breaker import Breaker, BreakerLimits, BreakerState

pytestmark = pytest.mark.unit


def test_five_failures_in_ten_seconds_open_it() -> None:
    breaker = Breaker()
    for at in range(4):
        breaker.failed(at)
        assert breaker.lets_pass(at)
    breaker.failed(4)
    assert breaker.state(4) is BreakerState.OPEN
    assert not breaker.lets_pass(18.9)
    assert breaker.openings == 1


def test_failures_long_ago_count_no_more() -> None:
    breaker = Breaker(BreakerLimits(looked_at=100))
    for at in range(0, 150, 3):
        breaker.failed(at)
    assert breaker.lets_pass(300)


def test_an_answer_in_between_clears_the_failures() -> None:
    breaker = Breaker(BreakerLimits(looked_at=100))
    for at in range(40):
        breaker.answered(at) if at % 4 == 3 else breaker.failed(at)
    assert breaker.lets_pass(40)


def test_half_of_the_last_answers_slow_are_too_many() -> None:
    breaker = Breaker()
    for at in range(9):
        breaker.failed(at * 20) if at % 2 else breaker.answered(at * 20)
    assert breaker.lets_pass(180)
    breaker.failed(180)
    assert not breaker.lets_pass(180)


def test_no_caller_is_the_probe() -> None:
    breaker = Breaker()
    breaker.refused(0)
    assert breaker.state(15) is BreakerState.HALF_OPEN
    assert not breaker.lets_pass(15)
    breaker.probed(15, good=False)
    assert breaker.state(29) is BreakerState.OPEN
    breaker.probed(30, good=True)
    assert breaker.lets_pass(30)


def test_what_was_asked_before_it_opened_changes_nothing() -> None:
    breaker = Breaker()
    breaker.refused(0)
    breaker.answered(1)
    breaker.failed(1)
    assert breaker.state(1) is BreakerState.OPEN


def test_a_limit_reached_lasts_as_long_as_the_crm_says() -> None:
    breaker = Breaker()
    breaker.refused(0, quiet_s=60)
    assert breaker.state(59) is BreakerState.OPEN
    assert breaker.state(60) is BreakerState.HALF_OPEN


@given(st.lists(st.sampled_from(["answered", "failed", "refused", "probe", "wait"])))
def test_whatever_happens_only_a_probe_closes_it(news: list[str]) -> None:
    breaker, at, was_open = Breaker(), 0.0, False
    for one in news:
        at += 40.0 if one == "wait" else 0.5
        if one == "answered":
            breaker.answered(at)
        elif one == "failed":
            breaker.failed(at)
        elif one == "refused":
            breaker.refused(at)
        elif one == "probe" and breaker.state(at) is BreakerState.HALF_OPEN:
            breaker.probed(at, good=True)
            was_open = False
        assert not (was_open and breaker.lets_pass(at))
        was_open = not breaker.lets_pass(at)
