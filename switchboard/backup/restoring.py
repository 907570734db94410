"""Puts a backup back: unpacked and proven aside, then moved into place, the database last.

Killed before the first move, everything is as it was. Killed between moves, each place is wholly
the old or the new one, and the same command, begun again, finishes.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from calls import crash_points
from calls.errors import Unavailable
from config.settings import Settings
from storage import migrate
from storage.database import Database
from switchboard.backup import archive, postgres_copy, sqlite_copy
from switchboard.backup.making import database_kind, sqlite_path
from switchboard.backup.manifest import SQLITE_FILE, Manifest
from switchboard.backup.moving import Ready, free_name, give, is_taken, owner_of, ready
from switchboard.backup.places import Place, places
from switchboard.backup.refusals import ArchiveRefused, BackupRefused
from switchboard.progress import Report
from switchboard.seal_key import seals_of

_UNPACKED = ".switchboard-restore"
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(slots=True)
class Restored:
    """`counts`: rows by table, of what is there now. `kept`: where what was there before lies."""

    manifest: Manifest
    counts: Mapping[str, int]
    kept: list[Path] = field(default_factory=list)
    put: list[Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    file: Path
    force: bool = False


@dataclass(frozen=True, slots=True)
class Reports:
    """Who is told how far unpacking and filling are."""

    unpacking: Report
    filling: Report


def check(file: Path, report: Report) -> Manifest:
    """Reads all of it and touches nothing. Raises ArchiveRefused, BackupRefused, OSError."""
    manifest = archive.read(file, None, report)
    _fits(manifest)
    return manifest


def unpack(file: Path, folder: Path, report: Report) -> Manifest:
    """Into a folder that is not there yet or empty, for its owner alone; all of it or nothing."""
    was_there = folder.is_dir()
    if was_there and any(folder.iterdir()):
        raise BackupRefused(f"{folder} is not empty: name a new folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    try:
        return archive.read(file, folder, report)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if was_there:
            folder.mkdir(mode=0o700)
        raise


def restore(settings: Settings, wanted: Wanted, reports: Reports) -> Restored:
    """Raises ArchiveRefused, BackupRefused, Unavailable, OSError; nothing was changed then."""
    promised = archive.peek(wanted.file)
    kind = database_kind(settings)
    if promised.database != kind:
        raise BackupRefused(
            f"the backup is of {_NAMES[promised.database]}, and storage.url names "
            f"{_NAMES[kind]}: set storage.url to a database of the same kind"
        )
    _fits(promised)
    _refuse_key(promised, settings)
    where = [place for place in places(settings) if promised.below(place.name)]
    _refuse_taken(where, promised, wanted)
    sqlite = sqlite_path(settings) if kind == "sqlite" else None
    if sqlite is not None:
        _refuse_rows(sqlite, wanted)
        with sqlite_copy.nobody_else(sqlite):
            pass
        home = sqlite.parent
    else:
        asyncio.run(postgres_copy.check_target(settings.storage.url, force=wanted.force))
        home = settings.rulebook.state_dir.resolve().parent
    with _unpacking(home) as folder:
        manifest = archive.read(wanted.file, folder, reports.unpacking)
        if manifest != promised:
            raise ArchiveRefused(f"{wanted.file} was replaced while it was read: begin again")
        crash_points.reached("restore.unpacked")
        made = folder / "database"
        with _prepared(where, folder) as prepared:
            restored = Restored(manifest, {})
            try:
                if sqlite is not None:
                    _into_sqlite(sqlite, restored, made / SQLITE_FILE, prepared)
                else:
                    rows = postgres_copy.Rows(manifest, made, force=wanted.force)
                    asyncio.run(
                        _into_postgres(settings.storage.url, rows, restored, prepared, reports)
                    )
            except (OSError, *postgres_copy.FAILURES, sqlite3.Error) as error:
                if not restored.put:
                    raise
                raise Unavailable(
                    f"{error}: some files are in place already and the database is as it was; put "
                    "that right and begin again with --force"
                ) from error
        crash_points.reached("restore.done")
    return restored


def _fits(manifest: Manifest) -> None:
    """Its tables and columns are those of its revision: it names no others to be written."""
    shape = postgres_copy.known_shape(manifest.revision)
    due = {table.name: {column.name for column in table.columns} for table in shape.sorted_tables}
    told = {table.name: set(table.columns) for table in manifest.tables}
    if due != told:
        raise ArchiveRefused(f"its tables are not those of revision {manifest.revision}")


def _refuse_key(manifest: Manifest, settings: Settings) -> None:
    """Without its key nobody reads what would stand there."""
    if manifest.sealed_with is None:
        return
    seals = seals_of(settings)
    if seals is None or seals.fingerprint != manifest.sealed_with:
        has = "names none" if seals is None else f"names {seals.fingerprint}"
        raise BackupRefused(
            f"the backup is sealed with the key {manifest.sealed_with}, and "
            f"privacy.encryption.key_file {has}: put that key's file there first (it is in no "
            "backup)"
        )


def _refuse_taken(where: Sequence[Place], manifest: Manifest, wanted: Wanted) -> None:
    if wanted.force:
        return
    taken = [place for place in where if is_taken(place, manifest.below(place.name))]
    if taken:
        listed = ", ".join(f"{place.path} ({place.setting})" for place in taken)
        raise BackupRefused(
            f"there is something already at {listed}: name other places in the settings, or give "
            "--force to have it moved aside"
        )


def _refuse_rows(path: Path, wanted: Wanted) -> None:
    if not wanted.force and not sqlite_copy.is_empty(path):
        raise BackupRefused(
            f"the database {path} holds rows already: name another one in storage.url, or give "
            "--force to have it moved aside"
        )


@contextmanager
def _unpacking(home: Path) -> Iterator[Path]:
    """An empty folder for nobody else, which only one restore has at a time. What a killed one
    left there is removed."""
    home.mkdir(parents=True, exist_ok=True)
    folder = home / _UNPACKED
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupRefused(f"another restore is at work in {home}") from error
        inside = folder / "unpacked"
        shutil.rmtree(inside, ignore_errors=True)
        inside.mkdir(mode=0o700)
        try:
            yield inside
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Prepared:
    stamp: str
    places: list[tuple[Place, Ready]]

    def move(self, restored: Restored) -> None:
        for place, one in self.places:
            kept = one.move()
            if kept is not None:
                restored.kept.append(kept)
            restored.put.append(place)
            crash_points.reached("restore.place_moved")
        crash_points.reached("restore.places_moved")


@contextmanager
def _prepared(where: Sequence[Place], folder: Path) -> Iterator[_Prepared]:
    """All that may fail for want of room or rights, before anything is moved."""
    found = _Prepared(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}", [])
    try:
        for place in where:
            found.places.append((place, ready(place, folder / place.name, found.stamp)))
        yield found
    finally:
        for _place, one in found.places:
            one.forget()


def _into_sqlite(target: Path, restored: Restored, made: Path, prepared: _Prepared) -> None:
    manifest = restored.manifest
    sqlite_copy.check_unpacked(made, manifest)
    restored.counts = {table.name: table.rows for table in manifest.tables}
    asyncio.run(_upgrade(f"sqlite:///{made.absolute()}"))
    # One file again: what upgrading left in the -wal file is in it.
    with sqlite_copy.nobody_else(made):
        give(made, owner_of(target))
    crash_points.reached("restore.prepared")
    aside = None
    if not sqlite_copy.is_empty(target):
        aside = free_name(target.with_name(f"{target.name}.before-{prepared.stamp}"))
    with sqlite_copy.nobody_else(target):
        prepared.move(restored)
        if aside is not None:
            restored.kept.append(aside)
        sqlite_copy.put_in_place(made, target, aside)


async def _upgrade(url: str) -> None:
    database = Database(url)
    try:
        await migrate.upgrade(database)
    finally:
        await database.engine.dispose()


async def _into_postgres(
    url: str,
    rows: postgres_copy.Rows,
    restored: Restored,
    prepared: _Prepared,
    reports: Reports,
) -> None:
    async with postgres_copy.put_back(url, rows, reports.filling) as counts:
        tables = rows.manifest.tables
        wrong = [table.name for table in tables if counts[table.name] != table.rows]
        if wrong:
            raise ArchiveRefused(f"not all rows of {', '.join(wrong)} came back")
        crash_points.reached("restore.prepared")
        prepared.move(restored)
        restored.counts = counts
