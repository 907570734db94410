"""F56: clocks jump, differ, and summer time begins or ends.

How long a call waited and talked is measured by a clock that nobody sets: an hour forwards or
backwards makes no part of it longer, and none negative, and the CRM has the record at once. Opening
hours are on the clock of the number that was called: what lies in the hour that does not happen is
skipped, what lies in the hour that happens twice happens twice.

Also shown by `tests/unit/ivr/test_doors.py::test_openings_while_the_clock_changes`,
`tests/unit/ivr/test_doors.py::test_the_next_opening_is_the_first_minute_that_opens`,
`tests/contracts/test_crm_writes.py::
test_times_are_the_same_instants_across_the_change_of_clocks`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from calls import clocks
from config.opening_hours import Doors, OpeningHours, Span
from ivr.doors import doors_at
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger, reached
from tests.acceptance.load import assert_all_served, numbers, strangers

CALLS, RATE_PER_S = 24, 1.5
CALLER = CallerShape(
    presses=(Press(1500, "0"), Press(2500, "0")), hang_up_after_ms=None, audio=False
)
STEPS = ("+1h", "-1h", "+0")


class MachineClock:
    """The server's alone: Asterisk's, and ours, stay as they are (libfaketime(1))."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set("+0")
        [library, *_] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        self.under = (
            "env",
            f"LD_PRELOAD={library}",
            f"FAKETIME_TIMESTAMP_FILE={self._file}",
            "FAKETIME_CACHE_DURATION=1",
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
            "NO_FAKE_STAT=1",
        )

    def set(self, offset: str) -> None:
        beside = self._file.with_suffix(".next")
        beside.write_text(f"{offset}\n", "ascii")
        beside.replace(self._file)


@pytest.fixture
def machine(tmp_path: Path) -> MachineClock:
    return MachineClock(tmp_path)


@pytest.fixture
async def centre(tmp_path: Path, machine: MachineClock) -> AsyncIterator[DemoCentre]:
    centre = DemoCentre(
        folder=tmp_path,
        phone=PhoneShape(ring_ms=500, talk_ms=1500, audio=False),
        desktops=False,
    )
    centre.server.under = machine.under
    async with centre:
        yield centre


@pytest.mark.acceptance
@pytest.mark.long
async def test_no_call_is_longer_or_negative_for_an_hour_forwards_and_back(
    centre: DemoCentre, machine: MachineClock
) -> None:
    began = datetime.now(UTC)
    async with Ledger(centre.storage_url) as ledger:
        at_work = centre.callers.start(strangers(CALLER, CALLS), rate_per_s=RATE_PER_S)
        for turn, offset in enumerate(STEPS, 1):
            await reached(ledger, turn * CALLS // (len(STEPS) + 1))
            machine.set(offset)
        assert_all_served(await at_work.wait(), CALLS)
        lasted_s = (datetime.now(UTC) - began).total_seconds()
        entries = await ledger.balanced(numbers(CALLS), deadline_s=60)
    hours = set()
    for entry in entries.values():
        [record] = entry.records
        assert record.outcome == "answered"
        assert record.arrived_at <= record.answered_at <= record.ended_at
        assert (record.ended_at - record.arrived_at).total_seconds() < lasted_s
        assert 1 <= record.talk_s <= 6
        for leg in record.legs:
            times = [leg[name] for name in ("rang_at", "answered_at", "ended_at")]
            assert times == sorted(times)
        hours.add(round((record.arrived_at - began) / timedelta(hours=1)))
    assert hours == {0, 1, -1}


@pytest.mark.unit
def test_a_call_s_clock_goes_evenly_whatever_the_machine_s_is_set_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = clocks.steady()
    first = now()
    for hours in (1, -2, 500, -500):
        monkeypatch.setattr(
            clocks, "utc_now", lambda hours=hours: datetime.now(UTC) + timedelta(hours=hours)
        )
        second = now()
        assert timedelta() <= second - first < timedelta(minutes=1)
        first = second


BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = OpeningHours("night", BERLIN, {6: (Span(time(2, 15), time(2, 45)),)})


@pytest.mark.unit
@pytest.mark.parametrize(
    ("midnight", "open_at"),
    [
        # The clock is set back at 01:00 UTC: 02:15 to 02:45 happens twice.
        (datetime(2026, 10, 24, 22, tzinfo=UTC), {*range(135, 165), *range(195, 225)}),
        # It is set forward at 01:00 UTC: that half hour does not happen.
        (datetime(2027, 3, 27, 23, tzinfo=UTC), set[int]()),
        (datetime(2027, 4, 3, 22, tzinfo=UTC), {*range(135, 165)}),
    ],
)
def test_each_minute_of_the_nights_in_which_summer_time_ends_and_begins(
    midnight: datetime, open_at: set[int]
) -> None:
    found = {
        minute
        for minute in range(300)
        if doors_at(NIGHT, midnight + timedelta(minutes=minute)) is Doors.OPEN
    }
    assert found == open_at
