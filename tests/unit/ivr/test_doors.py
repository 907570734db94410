"""Opening hours at a moment, minute by minute, also while clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.opening_hours import Doors, OpeningHours, Period, Span
from ivr.doors import doors_at, next_opening

pytestmark = pytest.mark.unit

BERLIN, BEIRUT = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Beirut")
OFFICE = (Span(time(9), time(18)),)
WEEK = dict.fromkeys(range(5), OFFICE)
SHOP = OpeningHours("shop", BERLIN, WEEK, holidays={date(2026, 12, 25): "Christmas"})
#: Around which clocks change: Berlin and New York in spring and autumn, Beirut at midnight.
CHANGES = (
    (BERLIN, date(2026, 3, 29)),
    (BERLIN, date(2026, 10, 25)),
    (ZoneInfo("America/New_York"), date(2026, 3, 8)),
    (ZoneInfo("America/New_York"), date(2026, 11, 1)),
    (BEIRUT, date(2026, 3, 29)),
    (BEIRUT, date(2026, 10, 25)),
    (ZoneInfo("Australia/Lord_Howe"), date(2026, 4, 5)),
    (ZoneInfo("Asia/Shanghai"), date(2026, 6, 1)),
)
MINUTE = timedelta(minutes=1)


def berlin(*at: int) -> datetime:
    return datetime(*at, tzinfo=BERLIN)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("now", "doors", "opens"),
    [
        (berlin(2026, 11, 23, 8, 59), Doors.CLOSED, berlin(2026, 11, 23, 9)),
        (berlin(2026, 11, 23, 9), Doors.OPEN, berlin(2026, 11, 24, 9)),
        (berlin(2026, 11, 23, 17, 59, 59), Doors.OPEN, berlin(2026, 11, 24, 9)),
        (berlin(2026, 11, 23, 18), Doors.CLOSED, berlin(2026, 11, 24, 9)),
        (berlin(2026, 11, 27, 20), Doors.CLOSED, berlin(2026, 11, 30, 9)),
        (berlin(2026, 12, 24, 20), Doors.CLOSED, berlin(2026, 12, 28, 9)),
        (berlin(2026, 12, 25, 10), Doors.HOLIDAY, berlin(2026, 12, 28, 9)),
        (datetime(2026, 11, 23, 8, 30, tzinfo=UTC), Doors.OPEN, berlin(2026, 11, 24, 9)),
    ],
)
def test_a_week_with_a_holiday(now: datetime, doors: Doors, opens: datetime) -> None:
    assert (doors_at(SHOP, now), next_opening(SHOP, now)) == (doors, opens)


def test_doors_shut_for_a_while_open_when_that_is_over() -> None:
    flood = Period("flood", berlin(2026, 11, 23, 8), berlin(2026, 11, 23, 14))
    flooded = OpeningHours("shop", BERLIN, WEEK, closures=(flood,))
    assert doors_at(flooded, berlin(2026, 11, 23, 10)) is Doors.CLOSURE
    assert next_opening(flooded, berlin(2026, 11, 23, 7)) == berlin(2026, 11, 23, 14)
    assert doors_at(flooded, berlin(2026, 11, 23, 14)) is Doors.OPEN


def test_hours_without_a_clock_are_on_that_of_the_number() -> None:
    hours = OpeningHours("shop", None, WEEK)
    at = datetime(2026, 11, 23, 9, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert doors_at(hours, at) is Doors.OPEN
    assert doors_at(hours, at.astimezone(UTC)) is Doors.CLOSED


def test_through_midnight_is_no_opening() -> None:
    night = {0: (Span(time(20), time(0)),), 1: (Span(time(0), time(4)),)}
    hours = OpeningHours("bar", BERLIN, night)
    assert doors_at(hours, berlin(2026, 11, 23, 23, 59, 59)) is Doors.OPEN
    assert doors_at(hours, berlin(2026, 11, 24, 0)) is Doors.OPEN
    assert doors_at(hours, berlin(2026, 11, 24, 4)) is Doors.CLOSED
    assert next_opening(hours, berlin(2026, 11, 23, 21)) == berlin(2026, 11, 30, 20)


def test_never_open() -> None:
    assert next_opening(OpeningHours("never", BERLIN, {}), berlin(2026, 11, 23)) is None
    always = OpeningHours("always", BERLIN, {day: (Span(time(0), time(0)),) for day in range(7)})
    assert doors_at(always, berlin(2026, 11, 23, 3)) is Doors.OPEN
    assert next_opening(always, berlin(2026, 11, 23, 3)) is None


def utc(*at: int) -> datetime:
    return datetime(*at, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("span", "day", "now", "opens"),
    [
        # 02:00 to 03:00 does not happen: the doors open where the clock lands.
        (Span(time(2, 30), time(5)), 29, utc(2026, 3, 28, 23), utc(2026, 3, 29, 1)),
        # 02:15 happens twice, and so does an opening then.
        (Span(time(2, 15), time(2, 45)), 25, utc(2026, 10, 24, 23), utc(2026, 10, 25, 0, 15)),
        (Span(time(2, 15), time(2, 45)), 25, utc(2026, 10, 25, 0, 50), utc(2026, 10, 25, 1, 15)),
        # Shut at 02:30, and open again when the clock is set back to 02:00.
        (Span(time(1), time(2, 30)), 25, utc(2026, 10, 25, 0, 40), utc(2026, 10, 25, 1)),
    ],
)
def test_openings_while_the_clock_changes(
    span: Span, day: int, now: datetime, opens: datetime
) -> None:
    sunday = OpeningHours("night", BERLIN, {6: (span,)})
    found = next_opening(sunday, now)
    assert found is not None
    assert (found.astimezone(UTC), found.day) == (opens, day)


times = st.builds(time, st.integers(0, 4) | st.integers(0, 23), st.sampled_from([0, 15, 30]))


@st.composite
def spans(draw: st.DrawFn) -> tuple[Span, ...]:
    edges = sorted(draw(st.sets(times, max_size=4)))
    pairs = [Span(*pair) for pair in zip(edges[::2], edges[1::2], strict=False)]
    if len(edges) % 2:
        pairs.append(Span(edges[-1], time(0)))
    return tuple(pairs)


@given(
    st.sampled_from(CHANGES),
    st.lists(spans(), min_size=7, max_size=7),
    st.integers(-24 * 60, 24 * 60),
    st.booleans(),
    st.tuples(st.integers(-600, 600), st.integers(0, 600)),
)
def test_the_next_opening_is_the_first_minute_that_opens(
    change: tuple[ZoneInfo, date],
    week: list[tuple[Span, ...]],
    offset: int,
    holiday: bool,
    shut: tuple[int, int],
) -> None:
    """Against a search minute by minute, in the two days around a change of clocks."""
    zone, day = change
    midnight = datetime.combine(day, time(0), zone).astimezone(UTC)
    starts = midnight + shut[0] * MINUTE
    hours = OpeningHours(
        "h",
        zone,
        dict(enumerate(week)),
        {day: "x"} if holiday else {},
        (Period("shut", starts, starts + shut[1] * MINUTE),) if shut[1] else (),
    )
    now = midnight + offset * MINUTE
    found = next_opening(hours, now)
    searched = (now + step * MINUTE for step in range(1, 36 * 60))
    expected = next(
        (
            at
            for at in searched
            if doors_at(hours, at) is Doors.OPEN and doors_at(hours, at - MINUTE) is not Doors.OPEN
        ),
        None,
    )
    if expected is not None:
        assert found is not None
        assert found.astimezone(UTC) == expected
        assert found.tzinfo is zone
    elif found is not None:
        assert found.astimezone(UTC) > now + 36 * 59 * MINUTE
