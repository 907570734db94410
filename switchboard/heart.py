"""Beats as long as the loop turns: signs of life for whoever watches over this process."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable

from switchboard.notify import ALIVE, LOOP_LAG, READY, STOPPING, ServiceManager

log = logging.getLogger(__name__)

#: Between two beats, where nobody asks for more.
EVERY_S = 0.5
#: A loop that is so late is said to have stood still.
_STOOD_STILL_S = 1.0
#: What systemd grants a start with each beat, beyond its own limit (EXTEND_TIMEOUT_USEC): a
#: database may take long to migrate.
_MORE_START_S = 30


class Heart:
    """To be started first and ended last. `parent`: the watchdog that started us; once it is gone
    nobody would end this process when it freezes, so `orphaned` asks for its end."""

    def __init__(
        self,
        manager: ServiceManager,
        *,
        parent: int | None = None,
        now: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        parent_now: Callable[[], int] = os.getppid,
    ) -> None:
        self._manager = manager
        self._parent = parent
        self._now = now
        self._pause = pause
        self._parent_now = parent_now
        self._every_s = min(EVERY_S, (manager.limit_s or 60.0) / 4)
        self._started = False
        self.orphaned = asyncio.Event()

    async def beat(self) -> None:
        """Until cancelled."""
        late_s = 0.0
        while True:
            self._tell(late_s)
            due = self._now() + self._every_s
            await self._pause(self._every_s)
            late_s = max(0.0, self._now() - due)
            if late_s >= _STOOD_STILL_S:
                log.warning("the loop stood still for %.1f s: callers waited so long", late_s)
            if self._parent is not None and self._parent_now() != self._parent:
                self.orphaned.set()

    def ready(self, status: str) -> None:
        self._started = True
        self._manager.tell(READY, f"STATUS={status}")

    def stopping(self, reason: str) -> None:
        self._manager.tell(STOPPING, f"STATUS=stopping: {reason}")

    def _tell(self, late_s: float) -> None:
        # READY again, as the first may have been lost to a reader that was busy.
        more = READY if self._started else f"EXTEND_TIMEOUT_USEC={_MORE_START_S * 1_000_000}"
        self._manager.tell(ALIVE, f"{LOOP_LAG}={round(late_s * 1000)}", more)
