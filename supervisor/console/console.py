"""The live part of the supervisor page: follows calls, reads figures while somebody looks."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from typing import Any, Self

from calls import events
from calls.bus import EventBus
from screenpop.agents.log_in import LogIns
from storage.transient import is_outage
from supervisor.console.board_made import Sources, board_of
from supervisor.console.feed import Feed, Viewer
from supervisor.console.live_calls import LiveCalls

log = logging.getLogger(__name__)

#: How often figures are read and log-ins looked at while a page is open.
LOOK_EVERY_S = 5.0


class Console:
    """Enter it before events flow; it subscribes itself."""

    def __init__(
        self,
        *,
        bus: EventBus,
        log_ins: LogIns,
        sources: Callable[[LiveCalls], Sources],
    ) -> None:
        self._bus = bus
        self._log_ins = log_ins
        self.feed = Feed(make=self.board)
        self.calls = LiveCalls(on_change=self.feed.changed)
        self._sources = sources(self.calls)
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """To be watched: none of them ends while entered, but by a fault of ours."""
        return (*self.feed.tasks, *(() if self._task is None else (self._task,)))

    async def __aenter__(self) -> Self:
        await self.feed.__aenter__()
        self._bus.subscribe("supervisor page", self.calls.handle, events.CallEvent)
        self._task = asyncio.create_task(self._look(), name="supervisor:look")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.feed.__aexit__(*exc)

    def add(self, viewer: Viewer) -> bool:
        """False where too many look. Figures are read for it at once."""
        self._due.set()
        return self.feed.add(viewer)

    def board(self) -> str:
        """As it is now, as JSON."""
        return json.dumps(board_of(self._sources), ensure_ascii=False, default=_fields)

    async def _look(self) -> None:
        """A page that is opened waits for no figures: they come with a later board."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._due.wait()
            self._due.clear()
            if self.feed.viewers:
                await self._sources.figures.look()
                await self._end_closed_sessions()
                self.feed.changed()

    async def _end_closed_sessions(self) -> None:
        sessions = {viewer.session for viewer in self.feed.viewers}
        try:
            living = await self._log_ins.living(sessions)
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("supervisor page: log-ins are not looked at, the database is away")
            return
        for viewer in self.feed.viewers:
            if living.get(viewer.session) != viewer.login:
                viewer.end()


def _fields(row: Any) -> dict[str, Any]:
    """Of a dataclass, shallow: `asdict` copies everything below it first."""
    return {field.name: getattr(row, field.name) for field in fields(row)}
