"""Recency, frequency, monetary: each contact's fifth among all who ever bought."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from scoring.segmenting.purchases import Summary

FIFTHS = 5
#: Who held a score keeps it until the value is so far beyond its edge.
HYSTERESIS = 1.1


@dataclass(frozen=True, slots=True)
class Rfm:
    """1 is the worst fifth, 5 the best; somebody who bought nothing is 1, 1, 1."""

    recency: int = 1
    frequency: int = 1
    monetary: int = 1


class RfmScale:
    """The population to compare with. Equal values share a score, the fifth in which the first
    of them stands, unless one of them held another and is still within HYSTERESIS of it."""

    def __init__(self, population: Sequence[Summary]) -> None:
        buyers = [summary for summary in population if summary.visits]
        self._recency = sorted(-_days_since_last(summary) for summary in buyers)
        self._frequency = sorted(float(summary.visits) for summary in buyers)
        self._monetary = sorted(summary.spend_12m for summary in buyers)

    def rate(self, summary: Summary, held: Rfm | None = None) -> Rfm:
        """`held` is what the last run gave this contact."""
        if not summary.visits:
            return Rfm()
        recency, days = self._recency, -_days_since_last(summary)
        return Rfm(
            recency=_fifth(recency, days, held.recency if held else None),
            frequency=_fifth(self._frequency, summary.visits, held.frequency if held else None),
            monetary=_fifth(self._monetary, summary.spend_12m, held.monetary if held else None),
        )

    def share_below(self, spend_12m: float) -> float:
        """0 to 1: how many of the buyers spent less in twelve months."""
        if not self._monetary:
            return 0.0
        return bisect_left(self._monetary, spend_12m) / len(self._monetary)


def _fifth(ascending: Sequence[float], value: float, held: int | None) -> int:
    found = _plain_fifth(ascending, value)
    if held is None or held == found:
        return found
    low, high = sorted((value / HYSTERESIS, value * HYSTERESIS))
    return held if _plain_fifth(ascending, low) <= held <= _plain_fifth(ascending, high) else found


def _plain_fifth(ascending: Sequence[float], value: float) -> int:
    worse = bisect_left(ascending, value)
    return min(FIFTHS, 1 + FIFTHS * worse // len(ascending))


def _days_since_last(summary: Summary) -> float:
    return float(summary.days_since_last or 0)
