"""The engine: SQLite (WAL) by default, PostgreSQL by URL, the same code on both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from calls.errors import Misconfigured
from storage.audit_log import AuditLog, KeyOf
from storage.sealed.columns import give_seals
from storage.sealed.seals import Seals
from storage.sqlite_trips import AT_HOME, BUSY_MS, OneTripDriver, in_place
from storage.writer import GroupWriter

#: Execution option: how a SQLite transaction begins (DEFERRED unless told).
SQLITE_BEGIN = "switchboard_sqlite_begin"
#: Seconds a PostgreSQL has to let us in, and to answer one statement; a server that went silent
#: would else hold its asker until the network gives up, a quarter of an hour later.
CONNECT_S = 5.0
STATEMENT_S = 30.0


class Database:
    """Readers take `read()`, writers hand a unit of work to `writer` (one transaction may carry
    many units: see `storage.writer`).

    `url` is `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME`. `statement_s`: as
    `open_engine` takes it. Without `audit_key` nothing is told to the audit log. With `seals`
    numbers and names are written sealed, and opened when they are read.
    """

    def __init__(
        self,
        url: str,
        *,
        statement_s: float = STATEMENT_S,
        audit_key: KeyOf | None = None,
        seals: Seals | None = None,
    ) -> None:
        self.url = driver_url(url)
        self.engine: AsyncEngine = open_engine(self.url, statement_s=statement_s)
        self.seals = seals
        give_seals(self.engine.dialect, seals)
        # A writer that begins by reading could not be given the lock later: two such writers
        # would each wait for the other. It takes the lock first.
        writing = self.engine.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"})
        for_callers = None if self.is_sqlite else GroupWriter(writing)
        self.writer = GroupWriter(writing, for_callers=for_callers)
        self.audit = AuditLog(writing, audit_key)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @asynccontextmanager
    async def read(self, *, brief: bool = False) -> AsyncIterator[AsyncConnection]:
        """One consistent view for as long as the connection is held; never waits for a writer.
        `brief`: for questions that find their few rows by a key, while a caller waits; SQLite
        answers them without a trip to its thread."""
        async with self.engine.connect() as connection:
            with in_place(connection) if brief else nullcontext():
                yield connection

    async def __aenter__(self) -> Self:
        await self.writer.start()
        self.audit.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.audit.stop()
        await self.writer.stop()
        await self.engine.dispose()


def driver_url(url: str) -> str:
    """As `open_engine` takes it. Raises Misconfigured for a database we do not speak to."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # What was written may hold a password, so it is not repeated.
        raise Misconfigured(
            "storage.url: not an address; use sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    backend = parsed.get_backend_name()
    if backend not in drivers:
        raise Misconfigured(
            f"storage.url: {backend!r} is not supported; use sqlite:///FILE or postgresql://…"
        )
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        _make_folder(Path(parsed.database).parent)
    return parsed.set(drivername=drivers[backend]).render_as_string(hide_password=False)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"storage.url: the folder {folder} cannot be made: {error.strerror}"
        ) from error


def open_engine(url: str, *, statement_s: float | None = None) -> AsyncEngine:
    """An engine of its own for a `Database.url` (with the driver's name in it). Its errors do not
    repeat the values they are about: those are names and numbers, and errors reach the log.

    `statement_s` bounds PostgreSQL's answer to one statement: TimeoutError. SQLite's waiting for a
    lock is bounded always.
    """
    if not url.startswith("sqlite"):
        return create_async_engine(
            url,
            pool_size=8,
            max_overflow=4,
            pool_timeout=5,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={
                "timeout": CONNECT_S,
                "command_timeout": statement_s,
                # So that whoever must be alone with the database sees that we are there.
                "server_settings": {"application_name": "switchboard"},
            },
        )
    # No overflow: each connection is a thread, and one beyond the pool's size would be started and
    # ended again for every question of a busy moment.
    engine = create_async_engine(
        url,
        module=OneTripDriver(),
        connect_args=AT_HOME,
        pool_size=8,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Python's driver would begin transactions by its own rules and so break savepoints and
    # transactional DDL; we begin them (SQLAlchemy, dialects/sqlite, "Transactions with SQLite").
    connection.isolation_level = None
    cursor = connection.cursor()
    # busy_timeout first: changing the journal mode may itself have to wait.
    # synchronous=FULL: a journaled call survives a power cut, not only our own death.
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-16000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get(SQLITE_BEGIN, "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
