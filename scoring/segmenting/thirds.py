"""Low, middle or high among all others, without flipping at the edges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from scoring.segmenting.rfm import HYSTERESIS

THIRDS = 3


class Thirds:
    """Equal values stand together in the middle of the places they take: where all are equal,
    everybody is in the middle third."""

    def __init__(self, values: Iterable[float]) -> None:
        self._ascending = sorted(values)

    def of(self, value: float, held: int | None = None) -> int:
        """0, 1 or 2. `held` is what the last run said: kept while the value is within HYSTERESIS of
        it."""
        found = self._plain(value)
        if held is None or held == found:
            return found
        low, high = sorted((value / HYSTERESIS, value * HYSTERESIS))
        return held if self._plain(low) <= held <= self._plain(high) else found

    def _plain(self, value: float) -> int:
        ascending = self._ascending
        if not ascending:
            return THIRDS // 2
        place = (bisect_left(ascending, value) + bisect_right(ascending, value)) / 2
        return min(THIRDS - 1, int(THIRDS * place / len(ascending)))
