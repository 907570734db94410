"""A churn risk as a word. Pure.

A bare share says little: where most customers buy twice a year, nearly all have a high chance of
nothing within 30 days. So it is held against the house's own customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from scoring.registry.card import Reliable

LOW, MIDDLE, HIGH = "low", "middle", "high"
#: For a model whose card does not say how its forecasts lay.
_EDGES = (1 / 3, 2 / 3)


def level_of(risk: float, reliability: Sequence[Reliable]) -> str:
    """In which third of the customers that the model was tested on. `reliability` are groups of
    like forecasts; a risk that lies on an edge is in the lower third, as nobody is high where all
    are alike."""
    low, high = _edges(reliability)
    if risk <= low:
        return LOW
    return MIDDLE if risk <= high else HIGH


def _edges(reliability: Sequence[Reliable]) -> tuple[float, float]:
    groups = sorted(reliability, key=lambda group: group.forecast)
    rows = list(accumulate(group.rows for group in groups))
    if not rows or not rows[-1]:
        return _EDGES
    total = rows[-1]
    at = [next(i for i, so_far in enumerate(rows) if so_far >= total * edge) for edge in _EDGES]
    # Between the group that ends the third and the one after it, each told by its mean.
    low, high = (
        (groups[i].forecast + groups[min(i + 1, len(groups) - 1)].forecast) / 2 for i in at
    )
    return low, high
