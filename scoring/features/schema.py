"""The columns of a contact's row, in order. A change makes another schema: models name theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

#: Days after which a purchase weighs half, and a call.
PURCHASE_HALF_LIVES = (7, 30, 90, 365)
CALL_HALF_LIVES = (7, 30, 90)
#: Hang-ups, zero-outs and offers fade by half in so many days.
RARE_HALF_LIFE = 90
#: Classes of how a call ended.
OUTCOME_CLASSES = ("answered", "abandoned", "self_served", "other")

_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("frequency", ("visits",)),
    ("recency", ("recency_days", "tenure_days")),
    (
        "rhythm",
        (
            "mean_gap_days",
            "median_gap_days",
            "gap_spread_days",
            "longest_gap_days",
            "last_gap_days",
        ),
    ),
    (
        "spend",
        (
            "mean_visit_amount",
            "largest_visit_amount",
            "last_visit_amount",
            "first_visit_amount",
        ),
    ),
    ("frequency", tuple(f"visits_decayed_{days}d" for days in PURCHASE_HALF_LIVES)),
    ("rhythm", ("recency_by_gap",)),
    ("frequency", ("visits_per_day",)),
    ("spend", ("spend",)),
    ("returns", ("returns", "returned")),
    ("spend", tuple(f"spend_decayed_{days}d" for days in PURCHASE_HALF_LIVES)),
    ("returns", ("returned_share",)),
    ("goods", ("lines", "products", "pieces", "pieces_per_line", "first_pieces")),
    ("calls", (*(f"calls_decayed_{days}d" for days in CALL_HALF_LIVES), "days_since_call")),
    ("calls", tuple(f"last_outcome_{each}" for each in OUTCOME_CLASSES)),
    ("waits", ("longest_wait_s", "last_wait_s", "hang_ups_decayed_90d")),
    ("calls", ("repeat_within_7d",)),
    ("choices", ("zero_outs_decayed_90d",)),
    (
        "offers",
        (
            "offers_heard_decayed_90d",
            "offers_accepted_decayed_90d",
            "offers_refused_decayed_90d",
            "days_since_offer",
        ),
    ),
    ("cases", ("open_cases",)),
    ("orders", ("open_orders", "unpaid")),
)

NAMES: tuple[str, ...] = tuple(name for _, names in _GROUPS for name in names)
#: For reasons: what a name belongs to. Columns of offers add `category` to these.
GROUP_OF: Mapping[str, str] = MappingProxyType(
    {name: group for group, names in _GROUPS for name in names}
)
#: What only a CRM tells that dates what ends, in the order of `OpenMatters.at`; NaN else.
CRM_NAMES = ("open_cases", "open_orders", "unpaid")
#: Where calls begin; what stands before is of purchases.
FIRST_OF_CALLS = NAMES.index("calls_decayed_7d")
PURCHASE_NAMES = NAMES[:FIRST_OF_CALLS]
CALL_NAMES = NAMES[FIRST_OF_CALLS : -len(CRM_NAMES)]

SCHEMA = f"contact-1-{hashlib.sha256(','.join(NAMES).encode()).hexdigest()[:12]}"
