"""A queue without Asterisk: where callers stand is set by the test, and who may leave is seen."""

from __future__ import annotations

import asyncio

from calls.call import CallId
from calls.errors import Unavailable
from calls.ports import QueuePlace


class FakePlaces:
    """Implements `calls.ports.QueuePlaces`."""

    def __init__(self) -> None:
        self.places: dict[CallId, QueuePlace] = {}

    def place_of(self, call_id: CallId) -> QueuePlace | None:
        return self.places.get(call_id)


class FakeExits:
    """Implements `calls.ports.QueueExits`. `away`: the AMI is; `silent`: it never answers."""

    def __init__(self) -> None:
        self.allowed: set[CallId] = set()
        self.away = False
        self.silent = False
        self.given_up: dict[CallId, QueuePlace] = {}

    async def allow_exit(self, call_id: CallId) -> None:
        await self._ask()
        self.allowed.add(call_id)

    async def forbid_exit(self, call_id: CallId) -> None:
        await self._ask()
        self.allowed.discard(call_id)

    def place_given_up(self, call_id: CallId) -> QueuePlace | None:
        return self.given_up.get(call_id)

    async def _ask(self) -> None:
        if self.away:
            raise Unavailable("the AMI is away")
        if self.silent:
            await asyncio.Event().wait()
