"""A row per customer of what was known at the cut, and what a loop would count."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.caller import ContactRef
from calls.ports import ContactPurchases
from scoring.features import purchase_features
from scoring.features.purchase_counts import PurchaseCounts
from scoring.features.purchase_features import features_at
from scoring.features.schema import PURCHASE_NAMES
from scoring.features.seen import PurchaseSeen
from scoring.purchase_model import origins_before
from scoring.segmenting import purchases

pytestmark = pytest.mark.unit

CUT = date(2026, 3, 1)
bought = st.tuples(
    st.sampled_from("ABC"),
    st.integers(-30, 500).map(lambda back: CUT - timedelta(days=back)),
    st.floats(-200, 200).map(lambda amount: round(amount, 2)),
)


def frame_of(rows: list[tuple[str, date, float]]) -> pl.DataFrame:
    schema = {"customer": pl.String, "day": pl.Date, "amount": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@given(st.lists(bought, min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_batch_counts_as_one_contact_at_a_time_does(
    rows: list[tuple[str, date, float]],
) -> None:
    found = {row["customer"]: row for row in features_at(frame_of(rows), CUT).to_dicts()}
    for name in "ABC":
        mine = [(day, amount) for customer, day, amount in rows if customer == name]
        summary = purchases.summarise(_history(name, mine), CUT)
        assert (name in found) == (summary.visits > 0)
        if summary.visits:
            row = found[name]
            assert row["visits"] == summary.visits
            assert row["recency_days"] == summary.days_since_last
            assert row["tenure_days"] == summary.days_since_first
            assert row["spend"] == pytest.approx(summary.spend, abs=1e-6)


@given(st.lists(bought, min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_counters_fade_by_half_each_half_life(rows: list[tuple[str, date, float]]) -> None:
    found = {row["customer"]: row for row in features_at(frame_of(rows), CUT).to_dicts()}
    for name, row in found.items():
        days = {day for who, day, amount in rows if who == name and amount >= 0 and day <= CUT}
        for half_life in purchase_features.HALF_LIVES_DAYS:
            counted = sum(0.5 ** ((CUT - day).days / half_life) for day in days)
            assert row[f"visits_decayed_{half_life}d"] == pytest.approx(counted, rel=1e-6)


def _history(name: str, mine: list[tuple[date, float]]) -> ContactPurchases:
    at = tuple((datetime.combine(day, time(), UTC), amount) for day, amount in sorted(mine))
    return ContactPurchases(contact=ContactRef("shop", name), purchases=at, products=frozenset())


def test_what_comes_after_the_cut_changes_nothing() -> None:
    rows = [("A", CUT - timedelta(days=9), 5.0), ("A", CUT, 7.0), ("B", CUT, 1.0)]
    later = [*rows, ("A", CUT + timedelta(days=1), 99.0), ("C", CUT + timedelta(days=2), 1.0)]
    assert features_at(frame_of(rows), CUT).equals(features_at(frame_of(later), CUT))


def test_amounts_that_are_none_count_as_nothing() -> None:
    rows = [("A", CUT, math.nan), ("A", CUT - timedelta(days=3), math.inf), ("A", CUT, 4.0)]
    row = features_at(frame_of(rows), CUT).to_dicts()[0]
    assert row["spend"] == 4.0


@pytest.mark.parametrize("amount", [math.inf, -math.inf])
def test_an_endless_amount_is_not_known_however_it_is_counted(amount: float) -> None:
    row = features_at(frame_of([("A", CUT, amount)]), CUT).to_dicts()[0]
    counts = PurchaseCounts()
    counts.add(PurchaseSeen(CUT, amount, quantity=amount))
    told = dict(zip(PURCHASE_NAMES, counts.values_at(CUT), strict=True))
    for found in (row, told):
        assert (found["visits"], found["spend"], found["returns"]) == (1, 0, 0)
        assert found["largest_visit_amount"] == 0
    assert (told["pieces"], math.isnan(told["pieces_per_line"])) == (0, True)


def test_origins_leave_the_horizon_before_the_cut() -> None:
    trained_for, days = origins_before(date(2025, 3, 1), CUT, 30)
    assert trained_for == 30
    assert days[0] == CUT - timedelta(days=30)
    assert all(day + timedelta(days=trained_for) <= CUT for day in days)
    trained_for, days = origins_before(date(2025, 12, 1), CUT, 365)
    assert trained_for == 30
    assert days
