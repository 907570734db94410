"""Segments that are asked for and that no section gives."""

from __future__ import annotations

from collections.abc import Iterator

from config.checks.conditions import comparisons, placed_conditions
from config.facts import OWN_SEGMENTS
from config.problems import Problem
from config.reading.found import Found


def unknown_segments(found: Found) -> Iterator[Problem]:
    """Where there is no section at all: else the reader of conditions has named the wrong one."""
    if found.named("segments"):
        return
    for condition, place in placed_conditions(found):
        for one in comparisons(condition):
            if one.fact == OWN_SEGMENTS and one.operator == "has":
                sentence = f"there is no segment '{one.value}'; write it under segments"
                yield Problem.at(place, sentence)
