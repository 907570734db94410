"""The customer's database: connected to late, its tables looked at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from config.crm_settings import SqlSettings
from config.problems import Problem
from crm_adapter.adapter import Timeout, Unavailable
from crm_adapter.http.traces import Trace
from crm_adapter.sql.engine import errors_named, open_engine
from crm_adapter.sql.mapping import LoadedSql
from crm_adapter.sql.prepared import Prepared, prepare, slow_look_ups
from crm_adapter.sql.statements import trace_statements
from storage.overtime import Overtime

T = TypeVar("T")


class Store:
    def __init__(
        self, *, settings: SqlSettings, loaded: LoadedSql, trace: Trace | None = None
    ) -> None:
        limits = loaded.mapping.limits
        self._engine = open_engine(
            settings, busy_ms=limits.busy_ms, read_only=not loaded.mapping.writes
        )
        if trace is not None:
            trace_statements(self._engine, trace)
        self._write_ms = limits.write_timeout_ms
        self._busy_ms = limits.busy_ms
        self._loaded = loaded
        self._prepared: Prepared | None = None
        self._preparing = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._reads = Overtime("sql-crm:read")

    async def close(self) -> None:
        await self._reads.finish()
        await self._engine.dispose()

    async def ready(self) -> Prepared:
        """Raises Unavailable with file and line of everything that the database lacks."""
        if self._prepared is None:
            async with self._preparing:
                if self._prepared is None:
                    async with self.reading() as connection:
                        self._prepared = await connection.run_sync(
                            lambda link: prepare(link, self._loaded)
                        )
        return self._prepared

    async def check(self) -> tuple[Problem, ...]:
        """Looks at the tables anew, so that what was mended counts; warns of slow look-ups."""
        self._prepared = None
        prepared = await self.ready()
        async with self.reading() as connection:
            for people in prepared.people.values():
                await connection.execute(people.base.limit(1))
            return await connection.run_sync(
                lambda link: slow_look_ups(link, self._loaded, prepared)
            )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        with errors_named():
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, kept where nothing is raised. Nobody waits at the phone for a write, so
        it lets others write first."""
        limit = Deadline.after(self._write_ms / 1000)
        with errors_named():
            async with (
                self._turn(limit),
                self._engine.connect() as connection,
                self._patience(connection, limit),
                connection.begin(),
            ):
                if connection.dialect.name == "postgresql":
                    await connection.exec_driver_sql(
                        f"SET LOCAL statement_timeout = {self._write_ms:d}"
                    )
                yield connection

    @asynccontextmanager
    async def _turn(self, limit: Deadline) -> AsyncIterator[None]:
        """SQLite lets one write at a time: those who wait hold no connections, which callers'
        questions need."""
        if self._engine.dialect.name != "sqlite":
            yield
            return
        try:
            async with asyncio.timeout_at(limit.at):
                await self._writing.acquire()
        except TimeoutError as error:
            raise Unavailable("the database is busy with other writes") from error
        try:
            yield
        finally:
            self._writing.release()

    @asynccontextmanager
    async def _patience(self, connection: AsyncConnection, limit: Deadline) -> AsyncIterator[None]:
        """SQLite's waiting is a setting of the connection, not of a transaction."""
        if connection.dialect.name != "sqlite":
            yield
            return
        await _set_busy_timeout(connection, round(limit.left_s * 1000))
        try:
            yield
        finally:
            await _set_busy_timeout(connection, self._busy_ms)

    async def in_time(self, deadline: Deadline, answer: Coroutine[Any, Any, T]) -> T:
        try:
            return await self._reads.ask("the customer database", answer, deadline=deadline)
        except DeadlineExceeded as error:
            raise Timeout(str(error)) from error


async def _set_busy_timeout(connection: AsyncConnection, milliseconds: int) -> None:
    await connection.exec_driver_sql(f"PRAGMA busy_timeout={milliseconds:d}")
    await connection.commit()
