"""Which of the supervisors' own segments somebody belongs to. Pure."""

from __future__ import annotations

from typing import Any

from calls.decision import SegmentMet
from config.conditions import Seen
from config.rulebook import Rulebook


def own_segments(rulebook: Rulebook, seen: Seen) -> frozenset[str]:
    """`seen` holds at least the SEGMENT_FACTS of one contact."""
    return frozenset(name for name, one in rulebook.segments.items() if one.when.judge(seen)[0])


def segments_met(rulebook: Rulebook, names: Any) -> tuple[SegmentMet, ...]:
    """In the order written, those that the rulebook has."""
    return tuple(
        SegmentMet(name, one.titles) for name, one in rulebook.segments.items() if name in names
    )
