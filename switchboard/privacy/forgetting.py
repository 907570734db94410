"""What running servers have in memory, forgotten soon after somebody was erased."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import func, select

from storage.database import Database
from storage.erasure_tables import erasures
from storage.transient import is_outage

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0


class Forgetting:
    """Each process has one. Whoever was erased is named nowhere, so everything that can be had
    again is forgotten."""

    def __init__(self, *, database: Database, every_s: float = LOOK_EVERY_S) -> None:
        self._database = database
        self._every_s = every_s
        self._forget: list[tuple[str, Callable[[], None]]] = []
        self._known: int | None = None

    def add(self, what: str, forget: Callable[[], None]) -> None:
        self._forget.append((what, forget))

    @property
    def parts(self) -> Sequence[str]:
        return [what for what, _ in self._forget]

    async def watch(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("privacy: not looked for erasures, the database is away")
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """At the first look nothing is in memory of before."""
        async with self._database.read() as link:
            newest = await link.scalar(select(func.max(erasures.c.id))) or 0
        known, self._known = self._known, newest
        if known is None or newest == known:
            return
        for _, forget in self._forget:
            forget()
        log.info("privacy: somebody was erased; forgotten: %s", ", ".join(self.parts))
