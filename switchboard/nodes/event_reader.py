"""Reads what other processes tell; see `switchboard.nodes.event_stream`."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

import redis.asyncio as redis

from ami_bridge.backoff import BackOff
from switchboard.nodes.event_intake import EventIntake, Message
from switchboard.nodes.event_stream import (
    ALIVE_EVERY_S,
    FAILED,
    RETRIES_S,
    had_key,
    place_key,
    wanted_key,
)
from switchboard.still_wanted import still_wanted

log = logging.getLogger(__name__)

#: A reader without a place begins with what was told so long ago.
FIRST_LOOK_BACK_S = 10.0
#: Between two notes of what is safe, and between two questions for the same missing events.
NOTE_EVERY_S = 1.0
_BLOCK_MS = 500


class EventReader:
    """Notes in Redis what is safe, so that the next reader goes on from there and tellers need not
    keep it."""

    def __init__(
        self,
        *,
        client: redis.Redis,
        stream: str,
        intake: EventIntake,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._stream = stream
        self._intake = intake
        self._clock = clock
        self._now = now
        self._place: str | None = None
        self._noted_place: str | None = None
        self._settled_at = 0.0
        self._asked_at: dict[str, float] = {}
        #: Tellers of whom Redis need keep nothing.
        self._left: set[str] = set()
        self.is_connected = False

    async def run(self) -> None:
        backoff = BackOff(RETRIES_S)
        while still_wanted():
            try:
                if self._place is None:
                    self._place = await self._first_place()
                await self._read()
                await self._ask_again()
                await self._settle_and_note()
            except FAILED as error:
                if self.is_connected:
                    log.warning("nodes: Redis is away (%s)", type(error).__name__)
                self.is_connected = False
                self._intake.nobody_could_be_heard()
                # What comes straight from the tellers is made safe all the same.
                if self._clock() - self._settled_at >= NOTE_EVERY_S:
                    await self._settle()
                await asyncio.sleep(backoff.next_s())
            else:
                self.is_connected = True
                backoff.reset()
                for who in self._intake.miss():
                    self._asked_at.pop(who, None)
                    self._left.add(who)

    async def _first_place(self) -> str:
        had: Any = await self._client.hgetall(had_key(self._stream))
        for who, number in had.items():
            if number.isdigit():
                self._intake.remember(str(who, "ascii", "replace"), int(number))
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
            message = Message(
                who=fields[b"who"].decode("ascii"),
                number=int(fields[b"n"]),
                data=fields[b"e"],
                first=int(fields.get(b"f", fields[b"n"])),
                last=int(fields.get(b"l", b"0")),
            )
        except (KeyError, ValueError):
            self._intake.not_understood("without its fields")
            return
        self._intake.hear(message)

    async def _ask_again(self) -> None:
        """For what was told and never came, and before what came after it."""
        now = self._clock()
        for who, number in list(self._intake.wanted.items()):
            if now - self._asked_at.get(who, float("-inf")) >= NOTE_EVERY_S:
                self._asked_at[who] = now
                asked = f"{number}:{secrets.token_hex(4)}"
                await self._set(wanted_key(self._stream), {who: asked})

    async def _settle(self) -> None:
        began = self._clock()
        await self._intake.settle()
        self._settled_at = self._clock()
        if self._settled_at - began >= ALIVE_EVERY_S:
            # The database was away, and we read nothing meanwhile.
            self._intake.nobody_could_be_heard()

    async def _settle_and_note(self) -> None:
        """No more often than once a second; what is read again after a death changes nothing. What
        comes straight from the tellers moves no place."""
        is_noted = self._place == self._noted_place and self._intake.is_settled
        if is_noted or self._clock() - self._settled_at < NOTE_EVERY_S:
            return
        place = self._place
        await self._settle()
        if safe := self._intake.safe:
            await self._set(had_key(self._stream), dict(safe))
        if left := self._left - safe.keys():
            for key in (had_key(self._stream), wanted_key(self._stream)):
                await self._client.hdel(key, *left)
        self._left.clear()
        arguments: list[Any] = [place_key(self._stream), place]
        await self._client.set(*arguments)
        self._noted_place = place

    async def _set(self, key: str, values: dict[str, Any]) -> None:
        mapping: Any = values
        await self._client.hset(key, mapping=mapping)


def _look_back(from_ms: float) -> str:
    return f"{max(0, int(from_ms - FIRST_LOOK_BACK_S * 1000))}-0"


def _id(text: bytes) -> tuple[int, int]:
    """A place in a stream; a strange one is before all others."""
    ms, _, count = text.partition(b"-")
    return (int(ms), int(count)) if ms.isdigit() and count.isdigit() else (0, 0)
