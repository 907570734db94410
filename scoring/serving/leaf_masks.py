"""What trees answer, a few rows at once: every split of every tree is asked in one comparison, and
says by a mask which leaves of its tree cannot be the one (QuickScorer, Lucchese and others, 2015).

Of trees as shallow as ours this takes a third to a half of the time of treelite's GTIL, which walks
node by node (docs/decisions/0017-trees-by-masks.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scoring.serving.tree_paths import LEAVES, Tree

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

_SPLITS = LEAVES - 1
_ONE = np.uint16(1)
_INFINITY = np.float32(np.inf)


class LeafMasks:
    """`columns`: how many a row has."""

    def __init__(self, trees: Sequence[Tree], *, columns: int) -> None:
        shape = (_SPLITS, len(trees))
        places, thresholds = np.zeros(shape, np.intp), np.full(shape, np.inf, np.float32)
        ruled_out = np.zeros(shape, np.uint16)
        values = np.zeros((len(trees), LEAVES))
        for number, tree in enumerate(trees):
            for at, split in enumerate(tree.splits):
                # What is not known is infinity in the second half: right of every threshold.
                places[at, number] = split.column + columns * split.is_unknown_right
                thresholds[at, number] = split.threshold
                ruled_out[at, number] = sum(1 << leaf for leaf in split.left)
            values[number, : len(tree.leaves)] = [leaf.value for leaf in tree.leaves]
        self._splits = places.reshape(-1), thresholds.reshape(-1), ruled_out.reshape(-1)
        self._values = values.reshape(-1)
        self._first = np.arange(len(trees)) * LEAVES

    def __call__(self, rows: Matrix) -> Floats:
        """The sum of the trees for each row; there is one row at least."""
        if len(rows) == 1:
            return self._sums(_ruled_out(rows, *self._splits))
        # Rows of one caller are alike in most columns: splits there are asked once.
        numbers = rows.view(np.int32)
        differ = (numbers != numbers[0]).any(axis=0)
        places = self._splits[0]
        asked = np.flatnonzero(np.concatenate((differ, differ)).take(places))
        if 2 * len(asked) > len(places):
            return self._sums(_ruled_out(rows, *self._splits))
        ruled = np.repeat(_ruled_out(rows[:1], *self._splits), len(rows), axis=0)
        ruled[:, asked] = _ruled_out(rows, *(each.take(asked) for each in self._splits))
        return self._sums(ruled)

    def _sums(self, ruled: NDArray[np.uint16]) -> Floats:
        out = np.bitwise_or.reduce(ruled.reshape(len(ruled), _SPLITS, -1), axis=1)
        # The first leaf from the left that is not ruled out: the lowest bit that is not set.
        place = np.bitwise_count((~out & (out + _ONE)) - _ONE)
        return np.asarray(self._values.take(place + self._first).sum(axis=1))


def _ruled_out(
    rows: Matrix,
    places: NDArray[np.intp],
    thresholds: Matrix,
    masks: NDArray[np.uint16],
) -> NDArray[np.uint16]:
    """By row and split, the leaves that it rules out."""
    both = np.concatenate((rows, np.fmin(rows, _INFINITY)), axis=1)
    return np.asarray((both.take(places, axis=1) >= thresholds) * masks)
