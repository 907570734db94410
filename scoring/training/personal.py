"""What is known without a model: the sum of RFM quintiles, and everybody's own frequency. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scoring.features.schema import NAMES

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

#: From 3 to 15.
MOST = 15
_PARTS = 5
#: As if so many more had done what all did.
_STRENGTH = 20.0
#: Somebody seen for the first time yesterday does not buy every day.
_LEAST_DAYS = 30.0
_RECENCY, _VISITS, _SPEND, _TENURE = (
    NAMES.index(name) for name in ("recency_days", "visits", "spend", "tenure_days")
)


def rfm_sums(rows: Matrix) -> NDArray[np.int64]:
    """Quintiles of recency, visits and spend among the customers of one day, added."""
    signs = ((_RECENCY, -1.0), (_VISITS, 1.0), (_SPEND, 1.0))
    return np.asarray(sum(_quintile(sign * rows[:, place]) for place, sign in signs))


def shares_by_sum(sums: NDArray[np.int64], outcome: Floats) -> Floats:
    """The mean outcome of those with each sum, 0 to MOST."""
    overall = float(outcome.mean()) if len(outcome) else 0.0
    total = np.bincount(sums, weights=outcome, minlength=MOST + 1)
    count = np.bincount(sums, minlength=MOST + 1)
    return np.asarray((total + _STRENGTH * overall) / (count + _STRENGTH))


def personal_count(rows: Matrix, horizon_days: int) -> Floats:
    """Visits within the horizon if everybody goes on as ever."""
    days = np.maximum(rows[:, _TENURE].astype(np.float64), _LEAST_DAYS)
    return np.asarray(rows[:, _VISITS] / days * horizon_days)


def _quintile(values: Matrix) -> NDArray[np.int64]:
    """1 to 5; equal values are in one part."""
    known = np.nan_to_num(values.astype(np.float64), nan=-np.inf)
    ranked = np.searchsorted(np.sort(known), known, side="left")
    return np.asarray(ranked * _PARTS // max(len(known), 1) + 1)
