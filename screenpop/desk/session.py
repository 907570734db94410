"""One websocket of one desktop: a writer, a reader, and an end that is always named by a code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import WSMsgType, web
from pydantic import ValidationError

from screenpop.desk.outgoing import (
    CLOSE_DEADLINE_S,
    MAX_MESSAGE_BYTES,
    MESSAGES_BURST,
    MESSAGES_PER_S,
    Outgoing,
    bound_send_buffer,
)
from screenpop.desk.protocol import ClientFrame, CloseCode, client_frames
from screenpop.desk.rate_limit import TokenBucket

#: Messages that make no sense before we hang up.
MAX_NONSENSE = 20
PING_EVERY_S = 20.0

Receive = Callable[[ClientFrame], None]


class DesktopSocket(Outgoing):
    """`run` returns when the socket is closed, whoever closed it."""

    def __init__(self, session: str) -> None:
        super().__init__(session)
        self._websocket = web.WebSocketResponse(
            heartbeat=PING_EVERY_S, max_msg_size=MAX_MESSAGE_BYTES, timeout=CLOSE_DEADLINE_S
        )
        now = asyncio.get_running_loop().time()
        self._allowed = TokenBucket.full(MESSAGES_PER_S, MESSAGES_BURST, now)

    async def open(self, request: web.Request) -> None:
        bound_send_buffer(request)
        await self._websocket.prepare(request)

    async def run(self, request: web.Request, receive: Receive) -> web.WebSocketResponse:
        try:
            await self._first_of(write=self._write(), read=self._read(receive))
        finally:
            await self._close(request)
        return self._websocket

    async def _write(self) -> None:
        while True:
            await self._take(self._websocket.send_str((await self._frames.get()).text))
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
