"""When a contact may be leaving, and when they are back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from calls.caller import ContactRef
from calls.segments import LifecycleStage, Loyalty, Segments, Tier
from scoring.segmenting import churn
from scoring.segmenting.churn import ChurnWarning
from scoring.segmenting.lifecycle import stage_of
from scoring.segmenting.loyalty import loyalty_of
from scoring.segmenting.purchases import Summary

pytestmark = pytest.mark.unit

NOW, TODAY = datetime(2026, 3, 2, 2, tzinfo=UTC), date(2026, 3, 2)
WHO = ContactRef("embedded", "a")


def before(stage: LifecycleStage, recency: int = 5, days: int = 50) -> Segments:
    return Segments(Tier.ORDINARY, stage, recency, 3, 3, days, 30, 100.0)


def judged(days_away: int, then: Segments, recency: int = 5) -> ChurnWarning | None:
    summary = Summary(
        WHO, visits=8, days_since_first=900, days_since_last=days_away, usual_gap_days=30
    )
    return churn.raised(summary, then, stage_of(summary), recency, today=TODAY, now=NOW)


def test_who_was_loyal_and_stays_away_is_warned_of_with_the_reason() -> None:
    found = judged(61, before(LifecycleStage.LOYAL))
    assert found == ChurnWarning(
        WHO,
        TODAY,
        NOW,
        LifecycleStage.LOYAL,
        LifecycleStage.AT_RISK,
        "was loyal, now at risk: last order 61 days ago, usual gap 30",
        "原为忠诚，现为有流失风险：上次购买在61天前，通常间隔30天",
    )


def test_a_fall_of_two_fifths_is_enough() -> None:
    then = before(LifecycleStage.LOYAL, recency=5)
    assert judged(55, then, recency=4) is None
    found = judged(55, then, recency=3)
    assert found is not None
    assert found.because.startswith("recency fell from 5 to 3 of 5: last order 55 days ago")


@pytest.mark.parametrize("stage", ["at_risk", "dormant", "lost", "prospect"])
def test_who_was_away_already_is_no_news(stage: str) -> None:
    assert judged(130, before(LifecycleStage(stage))) is None


def test_who_bought_since_is_not_leaving() -> None:
    assert judged(10, before(LifecycleStage.LOYAL, days=50), recency=1) is None


def test_a_warning_stands_until_the_next_purchase() -> None:
    def over(days: int | None) -> bool:
        return churn.is_over(Summary(WHO, visits=1, days_since_last=days), TODAY, date(2026, 3, 12))

    assert [over(70), over(11), over(10), over(0), over(None)] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("since_first", "visits", "stage", "wanted"),
    [
        (None, 0, "prospect", None),
        (30, 2, "new", Loyalty.NEWCOMER),
        (200, 20, "active", Loyalty.GROWING),
        (400, 6, "loyal", Loyalty.SETTLED),
        (1100, 12, "loyal", Loyalty.DEVOTED),
        (1100, 11, "loyal", Loyalty.SETTLED),
        (1100, 40, "dormant", Loyalty.DRIFTING),
    ],
)
def test_loyalty(since_first: int | None, visits: int, stage: str, wanted: Loyalty | None) -> None:
    summary = Summary(WHO, visits=visits, days_since_first=since_first)
    assert loyalty_of(summary, LifecycleStage(stage)) == wanted
