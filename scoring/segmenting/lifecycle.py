"""Where a contact stands, by rules one can say aloud: the first that holds decides.

prospect   bought nothing yet
lost       away for more than eight of their usual gaps, and half a year at least
dormant    away for more than four
at_risk    away for more than two
won_back   came back within 90 days from an absence of four usual gaps, 90 days at least
new        first bought within 90 days, fewer than four visits
loyal      a year with us and six visits or more
active     everybody else
"""

from __future__ import annotations

from dataclasses import dataclass

from calls.segments import LifecycleStage
from scoring.segmenting.purchases import Summary


@dataclass(frozen=True, slots=True)
class LifecycleRules:
    """Gaps are multiples of the contact's own usual gap."""

    at_risk_gaps: float = 2.0
    dormant_gaps: float = 4.0
    lost_gaps: float = 8.0
    lost_days: int = 180
    new_days: int = 90
    new_visits: int = 3
    won_back_days: int = 90
    loyal_days: int = 365
    loyal_visits: int = 6
    #: Daily buyers are not at risk after a weekend.
    shortest_gap_days: int = 14
    #: For those who came once: how long one waits for a second visit.
    default_gap_days: int = 60


@dataclass(frozen=True, slots=True)
class Standing:
    stage: LifecycleStage
    #: A plain sentence with the values it hangs on, in English and in Chinese.
    because: str
    because_zh: str


def stage_of(summary: Summary, rules: LifecycleRules | None = None) -> Standing:
    rules = rules or LifecycleRules()
    if summary.days_since_last is None or summary.days_since_first is None:
        return Standing(LifecycleStage.PROSPECT, "bought nothing yet", "尚未购买")
    gap = max(summary.usual_gap_days or rules.default_gap_days, rules.shortest_gap_days)
    away = _stage_of_absence(summary.days_since_last, gap, rules)
    if away is not None:
        return Standing(away, *_last_order(summary))
    long_absence = max(rules.dormant_gaps * gap, rules.won_back_days)
    if summary.absence_days is not None and summary.absence_days >= long_absence:
        because = f"came back after {summary.absence_days} days away, usual gap {gap}"
        because_zh = f"离开{summary.absence_days}天后回来，通常间隔{gap}天"
        return Standing(LifecycleStage.WON_BACK, because, because_zh)
    if summary.days_since_first <= rules.new_days and summary.visits <= rules.new_visits:
        first = summary.days_since_first
        told = f"first order {_days(first)} ago", f"首次购买在{first}天前"
        return Standing(LifecycleStage.NEW, *told)
    if summary.days_since_first >= rules.loyal_days and summary.visits >= rules.loyal_visits:
        return Standing(LifecycleStage.LOYAL, *_last_order(summary))
    return Standing(LifecycleStage.ACTIVE, *_last_order(summary))


def _stage_of_absence(days: int, gap: int, rules: LifecycleRules) -> LifecycleStage | None:
    if days > max(rules.lost_gaps * gap, rules.lost_days):
        return LifecycleStage.LOST
    if days > rules.dormant_gaps * gap:
        return LifecycleStage.DORMANT
    if days > rules.at_risk_gaps * gap:
        return LifecycleStage.AT_RISK
    return None


def _last_order(summary: Summary) -> tuple[str, str]:
    """`last order 143 days ago, usual gap 31`, and the same in Chinese."""
    days, gap = summary.days_since_last or 0, summary.usual_gap_days
    sentence, zh = f"last order {_days(days)} ago", f"上次购买在{days}天前"
    if gap is None:
        return f"{sentence}, the only one so far", f"{zh}，也是唯一一次"
    return f"{sentence}, usual gap {gap}", f"{zh}，通常间隔{gap}天"


def _days(days: int) -> str:
    return "1 day" if days == 1 else f"{days} days"
