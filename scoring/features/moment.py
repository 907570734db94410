"""When a call comes in, as models see it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

MOMENT_NAMES = ("hour", "weekday")
_HOURS_OF_A_PART = 6
_SATURDAY = 6


@dataclass(frozen=True, slots=True)
class CallMoment:
    """In UTC, so that rows of the past and of now mean the same whatever the clocks of the house
    do. `weekday` is 1 for Monday. `dialled` and `area` are empty where they are not known."""

    hour: int
    weekday: int
    dialled: str = ""
    area: str = ""

    @classmethod
    def of(cls, at: datetime, *, dialled: str = "", area: str = "") -> Self:
        there = at.astimezone(UTC)
        return cls(there.hour, there.isoweekday(), dialled, area)

    @property
    def numbers(self) -> tuple[float, float]:
        """In the order of MOMENT_NAMES."""
        return float(self.hour), float(self.weekday)

    @property
    def path(self) -> tuple[str, ...]:
        """From the coarse to the fine, for `MomentShares`: part of the day, working days or not,
        the number dialled, the caller's area; it ends before the first that is not known."""
        days = "weekend" if self.weekday >= _SATURDAY else "working"
        found = [f"part {self.hour // _HOURS_OF_A_PART}", days]
        for each in (self.dialled, self.area):
            if not each:
                break
            found.append(each)
        return tuple(found)
