"""Named groups a contact belongs to, computed from purchases (see `scoring`)."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class LifecycleStage(enum.StrEnum):
    PROSPECT = "prospect"
    NEW = "new"
    ACTIVE = "active"
    LOYAL = "loyal"
    AT_RISK = "at_risk"
    DORMANT = "dormant"
    LOST = "lost"
    WON_BACK = "won_back"


class Tier(enum.StrEnum):
    VIP = "vip"
    IMPORTANT = "important"
    ORDINARY = "ordinary"
    NO_VALUE = "no_value"
    POTENTIAL = "potential"


@dataclass(frozen=True, slots=True)
class Segments:
    """RFM quintiles run from 1 (worst fifth) to 5 (best fifth)."""

    tier: Tier
    lifecycle: LifecycleStage
    recency: int
    frequency: int
    monetary: int
    days_since_last: int | None
    #: Median days between purchases; None below two purchases.
    usual_gap_days: int | None
    #: Spend of the last twelve months, in the CRM's currency.
    spend_12m: float
    #: Plain sentences that say why, for the agent's screen.
    reasons: tuple[str, ...] = ()
