"""What a database leaves of deleted rows in its files, until these are made anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from storage.database import Database, driver_url
from switchboard.privacy.registry import REGISTRY

#: A larger file is made anew when told so alone: nobody can write meanwhile, about a second for
#: each hundred megabytes, and callers whose call cannot be written go to the default queue.
SOON_BYTES: Final = 50 * 2**20
_WAIT_S: Final = 10.0


def sqlite_file(url: str) -> Path | None:
    parsed = make_url(driver_url(url))
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return Path(parsed.database)


def make_anew(path: Path) -> bool:
    """VACUUM, and an empty write-ahead log. False where a long reader keeps the log for now. Raises
    sqlite3.Error where somebody writes all the time."""
    with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as link:
        link.execute("PRAGMA secure_delete=ON")
        link.execute("VACUUM")
        return _empty_log(link)


def empty_log(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)) as link:
        return _empty_log(link)


def _empty_log(link: sqlite3.Connection) -> bool:
    (busy, _, _) = link.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


async def vacuum_postgres(database: Database, tables: Iterable[str]) -> list[tuple[str, str]]:
    """The tables' dead rows; those of the database's own write-ahead log are its archive's. Which
    could not be vacuumed, and why: their rows are gone all the same."""
    known = {held.table.name for held in REGISTRY}
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    failed = []
    for name in sorted(known & set(tables)):
        try:
            async with engine.connect() as link:
                await link.exec_driver_sql(f'VACUUM "{name}"')
        except (SQLAlchemyError, OSError) as error:
            failed.append((name, type(error).__name__))
    return failed
