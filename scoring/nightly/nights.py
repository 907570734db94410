"""When a night's work is due. Pure.

A night is named by its local date, and its work is done once for that name: whatever the clock does
(summer time, a jump, a server that was away), the question is only whether the newest night that
has begun is done already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from calls.errors import Misconfigured

#: A night that could not begin in time (nobody ran then) still begins within so long.
CATCH_UP = timedelta(hours=6)

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class Night:
    """`name` is the local date on which it began, `began` that moment (UTC)."""

    name: str
    began: datetime


def read_time(text: str) -> time | None:
    """Of `scoring.nightly_at`; None for never. Raises Misconfigured."""
    if not text.strip():
        return None
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise Misconfigured(f"scoring.nightly_at: {text[:20]!r} is no time of day like 02:30")
    return time(int(found[1]), int(found[2]))


def newest_night(now: datetime, at: time, zone: tzinfo | None = None) -> Night:
    """The last one that has begun. `zone` None: this machine's. A time that summer time leaves out
    begins an hour later by the clock; of a time that comes twice, the first counts."""
    today = now.astimezone(zone).date()
    tonight = _begin(today, at, zone)
    return tonight if tonight.began <= now else _begin(today - timedelta(days=1), at, zone)


def due_night(now: datetime, at: time, zone: tzinfo | None = None) -> Night | None:
    """The newest night, while its work may still begin."""
    night = newest_night(now, at, zone)
    return night if now - night.began <= CATCH_UP else None


def next_begin(now: datetime, at: time, zone: tzinfo | None = None) -> datetime:
    """Aware, UTC."""
    today = now.astimezone(zone).date()
    tonight = _begin(today, at, zone)
    return (
        tonight.began if tonight.began > now else _begin(today + timedelta(days=1), at, zone).began
    )


def _begin(day: date, at: time, zone: tzinfo | None) -> Night:
    # A naive time is this machine's for astimezone().
    moment = datetime.combine(day, at, tzinfo=zone)
    return Night(day.isoformat(), moment.astimezone(UTC))
