"""Few trips to SQLite's threads.

SQLAlchemy's adapter goes there four times for each statement (cursor, execute, fetchall, close).
Each trip wakes two threads and waits for a turn of the event loop, which on a busy machine takes
tens of milliseconds. So a statement goes there once; and what waits for no lock and hardly for the
disk does not go at all: to begin and to end reading, to begin writing where the lock is free, and
what a unit of work or a question that calls itself brief asks (see `in_place`). Commits always go:
they wait for the disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.ext.asyncio import AsyncConnection

#: One connection may be used by threads in turn (sqlite.org/threadsafe.html, "Serialized").
_TAKES_TURNS = sqlite3.threadsafety == 3
#: SQLite opens no file and takes no lock for it (sqlite.org/lang_transaction.html, "DEFERRED").
_BEGIN_READING = "BEGIN DEFERRED"
_BEGIN_WRITING = "BEGIN IMMEDIATE"
#: How long SQLite waits for a lock that another process holds.
BUSY_MS = 5_000
#: So long the event loop is kept at a time, and so long where somebody waits to write next.
_KEPT_S, _KEPT_AT_MOST_S = 0.01, 0.05
#: So many rows are written at once in place.
_FEW_ROWS = 128


def _nobody_waits() -> bool:
    return False


class _Place:
    """Where one connection's statements run. Its thread and the event loop's never use it at the
    same time: whoever was cancelled may have left a statement behind that still runs."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self.connection = connection
        self.is_brief = False
        #: Whether somebody waits for what is done in place to be over.
        self.hurries: Callable[[], bool] = _nobody_waits
        self._away = 0
        self._kept_since = 0.0
        #: Rows that were changed so far as it began to read; None: it holds the lock for writing.
        self._changes_before: int | None = None

    async def run(self, work: Callable[[], object], *, at_once: bool) -> None:
        if at_once and not self._away and _TAKES_TURNS:
            await self._give_way()
            work()
            return
        ran = False

        def there() -> None:
            nonlocal ran
            ran = True
            try:
                work()
            finally:
                self._away -= 1

        self._away += 1
        try:
            # aiosqlite 0.22: the one door to its thread that takes a function.
            door: Any = self.connection._execute
            await door(there)
        except ValueError:
            if not ran:
                # The connection is closed, and that was not sent.
                self._away -= 1
            raise
        self._kept_since = time.monotonic()

    async def begin(self, how: str) -> None:
        """To read; or to write, in the thread where another process holds the lock."""
        raw = self.connection._conn
        # Whoever begins has just had a turn of the loop's.
        self._kept_since = time.monotonic()
        self._changes_before = raw.total_changes if how == _BEGIN_READING else None
        if how == _BEGIN_READING or not await self._got_lock(how):
            await self.run(lambda: raw.execute(how).close(), at_once=how == _BEGIN_READING)

    async def _got_lock(self, how: str) -> bool:
        raw, held = self.connection._conn, False

        def ask() -> None:
            nonlocal held
            raw.execute("PRAGMA busy_timeout=0").close()
            try:
                raw.execute(how).close()
                held = True
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
            finally:
                raw.execute(f"PRAGMA busy_timeout={BUSY_MS}").close()

        if self._away or not _TAKES_TURNS:
            return False
        await self.run(ask, at_once=True)
        return held

    @property
    def changed_nothing(self) -> bool:
        """And nothing of it is under way."""
        raw = self.connection._connection
        if raw is None or self._away:
            return False
        return not raw.in_transaction or raw.total_changes == self._changes_before

    async def _give_way(self) -> None:
        kept_s = time.monotonic() - self._kept_since
        if kept_s > (_KEPT_AT_MOST_S if self.hurries() else _KEPT_S):
            await asyncio.sleep(0)
            self._kept_since = time.monotonic()


class _Statement:
    """Plays `aiosqlite.Cursor` for SQLAlchemy: rows come along with the execution."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._rows: Sequence[Any] = ()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, operation: str, parameters: Sequence[Any] = ()) -> None:
        if operation in (_BEGIN_READING, _BEGIN_WRITING):
            await self._place.begin(operation)
            return
        await self._run(
            lambda cursor: cursor.execute(operation, parameters), at_once=self._place.is_brief
        )

    async def executemany(self, operation: str, parameters: Sequence[Sequence[Any]]) -> None:
        await self._run(
            lambda cursor: cursor.executemany(operation, parameters),
            at_once=self._place.is_brief and len(parameters) <= _FEW_ROWS,
        )

    async def fetchall(self) -> Sequence[Any]:
        return self._rows

    async def close(self) -> None:
        """Closed already, in the thread it belongs to."""

    async def _run(self, work: Callable[[sqlite3.Cursor], object], *, at_once: bool) -> None:
        await self._place.run(lambda: self._done(work), at_once=at_once)

    def _done(self, work: Callable[[sqlite3.Cursor], object]) -> None:
        cursor = self._place.connection._conn.cursor()
        try:
            work(cursor)
            self._rows = cursor.fetchall() if cursor.description else ()
            self.description, self.rowcount = cursor.description, cursor.rowcount
            self.lastrowid = cursor.lastrowid
        finally:
            cursor.close()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()

    def _make_new_cursor(self, connection: Any) -> Any:
        adapted: Any = self._adapt_connection
        return _Statement(adapted.place)


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ("place",)
    _cursor_cls = _Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self.place = _Place(connection)

    def rollback(self) -> None:
        """Who only read lets go of a view, which waits for nothing."""
        if self.place.changed_nothing:
            self._connection._conn.rollback()
        else:
            super().rollback()


class OneTripDriver(AsyncAdapt_aiosqlite_dbapi):
    """For `create_async_engine(..., module=OneTripDriver(), connect_args=AT_HOME)`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        usual = super().connect(*arg, **kw)
        return _Connection(self, usual._connection)


#: Whoever is not its thread may use a connection too.
AT_HOME = {"check_same_thread": False}


@contextmanager
def in_place(
    connection: AsyncConnection, *, hurries: Callable[[], bool] = _nobody_waits
) -> Iterator[None]:
    """What is asked here of a connection that only reads, or holds SQLite's lock for writing, runs
    in the event loop's thread, some milliseconds at a time, or some more while somebody `hurries`
    to write next: for statements that find their few rows by a key. With PostgreSQL it changes
    nothing."""
    proxied = connection.sync_connection.connection if connection.sync_connection else None
    adapted = proxied.dbapi_connection if proxied is not None else None
    if not isinstance(adapted, _Connection):
        yield
        return
    place = adapted.place
    place.is_brief, place.hurries = True, hurries
    try:
        yield
    finally:
        place.is_brief, place.hurries = False, _nobody_waits
