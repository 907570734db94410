"""What one training leaves: a booster and its card, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from scoring.registry.card import ModelCard

_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Trained:
    card: ModelCard
    booster: Any


def importance(
    booster: Any,
    rows: NDArray[np.float32],
    columns: tuple[str, ...],
    group_of: Mapping[str, str],
) -> dict[str, float]:
    """By group: its share of how far all columns move the answers, either way."""
    if not len(rows):
        return {}
    some = rows[:: max(1, len(rows) // _ROWS)]
    data = xgboost.DMatrix(some, feature_names=list(columns), nthread=1)
    moved = np.abs(np.asarray(booster.predict(data, pred_contribs=True))[:, :-1]).mean(axis=0)
    total = float(moved.sum())
    if total <= 0:
        return {}
    found: dict[str, float] = {}
    for name, size in zip(columns, moved, strict=True):
        group = group_of.get(name, name)
        found[group] = found.get(group, 0.0) + float(size) / total
    return dict(sorted(found.items(), key=lambda item: -item[1]))
