"""The trained models as the supervisor page lists them, and each one's card as a page."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from scoring.registry.card import Measured, ModelCard, ModelKind
from scoring.registry.card_page import page_of
from scoring.registry.refusals import ModelRefused
from scoring.registry.registry import ModelRegistry

log = logging.getLogger(__name__)

#: The newest of each kind.
MOST_VERSIONS = 10


def model_rows(models_dir: Path) -> list[dict[str, Any]]:
    """Newest first within each kind. Reads files: not for the loop."""
    registry = ModelRegistry(models_dir)
    rows: list[dict[str, Any]] = []
    for kind in registry.kinds():
        try:
            pointer = registry.pointer(kind)
        except ModelRefused as error:
            log.warning("supervisor page: %s", error)
            pointer = None
        current = pointer.current if pointer is not None else None
        newest = registry.versions(kind)[::-1]
        shown = newest[:MOST_VERSIONS]
        # What is in use is shown, however old.
        shown += [card for card in newest[MOST_VERSIONS:] if card.version == current]
        rows += [_row(card, is_current=card.version == current) for card in shown]
        rows += [
            {"kind": kind.value, "version": version, "damaged": True}
            for version in registry.damaged(kind)
        ]
    return rows


def card_page(models_dir: Path, kind: str, version: str) -> str | None:
    """Written anew from the checked card, never the file that lies there; None where there is
    none that can be read."""
    registry = ModelRegistry(models_dir)
    try:
        card = registry.card(ModelKind(kind), version)
        return page_of(card, registry.history(card.kind, version))
    except (ModelRefused, ValueError):
        return None


def _row(card: ModelCard, *, is_current: bool) -> dict[str, Any]:
    return {
        "kind": card.kind.value,
        "version": card.version,
        "damaged": False,
        "current": is_current,
        "trained_at": card.trained_at.timestamp() * 1000,
        "rows": card.rows,
        "promoted": card.decision.promoted,
        "because": list(card.decision.because),
        "metrics": {name: _figure(value) for name, value in card.metrics.items()},
    }


def _figure(figure: Measured) -> dict[str, float | None]:
    return {"value": figure.value, "low": figure.low, "high": figure.high}
