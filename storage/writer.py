"""Writes in groups: units of work that wait at the same time share one commit, and one fsync.

Under load this turns a hundred commits a second into a few dozen; alone, a unit waits for nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.errors import Unavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]


@dataclass(slots=True)
class _Unit:
    work: Work[Any]
    done: asyncio.Future[Any]


class GroupWriter:
    """One task owns the writing connection. A unit that fails is rolled back to its own savepoint
    and fails alone; a commit that fails fails every unit in it, so nobody believes in a write that
    is not on disk."""

    def __init__(
        self, engine: AsyncEngine, *, max_group: int = 64, max_waiting: int = 5_000
    ) -> None:
        self._engine = engine
        self._max_group = max_group
        self._queue: asyncio.Queue[_Unit] = asyncio.Queue(max_waiting)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="storage:writer")

    async def stop(self) -> None:
        """Finishes what waits, then ends."""
        if self._task is None:
            return
        await self._queue.join()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def write(self, work: Work[T]) -> T:
        """Runs `work(connection)` in a transaction and returns its result once that is committed.

        `work` may run again after a serialisation failure, so it touches nothing but the
        connection. Raises Unavailable when too many writes wait, and whatever `work` raises.
        """
        unit = _Unit(work, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(unit)
        except asyncio.QueueFull:
            raise Unavailable("the database does not keep up: too many writes wait") from None
        result: T = await unit.done
        return result

    async def _run(self) -> None:
        while True:
            group = [await self._queue.get()]
            while len(group) < self._max_group and not self._queue.empty():
                group.append(self._queue.get_nowait())
            try:
                await self._commit(group)
            except Exception as error:  # noqa: BLE001 -- the units carry it to their owners
                for unit in group:
                    if not unit.done.done():
                        unit.done.set_exception(error)
            finally:
                for unit in group:
                    if not unit.done.done():
                        unit.done.cancel()
                    self._queue.task_done()

    async def _commit(self, group: list[_Unit]) -> None:
        results: list[tuple[_Unit, Any]] = []
        async with self._engine.begin() as connection:
            for unit in group:
                if unit.done.cancelled():
                    continue
                try:
                    async with connection.begin_nested():
                        results.append((unit, await unit.work(connection)))
                except Exception as error:  # noqa: BLE001 -- one unit's edge
                    if connection.invalidated or not unit.done.cancelled():
                        unit.done.set_exception(error)
        for unit, result in results:
            if not unit.done.done():
                unit.done.set_result(result)
