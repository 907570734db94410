"""Why a model answers as it does: exact contributions, summed by group of features, as sentences.

Computed when somebody asks first: for the offer that is chosen, and for churn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from scoring.serving.models_in_use import ModelInUse
from scoring.serving.reason_words import sentence
from scoring.serving.served_model import Floats, Matrix

Found = TypeVar("Found")

TOP = 3
#: A group that moves the margin less than this is no reason.
LEAST = 0.01


class Lazily(Mapping[str, Found]):
    """`find(key)` is asked once for each key, and not before somebody looks."""

    def __init__(self, keys: Iterable[str], find: Callable[[str], Found]) -> None:
        self._keys = dict.fromkeys(keys)
        self._find = find
        self._found: dict[str, Found] = {}

    def __getitem__(self, key: str) -> Found:
        if key not in self._keys:
            raise KeyError(key)
        if key not in self._found:
            self._found[key] = self._find(key)
        return self._found[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class RowReasons:
    """Of one row; its contributions are computed once, whatever the language."""

    def __init__(self, used: ModelInUse, row: Matrix, group_of: Mapping[str, str]) -> None:
        self._used = used
        self._row = row
        self._group_of = group_of
        self._largest: list[tuple[str, float]] | None = None

    def told(self, language: str) -> tuple[str, ...]:
        """The three largest groups' sentences, with the row's raw values."""
        columns = self._used.card.columns
        if self._largest is None:
            weights = by_group(self._used.contributions(self._row), columns, self._group_of)
            self._largest = sorted(weights.items(), key=lambda item: -abs(item[1]))[:TOP]
        values = dict(zip(columns, map(float, self._row), strict=True))
        return tuple(
            sentence(group, values, raises=weight > 0, language=language)
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
