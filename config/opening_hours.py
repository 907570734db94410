"""When somebody is there: weekly hours on one clock, holidays, and doors shut for a while."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo


class Doors(enum.StrEnum):
    """The values of the fact `hours.<name>`."""

    OPEN = "open"
    CLOSED = "closed"
    HOLIDAY = "holiday"
    #: Shut for a while: a flood, a staff meeting.
    CLOSURE = "closure"


@dataclass(frozen=True, slots=True)
class Span:
    """Local wall-clock times of one day; `until` 00:00 is the day's end."""

    opens: time
    until: time


@dataclass(frozen=True, slots=True)
class Period:
    """From the first moment up to the last one, that one left out; both aware."""

    name: str
    starts: datetime
    ends: datetime

    def holds_at(self, now: datetime) -> bool:
        return self.starts <= now < self.ends


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """`week` is by weekday, 0 for Monday. `is_holiday` days are shut all day."""

    name: str
    timezone: ZoneInfo | None
    week: Mapping[int, tuple[Span, ...]]
    #: Names by date, as far as the rulebook's own list and the country's calendar say.
    holidays: Mapping[date, str] = field(default_factory=dict)
    closures: tuple[Period, ...] = ()
