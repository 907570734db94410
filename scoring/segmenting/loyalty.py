"""How much somebody is ours: by tenure, visits and whether they still come.

drifting    away for longer than two usual gaps
newcomer    first bought within 90 days
devoted     three years with us and twelve visits or more
settled     a year with us and six visits or more
growing     everybody else who bought
"""

from __future__ import annotations

from calls.segments import LifecycleStage, Loyalty
from scoring.segmenting.purchases import Summary

NEW_DAYS = 90
SETTLED_DAYS, SETTLED_VISITS = 365, 6
DEVOTED_DAYS, DEVOTED_VISITS = 3 * 365, 12

#: Stages of who stays away.
AWAY = frozenset({LifecycleStage.AT_RISK, LifecycleStage.DORMANT, LifecycleStage.LOST})


def loyalty_of(summary: Summary, stage: LifecycleStage) -> Loyalty | None:
    """None for who bought nothing. Discounts and referrals would tell more: no CRM in use says
    which purchases were discounted or who sent whom."""
    if summary.days_since_first is None:
        return None
    if stage in AWAY:
        return Loyalty.DRIFTING
    tenure, visits = summary.days_since_first, summary.visits
    if tenure <= NEW_DAYS:
        return Loyalty.NEWCOMER
    if tenure >= DEVOTED_DAYS and visits >= DEVOTED_VISITS:
        return Loyalty.DEVOTED
    if tenure >= SETTLED_DAYS and visits >= SETTLED_VISITS:
        return Loyalty.SETTLED
    return Loyalty.GROWING
