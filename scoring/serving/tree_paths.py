"""Trees as xgboost writes them in JSON, taken apart into what answers and reasons need. Pure.

Of trees that were looked at before (`scoring.registry.structure`); what is deeper than those may
be is refused here too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.models.boosting import MAX_DEPTH
from scoring.registry.refusals import ModelRefused

#: A whole tree of that depth.
LEAVES = 2**MAX_DEPTH
_LEAF = -1


@dataclass(slots=True)
class Split:
    """Left is `value < threshold`. `left`: the leaves there, counted from the left of the tree."""

    column: int
    threshold: float
    is_unknown_right: bool
    left: range


@dataclass(slots=True)
class Stretch:
    """What one column must be to get to a leaf: `low` <= value, and not `high` <= value. `share`:
    of the training rows, what goes this way where the column is not looked at."""

    low: float = -math.inf
    high: float = math.nan
    is_unknown_let_by: bool = True
    share: float = 1.0

    def narrowed(self, split: Split, *, is_right: bool, share: float) -> Stretch:
        low, high = self.low, self.high
        if is_right:
            low = max(low, split.threshold)
        else:
            high = split.threshold if math.isnan(high) else min(high, split.threshold)
        let_by = self.is_unknown_let_by and split.is_unknown_right is is_right
        return Stretch(low, high, let_by, self.share * share)


@dataclass(slots=True)
class Leaf:
    """`way`: by column."""

    value: float
    way: Mapping[int, Stretch]


@dataclass(slots=True)
class Tree:
    splits: list[Split] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)


def trees_of(model: Any) -> list[Tree]:
    """`model`: what xgboost writes as JSON, read. Raises ModelRefused."""
    try:
        told = model["learner"]["gradient_booster"]["model"]["trees"]
        return [_Reader(each).tree for each in told]
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ModelRefused(f"the model is damaged ({type(error).__name__})") from error


class _Reader:
    def __init__(self, told: Mapping[str, Any]) -> None:
        self._left: Sequence[int] = told["left_children"]
        self._right: Sequence[int] = told["right_children"]
        self._column: Sequence[int] = told["split_indices"]
        #: Of a leaf its answer.
        self._value: Sequence[float] = told["split_conditions"]
        self._default_left: Sequence[int] = told["default_left"]
        self._cover: Sequence[float] = told["sum_hessian"]
        self.tree = Tree()
        self._walk(0, {}, 0)

    def _walk(self, node: int, way: Mapping[int, Stretch], depth: int) -> None:
        if self._left[node] == _LEAF:
            self.tree.leaves.append(Leaf(float(self._value[node]), way))
            return
        if depth == MAX_DEPTH:
            raise ModelRefused("a tree of the model is too deep")
        column = int(self._column[node])
        first = len(self.tree.leaves)
        is_unknown_right = not self._default_left[node]
        split = Split(column, float(self._value[node]), is_unknown_right, range(first, first))
        self.tree.splits.append(split)
        for child, is_right in ((self._left[node], False), (self._right[node], True)):
            share = self._share(node, child)
            narrowed = way.get(column, Stretch()).narrowed(split, is_right=is_right, share=share)
            self._walk(child, {**way, column: narrowed}, depth + 1)
            if not is_right:
                split.left = range(first, len(self.tree.leaves))

    def _share(self, node: int, child: int) -> float:
        whole, part = float(self._cover[node]), float(self._cover[child])
        # Of no rows at all nothing is known: as if it were half of them.
        return part / whole if whole > 0 else 0.5
