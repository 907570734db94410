"""The frames that wait for one client, whatever wire it is on; bounded, and ended with a reason."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Coroutine
from typing import Any, NamedTuple

from aiohttp import web

from screenpop.desk.hub import KEPT_FRAMES, SLOW
from screenpop.desk.protocol import CloseCode

log = logging.getLogger(__name__)

#: Above what a resume may have to repeat.
SEND_QUEUE = KEPT_FRAMES + 56
#: Beside the acknowledgements, of which each frame sent gives the right to one; the burst is above
#: what a resume repeats.
MESSAGES_PER_S = 200.0
MESSAGES_BURST = 600.0
MAX_MESSAGE_BYTES = 16 * 1024
CLOSE_DEADLINE_S = 1.0
#: A client that takes nothing for so long while frames wait is let go; it resumes.
TAKE_DEADLINE_S = 5.0
#: What the kernel may hold for a client that does not read: soon full, so soon noticed.
SEND_BUFFER_BYTES = 64 * 1024


class Numbered(NamedTuple):
    text: str
    seq: int | None


class Outgoing:
    """Implements `hub.Desktop`."""

    def __init__(self, session: str) -> None:
        #: The log-in it belongs to, see `log_in.hashed`.
        self.session = session
        self._frames: asyncio.Queue[Numbered] = asyncio.Queue(SEND_QUEUE)
        self._dropped = asyncio.Event()
        self._code = CloseCode.GOING_AWAY
        self._reason = ""

    def offer(self, text: str, seq: int | None = None) -> bool:
        if self._dropped.is_set():
            return False
        try:
            self._frames.put_nowait(Numbered(text, seq))
        except asyncio.QueueFull:
            return False
        return True

    def drop(self, code: int, reason: str) -> None:
        """The first reason stands."""
        if not self._dropped.is_set():
            self._code, self._reason = code, reason
            self._dropped.set()

    @property
    def is_slow(self) -> bool:
        return self._code == CloseCode.TOO_SLOW

    async def _take(self, sending: Awaitable[None]) -> None:
        """Sends one frame, or drops a client that does not take it in time."""
        try:
            async with asyncio.timeout(TAKE_DEADLINE_S):
                await sending
        except TimeoutError:
            self.drop(CloseCode.TOO_SLOW, SLOW)

    async def _first_of(self, **work: Coroutine[Any, Any, None]) -> None:
        """The first of this work and of `drop` to end ends the others."""
        tasks = [
            asyncio.create_task(one, name=f"desktop:{name}")
            for name, one in {**work, "dropped": self._until_dropped()}.items()
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionError):
                    log.error("desktop: a client failed", exc_info=outcome)

    async def _until_dropped(self) -> None:
        await self._dropped.wait()


def bound_send_buffer(request: web.Request) -> None:
    if request.transport is not None:
        raw = request.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
