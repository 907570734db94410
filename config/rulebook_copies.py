"""Copies of good rulebooks on disk, by their version, and a pointer to the last one.

STATE_DIR/versions/<version>/*.yaml    never changed once it is there
STATE_DIR/current                      the version, replaced in one step
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

from config.rulebook_files import RulebookFiles, read_rulebook_files
from config.rulebook_loader import Loaded, load_files
from config.surroundings import Surroundings

log = logging.getLogger(__name__)

KEPT_VERSIONS = 50


class RulebookCopies:
    def __init__(self, state_dir: Path) -> None:
        self._versions = state_dir / "versions"
        self._pointer = state_dir / "current"

    def keep(self, files: RulebookFiles) -> None:
        """Raises OSError. A crash in between leaves the earlier pointer."""
        target = self._versions / files.version
        if not self._is_whole(target, files.version):
            self._write(target, files)
        if self._pointed() != files.version:
            _write_synced(self._pointer.with_suffix(".new"), files.version.encode())
            self._pointer.with_suffix(".new").replace(self._pointer)
            self._drop_oldest()

    def last_good(self, around: Surroundings) -> Loaded | None:
        """None where there is no copy, or where it is damaged or no longer good for this
        program."""
        version = self._pointed()
        if version is None or not self._is_whole(self._versions / version, version):
            return None
        files = read_rulebook_files(self._versions / version)
        loaded = load_files(files, around=around)
        return loaded if loaded.rulebook is not None else None

    def _pointed(self) -> str | None:
        try:
            version = self._pointer.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return version if version.isalnum() else None

    def _is_whole(self, folder: Path, version: str) -> bool:
        return folder.is_dir() and read_rulebook_files(folder).version == version

    def _write(self, target: Path, files: RulebookFiles) -> None:
        self._versions.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self._versions))
        try:
            for name, content in files.contents.items():
                _write_synced(draft / name, content)
            if target.exists():
                shutil.rmtree(target)
            draft.rename(target)
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise

    def _drop_oldest(self) -> None:
        folders = [path for path in self._versions.iterdir() if not path.name.startswith(".")]
        folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for folder in folders[KEPT_VERSIONS:]:
            if folder.name != self._pointed():
                with contextlib.suppress(OSError):
                    shutil.rmtree(folder)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
