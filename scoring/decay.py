"""Counts in which older events weigh less: one number and one time, however many events. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

#: A choice so old counts half of one made now.
HALF_LIFE = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Decayed:
    """`weight` is the count as it was at `at`, the time of the newest event."""

    weight: float
    at: datetime

    def seen_from(self, now: datetime) -> float:
        """The count as it is at `now`; never more than it was, should a clock have been ahead."""
        return self.weight * _share_left(max(timedelta(0), now - self.at))

    def joined(self, other: Decayed) -> Decayed:
        """Both counts in one. In any order and grouping the same comes out, but for rounding."""
        older, newer = sorted((self, other), key=lambda each: each.at)
        return Decayed(older.weight * _share_left(newer.at - older.at) + newer.weight, newer.at)


def _share_left(age: timedelta) -> float:
    return float(0.5 ** (age / HALF_LIFE))


def smoothed(
    choices: Mapping[str, float], prior: Mapping[str, float], strength: float
) -> dict[str, float]:
    """Probability of each name: own choices weighed against what all choose, as if `strength`
    choices had been made by the prior. `prior` holds shares that sum to 1 at most; what it leaves
    out of 1 stays for names nobody has chosen yet."""
    total = sum(choices.values()) + strength
    if total <= 0:
        return {}
    return {
        name: (choices.get(name, 0.0) + strength * prior.get(name, 0.0)) / total
        for name in sorted({*choices, *prior})
    }
