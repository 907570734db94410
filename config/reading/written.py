"""What stands in a rulebook only until the whole of it is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from config.problems import Place


@dataclass(frozen=True, slots=True)
class Skill:
    min_penalty: int | None = None
    max_penalty: int | None = None

    def joined(self, other: Skill) -> Skill:
        """Both at once: the narrower bounds."""
        lows = [low for low in (self.min_penalty, other.min_penalty) if low is not None]
        highs = [high for high in (self.max_penalty, other.max_penalty) if high is not None]
        return Skill(max(lows, default=None), min(highs, default=None))

    @property
    def is_possible(self) -> bool:
        if self.min_penalty is None or self.max_penalty is None:
            return True
        return self.min_penalty <= self.max_penalty


@dataclass(frozen=True, slots=True)
class WrittenHolidays:
    """`also` and `not_` correct the country's calendar."""

    country: str | None = None
    subdivision: str | None = None
    also: Mapping[date, str] = field(default_factory=dict)
    not_: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class WrittenClosure:
    """On the clock of each of `hours`, which may be the numbers' and is known late. No hours: all
    of them."""

    name: str
    starts: datetime
    ends: datetime
    hours: tuple[str, ...]
    place: Place
