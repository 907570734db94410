"""Makes one backup: copied aside, hashed, packed, and only then given its name."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from calls import crash_points
from calls.errors import Misconfigured
from config.settings import Settings
from config.settings_file import DEFAULT_FILE
from storage.database import driver_url
from storage.seal_tables import seals
from switchboard.backup import archive, postgres_copy, sqlite_copy
from switchboard.backup.blanked import without_secrets
from switchboard.backup.manifest import (
    SQLITE_FILE,
    DatabaseKind,
    Manifest,
    Member,
    is_safe,
)
from switchboard.backup.places import held, places, secret_files, variables
from switchboard.backup.refusals import BackupRefused
from switchboard.progress import Report

ENDING: Final = ".tar.gz"
_OURS = re.compile(r"switchboard-\d{8}T\d{6}Z\.tar\.gz")
_MAKING = ".switchboard-backup-"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """`target`: a file, or a folder that gets a file with the time in its name."""

    target: Path
    force: bool = False
    with_secrets: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    path: Path
    size: int
    manifest: Manifest
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reports:
    """Who is told how far copying and packing are."""

    copying: Report
    packing: Report


def make(settings: Settings, config: Path | None, wanted: Wanted, reports: Reports) -> Made:
    """Raises BackupRefused, Misconfigured, OSError; then there is no new file."""
    made_at = datetime.now(UTC).replace(microsecond=0)
    target = wanted.target
    if target.is_dir():
        target = target / f"switchboard-{made_at:%Y%m%dT%H%M%SZ}{ENDING}"
    if target.exists() and not wanted.force:
        raise BackupRefused(f"{target} is there already: name another file, or give --force")
    if not target.parent.is_dir():
        raise BackupRefused(f"{target.parent} is no folder: make it first")
    with _workshop(target.parent) as folder:
        staged = folder / "staged"
        notices: list[str] = []
        (staged / "database").mkdir(parents=True)
        kind = database_kind(settings)
        copied = _copy_database(settings, staged / "database", wanted, reports)
        # After the database: whatever version of a rulebook or model its rows name is there.
        _copy_files(settings, config, staged, wanted, notices)
        manifest = Manifest(
            format=1,
            product=version("switchboard-pbx"),
            made_at=made_at,
            database=kind,
            revision=copied.revision,
            tables=copied.tables,
            members=tuple(_members(staged)),
            with_secrets=wanted.with_secrets,
            sealed_with=copied.sealed_with,
            environment=variables(),
        )
        crash_points.reached("backup.copied")
        packed = folder / "packed"
        with os.fdopen(os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            archive.write(file, manifest, staged, reports.packing)
            file.flush()
            os.fsync(file.fileno())
        crash_points.reached("backup.packed")
        _give_name(packed, target, force=wanted.force)
        crash_points.reached("backup.named")
    if variables():
        listed = ", ".join(variables())
        notices.append(f"settings in the environment are not in it, keep them yourself: {listed}")
    return Made(target, target.stat().st_size, manifest, tuple(notices))


def _give_name(packed: Path, target: Path, *, force: bool) -> None:
    if force:
        packed.replace(target)
    else:
        try:
            os.link(packed, target)
        except FileExistsError as error:
            raise BackupRefused(f"{target} was made by somebody else meanwhile") from error
    sqlite_copy.sync_folder(target.parent)


@contextmanager
def _workshop(parent: Path) -> Iterator[Path]:
    """A folder for nobody else, on the file system of the target. Those that killed backups left
    are removed: nobody holds their lock."""
    for left in parent.glob(f"{_MAKING}*"):
        with _locked(left) as is_ours:
            if is_ours:
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_MAKING, dir=parent))
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def database_kind(settings: Settings) -> DatabaseKind:
    return "sqlite" if settings.storage.url.startswith("sqlite") else "postgresql"


def sqlite_path(settings: Settings) -> Path:
    """Raises Misconfigured for a database in memory."""
    name = make_url(driver_url(settings.storage.url)).database
    if not name or name == ":memory:":
        raise Misconfigured("storage.url: a database in memory cannot be backed up")
    return Path(name)


def _copy_database(
    settings: Settings, folder: Path, wanted: Wanted, reports: Reports
) -> postgres_copy.Copied:
    secrets = wanted.with_secrets
    if database_kind(settings) == "postgresql":
        return asyncio.run(
            postgres_copy.copy(
                settings.storage.url, folder, with_secrets=secrets, report=reports.copying
            )
        )
    path, target = sqlite_path(settings), folder / SQLITE_FILE
    sqlite_copy.copy(path, target, with_secrets=secrets, report=reports.copying)
    revision = sqlite_copy.revision_of(target)
    shape = postgres_copy.known_shape(revision)
    expected = [(t.name, tuple(c.name for c in t.columns)) for t in shape.sorted_tables]
    rows = sqlite_copy.rows_of(target, expected)
    sealed_with = sqlite_copy.sealed_with(target) if seals.name in shape.tables else None
    return postgres_copy.Copied(str(revision), rows, sealed_with)


def _copy_files(
    settings: Settings, config: Path | None, staged: Path, wanted: Wanted, notices: list[str]
) -> None:
    where = places(settings)
    with held(where):
        for place in where:
            for name, path in place.files():
                _copy_file(path, staged, f"{place.name}/{name}", notices)
    file = config or DEFAULT_FILE
    if file.is_file():
        text = file.read_text(encoding="utf-8-sig")
        kept = staged / "settings" / "switchboard.yaml"
        kept.parent.mkdir(parents=True)
        kept.write_text(text if wanted.with_secrets else without_secrets(text), encoding="utf-8")
    if wanted.with_secrets:
        for key, path in secret_files(settings).items():
            _copy_file(path, staged, f"secrets/{key}", notices)


def _copy_file(path: Path, staged: Path, name: str, notices: list[str]) -> None:
    if not is_safe(name):
        notices.append(f"{path} is not in it: its name is too long, or holds what no name should")
        return
    target = staged / name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("rb") as source, target.open("xb") as copied:
            shutil.copyfileobj(source, copied, _CHUNK)
    except FileNotFoundError:
        notices.append(f"{path} is not in it: there is no such file any more")


def _members(staged: Path) -> Iterator[Member]:
    for path in sorted(staged.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = path.relative_to(staged).as_posix()
            yield Member(name=name, bytes=path.stat().st_size, sha256=digest)


def prune(folder: Path, keep: int) -> list[Path]:
    """Removes all but the newest `keep` of the backups that were named by their time."""
    found = sorted(path for path in folder.iterdir() if _OURS.fullmatch(path.name))
    gone = found[:-keep]
    for path in gone:
        path.unlink()
    return gone
