"""Decides whether the server is frozen, by what it was heard to say and when."""

from __future__ import annotations

from collections.abc import Mapping

#: Between two looks.
TICK_S = 0.25


class Vigil:
    """Over one server. Silence is counted in our own looks, each for at most two of them: while
    we get no processor ourselves, or the machine sleeps, the server has none either."""

    def __init__(self, *, frozen_after_s: float, start_silence_s: float, now: float) -> None:
        self._frozen_after_s = frozen_after_s
        self._start_silence_s = start_silence_s
        self._looked_at = now
        self.silent_s = 0.0
        self.is_ready = False
        self.is_stopping = False
        self.status = "starting"
        #: The latest that the server's loop was said to be late, in seconds.
        self.lag_s = 0.0

    def heard(self, message: Mapping[str, str]) -> None:
        self.silent_s = 0.0
        self.is_ready |= message.get("READY") == "1"
        self.is_stopping |= message.get("STOPPING") == "1"
        self.status = message.get("STATUS", self.status)
        lag_ms = message.get("X_LOOP_LAG_MS", "")
        if lag_ms.isascii() and lag_ms.isdigit() and len(lag_ms) < 9:
            self.lag_s = int(lag_ms) / 1000

    def look(self, now: float) -> None:
        """To be called every TICK_S, when what was said until now is heard."""
        self.silent_s += min(now - self._looked_at, 2 * TICK_S)
        self._looked_at = now

    @property
    def is_frozen(self) -> bool:
        return self.silent_s >= (self._frozen_after_s if self.is_ready else self._start_silence_s)
