"""Rows of (contact, offer): the same code makes them for training and while the phone rings.

When the phone rings is no part of them: what was bought has a day and no hour, and a column that
only offers heard have would tell a model which of the two it looks at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calls.contact_features import ContactFeatures
from scoring.features.schema import GROUP_OF, NAMES

Matrix = NDArray[np.float32]

#: What the trees are added to: the chance that counting finds.
ASSOCIATION = "association_chance"
OFFER_NAMES = (
    ASSOCIATION,
    "popularity_share",
    "recent_share",
    "price",
    "price_by_visit",
    "category_share",
    "category_days_since",
)
OFFER_COLUMNS = (*NAMES, *OFFER_NAMES)
OFFER_GROUP_OF: Mapping[str, str] = MappingProxyType(
    {
        **GROUP_OF,
        **dict.fromkeys(OFFER_NAMES, "goods"),
        "category_share": "category",
        "category_days_since": "category",
    }
)
_VISIT_AMOUNT = NAMES.index("mean_visit_amount")
_UNKNOWN = np.full(len(NAMES), np.nan, dtype=np.float32)
_LEAST_AMOUNT = 0.01
#: As of amounts: beyond is a typing error.
_MOST = 1e12
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class OfferTraits:
    """A product as offered to one contact. `association` is the chance within the horizon that
    counting finds by what this contact owns (`scoring.propensities`)."""

    product: str
    association: float
    category: str = ""
    #: In the money of the purchases; NaN is not known.
    price: float = float("nan")
    #: Of all buyers, ever, and of those of the last 90 days.
    popularity: float = float("nan")
    recent: float = float("nan")


def offer_rows(features: ContactFeatures | None, traits: Sequence[OfferTraits]) -> Matrix:
    """One for each offer. `features` of None: nothing is known of the caller."""
    rows = np.full((len(traits), len(OFFER_COLUMNS)), np.nan, dtype=np.float32)
    known = _UNKNOWN if features is None else np.array(features.values, dtype=np.float32)
    rows[:, : len(NAMES)] = known
    amount = float(known[_VISIT_AMOUNT])
    if traits:
        rows[:, len(NAMES) :] = [_offer_numbers(features, amount, each) for each in traits]
    return rows


def _known(number: float) -> float:
    """NaN for what no price and no share is; float32 must not make infinity of it."""
    return min(number, _MOST) if 0 <= number < math.inf else _NAN


def _offer_numbers(
    features: ContactFeatures | None, amount: float, each: OfferTraits
) -> tuple[float, ...]:
    bought = None if features is None else features.categories.get(each.category)
    # Nothing of it is a share of 0 for who is known, and not known of a stranger.
    share, days = _NAN if features is None else 0.0, _NAN
    if bought is not None and each.category:
        share, days = bought.share, bought.days_since
    price = _known(each.price)
    return (
        each.association,
        _known(each.popularity),
        _known(each.recent),
        price,
        price / max(amount, _LEAST_AMOUNT),
        share,
        days,
    )
