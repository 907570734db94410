"""Writes in groups: units of work that wait at the same time share one commit, and one fsync.

Under load this turns a hundred commits a second into a few dozen; alone, a unit waits for nobody.
What a caller waits for has groups of its own on PostgreSQL, where a group takes a trip for each of
its hundreds of statements; SQLite has one writer, whose group ends early then.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.errors import Unavailable
from storage.sqlite_trips import in_place
from storage.transient import is_transient

log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]
#: A group is left alone for so long, and so many units that nobody waits for get done in each: more
#: than a call makes of them for one that its caller waits for, or they would pile up.
_UNDISTURBED_S, _FEW = 0.01, 16
Fence = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(slots=True)
class _Unit:
    work: Work[Any]
    urgent: bool
    brief: bool
    done: asyncio.Future[Any]


class _TransactionGone(Exception):
    """A unit's failure took the whole transaction with it; the unit has been told."""


class GroupWriter:
    """One task owns the writing connection. A unit that fails is rolled back to its own savepoint
    and fails alone; a commit that fails fails every unit in it, so nobody believes in a write that
    is not on disk. A lock, a lost race or a lost connection is tried again, the whole group, up to
    `max_attempts` times. Savepoints are two trips more for each unit, so a group is first tried
    without them.

    `for_callers` is a second one, on whose connection `urgent` work is done: where the database
    lets two write at once.

    SQLite itself ends the transaction where the disk is full or broken (sqlite.org/lang_transaction
    .html, "Response To Errors Within A Transaction"): then the others begin again without the unit
    that met it.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        for_callers: GroupWriter | None = None,
        max_group: int = 64,
        max_waiting: int = 5_000,
        max_attempts: int = 5,
        retry_after_s: float = 0.05,
    ) -> None:
        self._engine = engine
        self._for_callers = for_callers
        self._fence: Fence | None = None
        self._max_group = max_group
        self._max_attempts = max_attempts
        self._retry_after_s = retry_after_s
        self._queue: asyncio.PriorityQueue[tuple[bool, int, _Unit]] = asyncio.PriorityQueue(
            max_waiting
        )
        self._count = itertools.count()
        self._urgent_waiting = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def fence(self) -> Fence | None:
        """Awaited first in each transaction; what it raises fails every unit in it."""
        return self._fence

    @fence.setter
    def fence(self, fence: Fence | None) -> None:
        self._fence = fence
        if self._for_callers is not None:
            self._for_callers.fence = fence

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """They end only when it is stopped, or broken."""
        others = self._for_callers.tasks if self._for_callers is not None else []
        return [*others, *([self._task] if self._task is not None else [])]

    async def start(self) -> None:
        if self._task is not None:
            raise RuntimeError("the writer runs already")
        if self._for_callers is not None:
            await self._for_callers.start()
        self._task = asyncio.create_task(self._run(), name="storage:writer")

    async def stop(self, *, limit_s: float = 30.0) -> None:
        """Finishes what waits, then ends; what is not finished by `limit_s` fails as Unavailable.
        A second stop does nothing."""
        task, self._task = self._task, None
        if task is None:
            return
        others = [self._for_callers.stop(limit_s=limit_s)] if self._for_callers is not None else []
        await asyncio.gather(self._drained(limit_s), *others)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _drained(self, limit_s: float) -> None:
        try:
            async with asyncio.timeout(limit_s):
                await self._queue.join()
        except TimeoutError:
            log.error("storage: stopped with %d writes waiting", self._queue.qsize())

    async def write(self, work: Work[T], *, urgent: bool = False, brief: bool = False) -> T:
        """Runs `work(connection)` in a transaction and returns its result once that is committed.
        In order, but `urgent` work, on which a caller waits, goes before all that is not. Whatever
        is `brief` asks for a few rows by their keys, and is done in place (see `sqlite_trips`);
        so is what is urgent.

        `work` may run again (after a lock, a lost race, another unit's failure, or a connection
        lost during the commit, which may have happened all the same): it touches nothing but the
        connection, lets no error of the database pass in silence, and leaves the same rows when it
        is repeated. A caller that is cancelled does
        not know whether its unit was written.

        Raises Unavailable when too many writes wait or the writer does not run, and whatever
        `work` raises.
        """
        if urgent and self._for_callers is not None:
            return await self._for_callers.write(work, brief=True)
        if self._task is None or self._task.done():
            raise Unavailable("the database is closed for writing")
        unit = _Unit(work, urgent, brief or urgent, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait((not urgent, next(self._count), unit))
        except asyncio.QueueFull:
            raise Unavailable("the database does not keep up: too many writes wait") from None
        self._urgent_waiting += urgent
        result: T = await unit.done
        return result

    async def _run(self) -> None:
        group: list[_Unit] = []
        later: list[_Unit] = []
        try:
            while True:
                group = [] if later else [self._taken(await self._queue.get())]
                while self._urgent_waiting and len(group) < self._max_group:
                    group.append(self._taken(self._queue.get_nowait()))
                group += later
                while len(group) < self._max_group and not self._queue.empty():
                    group.append(self._taken(self._queue.get_nowait()))
                later = await self._serve(group)
        finally:
            # Nobody waits for a writer that is no more.
            while not self._queue.empty():
                group.append(self._taken(self._queue.get_nowait()))
            _fail(group, Unavailable("the database was closed before this was written"))

    def _taken(self, waiting: tuple[bool, int, _Unit]) -> _Unit:
        unit = waiting[-1]
        self._urgent_waiting -= unit.urgent
        return unit

    async def _serve(self, group: list[_Unit]) -> list[_Unit]:
        """Those that were left for later."""
        later: list[_Unit] = []
        try:
            later = await self._commit_or_retry(group)
        except Exception as error:  # noqa: BLE001 -- the units carry it to their owners
            _fail(group, error)
        finally:
            for _unit in group[: len(group) - len(later)]:
                self._queue.task_done()
        return later

    async def _commit_or_retry(self, group: list[_Unit]) -> list[_Unit]:
        attempt, together = 1, True
        while True:
            waiting = [unit for unit in group if not unit.done.done()]
            # Alone, the transaction is the savepoint.
            together = together or len(waiting) == 1
            try:
                return await self._commit(waiting, together=together)
            except _TransactionGone:
                continue
            except Exception as error:
                if not is_transient(error):
                    if together and len(waiting) > 1:
                        # Whose failure it was shows where each has its savepoint.
                        together = False
                        continue
                    raise
                if attempt == self._max_attempts:
                    raise
                log.warning("storage: commit failed (%s), again", type(error).__name__)
                await asyncio.sleep(self._retry_after_s * 2 ** (attempt - 1))
                attempt += 1

    async def _commit(self, group: list[_Unit], *, together: bool) -> list[_Unit]:
        """Those that were left for later: the last of the group."""
        if not group:
            return []
        ends, began = len(group), asyncio.get_running_loop().time()
        results: list[tuple[_Unit, Any]] = []
        async with self._engine.begin() as connection:
            if self.fence is not None:
                await self.fence(connection)
            # Urgent ones come first.
            enough = sum(unit.urgent for unit in group) + _FEW
            for place, unit in enumerate(group):
                if self._urgent_waiting and place >= enough and _is_long(began):
                    ends = place
                    break
                if together:
                    results.append((unit, await self._done(unit, connection)))
                else:
                    await self._attempt(unit, connection, results)
        for unit, result in results:
            if not unit.done.done():
                unit.done.set_result(result)
        return group[ends:]

    async def _attempt(
        self, unit: _Unit, connection: AsyncConnection, results: list[tuple[_Unit, Any]]
    ) -> None:
        cause: Exception | None = None
        try:
            async with connection.begin_nested():
                try:
                    result = await self._done(unit, connection)
                except Exception as error:
                    cause = error
                    raise
        except Exception as error:
            if is_transient(error):
                raise
            # Where the savepoint is gone too, that is all the second error says.
            _fail([unit], cause or error)
            if await _is_over(connection):
                raise _TransactionGone from error
        else:
            results.append((unit, result))

    async def _done(self, unit: _Unit, connection: AsyncConnection) -> Any:
        if not unit.brief:
            return await unit.work(connection)
        with in_place(connection, hurries=lambda: self._urgent_waiting > 0):
            return await unit.work(connection)


def _is_long(began: float) -> bool:
    return asyncio.get_running_loop().time() - began > _UNDISTURBED_S


async def _is_over(connection: AsyncConnection) -> bool:
    """Whether SQLite ended the transaction. A commit would then say nothing of it."""
    if connection.dialect.name != "sqlite":
        return False
    driver = (await connection.get_raw_connection()).driver_connection
    return driver is None or not driver.in_transaction


def _fail(group: list[_Unit], error: Exception) -> None:
    for unit in group:
        if not unit.done.done():
            unit.done.set_exception(error)
