"""Small models over random rows, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from scoring.registry.card import ModelCard, ModelKind, Verdict

TRAINED_AT = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)


def rows_of(random: np.random.Generator, rows: int, columns: int) -> NDArray[np.float32]:
    """One in eight is NaN."""
    found = (random.normal(size=(rows, columns)) * 3).astype(np.float32)
    found[random.random(found.shape) < 0.125] = np.nan
    return found


def booster_of(
    seed: int,
    *,
    columns: int = 6,
    trees: int = 20,
    objective: str = "binary:logistic",
    **more: Any,
) -> Any:
    """`more`: parameters of xgboost."""
    random = np.random.default_rng(seed)
    rows = rows_of(random, 400, columns)
    score = (
        np.nan_to_num(rows[:, 0]) - np.nan_to_num(rows[:, columns - 1]) + random.normal(size=400)
    )
    truth = score if objective == "reg:squarederror" else np.maximum(np.round(score), 0)
    if objective.endswith("logistic"):
        truth = (score > 0).astype(np.float64)
    data = xgboost.DMatrix(rows, label=truth, feature_names=names_of(columns))
    how = {"objective": objective, "max_depth": 4, "nthread": 1, "seed": seed, **more}
    return xgboost.train(how, data, trees)


def names_of(columns: int) -> list[str]:
    return [f"column_{place}" for place in range(columns)]


def card_of(*, columns: int = 6, kind: ModelKind = ModelKind.CHURN, **more: Any) -> ModelCard:
    known: dict[str, Any] = {
        "kind": kind,
        "contact_schema": "contact-1-0123456789ab",
        "columns": tuple(names_of(columns)),
        "objective": "binary:logistic",
        "horizon_days": 30,
        "trained_at": TRAINED_AT,
        "decision": Verdict(promoted=True, because=("better by 0.01",)),
    }
    return ModelCard(**{**known, **more})
