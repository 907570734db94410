"""A contact's segments as a row of `contact_segments`, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from calls.caller import ContactRef
from calls.segments import Behaviour, LifecycleStage, Loyalty, PriceBand, Segments, Tier

_MAX_CATEGORY = 80


def row_of(contact: ContactRef, segments: Segments, now: datetime) -> dict[str, Any]:
    category = segments.main_category
    return {
        "crm": contact.crm,
        "contact_id": contact.id,
        "tier": segments.tier.value,
        "lifecycle": segments.lifecycle.value,
        "recency": segments.recency,
        "frequency": segments.frequency,
        "monetary": segments.monetary,
        "days_since_last": segments.days_since_last,
        "usual_gap_days": segments.usual_gap_days,
        "spend_12m": segments.spend_12m,
        "reasons": list(segments.reasons),
        "computed_at": now,
        "behaviour": segments.behaviour.value if segments.behaviour else None,
        "price_band": segments.price_band.value if segments.price_band else None,
        "main_category": category[:_MAX_CATEGORY] if category else None,
        "loyalty": segments.loyalty.value if segments.loyalty else None,
        "churn_warning": segments.churn_warning,
        "reasons_zh": list(segments.reasons_zh),
        "churn_warning_zh": segments.churn_warning_zh,
    }


def segments_in(row: Any) -> Segments:
    return Segments(
        tier=Tier(row.tier),
        lifecycle=LifecycleStage(row.lifecycle),
        recency=row.recency,
        frequency=row.frequency,
        monetary=row.monetary,
        days_since_last=row.days_since_last,
        usual_gap_days=row.usual_gap_days,
        spend_12m=row.spend_12m,
        reasons=tuple(row.reasons),
        behaviour=Behaviour(row.behaviour) if row.behaviour else None,
        price_band=PriceBand(row.price_band) if row.price_band else None,
        main_category=row.main_category,
        loyalty=Loyalty(row.loyalty) if row.loyalty else None,
        churn_warning=row.churn_warning,
        reasons_zh=tuple(row.reasons_zh or ()),
        churn_warning_zh=row.churn_warning_zh,
    )
