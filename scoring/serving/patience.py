"""How long models may take while a caller waits, measured; who is late again and again sits out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

#: Late answers in a row before a model is left alone, and for how long.
MOST_LATE, SITS_OUT_S = 5, 600.0


class Patience:
    """For one model each by `name`. A new version begins anew."""

    def __init__(self, *, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._late: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def allows(self, name: str) -> bool:
        until = self._until.get(name)
        if until is None:
            return True
        if self._clock() < until:
            return False
        del self._until[name]
        return True

    def took(self, name: str, seconds: float) -> None:
        if seconds <= self._limit_s:
            self._late.pop(name, None)
            return
        late = self._late[name] = self._late.get(name, 0) + 1
        if late < MOST_LATE:
            return
        del self._late[name]
        self._until[name] = self._clock() + SITS_OUT_S
        log.warning(
            "scoring: %s took longer than %.1f ms %d times in a row and is left alone for %.0f min",
            name,
            self._limit_s * 1e3,
            late,
            SITS_OUT_S / 60,
        )
