"""Brings a database to the shape this version needs, before anything uses it."""

from __future__ import annotations

import asyncio

import asyncpg  # type: ignore[import-untyped]
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls import crash_points
from calls.errors import Misconfigured, Unavailable
from storage.database import SQLITE_BEGIN, Database, open_engine
from storage.revisions import upgrade_to_head
from storage.transient import is_transient

#: Any number will do, as long as nothing else in the same database uses it.
_ADVISORY_LOCK = 7_304_020_161
#: How long another process is waited for that makes the database, and how often it is looked at.
_REACH_S, _AGAIN_S = 5.0, 0.02
#: SQLAlchemy translates most of what asyncpg raises; the socket's errors come as they are.
_UNREACHABLE = (SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def upgrade(database: Database) -> None:
    """Upgrades to the newest revision; does nothing where that is reached. Of several processes
    that start at once, one upgrades and the others wait for it. All or nothing: on both databases
    the revisions run in one transaction.

    Runs in a thread with a loop of its own, since Alembic reads files and imports modules.
    Raises Misconfigured where a newer version has used this database, Unavailable where it does not
    answer, lets nobody in, or is something else.
    """
    await asyncio.to_thread(lambda: asyncio.run(_upgrade(database.url)))


async def _upgrade(url: str) -> None:
    plain = open_engine(url)
    engine = plain.execution_options(**{SQLITE_BEGIN: "EXCLUSIVE"})
    try:
        await _reach(plain)
        async with engine.connect() as connection:
            await take_turn(connection)
            await connection.run_sync(upgrade_to_head)
            crash_points.reached("migration.before_commit")
            await connection.commit()
            crash_points.reached("migration.after_commit")
    except CommandError as error:
        raise Misconfigured(
            f"storage.url: the database does not fit this version of Switchboard ({error}); "
            "install the version that last used it, or restore the backup made before"
        ) from error
    finally:
        await engine.dispose()


async def _reach(engine: AsyncEngine) -> None:
    """Tried again while another process makes the same file: SQLite changes the journal mode of a
    new one without waiting for whoever else does (sqlite.org/wal.html, "Sometimes Queries Return
    SQLITE_BUSY")."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _REACH_S
    while True:
        try:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
                return
        except _UNREACHABLE as error:
            if engine.dialect.name == "sqlite" and is_transient(error) and loop.time() < until:
                await asyncio.sleep(_AGAIN_S)
                continue
            why = str(getattr(error, "orig", None) or error) or "no answer in time"
            raise Unavailable(
                f"storage.url: the database cannot be used: {why.splitlines()[0]}"
            ) from error


async def take_turn(connection: AsyncConnection) -> None:
    """Begins the transaction, and holds to its end the lock under which tables are changed."""
    if connection.dialect.name == "sqlite":
        driver = await connection.get_raw_connection()
        # Another process may be busy upgrading for longer than a write may take.
        await driver.driver_connection.execute("PRAGMA busy_timeout=60000")  # type: ignore[union-attr]
        await connection.execute(text("SELECT 1"))
    else:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
