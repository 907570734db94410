"""How soon a server that ended is started again, and when no more."""

from __future__ import annotations

from collections import deque

#: By how many ends there were lately: the first is made good at once.
_DELAYS_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


class Restarts:
    """`limit` ends within `within_s` are one too many."""

    def __init__(self, *, limit: int, within_s: float) -> None:
        self.limit = limit
        self.within_s = within_s
        self._ends: deque[float] = deque(maxlen=limit)

    def ended(self, now: float) -> float | None:
        """Seconds until it may be started again; None: not again."""
        self._ends.append(now)
        lately = sum(now - end < self.within_s for end in self._ends)
        if lately >= self.limit:
            return None
        return _DELAYS_S[min(lately, len(_DELAYS_S)) - 1]
