"""Starts the nightly work when it is due, on whichever node comes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta, tzinfo

from sqlalchemy.exc import SQLAlchemyError

from calls.errors import Unavailable
from scoring.nightly.nights import Night, due_night
from scoring.nightly.run_book import DONE, MOST_TRIES, RunBook
from storage.transient import is_outage

log = logging.getLogger(__name__)

LOOK_EVERY_S = 20.0
#: A night whose work failed, or whose process died, is tried again after so long.
TRY_AGAIN = timedelta(minutes=30)


class NightlySchedule:
    """`at` is local time (of `zone`, else of this machine). `start` does one night's work and
    returns the exit code; whatever becomes of it, the service goes on."""

    def __init__(
        self,
        *,
        at: time,
        book: RunBook,
        start: Callable[[str], Awaitable[int]],
        now: Callable[[], datetime],
        zone: tzinfo | None = None,
    ) -> None:
        self._at = at
        self._book = book
        self._start = start
        self._now = now
        self._zone = zone
        #: Over, and tried by us without being over.
        self._over: str | None = None
        self._tried: tuple[str, datetime] | None = None

    async def watch(self) -> None:
        """Looked at often, rather than slept through: clocks jump, and machines sleep."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Starts what is due, and returns when that has ended."""
        now = self._now()
        night = due_night(now, self._at, self._zone)
        if night is None or night.name == self._over or self._is_resting(night, now):
            return
        try:
            if await self._is_wanted(night):
                await self._work(night)
        except (SQLAlchemyError, Unavailable, OSError) as error:
            if not is_outage(error):
                raise
            log.warning("nightly: not looked at, the database is away")

    def _is_resting(self, night: Night, now: datetime) -> bool:
        if self._tried is None or self._tried[0] != night.name:
            return False
        # A clock that was put back must not make it rest for a year.
        return timedelta() <= now - self._tried[1] < TRY_AGAIN

    async def _is_wanted(self, night: Night) -> bool:
        run = await self._book.run_of(night.name)
        if run is not None and run.is_over:
            self._over = night.name
            return False
        if await self._book.is_somebody_at_it():
            return False
        if run is not None and run.tries >= MOST_TRIES:
            log.error("nightly: %s died %d times: left alone until tomorrow", night.name, run.tries)
            self._over = night.name
            return False
        return True

    async def _work(self, night: Night) -> None:
        log.info("nightly: %s begins", night.name)
        try:
            code = await self._start(night.name)
        except OSError as error:
            log.error("nightly: its process cannot be started: %s", error.strerror or error)
            return
        finally:
            self._tried = (night.name, self._now())
        run = await self._book.run_of(night.name)
        if run is not None and run.state == DONE:
            self._over = night.name
        elif code != 0:
            log.error("nightly: %s did not get through (exit %d)", night.name, code)
