"""Why a model answers as it does: exact contributions, summed by group of features, as sentences.

Computed when somebody asks first: for the offer that is chosen, and for churn. What a churn model's
trees are added to says most of it in many houses: how long ago the last order was, for somebody of
this rhythm. It counts as recency, by how far it is from the usual customer of the house.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from scoring.registry.card import ModelCard, ModelKind
from scoring.serving.models_in_use import ModelInUse
from scoring.serving.reason_words import sentence
from scoring.serving.served_model import Floats, Matrix

TOP = 3
#: A share nearer to 0 or 1 than this is not known so well.
_SUREST = 1e-4
#: A group that moves the margin less than this is no reason.
LEAST = 0.01


class RowReasons:
    """Of one row; its contributions are computed once, whatever the language."""

    def __init__(self, used: ModelInUse, row: Matrix, group_of: Mapping[str, str]) -> None:
        self._used = used
        self._row = row
        self._group_of = group_of
        self._of_risk = used.card.kind is ModelKind.CHURN
        self._largest: list[tuple[str, float]] | None = None

    def told(self, language: str) -> tuple[str, ...]:
        """The three largest groups' sentences, with the row's raw values."""
        columns = self._used.card.columns
        if self._largest is None:
            found = self._used.contributions(self._row)
            weights = by_group(found, columns, self._group_of)
            self._add_base(weights, float(found[-1]))
            self._largest = sorted(weights.items(), key=lambda item: -abs(item[1]))[:TOP]
        values = dict(zip(columns, map(float, self._row), strict=True))
        return tuple(
            sentence(group, values, raises=weight > 0, language=language, of_risk=self._of_risk)
            for group, weight in self._largest
            if abs(weight) >= LEAST
        )

    def _add_base(self, weights: dict[str, float], margin: float) -> None:
        """`margin`: what there is without the columns."""
        card = self._used.card
        usual = usual_margin(card) if card.base.kind == "btyd" and self._of_risk else None
        if usual is not None and math.isfinite(margin):
            recency = card.base.columns[1]
            group = self._group_of.get(recency, recency)
            weights[group] = weights.get(group, 0.0) + margin - usual


def usual_margin(card: ModelCard) -> float | None:
    """Of the customers that the model was tested on, before the calibration: of an even chance
    where the card does not say; None where the calibration makes all alike."""
    rows = sum(group.rows for group in card.reliability)
    mean = sum(group.forecast * group.rows for group in card.reliability) / rows if rows else 0.5
    mean = min(max(mean, _SUREST), 1 - _SUREST)
    logit = math.log(mean / (1 - mean))
    platt = card.calibration
    if platt is None:
        return logit
    return (logit - platt.b) / platt.a if platt.a else None


def by_group(
    contributions: Floats, columns: tuple[str, ...], group_of: Mapping[str, str]
) -> dict[str, float]:
    """Sums of the columns' contributions; the last one, of nobody, is left out."""
    found: dict[str, float] = {}
    for name, weight in zip(columns, contributions, strict=False):
        if math.isfinite(weight):
            group = group_of.get(name, name)
            found[group] = found.get(group, 0.0) + float(weight)
    return found
