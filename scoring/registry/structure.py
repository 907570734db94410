"""Whether a model is no more than small trees over the columns that it says. Pure.

A file can be written by anybody. xgboost follows its numbers without asking: a child that is its
own ancestor is walked for ever, and a column beyond the row is read from beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from scoring.models.boosting import MAX_DEPTH, MAX_TREES
from scoring.registry.refusals import ModelRefused

_LEAF = -1
MAX_NODES = 2 ** (MAX_DEPTH + 1) - 1


def check_structure(model: Any, *, columns: int, objective: str) -> None:
    """`model`: what xgboost writes as JSON, read. Raises ModelRefused."""
    try:
        learner = model["learner"]
        shape = learner["learner_model_param"]
        booster = learner["gradient_booster"]
        told = learner["objective"]["name"]
        if told != objective:
            raise ModelRefused(f"the model's objective is {told}, its card's {objective}")
        if booster["name"] != "gbtree":
            raise ModelRefused(f"{booster['name']} is no plain tree model")
        if int(shape["num_class"]) > 1 or int(shape["num_target"]) > 1:
            raise ModelRefused("the model has several answers")
        if int(shape["num_feature"]) != columns:
            raise ModelRefused(f"the model has {shape['num_feature']} columns, its card {columns}")
        trees = booster["model"]["trees"]
        if len(trees) > MAX_TREES:
            raise ModelRefused(f"{len(trees)} trees would be late for a caller ({MAX_TREES})")
        if any(booster["model"]["tree_info"]):
            raise ModelRefused("the model has several answers")
        for tree in trees:
            _check_tree(tree, columns)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelRefused(f"the model is damaged ({type(error).__name__})") from error


def _check_tree(tree: Any, columns: int) -> None:
    left, right = tree["left_children"], tree["right_children"]
    split, value = tree["split_indices"], tree["split_conditions"]
    parts: list[Sequence[Any]] = [left, right, split, value, tree["default_left"]]
    if not 1 <= len(left) <= MAX_NODES * 4 or {len(part) for part in parts} != {len(left)}:
        raise ModelRefused("a tree of the model is damaged: its parts differ in length")
    if any(tree.get("split_type", ())) or tree.get("categories"):
        raise ModelRefused("a tree of the model splits by categories")
    seen = {0}
    level = [0]
    for depth in range(MAX_DEPTH + 1):
        below: list[int] = []
        for node in level:
            if not math.isfinite(value[node]):
                raise ModelRefused("a tree of the model holds a number that is none")
            if left[node] == _LEAF and right[node] == _LEAF:
                continue
            if depth == MAX_DEPTH or not 0 <= split[node] < columns:
                raise ModelRefused("a tree of the model is too deep, or asks for no column")
            below += [left[node], right[node]]
        if any(not 0 < child < len(left) for child in below):
            raise ModelRefused("a tree of the model leads nowhere")
        if len({*below}) != len(below) or seen & {*below}:
            raise ModelRefused("a tree of the model leads back into itself")
        seen |= {*below}
        level = below
