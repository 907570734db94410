"""Files that are there whole or not at all, and records that are believed only when whole."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from calls.errors import Misconfigured

#: A record beyond is none of ours.
MAX_RECORD_BYTES = 16 * 2**20


def settle(path: Path, text: str) -> None:
    """Writes beside, then renames."""
    settle_by(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def settle_by(path: Path, write: Callable[[Path], object]) -> None:
    """`write` is told where; afterwards that file takes the name `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Workers of several machines, whose process numbers may be the same, write into one folder.
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        write(beside)
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def read_record(path: Path) -> dict[str, Any] | None:
    """None for what is absent, torn or no record."""
    try:
        if path.stat().st_size > MAX_RECORD_BYTES:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Raises Misconfigured while another program works in `folder`. Its end frees it, however."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Misconfigured(f"{folder}: another program is writing to it") from error
        yield
