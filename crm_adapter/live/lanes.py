"""How many questions a CRM gets from us at once: callers have places of their own, so that no
nightly copy and no backlog of records ever stands before them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from crm_adapter.adapter import Timeout, Unavailable


class Lane:
    """`at_once` questions are under way; `most_waiting` more wait, each under its own deadline;
    who comes then is turned away at once."""

    def __init__(self, *, crm: str, at_once: int, most_waiting: int) -> None:
        self._crm = crm
        self._places = asyncio.Semaphore(at_once)
        self._most_waiting = most_waiting
        self._waiting = 0
        #: How many were turned away.
        self.turned_away = 0

    @asynccontextmanager
    async def place(self, deadline: Deadline) -> AsyncIterator[None]:
        """Raises Timeout where none came free in time, Unavailable where too many wait."""
        if self._places.locked():
            await self._wait(deadline)
        else:
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()

    async def _wait(self, deadline: Deadline) -> None:
        if self._waiting >= self._most_waiting:
            self.turned_away += 1
            raise Unavailable(f"too many questions to {self._crm} wait already")
        self._waiting += 1
        try:
            await deadline.bound(self._crm, self._places.acquire())
        except DeadlineExceeded as error:
            raise Timeout(f"{self._crm} was too busy to be asked in time") from error
        finally:
            self._waiting -= 1
