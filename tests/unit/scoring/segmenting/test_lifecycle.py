"""Each stage by a contact one can picture."""

from __future__ import annotations

import pytest

from calls.caller import ContactRef
from calls.segments import LifecycleStage
from scoring.segmenting.lifecycle import stage_of
from scoring.segmenting.purchases import Summary

pytestmark = pytest.mark.unit


def contact(
    visits: int, first: int | None, last: int | None, gap: int | None, absence: int | None = None
) -> Summary:
    return Summary(
        ContactRef("embedded", "C-1"),
        visits=visits,
        days_since_first=first,
        days_since_last=last,
        usual_gap_days=gap,
        absence_days=absence,
    )


@pytest.mark.parametrize(
    ("summary", "stage"),
    [
        (contact(0, None, None, None), LifecycleStage.PROSPECT),
        (contact(1, 20, 20, None), LifecycleStage.NEW),
        (contact(3, 90, 30, 30), LifecycleStage.NEW),
        (contact(4, 90, 30, 20), LifecycleStage.ACTIVE),
        (contact(5, 200, 20, 45), LifecycleStage.ACTIVE),
        (contact(12, 400, 20, 31), LifecycleStage.LOYAL),
        (contact(12, 400, 62, 31), LifecycleStage.LOYAL),  # exactly two gaps is still in time
        (contact(12, 400, 63, 31), LifecycleStage.AT_RISK),
        (contact(12, 600, 125, 31), LifecycleStage.DORMANT),
        (contact(12, 900, 249, 31), LifecycleStage.LOST),
        (contact(12, 900, 170, 20), LifecycleStage.DORMANT),  # eight gaps, but not half a year
        (contact(12, 900, 20, 31, 130), LifecycleStage.WON_BACK),
        (contact(12, 900, 20, 31, 123), LifecycleStage.LOYAL),
        (contact(12, 900, 70, 31, 130), LifecycleStage.AT_RISK),  # came back and went again
        (contact(300, 400, 15, 1), LifecycleStage.LOYAL),  # a daily buyer on holiday
        (contact(1, 500, 121, None), LifecycleStage.AT_RISK),
        (contact(1, 500, 490, None), LifecycleStage.LOST),
    ],
)
def test_stage(summary: Summary, stage: LifecycleStage) -> None:
    assert stage_of(summary).stage is stage


def test_the_reason_carries_the_raw_values() -> None:
    because = stage_of(contact(12, 900, 143, 31)).because
    assert because == "last order 143 days ago, usual gap 31"


def test_one_day_is_one_day() -> None:
    assert stage_of(contact(1, 1, 1, None)).because == "first order 1 day ago"


def test_a_return_names_the_absence() -> None:
    because = stage_of(contact(12, 900, 20, 31, 130)).because
    assert because == "came back after 130 days away, usual gap 31"
