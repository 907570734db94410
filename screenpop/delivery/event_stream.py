"""One client that takes its frames as server-sent events (WHATWG HTML, "Server-sent events")."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from aiohttp import web

from screenpop.desk.outgoing import CLOSE_DEADLINE_S, Outgoing, bound_send_buffer

#: A proxy that hears nothing for a minute often hangs up.
BEAT_EVERY_S = 15.0
#: How soon a client that has gone is no longer counted as reached.
LOOK_EVERY_S = 1.0
RETRY_MS = 1_000


class EventStream(Outgoing):
    """`run` returns when the stream is over, whoever ended it. `seen` is the number the client
    resumes from."""

    def __init__(self, session: str, seen: int | None) -> None:
        super().__init__(session)
        self._newest = seen or 0

    async def run(self, request: web.Request, headers: Mapping[str, str]) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream; charset=utf-8",
                # nginx keeps answers back otherwise.
                "X-Accel-Buffering": "no",
                **headers,
            }
        )
        bound_send_buffer(request)
        await response.prepare(request)
        try:
            await self._first_of(write=self._write(response), look=_until_gone(request))
        finally:
            await self._close(request, response)
        return response

    async def _write(self, response: web.StreamResponse) -> None:
        await response.write(f"retry: {RETRY_MS}\n\n".encode())
        while True:
            try:
                async with asyncio.timeout(BEAT_EVERY_S):
                    text, seq = await self._frames.get()
            except TimeoutError:
                await response.write(b": beat\n\n")
                continue
            await self._take(response.write(self._event(text, seq)))

    def _event(self, text: str, seq: int | None) -> bytes:
        """A repeated frame keeps the id there is: the client's place never moves back."""
        if seq is None or seq <= self._newest:
            return f"data: {text}\n\n".encode()
        self._newest = seq
        return f"id: {seq}\ndata: {text}\n\n".encode()

    async def _close(self, request: web.Request, response: web.StreamResponse) -> None:
        """A peer that takes nothing cannot be told goodbye: then the connection is cut."""
        goodbye = json.dumps({"code": self._code, "reason": self._reason})
        try:
            async with asyncio.timeout(CLOSE_DEADLINE_S):
                await response.write(f"event: close\ndata: {goodbye}\n\n".encode())
                await response.write_eof()
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()


async def _until_gone(request: web.Request) -> None:
    """aiohttp tells a handler of a lost connection only as it writes."""
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(LOOK_EVERY_S)
