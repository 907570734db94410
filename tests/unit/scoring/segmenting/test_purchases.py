"""Summaries computed by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from calls.caller import ContactRef
from calls.ports import ContactPurchases
from scoring.segmenting.purchases import summarise

pytestmark = pytest.mark.unit

TODAY = date(2026, 3, 31)


def bought(*purchases: tuple[int, float]) -> ContactPurchases:
    """Days ago and amount."""
    noon = datetime(2026, 3, 31, 12, tzinfo=UTC)
    rows = tuple((noon - timedelta(days=days), amount) for days, amount in purchases)
    return ContactPurchases(ContactRef("embedded", "C-1"), rows)


def test_gaps_are_counted_between_days_not_purchases() -> None:
    summary = summarise(bought((100, 5), (70, 5), (70, 5), (10, 5)), TODAY)
    assert summary.visits == 3
    assert (summary.days_since_first, summary.days_since_last) == (100, 10)
    assert summary.usual_gap_days == 45
    assert summary.absence_days == 60


def test_one_visit_has_no_gap() -> None:
    summary = summarise(bought((40, 12.5)), TODAY)
    assert (summary.visits, summary.usual_gap_days, summary.absence_days) == (1, None, None)


def test_a_return_lowers_the_spend_and_is_no_visit() -> None:
    summary = summarise(bought((30, 100), (5, -40)), TODAY)
    assert (summary.visits, summary.days_since_last) == (1, 30)
    assert summary.spend == summary.spend_12m == 60


def test_twelve_months_are_365_days() -> None:
    summary = summarise(bought((366, 7), (365, 11), (364, 13)), TODAY)
    assert summary.spend_12m == 13
    assert summary.spend == 31


def test_old_money_counts_less() -> None:
    fresh, old = summarise(bought((0, 100)), TODAY), summarise(bought((182, 100)), TODAY)
    assert fresh.value == 100
    assert old.value == pytest.approx(100 * 0.5 ** (182 / 365))


def test_nobody_buys_tomorrow() -> None:
    assert summarise(bought((-1, 50)), TODAY).visits == 0


def test_nothing_bought() -> None:
    summary = summarise(bought(), TODAY)
    assert (summary.visits, summary.days_since_last, summary.value) == (0, None, 0.0)
