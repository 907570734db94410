"""How many contacts each segment holds, and who moved since the run before. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from calls.segments import Segments

#: What has no class: bought nothing yet, or too little to tell.
NOT_KNOWN = "not_known"
#: Categories beyond the largest so many are left out of a run's sums.
MOST_NAMES = 50


class Census:
    def __init__(self) -> None:
        self._sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._moved: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self.contacts = 0

    def add(self, now: Segments, before: Segments | None) -> None:
        """`before` is what the last run said; None for who is new."""
        self.contacts += 1
        was = dict(_moving(before)) if before else {}
        for kind, name in (*_moving(now), *_standing(now)):
            self._sizes[kind][name] += 1
            if kind in was and was[kind] != name:
                self._moved[kind][was[kind], name] += 1

    def sizes(self) -> Mapping[str, Mapping[str, int]]:
        return {kind: dict(found.most_common(MOST_NAMES)) for kind, found in self._sizes.items()}

    def movements(self) -> Mapping[str, list[list[Any]]]:
        """The largest first."""
        return {
            kind: [[*pair, many] for pair, many in found.most_common()]
            for kind, found in self._moved.items()
        }


def _moving(segments: Segments) -> Iterator[tuple[str, str]]:
    """Kinds whose movements are counted."""
    yield "tier", segments.tier.value
    yield "lifecycle", segments.lifecycle.value
    yield "behaviour", segments.behaviour.value if segments.behaviour else NOT_KNOWN
    yield "price_band", segments.price_band.value if segments.price_band else NOT_KNOWN
    yield "loyalty", segments.loyalty.value if segments.loyalty else NOT_KNOWN


def _standing(segments: Segments) -> Iterator[tuple[str, str]]:
    yield "main_category", segments.main_category or NOT_KNOWN
    if segments.days_since_last is not None:
        # Recency and frequency: 5x5 cells, the well-known grid.
        yield "rfm", f"{segments.recency}{segments.frequency}"
