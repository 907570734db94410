"""One model in memory: treelite answers, xgboost says how much each column moved the answer.

treelite's GTIL takes a third of the time of xgboost's `inplace_predict` for one row, as long for
twenty, and four times as long for a million (measured by `benchmarks.scoring.latency`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import treelite
import xgboost
from numpy.typing import NDArray
from scipy.special import expit
from xgboost.core import XGBoostError

from scoring.registry.card import EXPONENTIAL, LOGISTIC
from scoring.registry.refusals import ModelRefused

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

#: Of more rows at once xgboost is the faster one.
MANY = 256
#: exp of more is no count of anything.
_LARGEST_MARGIN = 50.0


class ServedModel:
    """`columns` are those of every row, in their order. Not to be used by several threads."""

    def __init__(self, *, booster: Any, trees: Any, columns: Sequence[str], objective: str) -> None:
        self.columns = tuple(columns)
        self.objective = objective
        self._booster = booster
        self._trees = trees
        header = trees.get_header_accessor()
        #: What is added to the trees where nobody gives a margin.
        self._constant = float(header.get_field("base_scores")[0])
        header.set_field("base_scores", np.array([0.0]))

    @classmethod
    def of(cls, raw: bytes, *, columns: Sequence[str], objective: str) -> ServedModel:
        """From UBJ or JSON of whom we trust: `scoring.registry.checked_loading` finds that out.
        Raises ModelRefused."""
        try:
            booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(raw))
            ubj = bytes(booster.save_raw(raw_format="ubj"))
            trees = treelite.frontend.from_xgboost_ubjson(ubj)
        except (XGBoostError, treelite.TreeliteError, ValueError, TypeError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelRefused(f"the model cannot be read: {first[:200]}") from error
        if trees.num_feature != len(columns):
            raise ModelRefused(
                f"the model has {trees.num_feature} columns and its card {len(columns)}"
            )
        named = booster.feature_names
        if named and tuple(named) != tuple(columns):
            raise ModelRefused("the model's columns are not those of its card")
        return cls(booster=booster, trees=trees, columns=columns, objective=objective)

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
            found = treelite.gtil.predict(self._trees, dense, nthread=1, pred_margin=True)
            trees = np.asarray(found, dtype=np.float64).reshape(-1)
        return trees + (self._constant if margin is None else margin)

    def answers(self, rows: Matrix, margin: Floats | None = None) -> Floats:
        """Probabilities or expected counts, as the objective says; as xgboost's to a millionth."""
        return linked(self.margins(rows, margin), self.objective)

    def contributions(self, row: Matrix, margin: float | None = None) -> Floats:
        """What each column added to the margin, and last what was there without them (exact
        TreeSHAP, Lundberg and others 2020, by xgboost). They add up to the margin."""
        data = xgboost.DMatrix(
            np.ascontiguousarray(row, dtype=np.float32).reshape(1, -1), nthread=1
        )
        told = self._booster.predict(data, pred_contribs=True, validate_features=False)
        found = np.asarray(told[0], dtype=np.float64)
        if margin is not None:
            # Added here: to hand it over takes as long as to walk the trees.
            found[-1] += margin - self._constant
        return found


def linked(margins: Floats, objective: str) -> Floats:
    if objective in LOGISTIC:
        return np.asarray(expit(margins))
    if objective in EXPONENTIAL:
        return np.asarray(np.exp(np.minimum(margins, _LARGEST_MARGIN)))
    return margins
