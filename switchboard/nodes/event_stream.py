"""What processes that talk with callers tell the one that keeps the desks: a Redis Stream.

Each message has who tells it, a number that grows by one, and the event; a repetition is known by
its number. Redis is never the source of truth: a call's row is in the database before its caller
hears anything, and while Redis is away events wait here, the oldest given up first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import redis.asyncio as redis
from redis.exceptions import RedisError

from ami_bridge.backoff import BackOff
from calls.events import CallEvent
from switchboard.nodes.event_wire import NotAnEvent, decode, encode

log = logging.getLogger(__name__)

#: Events that wait while Redis is away: some 1,500 calls.
WAITING_LIMIT = 20_000
#: Events that Redis keeps for a reader that is away.
KEPT = 50_000
AT_ONCE = 200
#: Somebody who told nothing for so long is gone.
SILENT_S = 4.0
ALIVE_EVERY_S = 1.0
#: A reader without a place begins with what was told so long ago.
FIRST_LOOK_BACK_S = 10.0
ANSWER_S = 2.0
_BLOCK_MS = 500
RETRIES_S = (0.05, 0.2, 1.0)

_FAILED = (RedisError, OSError, TimeoutError)


def stream_of(system: str) -> str:
    return f"switchboard:events:{system}"


def connected(url: str) -> redis.Redis:
    """With a deadline on every answer; a reader's blocking read is shorter than that."""
    client: redis.Redis = redis.from_url(
        url,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
        max_connections=8,
        protocol=2,
    )
    return client


def _still_wanted() -> bool:
    """Raises CancelledError where the client took our cancellation for the end of a connection
    (seen with redis 8.1.0, while it connects)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return True


class EventTeller:
    """`tell` never waits; `run` sends until it is cancelled. `who` names this life of a process."""

    def __init__(self, *, client: redis.Redis, stream: str, who: str) -> None:
        self._client = client
        self._stream = stream
        self._who = who
        self._waiting: deque[tuple[int, bytes]] = deque(maxlen=WAITING_LIMIT)
        self._count = 0
        self._there = asyncio.Event()
        #: Events given up because too many waited.
        self.shed = 0
        self.is_connected = False

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    async def tell(self, event: CallEvent) -> None:
        """Handler of a bus."""
        if len(self._waiting) == self._waiting.maxlen:
            self.shed += 1
        self._count += 1
        self._waiting.append((self._count, encode(event)))
        self._there.set()

    async def run(self) -> None:
        backoff = BackOff(RETRIES_S)
        while _still_wanted():
            with suppress(TimeoutError):
                async with asyncio.timeout(ALIVE_EVERY_S):
                    await self._there.wait()
            self._there.clear()
            try:
                await self._send()
            except _FAILED as error:
                if self.is_connected:
                    log.warning("nodes: Redis is away (%s), events wait", type(error).__name__)
                self.is_connected = False
                self._there.set()
                await asyncio.sleep(backoff.next_s())
            else:
                self.is_connected = True
                backoff.reset()

    async def settle(self, limit_s: float) -> None:
        """Sends what waits, for so long at most."""
        with suppress(*_FAILED):
            async with asyncio.timeout(limit_s):
                await self._send()

    async def _send(self) -> None:
        """What waits, or a sign of life. Kept until Redis has it: a repetition does no harm."""
        if not self._waiting:
            await self._add([(0, b"")])
        while self._waiting:
            batch = [self._waiting[n] for n in range(min(AT_ONCE, len(self._waiting)))]
            await self._add(batch)
            last = batch[-1][0]
            while self._waiting and self._waiting[0][0] <= last:
                self._waiting.popleft()

    async def _add(self, batch: list[tuple[int, bytes]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for number, data in batch:
            message: Any = {"who": self._who, "n": str(number), "e": data}
            # A pipeline's commands are sent together, by execute().
            _ = pipeline.xadd(self._stream, message, maxlen=KEPT, approximate=True)
        await pipeline.execute()


class EventReader:
    """Hands each event to `take` once, in each teller's order; `gone(who)` where one has fallen
    silent. `settled` returns when what was taken is safe: then the place is kept, so that the next
    reader goes on from there."""

    def __init__(
        self,
        *,
        client: redis.Redis,
        stream: str,
        take: Callable[[str, CallEvent], None],
        gone: Callable[[str], None],
        settled: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._stream = stream
        self._place_key = f"{stream}:read"
        self._take = take
        self._gone = gone
        self._settled = settled
        self._clock = clock
        self._now = now
        self._place: str | None = None
        self._kept_place: str | None = None
        self._kept_at = 0.0
        #: By teller: the number of its last event, and when it last told anything.
        self._numbers: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        #: Messages that were no events.
        self.strange = 0
        self.is_connected = False

    async def run(self) -> None:
        backoff = BackOff(RETRIES_S)
        while _still_wanted():
            try:
                if self._place is None:
                    self._place = await self._first_place()
                await self._read()
                await self._keep_place()
            except _FAILED as error:
                if self.is_connected:
                    log.warning("nodes: Redis is away (%s)", type(error).__name__)
                self.is_connected = False
                # Whoever could not be heard meanwhile has not fallen silent.
                self._heard = dict.fromkeys(self._heard, self._clock())
                await asyncio.sleep(backoff.next_s())
            else:
                self.is_connected = True
                backoff.reset()
                self._miss()

    async def _first_place(self) -> str:
        kept: Any = await self._client.get(self._place_key)
        if kept is not None:
            return str(kept, "ascii", "replace")
        return f"{max(0, int((self._now() - FIRST_LOOK_BACK_S) * 1000))}-0"

    async def _read(self) -> None:
        # What redis 8.1.0 declares of xread() covers all its protocols; ours answers lists.
        found: Any = await self._client.xread(
            {self._stream: self._place or "$"}, count=500, block=_BLOCK_MS
        )
        for _, messages in found:
            for place, fields in messages:
                self._message(fields)
                self._place = place.decode("ascii")

    def _message(self, fields: dict[bytes, bytes]) -> None:
        try:
            who = fields[b"who"].decode("ascii")
            number = int(fields[b"n"])
            data = fields[b"e"]
        except (KeyError, ValueError):
            self._not_understood("without its fields")
            return
        self._heard[who] = self._clock()
        if number <= self._numbers.get(who, 0):
            return
        self._numbers[who] = number
        try:
            event = decode(data)
        except NotAnEvent as error:
            self._not_understood(str(error))
            return
        self._take(who, event)

    def _not_understood(self, why: str) -> None:
        if self.strange % 1000 == 0:
            log.error("nodes: a message of another process is not understood: %s", why)
        self.strange += 1

    def _miss(self) -> None:
        now = self._clock()
        for who in [who for who, at in self._heard.items() if now - at > SILENT_S]:
            del self._heard[who]
            self._numbers.pop(who, None)
            self._gone(who)

    async def _keep_place(self) -> None:
        """No more often than once a second; what is read again after a death changes nothing."""
        if self._place == self._kept_place or self._clock() - self._kept_at < 1.0:
            return
        place = self._place
        await self._settled()
        arguments: list[Any] = [self._place_key, place]
        await self._client.set(*arguments)
        self._kept_place, self._kept_at = place, self._clock()
