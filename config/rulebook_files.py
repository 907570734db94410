"""The files of a rulebook folder, read once: what is checked is what is hashed, stored and used."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.located_yaml import MAX_BYTES
from config.problems import Problem

MAX_FILES = 100
MAX_TOTAL_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class RulebookFiles:
    """`contents` by file name, in name order."""

    folder: str
    contents: Mapping[str, bytes]
    problems: tuple[Problem, ...] = field(default=())

    @property
    def version(self) -> str:
        digest = hashlib.sha256()
        for name, content in self.contents.items():
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:16]


def rulebook_paths(folder: Path) -> list[Path]:
    """Every `*.yaml` and `*.yml` right in the folder but hidden ones. Raises OSError."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".yaml", ".yml") and not path.name.startswith(".")
    )


def read_rulebook_files(folder: Path) -> RulebookFiles:
    """Never raises: a folder or file that cannot be read is a problem."""
    try:
        paths = rulebook_paths(folder)
    except OSError as error:
        what = f"the rulebook folder cannot be read: {error.strerror}"
        return RulebookFiles(str(folder), {}, (Problem(str(folder), 0, what),))
    problems: list[Problem] = []
    if not paths:
        problems.append(Problem(str(folder), 0, "the rulebook folder holds no .yaml file"))
    if len(paths) > MAX_FILES:
        what = f"the rulebook folder holds more than {MAX_FILES} files"
        return RulebookFiles(str(folder), {}, (Problem(str(folder), 0, what),))
    contents: dict[str, bytes] = {}
    for path in paths:
        try:
            with path.open("rb") as file:
                contents[path.name] = file.read(MAX_BYTES + 1)
        except OSError as error:
            problems.append(Problem(str(path), 0, f"the file cannot be read: {error.strerror}"))
    if sum(map(len, contents.values())) > MAX_TOTAL_BYTES:
        problems.append(
            Problem(str(folder), 0, f"the files hold more than {MAX_TOTAL_BYTES:,} bytes in all")
        )
        contents = {}
    return RulebookFiles(str(folder), contents, tuple(problems))
