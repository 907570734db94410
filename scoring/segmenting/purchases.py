"""One contact's purchases boiled down to what segments are made of."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

from calls.caller import ContactRef
from calls.ports import ContactPurchases, PurchaseLine

YEAR_DAYS = 365
#: So long somebody counts as just come back.
RETURN_DAYS = 90
#: A purchase a year old counts half of one of today.
HALF_LIFE_DAYS = 365


@dataclass(frozen=True, slots=True)
class Summary:
    """Days are counted from today; several purchases on one day are one visit."""

    contact: ContactRef
    visits: int = 0
    days_since_first: int | None = None
    days_since_last: int | None = None
    #: Median days between visits; None below two visits.
    usual_gap_days: int | None = None
    #: The longest gap that ended within the last RETURN_DAYS.
    absence_days: int | None = None
    #: All money ever, returns taken off.
    spend: float = 0.0
    spend_12m: float = 0.0
    #: The last twelve months with old purchases counting less; what tiers are ranked by.
    value: float = 0.0
    #: The same of what is left of it after costs; None where the CRM does not tell every cost.
    margin: float | None = None
    #: Median of what one purchase costs, returns left aside; None for who bought nothing.
    usual_amount: float | None = None
    main_category: str | None = None
    #: Purchases whose amount is no number.
    unreadable: int = 0


def summarise(history: ContactPurchases, today: date) -> Summary:
    """Returns (amounts below zero) lower the spend but are no visits; days after today are left
    out: nobody buys in the future. What has no number for an amount is counted, and left out."""
    told = [(at.date(), amount) for at, amount in history.purchases if at.date() <= today]
    past = [(day, amount) for day, amount in told if math.isfinite(amount)]
    days = sorted({day for day, amount in past if amount >= 0})
    year_ago = today - timedelta(days=YEAR_DAYS)
    recent = [(day, amount) for day, amount in past if day > year_ago]
    lately = today - timedelta(days=RETURN_DAYS)
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    lines = [line for line in history.lines if year_ago < line.at.date() <= today]
    return Summary(
        contact=history.contact,
        visits=len(days),
        days_since_first=(today - days[0]).days if days else None,
        days_since_last=(today - days[-1]).days if days else None,
        usual_gap_days=round(median(gaps)) if gaps else None,
        absence_days=max(
            (gap for gap, day in zip(gaps, days[1:], strict=True) if day > lately), default=None
        ),
        spend=sum(amount for _, amount in past),
        spend_12m=sum(amount for _, amount in recent),
        value=sum(amount * _weight((today - day).days) for day, amount in recent),
        margin=_margin(lines, today),
        usual_amount=median([amount for _, amount in past if amount >= 0]) if days else None,
        main_category=_main_category(lines),
        unreadable=len(told) - len(past),
    )


def _margin(lines: Iterable[PurchaseLine], today: date) -> float | None:
    left = 0.0
    count = 0
    for line in lines:
        if line.cost is None or not math.isfinite(line.amount - line.cost):
            return None
        left += (line.amount - line.cost) * _weight((today - line.at.date()).days)
        count += 1
    return left if count else None


def _main_category(lines: Iterable[PurchaseLine]) -> str | None:
    """Of two with the same money the first by name, so that it does not change by itself."""
    spent: defaultdict[str, float] = defaultdict(float)
    for line in lines:
        if line.category and math.isfinite(line.amount):
            spent[line.category] += line.amount
    return min(spent, key=lambda name: (-spent[name], name), default=None)


def _weight(age_days: int) -> float:
    return float(0.5 ** (age_days / HALF_LIFE_DAYS))
