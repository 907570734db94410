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


class Behaviour(enum.StrEnum):
    """How often somebody comes, against all who came twice: by thirds of their usual gaps."""

    SHORT_GAPS = "short_gaps"
    MIDDLE_GAPS = "middle_gaps"
    LONG_GAPS = "long_gaps"


class PriceBand(enum.StrEnum):
    """What somebody pays for one purchase, against all buyers: by thirds."""

    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"


class Loyalty(enum.StrEnum):
    """How long somebody has been with us and still comes."""

    NEWCOMER = "newcomer"
    GROWING = "growing"
    SETTLED = "settled"
    DEVOTED = "devoted"
    #: Stays away for longer than two usual gaps, however long they were with us.
    DRIFTING = "drifting"


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
    #: None below two visits.
    behaviour: Behaviour | None = None
    #: None for who bought nothing.
    price_band: PriceBand | None = None
    #: Where most of the last twelve months' money went; None where no category is known.
    main_category: str | None = None
    #: None for who bought nothing.
    loyalty: Loyalty | None = None
    #: Why this contact may be leaving; None where nothing warns of it.
    churn_warning: str | None = None
    #: Both of these in Chinese, for who reads it; empty where the last run was of an older version.
    reasons_zh: tuple[str, ...] = ()
    churn_warning_zh: str | None = None
