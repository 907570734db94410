"""An Asterisk's configuration as Asterisk reads it: what is not included does not count."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from asterisk import config as asterisk_config

UNREADABLE = (asterisk_config.ParseError, OSError, ValueError)

#: Files within files that Asterisk follows at most (MAX_INCLUDE_LEVEL in config.c, Asterisk 22).
_DEEPEST = 10
_INCLUDE = re.compile(r"#(?:try)?include\s+[\"<]?([^\">;]+?)[\">]?\s*(?:;.*)?")


class AsteriskFile(asterisk_config.Config):  # type: ignore[misc]
    """pyst2's parser, with `#include` followed, and kept from what it cannot read: templates such
    as `[agent](phones)`, and files that are not UTF-8. Raises one of UNREADABLE."""

    def load(self) -> None:
        path = Path(self.filename)
        self.raw_lines = [self._readable(line) for line in _lines(path, path.parent, 1)]

    @staticmethod
    def _readable(line: str) -> str:
        stripped = line.strip()
        if stripped.startswith("#"):
            return ""
        if stripped.startswith("[") and "]" in stripped:
            return stripped[: stripped.index("]") + 1]
        code = stripped.split(";", 1)[0]
        return stripped if not code or "=" in code else ""

    def values(self, category: str, name: str) -> list[str]:
        return [
            item.value.strip()
            for found in self.categories
            if found.name == category
            for item in found.items
            if item.name == name
        ]

    def has_category(self, name: str) -> bool:
        return any(category.name == name for category in self.categories)


def parsed(etc: Path, name: str) -> AsteriskFile | None:
    """None where it is not there or not readable; `problem` says why."""
    with suppress(*UNREADABLE):
        return AsteriskFile(str(etc / name))
    return None


def problem(etc: Path, name: str) -> str | None:
    """A sentence where the file is there and it, or one that it includes, cannot be read."""
    path = etc / name
    try:
        AsteriskFile(str(path))
    except FileNotFoundError:
        return None
    except UNREADABLE as error:
        why = getattr(error, "strerror", None) or str(error)
        return f"{getattr(error, 'filename', None) or path}: {why}"
    return None


def _lines(path: Path, etc: Path, level: int) -> Iterator[str]:
    """Includes are found below `etc`, wherever the including file lies, and may be patterns."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        include = _INCLUDE.fullmatch(line.strip())
        if include is None:
            yield line
        elif level < _DEEPEST:
            wanted = Path(include[1])
            folder = Path(wanted.anchor) if wanted.is_absolute() else etc
            pattern = str(wanted.relative_to(wanted.anchor))
            for found in sorted(folder.glob(pattern)):
                yield from _lines(found, etc, level + 1)
