"""When a night begins: summer time, jumping clocks, and hours in which nobody ran."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.errors import Misconfigured
from scoring.nightly.nights import CATCH_UP, due_night, newest_night, next_begin, read_time

pytestmark = pytest.mark.unit

BERLIN = ZoneInfo("Europe/Berlin")
HALF_PAST_TWO = time(2, 30)


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type,misc]


def due(now: datetime) -> str | None:
    night = due_night(now, HALF_PAST_TWO, BERLIN)
    return night.name if night is not None else None


def test_it_is_due_from_its_time_on_and_for_six_hours() -> None:
    assert due(utc(2026, 11, 28, 1, 29, 59)) is None
    assert due(utc(2026, 11, 28, 1, 30)) == "2026-11-28"
    assert due(utc(2026, 11, 28, 7, 30)) == "2026-11-28"
    assert due(utc(2026, 11, 28, 7, 30, 1)) is None


def test_half_past_two_does_not_exist_where_summer_time_begins() -> None:
    # 2026-03-29: 02:00 becomes 03:00.
    assert due(utc(2026, 3, 29, 1, 29)) is None
    assert due(utc(2026, 3, 29, 1, 30)) == "2026-03-29"
    assert next_begin(utc(2026, 3, 28, 12), HALF_PAST_TWO, BERLIN) == utc(2026, 3, 29, 1, 30)
    assert next_begin(utc(2026, 3, 29, 12), HALF_PAST_TWO, BERLIN) == utc(2026, 3, 30, 0, 30)


def test_half_past_two_comes_twice_where_it_ends_and_is_one_night() -> None:
    # 2026-10-25: 03:00 becomes 02:00.
    first, second = utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 30)
    assert due(first - timedelta(seconds=1)) is None
    assert due(first) == due(second) == "2026-10-25"
    assert next_begin(first, HALF_PAST_TWO, BERLIN) == utc(2026, 10, 26, 1, 30)


def test_a_time_before_midnight_belongs_to_the_day_it_began_on() -> None:
    night = due_night(utc(2026, 11, 28, 1), time(23, 45), BERLIN)
    assert night is not None
    assert (night.name, night.began) == ("2026-11-27", utc(2026, 11, 27, 22, 45))


moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001
    max_value=datetime(2035, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
zones = st.sampled_from(
    [BERLIN, ZoneInfo("America/St_Johns"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Tokyo")]
)


@given(moments, st.times(), zones)
def test_every_moment_lies_in_one_night(now: datetime, at: time, zone: ZoneInfo) -> None:
    at = at.replace(second=0, microsecond=0, tzinfo=None, fold=0)
    night, coming = newest_night(now, at, zone), next_begin(now, at, zone)
    assert night.began <= now < coming
    assert timedelta(hours=22) < coming - night.began < timedelta(hours=26)
    assert newest_night(coming, at, zone).name > night.name
    found = due_night(now, at, zone)
    assert (found is not None) == (now - night.began <= CATCH_UP)


def test_without_a_zone_it_is_this_machines() -> None:
    night = newest_night(utc(2026, 11, 28, 12), HALF_PAST_TWO)
    assert night.began.astimezone().time() == HALF_PAST_TWO


def test_reading_the_time() -> None:
    assert read_time("02:30") == HALF_PAST_TWO
    assert read_time("") is None
    for wrong in ("2:30", "24:00", "02:60", "02:30:00", "half past two"):
        with pytest.raises(Misconfigured, match=r"scoring\.nightly_at"):
            read_time(wrong)
