"""The files of a rulebook folder, read once: what is checked is what is hashed, stored and used.

FOLDER/*.yaml                      the language
FOLDER/sounds/<language>/*.wav     recordings, which win over synthetic speech
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.located_yaml import MAX_BYTES
from config.problems import Problem

MAX_FILES = 100
MAX_TOTAL_BYTES = 5_000_000
SOUNDS = "sounds"
MAX_SOUNDS = 2_000
#: A minute in studio quality.
MAX_SOUND_BYTES = 25_000_000
MAX_SOUNDS_BYTES = 200_000_000


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording as it lies on disk; only its name and content count in a version."""

    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class RulebookFiles:
    """`contents` by file name, `sounds` by language and name (`main-greeting`), in name order."""

    folder: str
    contents: Mapping[str, bytes]
    problems: tuple[Problem, ...] = field(default=())
    sounds: Mapping[tuple[str, str], Sound] = field(default_factory=dict)

    @property
    def version(self) -> str:
        digest = hashlib.sha256()
        for name, content in self.contents.items():
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        for (language, name), sound in self.sounds.items():
            digest.update(f"{SOUNDS}/{language}/{name}\0{sound.sha256}\0".encode())
        return digest.hexdigest()[:16]


def rulebook_paths(folder: Path) -> list[Path]:
    """Every `*.yaml` and `*.yml` right in the folder but hidden ones. Raises OSError."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in (".yaml", ".yml") and not path.name.startswith(".")
    )


def sound_paths(folder: Path) -> list[Path]:
    """Every recording. Raises OSError."""
    sounds = folder / SOUNDS
    return sorted(sounds.glob("*/*.wav")) if sounds.is_dir() else []


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
        if (why := _unfit(path, folder)) is not None:
            problems.append(why)
            continue
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
    sounds = dict(_read_sounds(folder, problems))
    return RulebookFiles(str(folder), contents, tuple(problems), sounds)


def _unfit(path: Path, folder: Path) -> Problem | None:
    """A pipe or a device would be read without end; a name that is no text cannot be told apart
    from others, hashed or shown."""
    name = str(path.relative_to(folder))
    shown = name.encode("utf-8", "backslashreplace").decode()
    if shown != name:
        return Problem(str(folder), 0, f"the name of the file '{shown[:80]}' is not UTF-8 text")
    if path.exists() and not path.is_file():
        return Problem(str(path), 0, "this is not a plain file")
    return None


def _read_sounds(folder: Path, problems: list[Problem]) -> Iterator[tuple[tuple[str, str], Sound]]:
    try:
        paths = sound_paths(folder)
    except OSError as error:
        what = f"the recordings cannot be read: {error.strerror}"
        problems.append(Problem(str(folder / SOUNDS), 0, what))
        return
    if len(paths) > MAX_SOUNDS:
        what = f"there are more than {MAX_SOUNDS} recordings"
        problems.append(Problem(str(folder / SOUNDS), 0, what))
        return
    total = 0
    for path in paths:
        if (why := _unfit(path, folder)) is not None:
            problems.append(why)
            continue
        try:
            size = path.stat().st_size
            total += size
            if size > MAX_SOUND_BYTES or total > MAX_SOUNDS_BYTES:
                limit = MAX_SOUND_BYTES if size > MAX_SOUND_BYTES else MAX_SOUNDS_BYTES
                what = f"the recordings hold more than {limit:,} bytes"
                problems.append(Problem(str(path), 0, what))
                return
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            problems.append(Problem(str(path), 0, f"the file cannot be read: {error.strerror}"))
        else:
            yield (path.parent.name, path.stem), Sound(path, digest)
