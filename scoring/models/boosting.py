"""Gradient boosted trees, kept small enough to answer while the phone rings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import xgboost
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

MAX_TREES, MAX_DEPTH = 150, 4

LOGISTIC, POISSON, SQUARED = "binary:logistic", "count:poisson", "reg:squarederror"


@dataclass(frozen=True, slots=True)
class Boosting:
    """Raises ValueError beyond MAX_TREES or MAX_DEPTH: such a model would be late for a caller."""

    objective: str = LOGISTIC
    trees: int = 100
    #: Trees grown at once on other rows and columns, whose mean is one step; all count as trees.
    side_by_side: int = 1
    depth: int = 3
    learning_rate: float = 0.06
    least_weight: float = 5.0
    row_share: float = 0.8
    column_share: float = 0.6
    l2: float = 5.0
    #: By the feature's name: 1 where more must never lower the answer, -1 the other way round.
    monotone: Mapping[str, int] = field(default_factory=dict)
    seed: int = 7
    threads: int = 1

    def __post_init__(self) -> None:
        if not (1 <= self.trees * self.side_by_side <= MAX_TREES and 1 <= self.depth <= MAX_DEPTH):
            raise ValueError(f"1 to {MAX_TREES} trees of depth 1 to {MAX_DEPTH}")

    def parameters(self, names: Sequence[str]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "objective": self.objective,
            "max_depth": self.depth,
            "eta": self.learning_rate,
            "min_child_weight": self.least_weight,
            "subsample": self.row_share,
            "colsample_bytree": self.column_share,
            "lambda": self.l2,
            "tree_method": "hist",
            "num_parallel_tree": self.side_by_side,
            "seed": self.seed,
            "nthread": self.threads,
            "verbosity": 0,
        }
        if self.monotone:
            signs = ",".join(str(self.monotone.get(name, 0)) for name in names)
            found["monotone_constraints"] = f"({signs})"
        return found


class Boosted:
    """A trained model and the names of its columns in their order."""

    def __init__(self, booster: Any, names: Sequence[str]) -> None:
        self.booster = booster
        self.names = tuple(names)

    def answers(self, rows: Matrix, *, margin: Floats | None = None) -> Floats:
        """`margin`: what the trees' sum is added to; the same kind as at training."""
        found = self.booster.inplace_predict(np.ascontiguousarray(rows), base_margin=margin)
        return np.asarray(found, dtype=np.float64)

    def save(self, path: Path) -> None:
        """UBJ or JSON, as the name ends."""
        if path.suffix not in (".ubj", ".json"):
            raise ValueError(f"{path.name}: models are .ubj or .json")
        self.booster.save_model(path)


class Trainer(Protocol):
    """Where trees are grown: `train` here, or a cluster (`scoring.cluster.dask_training`)."""

    def __call__(
        self,
        how: Boosting,
        rows: Matrix,
        truth: Floats,
        *,
        names: Sequence[str],
        margin: Floats | None = None,
        weight: Floats | None = None,
    ) -> Boosted: ...


def train(
    how: Boosting,
    rows: Matrix,
    truth: Floats,
    *,
    names: Sequence[str],
    margin: Floats | None = None,
    weight: Floats | None = None,
) -> Boosted:
    data = xgboost.QuantileDMatrix(
        np.ascontiguousarray(rows, dtype=np.float32),
        label=truth,
        base_margin=margin,
        weight=weight,
        feature_names=list(names),
        nthread=how.threads,
    )
    return Boosted(xgboost.train(how.parameters(names), data, how.trees), names)
