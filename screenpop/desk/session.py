"""One websocket of one desktop: a writer, a reader, and an end that is always named by a code."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from aiohttp import WSMsgType, web
from pydantic import ValidationError

from screenpop.desk.hub import KEPT_FRAMES
from screenpop.desk.protocol import ClientFrame, CloseCode, client_frames
from screenpop.desk.rate_limit import TokenBucket

log = logging.getLogger(__name__)

#: Above what a resume may have to repeat.
SEND_QUEUE = KEPT_FRAMES + 56
MAX_MESSAGE_BYTES = 16 * 1024
#: Beside the acknowledgements, of which each frame sent gives the right to one; the burst is above
#: what a resume repeats.
MESSAGES_PER_S = 200.0
MESSAGES_BURST = 600.0
#: Messages that make no sense before we hang up.
MAX_NONSENSE = 20
PING_EVERY_S = 20.0
CLOSE_DEADLINE_S = 1.0
#: What the kernel may hold for a desktop that does not read: soon full, so soon noticed.
SEND_BUFFER_BYTES = 64 * 1024

Receive = Callable[[ClientFrame], None]


class DesktopSocket:
    """Implements `hub.Desktop`. `run` returns when the socket is closed, whoever closed it."""

    def __init__(self, session: str) -> None:
        #: The log-in it belongs to, see `log_in.hashed`.
        self.session = session
        self._frames: asyncio.Queue[str] = asyncio.Queue(SEND_QUEUE)
        self._websocket = web.WebSocketResponse(
            heartbeat=PING_EVERY_S, max_msg_size=MAX_MESSAGE_BYTES, timeout=CLOSE_DEADLINE_S
        )
        now = asyncio.get_running_loop().time()
        self._allowed = TokenBucket.full(MESSAGES_PER_S, MESSAGES_BURST, now)
        self._dropped = asyncio.Event()
        self._code = CloseCode.GOING_AWAY
        self._reason = ""

    def offer(self, text: str) -> bool:
        if self._dropped.is_set():
            return False
        try:
            self._frames.put_nowait(text)
        except asyncio.QueueFull:
            return False
        return True

    def drop(self, code: int, reason: str) -> None:
        """The first reason stands."""
        if not self._dropped.is_set():
            self._code, self._reason = code, reason
            self._dropped.set()

    async def open(self, request: web.Request) -> None:
        if request.transport is not None:
            raw = request.transport.get_extra_info("socket")
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        await self._websocket.prepare(request)

    async def run(self, request: web.Request, receive: Receive) -> web.WebSocketResponse:
        """The first of writer, reader and `drop` to end ends the others."""
        tasks = [
            asyncio.create_task(self._write(), name="desktop:write"),
            asyncio.create_task(self._read(receive), name="desktop:read"),
            asyncio.create_task(self._dropped.wait(), name="desktop:dropped"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, ConnectionError):
                    log.error("desktop: a socket failed", exc_info=outcome)
            await self._close(request)
        return self._websocket

    async def _write(self) -> None:
        while True:
            await self._websocket.send_str(await self._frames.get())
            self._allowed.give()

    async def _read(self, receive: Receive) -> None:
        now = asyncio.get_running_loop().time
        nonsense = 0
        async for message in self._websocket:
            if not self._allowed.take(now()):
                return self.drop(CloseCode.MISBEHAVED, "too many messages")
            try:
                if message.type is not WSMsgType.TEXT:
                    raise ValueError("not text")
                frame = client_frames.validate_json(message.data)
            except (ValidationError, ValueError):
                nonsense += 1
                if nonsense >= MAX_NONSENSE:
                    return self.drop(CloseCode.MISBEHAVED, "messages that make no sense")
                continue
            receive(frame)
        return None

    async def _close(self, request: web.Request) -> None:
        """A peer that takes nothing cannot be told goodbye: then the connection is cut."""
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await self._websocket.close(code=self._code, message=self._reason.encode()[:120])
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
