"""SQLite: a copy of one instant while others write, and a copy put in the place of a database."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from switchboard.backup.manifest import Manifest, TableRows
from switchboard.backup.refusals import ArchiveRefused, BackupRefused
from switchboard.progress import Report

#: Columns that are secrets in plain, and may stay NULL.
SECRET_COLUMNS: Final = {"agents": ("sip_secret",), "second_factors": ("secret",)}
_PAGES_A_STEP = 1024
_WAIT_S = 10.0


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    address = f"file:{quote(str(path.absolute()))}?mode=rw"
    with closing(
        sqlite3.connect(address, uri=True, timeout=_WAIT_S, isolation_level=None)
    ) as connection:
        # What a file from elsewhere may call in its own schema: nothing that has effects.
        connection.execute("PRAGMA trusted_schema=OFF")
        yield connection


def copy(source: Path, target: Path, *, with_secrets: bool, report: Report) -> None:
    """The copy is one whole file, checked. Whoever writes meanwhile waits for nothing; the source's
    -wal file keeps growing until this ends. Raises BackupRefused, sqlite3.Error."""
    if not source.is_file():
        raise BackupRefused(f"storage.url: there is no database {source} yet")
    with _opened(source) as there, closing(sqlite3.connect(target, isolation_level=None)) as here:
        # Under a snapshot of its own the copy need not begin again with every write of others
        # (sqlite.org/c3ref/backup_finish.html, "Concurrent Usage of Database Handles").
        there.execute("BEGIN")
        there.execute("SELECT count(*) FROM sqlite_master").fetchone()
        there.backup(
            here,
            pages=_PAGES_A_STEP,
            progress=lambda _status, left, total: report(total - left, total),
        )
        there.execute("ROLLBACK")
        here.execute("PRAGMA journal_mode=DELETE")
        _drop_foreign(here)
        if not with_secrets:
            _forget_secrets(here)
        _check(here, BackupRefused, "the database itself is damaged; see sqlite.org/recovery.html")


def _drop_foreign(copied: sqlite3.Connection) -> None:
    """Somebody's triggers and views: a restored database must not come with code in it."""
    for kind, name in _code_in(copied):
        quoted = name.replace('"', '""')
        copied.execute(f'DROP {kind} "{quoted}"')


def _code_in(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    question = "SELECT upper(type), name FROM sqlite_master WHERE type IN ('trigger', 'view')"
    return list(connection.execute(question))


def _forget_secrets(copied: sqlite3.Connection) -> None:
    copied.execute("PRAGMA secure_delete=ON")
    for table, columns in SECRET_COLUMNS.items():
        there = {row[1] for row in copied.execute(f'PRAGMA table_info("{table}")')}
        for column in there & set(columns):
            copied.execute(f'UPDATE "{table}" SET "{column}" = NULL')  # noqa: S608 -- names of our own tables


def _check(connection: sqlite3.Connection, refusal: type[BackupRefused], what_to_do: str) -> None:
    try:
        said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
        loose = connection.execute("PRAGMA foreign_key_check").fetchmany(3)
    except sqlite3.DatabaseError as error:
        raise refusal(f"{error}: {what_to_do}") from error
    if said != ["ok"]:
        raise refusal(f"{'; '.join(said)}: {what_to_do}")
    if loose:
        raise refusal(f"rows of {loose[0][0]} name rows that are not there: {what_to_do}")


def revision_of(path: Path) -> str | None:
    """None where no revision was ever made."""
    with _opened(path) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
    return None if row is None else str(row[0])


def sealed_with(path: Path) -> str | None:
    """Fingerprint of the key, of a database that knows of seals."""
    with _opened(path) as connection:
        row = connection.execute("SELECT fingerprint FROM seals").fetchone()
    return None if row is None else str(row[0])


def rows_of(path: Path, tables: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[TableRows, ...]:
    """By name and columns. Raises BackupRefused where a table is missing."""
    with _opened(path) as connection:
        found = []
        for name, columns in tables:
            there = {row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')}
            if not there >= set(columns):
                raise BackupRefused(f"the database lacks the table {name}, or columns of it")
            [count] = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608 -- names of our own tables
            found.append(TableRows(name=name, columns=columns, rows=count))
    return tuple(found)


def check_unpacked(path: Path, manifest: Manifest) -> None:
    """Raises ArchiveRefused where this is not the database that the manifest speaks of."""
    try:
        with _opened(path) as connection:
            _check(connection, ArchiveRefused, "take another backup")
            kinds = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL%'"
            code = [name for _kind, name in _code_in(connection)]
            code += [name for (name,) in connection.execute(kinds)]
        if code:
            raise ArchiveRefused(
                f"its database holds code ({code[0][:60]}): no backup of ours does"
            )
        if revision_of(path) != manifest.revision:
            raise ArchiveRefused("its database is not of the revision that its manifest names")
        expected = tuple((table.name, table.columns) for table in manifest.tables)
        if rows_of(path, expected) != manifest.tables:
            raise ArchiveRefused("its database does not hold what its manifest says")
    except sqlite3.DatabaseError as error:
        raise ArchiveRefused(f"its database cannot be read: {error}") from error


def is_empty(path: Path) -> bool:
    """Whether no table holds a row; alembic's own does not count."""
    if not path.exists():
        return True
    with _opened(path) as connection:
        question = (
            "SELECT name FROM sqlite_master WHERE type = 'table'"
            " AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
        )
        names = [name.replace('"', '""') for (name,) in connection.execute(question)]
        return not any(
            connection.execute(f'SELECT EXISTS (SELECT 1 FROM "{name}")').fetchone()[0]  # noqa: S608 -- quoted
            for name in names
        )


@contextmanager
def nobody_else(path: Path) -> Iterator[None]:
    """Holds the database so that nobody else can open it, all of it in one file. Raises
    BackupRefused where somebody has it open: leaving WAL needs to be alone with it
    (sqlite.org/wal.html, "Backwards Compatibility"), and a server keeps its connections."""
    if not path.exists():
        yield
        return
    with closing(sqlite3.connect(path, timeout=0.5, isolation_level=None)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE").fetchone()
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            raise BackupRefused(
                f"{path} is in use: stop the server (systemctl stop switchboard), and whatever "
                "else has it open"
            ) from error
        yield
        connection.execute("ROLLBACK")


def put_in_place(made: Path, target: Path, aside: Path | None) -> None:
    """`made` on the same file system, in one step; what was there is `aside` afterwards."""
    with made.open("rb") as file:
        os.fsync(file.fileno())
    if aside is not None and target.exists():
        os.link(target, aside)
    made.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
