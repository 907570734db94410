"""Experiments that would spoil each other's figures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from config.problems import Problem
from config.reading.found import Found


def rival_experiments(found: Found) -> Iterator[Problem]:
    for first, second in combinations(found.experiments.values(), 2):
        both = sorted(first.changes & second.changes)
        if both and first.overlaps(second):
            sentence = (
                f"'{second.name}' and '{first.name}' both change {', '.join(both)} at one time: "
                "nobody could tell which of them did it; let one begin when the other is over"
            )
            yield Problem.at(second.place, sentence)
