"""The folder of trained models: versions that never change, and one pointer for each kind.

FOLDER/<kind>/<version>/    model.ubj, card.json, card.html
FOLDER/<kind>/current.json  which version is used, and which were before it; replaced in one step
FOLDER/<kind>/history.jsonl one line for each time that pointer was moved

Any number of processes may read and write: writers take turns by a lock on FOLDER/lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Set
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from scoring.registry.card import VERSION, ModelCard, ModelKind, read_card, version_of
from scoring.registry.card_page import page_of
from scoring.registry.checked_loading import CARD, MAX_MODEL_BYTES, MODEL, PAGE, load_folder
from scoring.registry.refusals import ModelRefused
from scoring.serving.served_model import ServedModel

log = logging.getLogger(__name__)

KEPT_EARLIER = 20
MAX_BECAUSE = 500
_MAX_POINTER_BYTES = 16_384
_MAX_HISTORY_BYTES = 4_000_000
#: Of folders that are no versions: not yet whole, and no longer.
_NEW, _GONE = ".new-", ".gone-"

_Version = Annotated[str, Field(pattern=rf"^({VERSION})$")]


class Pointer(BaseModel):
    """`earlier`: what was current before, the latest last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    current: _Version
    previous: _Version | None = None
    earlier: Annotated[tuple[_Version, ...], Field(max_length=KEPT_EARLIER)] = ()


class Move(BaseModel):
    """One move of the pointer. `forced`: against what the gate said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    version: _Version
    action: Literal["promote", "rollback"]
    forced: bool = False
    because: Annotated[str, Field(max_length=MAX_BECAUSE)] = ""
    by: Annotated[str, Field(max_length=100)] = ""


class ModelRegistry:
    """Everything raises ModelRefused where what lies there cannot be used, and OSError where it
    cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def kinds(self) -> tuple[ModelKind, ...]:
        """Those of which there is a version."""
        return tuple(kind for kind in ModelKind if self._names(kind))

    def versions(self, kind: ModelKind) -> list[ModelCard]:
        """Oldest first; versions whose card cannot be read are left out, `damaged` names them."""
        found = []
        for name in self._names(kind):
            with contextlib.suppress(ModelRefused):
                found.append(self.card(kind, name))
        return found

    def damaged(self, kind: ModelKind) -> dict[str, str]:
        """Versions whose card cannot be read, and why."""
        found = {}
        for name in self._names(kind):
            try:
                self.card(kind, name)
            except ModelRefused as error:
                found[name] = str(error)
        return found

    def card(self, kind: ModelKind, version: str) -> ModelCard:
        folder = self.folder_of(kind, version)
        card = read_card(folder / CARD)
        if card.kind is not kind or card.version != version:
            raise ModelRefused(f"{folder / CARD} is the card of {card.kind} {card.version}")
        return card

    def current(self, kind: ModelKind) -> ModelCard | None:
        """None where nothing was promoted yet."""
        pointer = self.pointer(kind)
        return self.card(kind, pointer.current) if pointer else None

    def pointer(self, kind: ModelKind) -> Pointer | None:
        path = self._pointer(kind)
        try:
            with path.open("rb") as file:
                text = file.read(_MAX_POINTER_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ModelRefused(f"{path}: {error.strerror}") from error
        try:
            return Pointer.model_validate_json(text[:_MAX_POINTER_BYTES])
        except ValidationError as error:
            raise ModelRefused(f"{path} is damaged; promote a version to write it anew") from error

    def add(self, card: ModelCard, booster: Any) -> str:
        """Keeps a trained xgboost Booster under its card; the version is made here. Nothing is
        promoted."""
        raw = bytes(booster.save_raw(raw_format="ubj"))
        if len(raw) > MAX_MODEL_BYTES:
            raise ModelRefused(f"a model has at most {MAX_MODEL_BYTES} bytes, not {len(raw)}")
        sha256 = hashlib.sha256(raw).hexdigest()
        trained_at = card.trained_at.astimezone(UTC)
        version = version_of(trained_at, sha256)
        whole = card.model_copy(
            update={"version": version, "sha256": sha256, "trained_at": trained_at}
        )
        target = self.folder_of(card.kind, version)
        with self._lock():
            target.parent.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=_NEW, dir=target.parent))
            try:
                made.chmod(0o755)
                _write(made / MODEL, raw)
                _write(made / CARD, whole.as_text().encode())
                _write(made / PAGE, page_of(whole).encode())
                if target.exists():
                    shutil.rmtree(target)
                made.replace(target)
            except BaseException:
                shutil.rmtree(made, ignore_errors=True)
                raise
            _sync_folder(target.parent)
        return version

    def promote(
        self,
        kind: ModelKind,
        version: str,
        *,
        forced: bool = False,
        because: str = "",
        by: str = "",
    ) -> ModelCard:
        """Tries the model, then makes it the current one; whoever serves takes it within a minute.
        Refused against the gate's word unless `forced`, which needs a reason."""
        card = self.card(kind, version)
        if not card.decision.promoted and not forced:
            said = "; ".join(card.decision.because) or "its gate gave no reason"
            raise ModelRefused(f"{kind} {version} did not pass its gate: {said}")
        if forced and not because.strip():
            raise ModelRefused("to promote against the gate's word, say why")
        load_folder(self.folder_of(kind, version))
        with self._lock():
            if not self._is_kept(kind, version):
                raise ModelRefused(f"{kind} {version} was removed just now; train anew")
            try:
                before = self.pointer(kind)
            except ModelRefused:
                # A damaged pointer is mended by this.
                before = None
            if before is not None and before.current == version:
                return card
            earlier = (*before.earlier, before.current)[-KEPT_EARLIER:] if before else ()
            against = forced and not card.decision.promoted
            self._move(
                kind,
                Pointer(
                    current=version, previous=earlier[-1] if earlier else None, earlier=earlier
                ),
                Move(
                    at=datetime.now(UTC),
                    version=version,
                    action="promote",
                    forced=against,
                    because=because.strip()[:MAX_BECAUSE],
                    by=by[:100],
                ),
            )
        return card

    def rollback(self, kind: ModelKind, *, because: str = "", by: str = "") -> ModelCard:
        """Back to the version before this one; again: to the one before that. Versions that were
        removed since are passed over."""
        with self._lock():
            pointer = self.pointer(kind)
            earlier = self._still_kept(kind, pointer) if pointer is not None else ()
            if not earlier:
                raise ModelRefused(f"there is no earlier {kind} model to go back to")
            version, left = earlier[-1], earlier[:-1]
            card = self.card(kind, version)
            load_folder(self.folder_of(kind, version))
            self._move(
                kind,
                Pointer(current=version, previous=left[-1] if left else None, earlier=left),
                Move(
                    at=datetime.now(UTC),
                    version=version,
                    action="rollback",
                    because=because.strip()[:MAX_BECAUSE],
                    by=by[:100],
                ),
            )
        return card

    def history(self, kind: ModelKind, version: str | None = None) -> tuple[Move, ...]:
        """Oldest first. A line cut off by a crash is left out."""
        try:
            with (self.folder / kind / "history.jsonl").open("rb") as file:
                lines = file.read(_MAX_HISTORY_BYTES).splitlines()
        except OSError:
            return ()
        found = []
        for line in lines:
            with contextlib.suppress(ValidationError):
                found.append(Move.model_validate_json(line))
        return tuple(move for move in found if version in (None, move.version))

    def prune(
        self, kind: ModelKind, *, newest: int, spared: Set[str], dry_run: bool = False
    ) -> tuple[str, ...]:
        """Removes all versions but the current one, the one that `rollback` would put back, the
        `newest` and those `spared`; returns what was removed, or would be. Cut off anywhere, no
        version is there in part: what is half removed is no version, and is removed next time.
        Nothing is removed of a kind whose pointer is damaged: that raises ModelRefused."""
        if not self._names(kind):
            return ()
        with self._lock():
            pointer = self.pointer(kind)
            names = self._names(kind)
            kept = {*names[-newest:], *spared}
            if pointer is not None:
                kept |= {pointer.current, *self._still_kept(kind, pointer)[-1:]}
            removed = tuple(name for name in names if name not in kept)
            if dry_run:
                return removed
            folder = self.folder / kind
            for name in removed:
                (folder / name).replace(folder / f"{_GONE}{name}")
                log.info("scoring: %s model %s is removed", kind, name)
            _sync_folder(folder)
            # Also what others left who died: whoever makes a version holds the lock.
            for path in [*folder.glob(f"{_GONE}*"), *folder.glob(f"{_NEW}*")]:
                shutil.rmtree(path)
        return removed

    def load_checked(self, kind: ModelKind) -> tuple[ModelCard, ServedModel] | None:
        """The current one, after a trial in a process of its own; None where none is promoted."""
        card = self.current(kind)
        return load_folder(self.folder_of(kind, card.version)) if card else None

    def folder_of(self, kind: ModelKind, version: str) -> Path:
        if not re.fullmatch(VERSION, version) and version:
            raise ModelRefused(f"'{version[:60]}' is no version; `switchboard models` lists them")
        return self.folder / kind / version

    def full_version(self, kind: ModelKind, start: str) -> str:
        """The one version that begins, or ends, so."""
        found = [name for name in self._names(kind) if name.startswith(start)]
        found = found or [name for name in self._names(kind) if name.endswith(start)]
        if len(found) == 1 and start:
            return found[0]
        what = "several versions are" if found and start else "no version is"
        raise ModelRefused(f"{what} '{start[:60]}' of {kind}; `switchboard models` lists them")

    def _names(self, kind: ModelKind) -> list[str]:
        try:
            found = [path.name for path in (self.folder / kind).iterdir()]
        except OSError:
            return []
        return sorted(name for name in found if re.fullmatch(VERSION, name))

    def _is_kept(self, kind: ModelKind, version: str) -> bool:
        return self.folder_of(kind, version).is_dir()

    def _still_kept(self, kind: ModelKind, pointer: Pointer) -> tuple[str, ...]:
        """What was current before and is still there."""
        return tuple(each for each in pointer.earlier if self._is_kept(kind, each))

    def _pointer(self, kind: ModelKind) -> Path:
        return self.folder / kind / "current.json"

    def _move(self, kind: ModelKind, pointer: Pointer, move: Move) -> None:
        with (self.folder / kind / "history.jsonl").open("ab") as file:
            file.write(move.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path = self._pointer(kind)
        temporary = path.with_suffix(".new")
        _write(temporary, pointer.model_dump_json().encode())
        temporary.replace(path)
        _sync_folder(path.parent)
        page = self.folder_of(kind, move.version) / PAGE
        text = page_of(self.card(kind, move.version), self.history(kind, move.version))
        page.write_text(text, encoding="utf-8")

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
