"""Tells events to the process that keeps the desks; see `switchboard.nodes.event_stream`."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis.asyncio as redis

from ami_bridge.backoff import BackOff
from calls.events import CallEvent
from switchboard.nodes.event_stream import (
    ALIVE_EVERY_S,
    FAILED,
    RETRIES_S,
    had_key,
    still_wanted,
    wanted_key,
)
from switchboard.nodes.event_wire import encode

log = logging.getLogger(__name__)

#: Events kept here until they are safe, the oldest given up first: some 1,500 calls.
WAITING_LIMIT = 20_000
#: Events that Redis keeps for a reader that is away.
KEPT = 50_000
AT_ONCE = 200


class EventTeller:
    """`tell` never waits; `run` sends until it is cancelled. `who` names this life of a process;
    `returned` is called when Redis is back."""

    def __init__(
        self,
        *,
        client: redis.Redis,
        stream: str,
        who: str,
        returned: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._stream = stream
        self._who = who
        self._returned = returned
        #: Not known to be safe, in unbroken order.
        self._kept: deque[tuple[int, bytes]] = deque()
        #: Numbers of the last event told, and of the last that Redis took.
        self._count = 0
        self._sent = 0
        self._heeded = b""
        self._there = asyncio.Event()
        #: Events given up before Redis ever had them.
        self.shed = 0
        #: Events sent once more, since the reader missed them.
        self.repeated = 0
        self.is_connected = False

    @property
    def waiting(self) -> int:
        """Events that Redis has not taken yet."""
        return self._count - max(self._sent, self._first - 1)

    @property
    def kept(self) -> int:
        """Events of which the reader has not said that they are safe."""
        return len(self._kept)

    async def tell(self, event: CallEvent) -> None:
        """Handler of a bus."""
        self._count += 1
        self._kept.append((self._count, encode(event)))
        while len(self._kept) > WAITING_LIMIT:
            number, _ = self._kept.popleft()
            if number > self._sent:
                self.shed += 1
        self._there.set()

    async def run(self) -> None:
        backoff = BackOff(RETRIES_S)
        while still_wanted():
            with suppress(TimeoutError):
                async with asyncio.timeout(ALIVE_EVERY_S):
                    await self._there.wait()
            self._there.clear()
            try:
                await self._send()
            except FAILED as error:
                if self.is_connected:
                    log.warning("nodes: Redis is away (%s), events wait", type(error).__name__)
                self.is_connected = False
                self._there.set()
                await asyncio.sleep(backoff.next_s())
            else:
                if not self.is_connected:
                    self._returned()
                self.is_connected = True
                backoff.reset()

    async def settle(self, limit_s: float) -> None:
        """Sends what waits, for so long at most."""
        with suppress(*FAILED):
            async with asyncio.timeout(limit_s):
                await self._send()

    @property
    def _first(self) -> int:
        return self._kept[0][0] if self._kept else self._count + 1

    async def _send(self) -> None:
        """What waits, or a sign of life. What Redis took and did not say so is sent again."""
        batch = self._next()
        await self._add(batch)
        while batch := self._next():
            await self._add(batch)

    def _next(self) -> list[tuple[int, bytes]]:
        start = max(0, self._sent + 1 - self._first)
        return list(itertools.islice(self._kept, start, start + AT_ONCE))

    async def _add(self, batch: list[tuple[int, bytes]]) -> None:
        first, who = str(self._first), self._who
        messages: list[Any] = [
            {"who": who, "n": str(number), "e": data, "f": first} for number, data in batch
        ] or [{"who": who, "n": "0", "e": b"", "f": first, "l": str(self._sent)}]
        pipeline = self._client.pipeline(transaction=False)
        # A pipeline's commands are sent together, by execute().
        for message in messages:
            _ = pipeline.xadd(self._stream, message, maxlen=KEPT, approximate=True)
        _ = pipeline.hget(had_key(self._stream), who)
        _ = pipeline.hget(wanted_key(self._stream), who)
        *_, had, wanted = await pipeline.execute()
        if batch:
            self._sent = batch[-1][0]
        self._let_go(_number(had))
        if wanted is not None and wanted != self._heeded:
            self._heeded = wanted
            self._again(_number(wanted.partition(b":")[0]))

    def _let_go(self, safe: int) -> None:
        while self._kept and self._kept[0][0] <= min(safe, self._sent):
            self._kept.popleft()

    def _again(self, number: int) -> None:
        back = max(number, self._first) - 1
        if number and back < self._sent:
            self.repeated += self._sent - back
            self._sent = back


def _number(said: bytes | None) -> int:
    """0 where it says none: others than we may write to Redis."""
    return int(said) if said is not None and said.isdigit() and len(said) < 19 else 0
