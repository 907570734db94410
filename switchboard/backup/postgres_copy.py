"""PostgreSQL: every table's rows of one instant by COPY, and back in one transaction.

Without pg_dump: see docs/decisions/0022-backups-without-pg-dump.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it ships no types
from sqlalchemy import MetaData, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import driver_url, open_engine
from storage.migrate import take_turn
from storage.revisions import upgrade_to, upgrade_to_head
from storage.seal_tables import seals
from storage.shapes import VERSION_TABLE, known_revisions, shape_at
from switchboard.backup.manifest import ROWS, Manifest, TableRows
from switchboard.backup.refusals import ArchiveRefused, BackupRefused
from switchboard.backup.sqlite_copy import SECRET_COLUMNS
from switchboard.progress import Report

#: What the driver raises, by itself and through SQLAlchemy.
FAILURES: Final = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
_OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND application_name = 'switchboard'
"""


@dataclass(frozen=True, slots=True)
class Copied:
    revision: str
    tables: tuple[TableRows, ...]
    sealed_with: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """What was unpacked below `folder`; with `force` it takes the place of rows that are there."""

    manifest: Manifest
    folder: Path
    force: bool = False


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = open_engine(driver_url(url))
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


async def copy(url: str, folder: Path, *, with_secrets: bool, report: Report) -> Copied:
    """Writes `folder`/TABLE.rows, each of the same instant; whoever writes meanwhile waits for
    nothing. Raises BackupRefused, and what the driver raises."""
    async with _connected(url) as connection:
        link = await _driver(connection)
        async with link.transaction(isolation="repeatable_read", readonly=True):
            if await link.fetchval("SELECT to_regclass($1)", VERSION_TABLE) is None:
                raise BackupRefused("storage.url: there is nothing in this database yet")
            revision = await link.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 -- names of our own tables
            shape = known_shape(revision)
            sizes = {
                table.name: await link.fetchval("SELECT pg_table_size($1::regclass)", table.name)
                for table in shape.sorted_tables
            }
            tables, done = [], 0
            for table in shape.sorted_tables:
                columns = tuple(column.name for column in table.columns)
                hidden = () if with_secrets else SECRET_COLUMNS.get(table.name, ())
                listed = ", ".join(f'NULL AS "{c}"' if c in hidden else f'"{c}"' for c in columns)
                said = await link.copy_from_query(
                    f'SELECT {listed} FROM "{table.name}"',  # noqa: S608 -- names of our own tables
                    output=folder / f"{table.name}{ROWS}",
                )
                done += sizes[table.name]
                report(done, sum(sizes.values()))
                rows = int(said.split()[-1])
                found = TableRows(name=table.name, columns=columns, rows=rows)
                last = await _last_number(link, found)
                tables.append(found.model_copy(update={"last_number": last}))
            sealed_with = None
            if seals.name in shape.tables:
                sealed_with = await link.fetchval(f"SELECT fingerprint FROM {seals.name}")  # noqa: S608 -- names of our own tables
    return Copied(revision, tuple(tables), sealed_with)


def known_shape(revision: str | None) -> MetaData:
    """Raises BackupRefused for a revision that only a later version knows."""
    if revision not in known_revisions():
        raise BackupRefused(
            f"the database is of revision {revision}, which this version of Switchboard does not "
            "know: use the version that made it"
        )
    return shape_at(revision)


@asynccontextmanager
async def put_back(url: str, rows: Rows, report: Report) -> AsyncIterator[Mapping[str, int]]:
    """Yields the rows that are there now by table, before it is committed: whoever leaves by an
    error, or dies, leaves the database as it was. Raises BackupRefused, ArchiveRefused, and what
    the driver raises."""
    async with _connected(url) as connection:
        await take_turn(connection)
        await _refuse_company(connection)
        await _refuse_rows(connection, force=rows.force)
        await _drop_ours(connection)
        await connection.run_sync(upgrade_to, rows.manifest.revision)
        await _fill(connection, rows, report)
        counts = {}
        for table in rows.manifest.tables:
            counts[table.name] = await _count(connection, table.name)
        await connection.run_sync(upgrade_to_head)
        yield counts
        await connection.commit()


async def check_target(url: str, *, force: bool) -> None:
    """What `put_back` would refuse, before anything long is begun."""
    async with _connected(url) as connection:
        await _refuse_company(connection)
        await _refuse_rows(connection, force=force)


async def refuse_company(url: str) -> None:
    """Raises BackupRefused where a server, or a command, uses the database."""
    async with _connected(url) as connection:
        await _refuse_company(connection)


async def _refuse_company(connection: AsyncConnection) -> None:
    if await connection.scalar(text(_OTHERS)):
        raise BackupRefused(
            "storage.url: this database is in use: stop the server (systemctl stop switchboard), "
            "and every other command of Switchboard"
        )


async def _ours(connection: AsyncConnection) -> list[str]:
    """Tables of this database that Switchboard made. Raises BackupRefused."""
    there = await connection.run_sync(lambda link: set(inspect(link).get_table_names()))
    if VERSION_TABLE not in there:
        # Somebody else's database: what has our names by chance stays, and the revisions fail.
        return []
    revision = await connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608 -- names of our own tables
    return [table.name for table in known_shape(revision).sorted_tables if table.name in there]


async def _refuse_rows(connection: AsyncConnection, *, force: bool) -> None:
    for name in await _ours(connection):
        filled = await connection.scalar(text(f'SELECT EXISTS (SELECT 1 FROM "{name}")'))  # noqa: S608 -- names of our own tables
        if filled and not force:
            raise BackupRefused(
                "storage.url: this database holds rows already: name an empty one, or give --force "
                "to have them replaced"
            )


async def _drop_ours(connection: AsyncConnection) -> None:
    names = await _ours(connection)
    if names:
        listed = ", ".join(f'"{name}"' for name in (*names, VERSION_TABLE))
        # Not CASCADE: what somebody built on our tables would go silently.
        await connection.execute(text(f"DROP TABLE {listed}"))


async def _count(connection: AsyncConnection, table: str) -> int:
    return int(await connection.scalar(text(f'SELECT count(*) FROM "{table}"')) or 0)  # noqa: S608 -- names of our own tables


async def _fill(connection: AsyncConnection, wanted: Rows, report: Report) -> None:
    manifest = wanted.manifest
    link = await _driver(connection)
    sizes = {m.name.rsplit("/", 1)[-1]: m.bytes for m in manifest.below("database")}
    done, total = 0, sum(sizes.values())
    for table in manifest.tables:
        source = wanted.folder / f"{table.name}{ROWS}"
        try:
            await link.copy_to_table(table.name, source=source, columns=list(table.columns))
        except Exception as error:
            if getattr(error, "sqlstate", "")[:2] not in ("22", "23", "42"):
                raise
            raise ArchiveRefused(f"its rows of {table.name} cannot be put in: {error}") from error
        done += sizes[source.name]
        report(done, total)
        if table.last_number:
            # A number given before is not given again.
            await connection.execute(
                text("SELECT setval(CAST(:name AS regclass), :last)"),
                {"name": await _sequence(link, table), "last": table.last_number},
            )


async def _sequence(link: Any, table: TableRows) -> str | None:
    """The sequence that numbers its rows; ours have one at most."""
    for column in table.columns:
        name = await link.fetchval("SELECT pg_get_serial_sequence($1, $2)", table.name, column)
        if name is not None:
            return str(name)
    return None


async def _last_number(link: Any, table: TableRows) -> int | None:
    name = await _sequence(link, table)
    if name is None:
        return None
    asked = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}"  # noqa: S608 -- named by PostgreSQL
    return int(await link.fetchval(asked))
