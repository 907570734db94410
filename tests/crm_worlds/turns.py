"""Which of several ways to the same servers a test takes, where all of them would take long."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def one_of_its_ways(ways: Mapping[T, Sequence[str]]) -> dict[T, str]:
    """By test: the next test takes the next of those that it has."""
    return {test: has[turn % len(has)] for turn, (test, has) in enumerate(ways.items())}
