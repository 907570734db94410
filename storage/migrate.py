"""Brings a database to the shape this version needs, before anything uses it."""

from __future__ import annotations

import asyncio

from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Misconfigured
from storage.database import SQLITE_BEGIN, Database, open_engine
from storage.revisions import upgrade_to_head

#: Any number will do, as long as nothing else in the same database uses it.
_ADVISORY_LOCK = 7_304_020_161


async def upgrade(database: Database) -> None:
    """Upgrades to the newest revision; does nothing where that is reached. Of several processes
    that start at once, one upgrades and the others wait for it. All or nothing: on both databases
    the revisions run in one transaction.

    Runs in a thread with a loop of its own, since Alembic reads files and imports modules.
    Raises Misconfigured where a newer version has used this database.
    """
    await asyncio.to_thread(lambda: asyncio.run(_upgrade(database.url)))


async def _upgrade(url: str) -> None:
    engine = open_engine(url).execution_options(**{SQLITE_BEGIN: "EXCLUSIVE"})
    try:
        async with engine.connect() as connection:
            await _wait_for_lock(connection)
            await connection.run_sync(upgrade_to_head)
            await connection.commit()
    except CommandError as error:
        raise Misconfigured(
            f"storage.url: the database does not fit this version of Switchboard ({error}); "
            "install the version that last used it, or restore the backup made before"
        ) from error
    finally:
        await engine.dispose()


async def _wait_for_lock(connection: AsyncConnection) -> None:
    """Begins the transaction, and holds the lock to its end."""
    if connection.dialect.name == "sqlite":
        driver = await connection.get_raw_connection()
        # Another process may be busy upgrading for longer than a write may take.
        await driver.driver_connection.execute("PRAGMA busy_timeout=60000")  # type: ignore[union-attr]
        await connection.execute(text("SELECT 1"))
    else:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
