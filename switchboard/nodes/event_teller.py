"""Tells events to the process that keeps the desks; see `switchboard.nodes.event_stream`."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import redis.asyncio as redis

from ami_bridge.backoff import BackOff
from calls.events import CallEvent
from switchboard.nodes.direct_line import AT_ONCE_BYTES, AWAY, DirectLine
from switchboard.nodes.event_stream import (
    ALIVE_EVERY_S,
    FAILED,
    RETRIES_S,
    had_key,
    wanted_key,
)
from switchboard.nodes.event_wire import encode
from switchboard.still_wanted import still_wanted

log = logging.getLogger(__name__)

#: Events kept here until they are safe, the oldest given up first: some 1,500 calls.
WAITING_LIMIT = 20_000
#: Events that Redis keeps for a reader that is away.
KEPT = 50_000
AT_ONCE = 200
#: Where Redis takes events and nobody says for so long that any is safe, the reader may be cut off
#: from it.
STUCK_S = 5.0

Batch = list[tuple[int, bytes]]


class EventTeller:
    """`tell` never waits; `run` sends until it is cancelled: to Redis, and while that does not
    take it, by `direct`. `who` names this life of a process; `returned` is called when Redis is
    back."""

    def __init__(
        self,
        *,
        client: redis.Redis,
        stream: str,
        who: str,
        direct: DirectLine | None = None,
        returned: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._stream = stream
        self._who = who
        self._direct = direct
        self._returned = returned
        #: Not known to be safe, in unbroken order.
        self._kept: deque[tuple[int, bytes]] = deque()
        #: Numbers of the last event told, and of the last that was taken from us.
        self._count = 0
        self._sent = 0
        self._heeded = b""
        #: The first event that is not safe, and when it was seen to be that.
        self._stuck = (0, 0.0)
        self._there = asyncio.Event()
        self._away = asyncio.Event()
        #: Events given up before anybody had them.
        self.shed = 0
        #: Events given up that were sent, and of which nobody had said that they are safe.
        self.dropped = 0
        #: Events sent once more, since the reader missed them; events that went by `direct`.
        self.repeated = 0
        self.directly = 0
        self.is_connected = False

    @property
    def waiting(self) -> int:
        """Events that nobody has taken yet."""
        return self._count - max(self._sent, self._first - 1)

    @property
    def kept(self) -> int:
        """Events of which the reader has not said that they are safe."""
        return len(self._kept)

    async def tell(self, event: CallEvent) -> None:
        """Handler of a bus."""
        data = encode(event)
        self._count += 1
        self._kept.append((self._count, data))
        while len(self._kept) > WAITING_LIMIT:
            number, _ = self._kept.popleft()
            if number > self._sent:
                self.shed += 1
            else:
                self.dropped += 1
        self._there.set()

    async def run(self) -> None:
        watching = asyncio.create_task(self._watch(), name="nodes:redis")
        try:
            await self._keep_sending()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def settle(self, limit_s: float) -> None:
        """Sends what waits, for so long at most."""
        with suppress(*FAILED, *AWAY):
            async with asyncio.timeout(limit_s):
                await self._send(self._by_direct if self._away.is_set() else self._by_redis)

    async def _keep_sending(self) -> None:
        backoff = BackOff(RETRIES_S)
        while still_wanted():
            with suppress(TimeoutError):
                async with asyncio.timeout(ALIVE_EVERY_S):
                    await self._there.wait()
            self._there.clear()
            if not self._away.is_set():
                try:
                    await self._send(self._by_redis)
                except FAILED as error:
                    if self.is_connected:
                        log.warning("nodes: Redis is away (%s)", type(error).__name__)
                    self.is_connected = False
                    self._away.set()
                else:
                    self._is_there()
                    backoff.reset()
                    if not self._is_stuck():
                        continue
            try:
                await self._send(self._by_direct)
            except AWAY:
                if self._away.is_set():
                    self._there.set()
                    await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()

    def _is_stuck(self) -> bool:
        now = asyncio.get_running_loop().time()
        first, since = self._stuck
        if first != self._first or not self._kept:
            self._stuck = (self._first, now)
        elif now - since >= STUCK_S:
            self._stuck = (first, now)
            return True
        return False

    async def _watch(self) -> None:
        """Tries Redis beside everything else: each try may take as long as its deadline."""
        backoff = BackOff(RETRIES_S)
        while still_wanted():
            await self._away.wait()
            try:
                # A ping would also be answered by one that is full.
                await self._by_redis([])
            except FAILED:
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()
                self._away.clear()
                self._is_there()
                self._there.set()

    def _is_there(self) -> None:
        if not self.is_connected:
            self.is_connected = True
            self._returned()

    @property
    def _first(self) -> int:
        return self._kept[0][0] if self._kept else self._count + 1

    async def _send(self, way: Callable[[Batch], Awaitable[None]]) -> None:
        """What waits, or a sign of life. What was taken and not said to be is sent again."""
        await way(self._next())
        while batch := self._next():
            await way(batch)

    def _next(self) -> Batch:
        start = max(0, self._sent + 1 - self._first)
        return list(itertools.islice(self._kept, start, start + AT_ONCE))

    async def _by_redis(self, batch: Batch) -> None:
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

    async def _by_direct(self, batch: Batch) -> None:
        if self._direct is None:
            raise ConnectionError("there is no other way")
        sizes = itertools.accumulate(len(data) for _, data in batch)
        few = [one for one, size in zip(batch, sizes, strict=True) if size <= AT_ONCE_BYTES]
        few = few or batch[:1]
        last = few[-1][0] if few else self._sent
        safe, wanted = await self._direct.tell(self._who, self._first, last, few)
        self._sent = last
        self.directly += len(few)
        self._let_go(safe)
        self._again(wanted)

    def _let_go(self, safe: int) -> None:
        while self._kept and self._kept[0][0] <= min(safe, self._sent):
            self._kept.popleft()

    def _again(self, number: int) -> None:
        back = max(number, self._first) - 1
        if number > 0 and back < self._sent:
            self.repeated += self._sent - back
            self._sent = back


def _number(said: bytes | None) -> int:
    """0 where it says none: others than we may write to Redis."""
    return int(said) if said is not None and said.isdigit() and len(said) < 19 else 0
