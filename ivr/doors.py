"""Is somebody there, and when next? Opening hours at a moment.

Hours are wall-clock times: a clock set forward skips what lies in its gap, and what lies in the
hour that a clock set back runs through twice happens twice.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from config.opening_hours import Doors, OpeningHours, Span

#: Farther ahead nobody is told of an opening.
DAYS_AHEAD = 400
_DAY, _MOMENT = timedelta(days=1), timedelta(microseconds=1)


def doors_at(hours: OpeningHours, now: datetime) -> Doors:
    """`now` is aware; its own clock counts where the hours name none."""
    moment = now.astimezone(UTC)
    if any(closure.holds_at(moment) for closure in hours.closures):
        return Doors.CLOSURE
    local = moment.astimezone(_clock(hours, now))
    if local.date() in hours.holidays:
        return Doors.HOLIDAY
    spans = hours.week.get(local.weekday(), ())
    return Doors.OPEN if any(_holds(span, local.time()) for span in spans) else Doors.CLOSED


def next_opening(hours: OpeningHours, now: datetime) -> datetime | None:
    """The first moment after `now` at which shut doors open, on the clock of the hours; None where
    there is none within DAYS_AHEAD days."""
    if not any(hours.week.values()):
        return None
    zone, moment = _clock(hours, now), now.astimezone(UTC)
    today = moment.astimezone(zone).date()
    reopened = sorted(one.ends.astimezone(UTC) for one in hours.closures)
    for day in (today + _DAY * ahead for ahead in range(DAYS_AHEAD)):
        begins, ends = _midnight(day, zone), _midnight(day + _DAY, zone)
        changes = [*_changes(hours, day, zone)]
        changes += [end for end in reopened if begins <= end < ends]
        for change in sorted(changes):
            if change > moment and _opens(hours, change, zone):
                return change.astimezone(zone)
    return None


def _clock(hours: OpeningHours, now: datetime) -> tzinfo:
    return hours.timezone or now.tzinfo or UTC


def _holds(span: Span, at: time) -> bool:
    return span.opens <= at and (at < span.until or span.until == time(0))


def _opens(hours: OpeningHours, change: datetime, zone: tzinfo) -> bool:
    at, before = change.astimezone(zone), (change - _MOMENT).astimezone(zone)
    return doors_at(hours, at) is Doors.OPEN and doors_at(hours, before) is not Doors.OPEN


def _changes(hours: OpeningHours, day: date, zone: tzinfo) -> Iterator[datetime]:
    """Moments (UTC) of a day at which doors may open: where its hours begin, or its clock jumps."""
    spans = hours.week.get(day.weekday(), ())
    if not spans or day in hours.holidays:
        return
    for span in spans:
        for fold in (0, 1):
            yield datetime.combine(day, span.opens, zone).replace(fold=fold).astimezone(UTC)
    begins, ends = _midnight(day, zone), _midnight(day + _DAY, zone)
    yield begins
    if ends - begins != _DAY:
        yield _jump(begins, ends, zone)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _jump(begins: datetime, ends: datetime, zone: tzinfo) -> datetime:
    """The moment (UTC, a whole second) at which the clock is set to another offset."""
    offset = begins.astimezone(zone).utcoffset()
    seconds = range(int((ends - begins).total_seconds()))
    after = bisect.bisect_left(
        seconds,
        True,
        key=lambda s: (begins + timedelta(seconds=s)).astimezone(zone).utcoffset() != offset,
    )
    return begins + timedelta(seconds=after)
