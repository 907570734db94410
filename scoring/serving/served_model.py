"""One model in memory: a caller's few rows by masks over the leaves, many rows by xgboost.

Both read the same model and say the same to a millionth; a trial before each use compares them
(`scoring.registry.trial`). `benchmarks.scoring` measures both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from scipy.special import expit
from xgboost.core import XGBoostError

from scoring.registry.card import EXPONENTIAL, LOGISTIC
from scoring.registry.refusals import ModelRefused
from scoring.serving.leaf_masks import LeafMasks
from scoring.serving.shapley import ShapleyValues
from scoring.serving.tree_paths import trees_of

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

#: Of more rows at once xgboost is the faster one.
MANY = 128
#: exp of more is no count of anything.
_LARGEST_MARGIN = 50.0


class ServedModel:
    """`columns` are those of every row, in their order. `told`: the model as xgboost writes it in
    JSON, read."""

    def __init__(self, *, booster: Any, told: Any, columns: Sequence[str], objective: str) -> None:
        self.columns = tuple(columns)
        self.objective = objective
        self._booster = booster
        trees = trees_of(told)
        self._masks = LeafMasks(trees, columns=len(self.columns))
        self._shapley = ShapleyValues(trees, columns=len(self.columns))
        #: What is added to the trees where nobody gives a margin.
        self._constant = _constant(told, objective)

    @classmethod
    def of(cls, raw: bytes, *, columns: Sequence[str], objective: str) -> ServedModel:
        """From UBJ or JSON of whom we trust: `scoring.registry.checked_loading` finds that out.
        Raises ModelRefused."""
        try:
            booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(raw))
            told = json.loads(bytes(booster.save_raw(raw_format="json")))
        except (XGBoostError, ValueError, TypeError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelRefused(f"the model cannot be read: {first[:200]}") from error
        if booster.num_features() != len(columns):
            raise ModelRefused(
                f"the model has {booster.num_features()} columns and its card {len(columns)}"
            )
        named = booster.feature_names
        if named and tuple(named) != tuple(columns):
            raise ModelRefused("the model's columns are not those of its card")
        return cls(booster=booster, told=told, columns=columns, objective=objective)

    def margins(self, rows: Matrix, margin: Floats | None = None) -> Floats:
        """Before the link. `margin`: what the trees are added to, one for each row."""
        if rows.ndim != 2 or rows.shape[1] != len(self.columns):
            raise ValueError(f"a row has {len(self.columns)} columns, not {rows.shape[1:]}")
        if not len(rows):
            return np.zeros(0)
        dense = np.ascontiguousarray(rows, dtype=np.float32)
        if len(dense) > MANY:
            found = self._booster.inplace_predict(dense, predict_type="margin")
            trees = np.asarray(found, dtype=np.float64) - self._constant
        else:
            trees = self._masks(dense)
        return trees + (self._constant if margin is None else margin)

    def answers(self, rows: Matrix, margin: Floats | None = None) -> Floats:
        """Probabilities or expected counts, as the objective says; as xgboost's to a millionth."""
        return linked(self.margins(rows, margin), self.objective)

    def contributions(self, row: Matrix, margin: float | None = None) -> Floats:
        """What each column added to the margin, and last what was there without them. They add up
        to the margin."""
        found = self._shapley(np.asarray(row, dtype=np.float32).reshape(-1))
        found[-1] += self._constant if margin is None else margin
        return found


def _constant(told: Any, objective: str) -> float:
    """`[5E-1]`: xgboost keeps it as an answer. Raises ModelRefused."""
    try:
        base = float(str(told["learner"]["learner_model_param"]["base_score"]).strip("[]"))
        if objective in LOGISTIC:
            return math.log(base / (1 - base))
        return math.log(base) if objective in EXPONENTIAL else base
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ModelRefused("the model's base score is damaged") from error


def linked(margins: Floats, objective: str) -> Floats:
    if objective in LOGISTIC:
        return np.asarray(expit(margins))
    if objective in EXPONENTIAL:
        return np.asarray(np.exp(np.minimum(margins, _LARGEST_MARGIN)))
    return margins
