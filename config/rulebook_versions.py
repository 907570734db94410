"""Published rulebooks on disk: immutable versions by their content, one pointer, and who moved it.

STATE_DIR/versions/<version>/          the files, never changed once they are there
STATE_DIR/sounds/<sha256>.wav          recordings, shared by the versions that hold them
STATE_DIR/history.jsonl                one line for each time the pointer was moved
STATE_DIR/current                      the last of these lines, replaced in one step

Any number of processes may publish and read: writers take turns by a lock on STATE_DIR/lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from calls.errors import Misconfigured
from config.rulebook_files import SOUNDS, RulebookFiles, Sound, read_rulebook_files
from config.rulebook_loader import Loaded, load_files
from config.surroundings import Surroundings

log = logging.getLogger(__name__)

KEPT_VERSIONS = 500
_VERSION = re.compile(r"[0-9a-f]{16}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SOUNDS_LIST = "sounds.json"
MAX_COMMENT = 500


@dataclass(frozen=True, slots=True)
class Publication:
    """One move of the pointer. `action` is publish, rollback or folder (a change seen in the
    watched folder); `folder_version` is what that folder held then, so that a rolled back version
    stays until the folder changes again."""

    version: str
    at: datetime
    author: str
    comment: str = ""
    action: str = "publish"
    folder_version: str | None = None


class RulebookVersions:
    def __init__(self, state_dir: Path) -> None:
        self._state = state_dir
        self._versions = state_dir / "versions"
        self._sounds = state_dir / SOUNDS
        self._pointer = state_dir / "current"
        self._history = state_dir / "history.jsonl"

    def publish(
        self,
        files: RulebookFiles,
        publication: Publication,
        *,
        only_after: tuple[Publication | None, ...] = (),
    ) -> None:
        """Keeps the files and moves the pointer; nothing where the same stands there already, or
        where `only_after` names what was seen there and somebody moved it since. Raises OSError. A
        crash in between leaves the earlier pointer."""
        with self._lock():
            if only_after and self.pointed() not in only_after:
                return
            target = self._versions / files.version
            if not self._is_whole(target, files.version):
                self._write(target, files)
            self._move(publication)

    def roll_back(self, publication: Publication) -> None:
        """Moves the pointer to a version that is kept. Raises Misconfigured, or OSError."""
        with self._lock():
            if not self.has(publication.version):
                raise Misconfigured(f"there is no whole version {publication.version}")
            self._move(publication)

    def pointed(self) -> Publication | None:
        """The last publication, or None where there is none that can be read."""
        try:
            text = self._pointer.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        return _publication(text)

    def history(self) -> tuple[Publication, ...]:
        """Oldest first. A line cut off by a crash is left out."""
        try:
            lines = self._history.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ()
        return tuple(found for line in lines if (found := _publication(line)) is not None)

    def full_version(self, start: str) -> str:
        """The one kept version that begins so. Raises Misconfigured."""
        try:
            kept = [path.name for path in self._versions.iterdir()]
        except OSError:
            kept = []
        found = [name for name in kept if _VERSION.fullmatch(name) and name.startswith(start)]
        if len(found) == 1 and start:
            return found[0]
        what = "several versions begin" if found and start else "no version begins"
        raise Misconfigured(
            f"{what} with '{start[:40]}'; `switchboard versions` lists what there is"
        )

    def has(self, version: str) -> bool:
        return bool(_VERSION.fullmatch(version)) and self._is_whole(
            self._versions / version, version
        )

    def files(self, version: str) -> RulebookFiles | None:
        """None where there is no whole copy."""
        if not _VERSION.fullmatch(version):
            return None
        files = self._read(self._versions / version)
        return files if files.version == version else None

    def load(self, version: str, around: Surroundings) -> Loaded | None:
        """None where there is no copy, or where it is damaged or no longer good for this
        program."""
        files = self.files(version)
        if files is None:
            return None
        loaded = load_files(files, around=around)
        return loaded if loaded.rulebook is not None else None

    def sound_path(self, sha256: str) -> Path:
        """Where a recording lies, whether or not it does. Raises ValueError for what is no
        SHA-256."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError("not the name of a recording")
        return self._sounds / f"{sha256}.wav"

    def _read(self, folder: Path) -> RulebookFiles:
        files = read_rulebook_files(folder)
        try:
            listed = json.loads((folder / _SOUNDS_LIST).read_text(encoding="utf-8"))
            sounds = {
                (str(language), str(name)): Sound(self.sound_path(sha), sha)
                for language, name, sha in listed
            }
        except (OSError, ValueError, TypeError):
            return files
        return RulebookFiles(files.folder, files.contents, files.problems, sounds)

    def _is_whole(self, folder: Path, version: str) -> bool:
        if not folder.is_dir():
            return False
        files = self._read(folder)
        return files.version == version and all(
            sound.path.is_file() for sound in files.sounds.values()
        )

    def _write(self, target: Path, files: RulebookFiles) -> None:
        self._versions.mkdir(parents=True, exist_ok=True)
        self._sounds.mkdir(exist_ok=True)
        # With the rights of any new folder: a server may run as another user than who publishes.
        draft = self._versions / ".draft"
        shutil.rmtree(draft, ignore_errors=True)  # left by a crash; nobody else writes now
        draft.mkdir()
        try:
            for name, content in files.contents.items():
                _write_synced(draft / name, content)
            for sound in files.sounds.values():
                self._keep_sound(sound)
            listed = [[*key, sound.sha256] for key, sound in files.sounds.items()]
            if listed:
                _write_synced(draft / _SOUNDS_LIST, json.dumps(listed).encode())
            if target.exists():
                shutil.rmtree(target)
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def _keep_sound(self, sound: Sound) -> None:
        """What lies under a recording's name is that recording for ever: one that was saved again
        since it was read is refused."""
        target = self.sound_path(sound.sha256)
        if target.is_file():
            return
        content = sound.path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sound.sha256:
            raise OSError(errno.EBUSY, "it was saved while it was being published", str(sound.path))
        draft = target.with_suffix(".new")
        _write_synced(draft, content)
        draft.replace(target)

    def _move(self, publication: Publication) -> None:
        before = self.pointed()
        if before is not None and _says_the_same(before, publication):
            return
        line = _line(publication)
        with self._history.open("ab") as file:
            # A line of its own, also after one that a crash cut off.
            start = b"" if self._ends_whole() else b"\n"
            file.write(start + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft = self._pointer.with_suffix(".new")
        _write_synced(draft, line)
        draft.replace(self._pointer)
        self._drop_oldest()

    def _ends_whole(self) -> bool:
        with self._history.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _drop_oldest(self) -> None:
        folders = [path for path in self._versions.iterdir() if _VERSION.fullmatch(path.name)]
        folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        pointed = self.pointed()
        for folder in folders[KEPT_VERSIONS:]:
            if pointed is None or folder.name != pointed.version:
                with contextlib.suppress(OSError):
                    shutil.rmtree(folder)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        self._state.mkdir(parents=True, exist_ok=True)
        with (self._state / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _line(publication: Publication) -> bytes:
    """What a terminal in another encoding made of a comment is marked by `?`."""
    row = {**asdict(publication), "at": publication.at.isoformat()}
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")


def _says_the_same(before: Publication, after: Publication) -> bool:
    """Who publishes what a folder's change made current already is named all the same."""
    if (before.version, before.folder_version) != (after.version, after.folder_version):
        return False
    told = (before.action, before.author, before.comment)
    return after.action == "folder" or told == (after.action, after.author, after.comment)


def _publication(line: str) -> Publication | None:
    """Also of a pointer that holds nothing but a version, as earlier programs wrote it."""
    text = line.strip()
    if _VERSION.fullmatch(text):
        return Publication(text, datetime.fromtimestamp(0, UTC), "unknown")
    try:
        raw = json.loads(text)
        at = datetime.fromisoformat(raw["at"])
        if not _VERSION.fullmatch(raw["version"]) or at.tzinfo is None:
            return None
        folder_version = raw.get("folder_version")
        return Publication(
            version=raw["version"],
            at=at,
            author=str(raw.get("author", ""))[:100],
            comment=str(raw.get("comment", ""))[:MAX_COMMENT],
            action=str(raw.get("action", "publish"))[:20],
            folder_version=None if folder_version is None else str(folder_version)[:16],
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
