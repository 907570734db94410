"""Hears what other processes tell; see `switchboard.nodes.event_stream`."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import redis.asyncio as redis

from ami_bridge.backoff import BackOff
from calls.events import CallEvent
from switchboard.nodes.event_stream import (
    FAILED,
    RETRIES_S,
    SILENT_S,
    had_key,
    place_key,
    still_wanted,
    wanted_key,
)
from switchboard.nodes.event_wire import NotAnEvent, decode

log = logging.getLogger(__name__)

#: A reader without a place begins with what was told so long ago.
FIRST_LOOK_BACK_S = 10.0
#: Between two notes of what is safe, and between two questions for the same missing events.
NOTE_EVERY_S = 1.0
_BLOCK_MS = 500


class EventReader:
    """Hands each event to `take` once, in each teller's order; `gone(who)` where one has fallen
    silent. `settled` returns when what was taken is safe: then that is noted, so that the next
    reader goes on from there and tellers need not keep it."""

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
        self._take = take
        self._gone = gone
        self._settled = settled
        self._clock = clock
        self._now = now
        self._place: str | None = None
        self._noted_place: str | None = None
        self._noted_at = 0.0
        #: By teller: the number of its last event, and when it last told anything.
        self._numbers: dict[str, int] = {}
        self._heard: dict[str, float] = {}
        #: By teller: the number it is to begin again with; when it was asked to.
        self._wanted: dict[str, int] = {}
        self._asked_at: dict[str, float] = {}
        #: Tellers of whom Redis need keep nothing.
        self._left: set[str] = set()
        #: Messages that were no events; events that nobody has any more.
        self.strange = 0
        self.missed = 0
        self.is_connected = False

    async def run(self) -> None:
        backoff = BackOff(RETRIES_S)
        while still_wanted():
            try:
                if self._place is None:
                    self._place = await self._first_place()
                await self._read()
                await self._ask_again()
                await self._note()
            except FAILED as error:
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
        had: Any = await self._client.hgetall(had_key(self._stream))
        for who, number in had.items():
            if number.isdigit():
                name = str(who, "ascii", "replace")
                self._numbers[name] = int(number)
                self._heard[name] = self._clock()
        kept: Any = await self._client.get(place_key(self._stream))
        if kept is not None:
            return str(kept, "ascii", "replace")
        return _look_back(self._now() * 1000)

    async def _read(self) -> None:
        # What redis 8.1.0 declares of xread() covers all its protocols; ours answers lists.
        found: Any = await self._client.xread(
            {self._stream: self._place or "$"}, count=500, block=_BLOCK_MS
        )
        for _, messages in found:
            for place, fields in messages:
                self._message(fields)
                self._place = place.decode("ascii")
        if not found:
            await self._begin_again_where_ids_went_back()

    async def _begin_again_where_ids_went_back(self) -> None:
        """Another Redis has the stream now, whose clock is behind: nothing that is told would ever
        be beyond our place."""
        newest: Any = await self._client.xrevrange(self._stream, count=1)
        if newest and self._place is not None and _id(newest[0][0]) < _id(self._place.encode()):
            self._place = _look_back(_id(newest[0][0])[0])

    def _message(self, fields: dict[bytes, bytes]) -> None:
        try:
            who = fields[b"who"].decode("ascii")
            number = int(fields[b"n"])
            data = fields[b"e"]
            first = int(fields.get(b"f", fields[b"n"]))
            last = int(fields.get(b"l", b"0"))
        except (KeyError, ValueError):
            self._not_understood("without its fields")
            return
        self._heard[who] = self._clock()
        if first > 0:
            self._catch_up(who, first - 1)
        have = self._numbers.get(who, 0)
        if max(number, last) > have + (number > 0):
            self._wanted[who] = have + 1
        elif number > have:
            self._wanted.pop(who, None)
            self._numbers[who] = number
            self._event(who, data)

    def _catch_up(self, who: str, number: int) -> None:
        """What came before nobody can tell any more."""
        have = self._numbers.setdefault(who, number)
        if number > have:
            self.missed += number - have
            log.error("nodes: %d events of %s are lost", number - have, who)
            self._numbers[who] = number

    def _event(self, who: str, data: bytes) -> None:
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

    async def _ask_again(self) -> None:
        """For what was told and never came, and before what came after it."""
        now = self._clock()
        for who, number in list(self._wanted.items()):
            if now - self._asked_at.get(who, float("-inf")) >= NOTE_EVERY_S:
                self._asked_at[who] = now
                asked = f"{number}:{secrets.token_hex(4)}"
                await self._set(wanted_key(self._stream), {who: asked})

    def _miss(self) -> None:
        now = self._clock()
        for who in [who for who, at in self._heard.items() if now - at > SILENT_S]:
            del self._heard[who]
            self._numbers.pop(who, None)
            self._wanted.pop(who, None)
            self._asked_at.pop(who, None)
            self._left.add(who)
            self._gone(who)

    async def _note(self) -> None:
        """No more often than once a second; what is read again after a death changes nothing."""
        if self._place == self._noted_place or self._clock() - self._noted_at < NOTE_EVERY_S:
            return
        place, numbers = self._place, dict(self._numbers)
        await self._settled()
        if numbers:
            await self._set(had_key(self._stream), numbers)
        if left := self._left - numbers.keys():
            for key in (had_key(self._stream), wanted_key(self._stream)):
                await self._client.hdel(key, *left)
        self._left.clear()
        arguments: list[Any] = [place_key(self._stream), place]
        await self._client.set(*arguments)
        self._noted_place, self._noted_at = place, self._clock()

    async def _set(self, key: str, values: dict[str, Any]) -> None:
        mapping: Any = values
        await self._client.hset(key, mapping=mapping)


def _look_back(from_ms: float) -> str:
    return f"{max(0, int(from_ms - FIRST_LOOK_BACK_S * 1000))}-0"


def _id(text: bytes) -> tuple[int, int]:
    """A place in a stream; a strange one is before all others."""
    ms, _, count = text.partition(b"-")
    return (int(ms), int(count)) if ms.isdigit() and count.isdigit() else (0, 0)
