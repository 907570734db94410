"""The same function on many jobs, one after the other: here, or on a cluster's workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Job = TypeVar("Job")
Done = TypeVar("Done")


class Spread(Protocol):
    """Answers come as they are ready. What the function raises comes out."""

    def each(self, function: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]: ...


class Here:
    """In this process."""

    def each(self, function: Callable[[Job], Done], jobs: Iterable[Job]) -> Iterator[Done]:
        return map(function, jobs)
