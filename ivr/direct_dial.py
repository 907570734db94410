"""Extensions that callers may dial in a menu: patterns like `2XX`, where X is any digit. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Extensions:
    """What the administrator allows (settings `rulebook.direct_dial`)."""

    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Self:
        return cls(tuple(pattern.strip().upper() for pattern in patterns if pattern.strip()))

    def has(self, digits: str) -> bool:
        return any(len(p) == len(digits) and _fits(digits, p) for p in self.patterns)

    def may_begin_with(self, digits: str) -> bool:
        """Whether more keys could make it an extension."""
        return any(len(p) > len(digits) and _fits(digits, p) for p in self.patterns)


NO_EXTENSIONS = Extensions()


def _fits(digits: str, pattern: str) -> bool:
    """As far as the digits go."""
    return all(
        digit in "0123456789" and wanted in (digit, "X")
        for digit, wanted in zip(digits, pattern, strict=False)
    )
