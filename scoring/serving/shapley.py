"""How much each column moved the answer for one row: exact Shapley values of trees.

Those of TreeSHAP (Lundberg and others, 2020) with the shares of the training rows, which
xgboost's `pred_contribs` computes too. A leaf asks at most MAX_DEPTH columns, and the row either
fits what a column must be or does not: what each column gets is written down for every such pattern
as the model is loaded, so that a row is a comparison and a look into the table (after Yang, "Fast
TreeSHAP", 2021). It takes about a tenth of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from scoring.models.boosting import MAX_DEPTH
from scoring.serving.tree_paths import Stretch, Tree

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

_PATTERNS = 2**MAX_DEPTH
#: Lets everything by; a leaf that asks fewer columns asks these besides, which moves nothing.
_NOTHING = Stretch()


class ShapleyValues:
    """`columns`: how many a row has."""

    def __init__(self, trees: Sequence[Tree], *, columns: int) -> None:
        leaves = [leaf for tree in trees for leaf in tree.leaves]
        shape = (MAX_DEPTH, len(leaves))
        self._places = np.full(shape, columns, np.intp)
        self._low, self._high = (
            np.full(shape, -np.inf, np.float32),
            np.full(shape, np.nan, np.float32),
        )
        self._unknown = np.ones(shape, bool)
        shares = np.ones(shape)
        for number, leaf in enumerate(leaves):
            for at, (column, stretch) in enumerate(leaf.way.items()):
                self._places[at, number] = column
                self._low[at, number], self._high[at, number] = stretch.low, stretch.high
                self._unknown[at, number] = stretch.is_unknown_let_by
                shares[at, number] = stretch.share
        values = np.array([leaf.value for leaf in leaves])
        #: By leaf and pattern, what each of its columns gets.
        self._gets = _table(values, shares).reshape(-1, MAX_DEPTH)
        self._first = np.arange(len(leaves)) * _PATTERNS
        self._columns = columns
        self._by_leaf = np.ascontiguousarray(self._places.T).reshape(-1)
        #: What the trees say where no column is looked at.
        self.expected = float((values * shares.prod(axis=0)).sum())

    def __call__(self, row: Matrix) -> Floats:
        """By column, and last `expected`: they add up to the sum of the trees."""
        values = np.append(row, np.float32(0)).take(self._places)
        fits = (values >= self._low) & ~(values >= self._high)
        fits |= np.isnan(values) & self._unknown
        pattern = np.packbits(fits, axis=0, bitorder="little")[0]
        gets = self._gets.take(pattern + self._first, axis=0)
        sums = np.bincount(self._by_leaf, weights=gets.reshape(-1), minlength=self._columns + 1)
        found = sums.astype(np.float64)
        found[-1] = self.expected
        return found


def _table(values: Floats, shares: Floats) -> Floats:
    """Shapley's value of each column of each leaf in a game of MAX_DEPTH: who is looked at counts
    1 or 0, as the row fits; who is not looked at, by their share."""
    found = np.zeros((len(values), _PATTERNS, MAX_DEPTH))
    for pattern in range(_PATTERNS):
        fits = [float(pattern >> at & 1) for at in range(MAX_DEPTH)]
        for at in range(MAX_DEPTH):
            others = [other for other in range(MAX_DEPTH) if other != at]
            mean = np.zeros(len(values))
            for many in range(MAX_DEPTH):
                weight = factorial(many) * factorial(MAX_DEPTH - 1 - many) / factorial(MAX_DEPTH)
                for seen in combinations(others, many):
                    part = np.full(len(values), weight)
                    for other in others:
                        part = part * (fits[other] if other in seen else shares[other])
                    mean += part
            found[:, pattern, at] = values * mean * (fits[at] - shares[at])
    return found
