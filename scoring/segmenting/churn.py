"""When to warn that a contact may be leaving. Pure.

A warning is raised once, when a contact who came regularly at the last run stays away now, or fell
two fifths in recency since; it stands until they buy again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from calls.caller import ContactRef
from calls.segments import LifecycleStage, Segments
from scoring.segmenting.lifecycle import Standing
from scoring.segmenting.loyalty import AWAY
from scoring.segmenting.purchases import Summary
from scoring.segmenting.segment_names import segment_zh

FALL_FIFTHS = 2
_NEVER = frozenset({LifecycleStage.PROSPECT})


class Told(NamedTuple):
    """Why somebody may be leaving; None for who may not, and in Chinese for old warnings."""

    en: str | None
    zh: str | None


NOT_WARNED = Told(None, None)


@dataclass(frozen=True, slots=True)
class ChurnWarning:
    contact: ContactRef
    #: Today by the run that raised it, and the moment.
    raised_on: date
    raised_at: datetime
    from_stage: LifecycleStage
    to_stage: LifecycleStage
    because: str
    because_zh: str


def raised(
    summary: Summary,
    before: Segments,
    standing: Standing,
    recency: int,
    *,
    today: date,
    now: datetime,
) -> ChurnWarning | None:
    """`before` is what the last run said, `standing` and `recency` what this one says."""
    was, is_ = before.lifecycle, standing.stage
    if was in AWAY or was in _NEVER or is_ in _NEVER or summary.days_since_last is None:
        return None
    if _bought_since(summary.days_since_last, before.days_since_last):
        return None
    if is_ in AWAY:
        because = f"was {_words(was)}, now {_words(is_)}: {standing.because}"
        zh = f"原为{segment_zh(was)}，现为{segment_zh(is_)}：{standing.because_zh}"
    elif before.recency - recency >= FALL_FIFTHS:
        because = f"recency fell from {before.recency} to {recency} of 5: {standing.because}"
        zh = f"最近购买得分从{before.recency}降到{recency}（满分5）：{standing.because_zh}"
    else:
        return None
    return ChurnWarning(summary.contact, today, now, was, is_, because, zh)


def is_over(summary: Summary, raised_on: date, today: date) -> bool:
    """They bought since it was raised; also who bought nothing any more (their rows were taken out
    of the CRM) is not warned of."""
    if summary.days_since_last is None:
        return True
    return summary.days_since_last <= (today - raised_on).days


def _bought_since(days: int, before: int | None) -> bool:
    """`before` were counted at an earlier day, so the same absence is longer now, or as long."""
    return before is not None and days < before


def _words(stage: LifecycleStage) -> str:
    return stage.value.replace("_", " ")
