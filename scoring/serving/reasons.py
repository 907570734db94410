"""Why a model answers as it does: exact contributions, summed by group of features, as sentences.

Computed when somebody asks first: for the offer that is chosen, and for churn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from scoring.registry.card import ModelKind
from scoring.serving.models_in_use import ModelInUse
from scoring.serving.reason_words import sentence
from scoring.serving.served_model import Floats, Matrix

TOP = 3
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
            weights = by_group(self._used.contributions(self._row), columns, self._group_of)
            self._largest = sorted(weights.items(), key=lambda item: -abs(item[1]))[:TOP]
        values = dict(zip(columns, map(float, self._row), strict=True))
        return tuple(
            sentence(group, values, raises=weight > 0, language=language, of_risk=self._of_risk)
            for group, weight in self._largest
            if abs(weight) >= LEAST
        )


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
