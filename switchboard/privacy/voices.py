"""What callers said, on disk: files that our dialogs had Asterisk record (`ivr.messages`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

#: `recording_name` of `ivr.messages` (of whole calls: `ivr.consent`), and what Asterisk adds;
#: whoever shares the folder (call recordings of the PBX's own) is left alone.
_OURS: Final = re.compile(r"(?:message|name|call)-[A-Za-z0-9_.-]{1,80}-\d{1,4}\.[A-Za-z0-9]{2,6}")


def old(folder: Path, before: datetime) -> Iterator[Path]:
    """Raises OSError where the folder cannot be read."""
    for path in sorted(folder.iterdir()):
        if not _OURS.fullmatch(path.name) or path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_mtime < before.timestamp():
            yield path


def named(folder: Path, names: Iterable[str]) -> list[Path]:
    """The files of recordings with these names, in whatever format. Names are those of rows: what
    is none of ours leads to no file."""
    wanted = frozenset(names)
    return [
        path
        for path in sorted(folder.iterdir())
        if _OURS.fullmatch(path.name) and not path.is_symlink() and path.stem in wanted
    ]
