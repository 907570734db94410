"""Loads a model that another process has tried first: a broken one never crashes this one."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import scoring
from scoring.registry.card import ModelCard, read_card
from scoring.registry.refusals import ModelRefused, NotTried
from scoring.serving.served_model import ServedModel

MODEL, CARD, PAGE = "model.ubj", "card.json", "card.html"
#: 150 trees of depth 4 have a tenth of this.
MAX_MODEL_BYTES = 16 * 2**20
TRIAL_S = 20.0
_ABOVE = Path(scoring.__file__).parents[1]


def load_folder(folder: Path, *, limit_s: float = TRIAL_S) -> tuple[ModelCard, ServedModel]:
    """One version's. Takes some tenths of a second: not for the loop. Raises ModelRefused."""
    card = read_card(folder / CARD)
    raw = _read(folder / MODEL)
    if hashlib.sha256(raw).hexdigest() != card.sha256:
        raise ModelRefused(
            f"{folder / MODEL} is not the file that its card names: it was changed or cut off "
            "after training (its SHA-256 differs)"
        )
    try:
        good = tried(raw, columns=card.columns, objective=card.objective, limit_s=limit_s)
        return card, ServedModel.of(good, columns=card.columns, objective=card.objective)
    except ModelRefused as error:
        raise type(error)(f"{folder / MODEL}: {error}") from error


def tried(
    raw: bytes, *, columns: tuple[str, ...], objective: str, limit_s: float = TRIAL_S
) -> bytes:
    """The model as xgboost writes it, after a trial in a child process. Raises ModelRefused."""
    before = os.environ.get("PYTHONPATH", "")
    paths = f"{_ABOVE}{os.pathsep}{before}" if before else str(_ABOVE)
    try:
        found = subprocess.run(
            [sys.executable, "-m", "scoring.registry.trial", objective],
            input=json.dumps(columns).encode() + b"\n" + raw,
            capture_output=True,
            timeout=limit_s,
            check=False,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise NotTried(f"the model's trial took longer than {limit_s:g} s") from error
    except OSError as error:
        raise NotTried(f"the model cannot be tried: {error.strerror}") from error
    if found.returncode == 0 and found.stdout:
        return found.stdout
    if found.returncode < 0:
        raise NotTried(f"the model's trial was ended by signal {-found.returncode}")
    lines = found.stderr.decode(errors="replace").strip().splitlines()
    raise ModelRefused(lines[-1][:300] if lines else "the model's trial failed")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise NotTried(f"{path}: {error.strerror}") from error
    if len(raw) > MAX_MODEL_BYTES:
        raise ModelRefused(f"{path}: a model has at most {MAX_MODEL_BYTES} bytes")
    return raw
