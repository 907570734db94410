"""What besides the database cannot be made again, and where it lies on this machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config.section import Section
from config.settings import Settings

_MOST_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Place:
    """`name` is its folder in an archive, `setting` who says where it lies. `is_file`: one file
    and no folder. `lock`: under which whoever writes there takes turns."""

    name: str
    setting: str
    path: Path
    is_file: bool = False
    lock: str | None = None

    def files(self) -> list[tuple[str, Path]]:
        """Plain files, by their path below the place; nothing hidden, no locks. Links to files are
        followed, since rulebooks of container platforms are such links; others are not."""
        if self.is_file:
            return [(self.path.name, self.path)] if self.path.is_file() else []
        return list(_below(self.path, "", _MOST_DEPTH)) if self.path.is_dir() else []


def _below(folder: Path, before: str, deeper: int) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name == "lock":
            continue
        if path.is_file():
            yield before + path.name, path
        elif path.is_dir() and not path.is_symlink() and deeper:
            yield from _below(path, f"{before}{path.name}/", deeper - 1)


def places(settings: Settings) -> tuple[Place, ...]:
    """Prompts are made again, and voices and programs are installed again: they are not here."""
    found = [
        Place("rulebooks", "rulebook.state_dir", settings.rulebook.state_dir, lock="lock"),
        Place("models", "scoring.models_dir", settings.scoring.models_dir, lock="lock"),
    ]
    if settings.rulebook.path is not None:
        found.append(Place("rulebook", "rulebook.path", settings.rulebook.path))
    for name, setting, path in (
        ("rest-mapping", "rest.mapping", settings.rest.mapping),
        ("sql-mapping", "sql.mapping", settings.sql.mapping),
        ("music", "speech.music", settings.speech.music),
    ):
        # `preset:NAME` is ours.
        if path is not None and not str(path).startswith("preset:"):
            found.append(Place(name, setting, path, is_file=True))
    return tuple(found)


@contextmanager
def held(where: tuple[Place, ...]) -> Iterator[None]:
    """Nobody publishes, promotes or prunes there meanwhile."""
    with ExitStack() as stack:
        for place in where:
            if place.lock is not None and place.path.is_dir():
                file = stack.enter_context((place.path / place.lock).open("a"))
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def secret_files(settings: Settings) -> dict[str, Path]:
    """Every file with a secret that the settings name, by section and key."""
    found: dict[str, Path] = {}
    for name in Settings.model_fields:
        for key, value in _named(getattr(settings, name), name):
            if isinstance(value, Path):
                found[key] = value
    return found


def _named(section: Section, before: str) -> Iterator[tuple[str, Any]]:
    for key in type(section).model_fields:
        value = getattr(section, key)
        if key.endswith("_file"):
            yield f"{before}.{key}", value
        elif isinstance(value, tuple):
            for n, item in enumerate(value):
                if isinstance(item, Section):
                    yield from _named(item, f"{before}.{key}.{getattr(item, 'name', n)}")


def secret_keys() -> frozenset[tuple[str, str]]:
    """Settings that are a secret themselves, by section and key."""
    found = set()
    for name, field in Settings.model_fields.items():
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, Section)
        found |= {(name, key) for key, f in model.model_fields.items() if f.annotation is SecretStr}
    return frozenset(found)


def variables() -> tuple[str, ...]:
    """Of the environment, those that change settings: they are in no file."""
    known = {f"SWITCHBOARD_{name.upper()}__" for name in Settings.model_fields}
    return tuple(sorted(v for v in os.environ if any(v.upper().startswith(k) for k in known)))
