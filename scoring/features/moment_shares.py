"""What is chosen at a moment like this one, by anybody: for who is a stranger. Pure.

Shares of each finer part are drawn towards those of the part that holds it, as if STRENGTH more had
chosen as they do there: a number that was dialled twice says next to nothing, one dialled a
thousand times speaks for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

STRENGTH = 20.0
#: Parts told apart; beyond, the finer ones are no longer counted.
MAX_PARTS = 2_000
_BETWEEN = "\x1f"


class MomentShares:
    """`counts` by part, by name of what was chosen."""

    def __init__(self, counts: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self._counts = {part: dict(found) for part, found in (counts or {}).items()}

    def add(self, menu: str, path: Sequence[str], name: str) -> None:
        for part in _parts(menu, path):
            if part not in self._counts and len(self._counts) >= MAX_PARTS:
                return
            counts = self._counts.setdefault(part, {})
            counts[name] = counts.get(name, 0.0) + 1.0

    def shares(
        self, menu: str, path: Sequence[str], house: Mapping[str, float], names: Sequence[str]
    ) -> list[float]:
        """By name; `house` are the shares of everybody, at any time."""
        found = [house.get(name, 0.0) for name in names]
        for part in _parts(menu, path):
            counts = self._counts.get(part)
            if counts is None:
                break
            total = sum(counts.values()) + STRENGTH
            found = [
                (counts.get(name, 0.0) + STRENGTH * share) / total
                for name, share in zip(names, found, strict=True)
            ]
        return found

    def as_json(self) -> dict[str, dict[str, float]]:
        return {part: dict(found) for part, found in self._counts.items()}


def _parts(menu: str, path: Sequence[str]) -> Iterable[str]:
    for depth in range(1, len(path) + 1):
        yield _BETWEEN.join((menu, *path[:depth]))
