"""What the desk's process learns of who has which number, told to all that talk with callers: the
next call, at whichever of them, is asked about anew.

It is a hint about what they remember, so nothing is kept for anybody: where something may have been
lost, everything remembered is forgotten. Messages: who tells it, a number that grows by one, and
the news as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import redis.asyncio as redis

from ami_bridge.backoff import BackOff
from calls.caller import ContactRef
from crm_adapter.live.news import EVERYTHING, News
from switchboard.nodes.event_stream import FAILED, RETRIES_S
from switchboard.still_wanted import still_wanted

log = logging.getLogger(__name__)

#: News that waits; more is told as news of everybody.
WAITING_LIMIT = 1_000
KEPT = 10_000
_BLOCK_MS = 500


def news_of(system: str) -> str:
    return f"switchboard:news:{system}"


class NewsTeller:
    """`tell` never waits; `run` sends to each of `streams` until it is cancelled."""

    def __init__(self, *, client: redis.Redis, streams: Sequence[str]) -> None:
        self._client = client
        self._streams = streams
        self._who = secrets.token_hex(8)
        self._count = 0
        self._waiting: deque[News] = deque()
        self._there = asyncio.Event()

    def tell(self, news: News) -> None:
        self._waiting.append(news)
        if len(self._waiting) > WAITING_LIMIT:
            self._waiting.clear()
            self._waiting.append(EVERYTHING)
        self._there.set()

    async def run(self) -> None:
        backoff = BackOff(RETRIES_S)
        while still_wanted():
            await self._there.wait()
            self._there.clear()
            try:
                while self._waiting:
                    await self._send_next()
            except FAILED:
                self._there.set()
                await asyncio.sleep(backoff.next_s())
            else:
                backoff.reset()

    async def _send_next(self) -> None:
        """Taken out first: `tell` may put one word in place of all that waits meanwhile."""
        news = self._waiting.popleft()
        try:
            await self._send(news)
        except FAILED:
            self._waiting.appendleft(news)
            raise

    async def _send(self, news: News) -> None:
        self._count += 1
        message: Any = {"who": self._who, "n": str(self._count), "news": _written(news)}
        for stream in self._streams:
            await self._client.xadd(stream, message, maxlen=KEPT, approximate=True)


class NewsReader:
    """Hands news to `forget` until it is cancelled."""

    def __init__(self, *, client: redis.Redis, stream: str, forget: Callable[[News], None]) -> None:
        self._client = client
        self._stream = stream
        self._forget = forget
        self._place: bytes | None = None
        self._last: tuple[bytes, int] | None = None
        self.is_connected = False

    async def run(self) -> None:
        backoff = BackOff(RETRIES_S)
        while still_wanted():
            try:
                if not self.is_connected:
                    # From here on nothing is missed; what was told before may have been.
                    self._begin_at(await self._newest())
                    self.is_connected = True
                await self._read()
                backoff.reset()
            except FAILED:
                self.is_connected = False
                await asyncio.sleep(backoff.next_s())

    async def _newest(self) -> bytes:
        newest: Any = await self._client.xrevrange(self._stream, count=1)
        return bytes(newest[0][0]) if newest else b"0-0"

    def _begin_at(self, place: bytes) -> None:
        self._place, self._last = place, None
        self._forget(EVERYTHING)

    async def _read(self) -> None:
        found: Any = await self._client.xread(
            {self._stream: self._place or b"$"}, count=500, block=_BLOCK_MS
        )
        for _, messages in found:
            for place, fields in messages:
                self._place = place
                self._forget(self._news(fields))
        if not found and (newest := await self._newest()) != self._place:
            # Emptied, or another Redis that never had what we read.
            self._begin_at(newest)

    def _news(self, fields: dict[bytes, bytes]) -> News:
        """Of everybody, where one before it never came or nobody understands it."""
        try:
            who, number = fields[b"who"], int(fields[b"n"])
            follows = self._last is None or self._last[0] != who or self._last[1] + 1 == number
            self._last = (who, number)
            return _read(fields[b"news"]) if follows else EVERYTHING
        except (KeyError, ValueError, TypeError, RecursionError):
            log.warning("nodes: news that nobody understands: all answers are forgotten")
            return EVERYTHING


def _written(news: News) -> str:
    contact = news.contact
    return json.dumps([news.number, None if contact is None else [contact.crm, contact.id]])


def _read(text: bytes) -> News:
    number, contact = json.loads(text)
    return News(
        None if number is None else str(number),
        None if contact is None else ContactRef(str(contact[0]), str(contact[1])),
    )
