"""The board on its way to the pages: made once however many look, at most twice a second, and for
a slow page the newest only."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Self

from aiohttp import web

from screenpop.desk.outgoing import bound_send_buffer

log = logging.getLogger(__name__)

MAX_VIEWERS = 50
#: Between two boards.
EVERY_S = 0.5
#: A proxy that hears nothing for a minute often hangs up.
BEAT_EVERY_S = 15.0
#: How soon a page that has gone is no longer counted.
LOOK_EVERY_S = 1.0
#: A page that takes nothing for so long is cut.
WRITE_DEADLINE_S = 10.0
RETRY_MS = 1_000


class Viewer:
    """One open page. `session` is the log-in it belongs to, see `log_in.hashed`."""

    def __init__(self, login: str, session: str) -> None:
        self.login = login
        self.session = session
        self.ended = False
        self.news = asyncio.Event()
        #: Of the board that was written last.
        self.seen = 0

    def end(self) -> None:
        """Its log-in is over, or we are."""
        self.ended = True
        self.news.set()


class Feed:
    """`make` gives the board as JSON. Nothing is made while nobody looks."""

    def __init__(self, *, make: Callable[[], str]) -> None:
        self._make = make
        self._viewers: set[Viewer] = set()
        self._changed = asyncio.Event()
        self._text = ""
        self._number = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def viewers(self) -> Collection[Viewer]:
        return tuple(self._viewers)

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        return () if self._task is None else (self._task,)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="supervisor:feed")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def changed(self) -> None:
        """Something is different; told as often as one likes."""
        self._changed.set()

    def close(self) -> None:
        for viewer in self._viewers:
            viewer.end()

    def add(self, viewer: Viewer) -> bool:
        """False where too many look."""
        if len(self._viewers) >= MAX_VIEWERS:
            return False
        self._viewers.add(viewer)
        self._changed.set()
        return True

    def remove(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    async def show(
        self, viewer: Viewer, request: web.Request, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """Server-sent events, one board each, until either side ends it."""
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
            await self._write(viewer, request, response)
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _write(
        self, viewer: Viewer, request: web.Request, response: web.StreamResponse
    ) -> None:
        await _put(response, f"retry: {RETRY_MS}\n\n")
        clock = asyncio.get_running_loop().time
        beat_at = clock() + BEAT_EVERY_S
        while not viewer.ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await viewer.news.wait()
            viewer.news.clear()
            # aiohttp tells a handler of a lost connection only as it writes.
            if request.transport is None or request.transport.is_closing():
                return
            if viewer.seen != self._number and not viewer.ended:
                viewer.seen = self._number
                await _put(response, f"data: {self._text}\n\n")
                beat_at = clock() + BEAT_EVERY_S
            elif clock() >= beat_at:
                await _put(response, ": beat\n\n")
                beat_at = clock() + BEAT_EVERY_S
        await _put(response, "event: end\ndata: {}\n\n")

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not self._viewers:
                continue
            try:
                self._text = self._make()
            except Exception:
                log.exception("supervisor page: the board could not be made")
            else:
                self._number += 1
                for viewer in self._viewers:
                    viewer.news.set()
            await asyncio.sleep(EVERY_S)


async def _put(response: web.StreamResponse, text: str) -> None:
    async with asyncio.timeout(WRITE_DEADLINE_S):
        await response.write(text.encode())
