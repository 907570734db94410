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
#: Which columns differ is much the same from call to call; so many ways are kept.
_MOST_APART = 16


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
        self._splits = _Splits(places, thresholds, ruled_out)
        self._values = values.reshape(-1)
        self._first = (np.arange(len(trees)) * LEAVES)[:, None]
        #: By which columns differ.
        self._apart: dict[bytes, tuple[_Splits, _Splits] | None] = {}

    def __call__(self, rows: Matrix) -> Floats:
        """The sum of the trees for each row; there is one row at least."""
        both = np.concatenate((rows, np.fmin(rows, _INFINITY)), axis=1).T
        if len(rows) == 1:
            return self._sums(self._splits.ruled_out(both))
        # Rows of one caller are alike in most columns: splits there are asked once.
        numbers = rows.view(np.int32)
        differ = (numbers != numbers[0]).any(axis=0)
        key = differ.tobytes()
        try:
            apart = self._apart[key]
        except KeyError:
            apart = self._keep(key, differ)
        both = np.ascontiguousarray(both)
        if apart is None:
            return self._sums(self._splits.ruled_out(both))
        alike, asked = apart
        return self._sums(asked.ruled_out(both) | alike.ruled_out(both[:, :1]))

    def _keep(self, key: bytes, differ: NDArray[np.bool_]) -> tuple[_Splits, _Splits] | None:
        """None where telling them apart would bring nothing."""
        asked = np.concatenate((differ, differ)).take(self._splits.places)
        apart = None
        if 2 * int(asked.sum(axis=0).max(initial=0)) <= _SPLITS:
            apart = self._splits.where(~asked), self._splits.where(asked)
        if len(self._apart) >= _MOST_APART:
            self._apart = {}
        self._apart[key] = apart
        return apart

    def _sums(self, out: NDArray[np.uint16]) -> Floats:
        """`out`: by tree and row, the leaves that are ruled out."""
        # The first leaf from the left that is not ruled out: the lowest bit that is not set.
        place = np.bitwise_count((~out & (out + _ONE)) - _ONE)
        return np.asarray(self._values.take(place + self._first).sum(axis=0))


class _Splits:
    """Of all trees, one column for each; a tree that has fewer asks what rules nothing out."""

    def __init__(
        self, places: NDArray[np.intp], thresholds: Matrix, masks: NDArray[np.uint16]
    ) -> None:
        self.places, self._thresholds, self._masks = places, thresholds, masks
        self._flat = places.reshape(-1), thresholds.reshape(-1, 1), masks.reshape(-1, 1)

    def ruled_out(self, columns: Matrix) -> NDArray[np.uint16]:
        """By tree and row. `columns`: by column, twice: as it is, and with infinity for what is
        not known; and by row."""
        places, thresholds, masks = self._flat
        ruled = (columns.take(places, axis=0) >= thresholds) * masks
        shape = (*self.places.shape, ruled.shape[1])
        return np.asarray(np.bitwise_or.reduce(ruled.reshape(shape), axis=0))

    def where(self, asked: NDArray[np.bool_]) -> _Splits:
        """Those of each tree moved to the top, and as many rows of splits as the fullest needs."""
        order = np.argsort(~asked, axis=0, kind="stable")[: max(int(asked.sum(axis=0).max()), 1)]
        masks = np.where(asked, self._masks, np.uint16(0))
        parts = (self.places, self._thresholds, masks)
        places, thresholds, masks = (np.take_along_axis(each, order, axis=0) for each in parts)
        return _Splits(places, thresholds, masks)
