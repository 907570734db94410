"""Which past days are learned at and tested: nothing is both."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.training.origins import embargoed, plan_of
from scoring.training.too_little import TooLittle

pytestmark = pytest.mark.unit

UNTIL = date(2026, 3, 1)


@given(st.integers(1, 2_000), st.integers(1, 365))
def test_each_horizon_learned_from_is_over_before_the_test(days: int, horizon: int) -> None:
    first = UNTIL - timedelta(days=days)
    try:
        plan = plan_of(first, UNTIL, horizon)
    except TooLittle:
        assert days < 2 * horizon + max(14, horizon)
        return
    for block in plan.blocks:
        assert embargoed(block, horizon)
        assert block.tested + timedelta(days=horizon) <= UNTIL
        assert all(day > first for day in block.learned)
    assert all(day + timedelta(days=horizon) <= UNTIL for day in plan.final)


def test_tests_do_not_overlap() -> None:
    plan = plan_of(date(2025, 1, 1), UNTIL, 30)
    tested = [block.tested for block in plan.blocks]
    assert tested == [UNTIL - timedelta(days=30 * (number + 1)) for number in range(3)]


def test_too_short_a_history_is_said_in_days() -> None:
    with pytest.raises(TooLittle, match=r"50 days of purchases: for a horizon .* at least 90"):
        plan_of(UNTIL - timedelta(days=50), UNTIL, 30)


def test_no_history_is_too_little() -> None:
    with pytest.raises(TooLittle, match="0 days of purchases"):
        plan_of(None, UNTIL, 30)
