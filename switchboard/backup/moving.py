"""Files put in the place of others: copied beside them first, then moved by renaming alone."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from switchboard.backup.manifest import Member
from switchboard.backup.places import Place
from switchboard.backup.sqlite_copy import sync_folder


@dataclass(frozen=True, slots=True)
class Ready:
    """`made` lies beside `target`; `aside` is the name that what is there gets, or
    the next one that is free."""

    made: Path
    target: Path
    aside: Path

    def move(self) -> Path | None:
        """Returns where what was there lies now."""
        kept = None
        if self.target.is_dir() and not any(self.target.iterdir()):
            self.target.rmdir()
        elif self.target.exists():
            kept = free_name(self.aside)
            self.target.rename(kept)
        self.made.rename(self.target)
        sync_folder(self.target.parent)
        return kept

    def forget(self) -> None:
        if self.made.is_dir():
            shutil.rmtree(self.made, ignore_errors=True)
        else:
            self.made.unlink(missing_ok=True)


def ready(place: Place, source: Path, stamp: str) -> Ready:
    """`source`: the place's folder in what was unpacked. Raises OSError."""
    target = place.path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    made = target.parent / f".{target.name}.restoring"
    found = Ready(made, target, target.parent / f"{target.name}.before-{stamp}")
    found.forget()  # of a restore that was killed
    owner = owner_of(target)
    if place.is_file:
        [only] = source.iterdir()
        _copy(only, made, owner)
        return found
    made.mkdir()
    give(made, owner)
    for path in sorted(source.rglob("*")):
        below = made / path.relative_to(source)
        if path.is_dir():
            below.mkdir()
            give(below, owner)
        else:
            _copy(path, below, owner)
    return found


def free_name(name: Path) -> Path:
    """Not that of a restore which began in the same second."""
    found, count = name, 1
    while found.exists():
        count += 1
        found = name.with_name(f"{name.name}-{count}")
    return found


def _copy(source: Path, target: Path, owner: tuple[int, int] | None) -> None:
    with source.open("rb") as read, target.open("xb") as written:
        shutil.copyfileobj(read, written, 1 << 20)
        written.flush()
        os.fsync(written.fileno())
    give(target, owner)


def owner_of(path: Path) -> tuple[int, int] | None:
    """Whose it is, or of the nearest folder above it: root puts things back for others. None where
    we are not root, and everything we make is ours anyway."""
    if os.geteuid() != 0:
        return None
    while not path.exists():
        path = path.parent
    status = path.stat()
    return status.st_uid, status.st_gid


def give(path: Path, owner: tuple[int, int] | None) -> None:
    if owner is not None:
        os.chown(path, *owner)


def is_taken(place: Place, members: Sequence[Member]) -> bool:
    """Whether something else is there than what is to be put there."""
    there = place.files()
    if not there:
        return False
    if place.is_file:
        return [_sha256(place.path)] != [member.sha256 for member in members]
    told = {member.name: member.sha256 for member in members}
    return told != {f"{place.name}/{name}": _sha256(path) for name, path in there}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
