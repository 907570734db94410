"""What the service does about the night, with a clock of the test's own; and the process it
starts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest

from scoring.nightly.nights import CATCH_UP
from scoring.nightly.run_book import DONE, FAILED, LEASE, MOST_TRIES, RunBook
from storage.database import Database
from switchboard.nightly.child import Child
from switchboard.nightly.gauge import NightlyGauge
from switchboard.nightly.schedule import TRY_AGAIN, NightlySchedule
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.integration

BERLIN = ZoneInfo("Europe/Berlin")
AT = time(2, 30)
#: 02:30 in Berlin.
DUE = datetime(2026, 11, 28, 1, 30, tzinfo=UTC)


class House:
    """A server whose nightly process is a function: `outcome` is the state it reaches, None where
    it dies in the middle."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.clock = clock
        self.database = database
        self.begun: list[str] = []
        self.outcome: str | None = DONE
        self.restart()

    def restart(self) -> None:
        self.schedule = NightlySchedule(
            at=AT,
            book=RunBook(database=self.database, now=self.clock),
            start=self.start,
            now=self.clock,
            zone=BERLIN,
        )

    async def start(self, night: str) -> int:
        self.begun.append(night)
        book = RunBook(database=self.database, now=self.clock)
        await book.claim(night)
        self.clock.advance(minutes=5)
        if self.outcome is None:
            return -signal.SIGKILL
        await book.finish(night, self.outcome, [])
        return 0 if self.outcome == DONE else 1

    async def look(self, *, at: datetime | None = None, **later: float) -> list[str]:
        """The nights begun by looking once, `later` than now."""
        self.clock.at = at or self.clock.at
        self.clock.advance(**later)
        before = len(self.begun)
        await self.schedule.look()
        return self.begun[before:]


@pytest.fixture
def house(any_database: Database) -> House:
    return House(any_database, FakeClock(DUE - timedelta(hours=3)))


async def test_it_begins_at_its_time_and_once(house: House) -> None:
    assert await house.look() == []
    assert await house.look(at=DUE - timedelta(seconds=1)) == []
    assert await house.look(at=DUE) == ["2026-11-28"]
    assert await house.look() == []
    assert await house.look(hours=1) == []
    house.restart()
    assert await house.look() == []
    assert await house.look(at=DUE + timedelta(days=1)) == ["2026-11-29"]


async def test_a_server_that_was_away_catches_up_within_hours(house: House) -> None:
    assert await house.look(at=DUE + CATCH_UP + timedelta(seconds=1)) == []
    assert await house.look(at=DUE + timedelta(days=1) + CATCH_UP) == ["2026-11-29"]


async def test_summer_time_skips_no_night_and_doubles_none(house: House) -> None:
    begun = []
    for hour in range(24 * 5):
        begun += await house.look(at=datetime(2026, 3, 27, 12, tzinfo=UTC) + timedelta(hours=hour))
    assert begun == ["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31", "2026-04-01"]
    begun = []
    for half in range(48 * 4):
        moment = datetime(2026, 10, 23, 12, tzinfo=UTC) + timedelta(minutes=30 * half)
        begun += await house.look(at=moment)
    assert begun == ["2026-10-24", "2026-10-25", "2026-10-26", "2026-10-27"]


async def test_a_clock_that_jumps_doubles_no_night(house: House) -> None:
    assert await house.look(at=DUE) == ["2026-11-28"]
    assert await house.look(at=DUE - timedelta(minutes=1)) == []
    assert await house.look(at=DUE) == []
    # Years ahead, and back: that day counts, and ours is not lost.
    assert await house.look(at=DUE.replace(year=2031)) == ["2031-11-28"]
    assert await house.look(at=DUE + timedelta(days=1)) == ["2026-11-29"]


async def test_of_two_nodes_one_does_it(house: House) -> None:
    other = House(house.database, house.clock)
    house.clock.at = DUE
    begun = await house.look() + await other.look()
    assert begun == ["2026-11-28"]


async def test_while_somebody_is_at_it_nobody_begins(house: House) -> None:
    by_hand = RunBook(database=house.database, now=house.clock)
    house.clock.at = DUE
    await by_hand.claim("by hand 2026-11-28T01:29:00Z")
    assert await house.look() == []
    await by_hand.finish("by hand 2026-11-28T01:29:00Z", DONE, [])
    assert await house.look() == ["2026-11-28"]


async def test_what_fails_is_tried_again_later_and_not_for_ever(house: House) -> None:
    house.outcome = FAILED
    assert await house.look(at=DUE) == ["2026-11-28"]
    assert await house.look(minutes=1) == []
    tries = 1
    for _ in range(5):
        tries += len(await house.look(seconds=TRY_AGAIN.total_seconds()))
    assert tries == MOST_TRIES


async def test_a_process_that_dies_is_followed_and_not_for_ever(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.outcome = None
    assert await house.look(at=DUE) == ["2026-11-28"]
    assert "did not get through (exit -9)" in caplog.text
    tries = 1
    for _ in range(5):
        tries += len(await house.look(seconds=TRY_AGAIN.total_seconds()))
    assert tries == MOST_TRIES
    assert "died 3 times" in caplog.text


async def test_a_server_stopped_in_the_middle_goes_on_after_its_start(house: House) -> None:
    house.outcome = None
    assert await house.look(at=DUE) == ["2026-11-28"]
    house.restart()
    house.outcome = DONE
    # Nobody has looked after the lease since.
    assert await house.look(seconds=LEASE.total_seconds()) == ["2026-11-28"]


async def test_a_resting_night_does_not_rest_for_a_year(house: House) -> None:
    house.outcome = FAILED
    assert await house.look(at=DUE + timedelta(hours=5)) == ["2026-11-28"]
    assert await house.look(at=DUE + timedelta(hours=1)) == ["2026-11-28"]


async def test_a_command_that_cannot_start_hurts_nobody(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot(_night: str) -> int:
        tried.append(_night)
        return await Child(["/no/such/program"], limit_s=60).run(_night)

    tried: list[str] = []
    monkeypatch.setattr("switchboard.nightly.child._idle_disk", list)
    house.schedule._start = cannot
    await house.look(at=DUE)
    await house.look(minutes=1)
    assert tried == ["2026-11-28"]
    assert "cannot be started: No such file or directory" in caplog.text


async def test_a_database_that_is_away_hurts_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Database("postgresql://nobody@127.0.0.1:9/none") as away:
        house = House(away, FakeClock(DUE))
        assert await house.look() == []
        gauge = NightlyGauge(database=away, at=AT, now=house.clock)
        watching = asyncio.create_task(gauge.watch())
        async with asyncio.timeout(20):
            while "not looked at" not in caplog.text:
                await asyncio.sleep(0.01)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert "the database is away" in caplog.text


async def test_readyz_says_how_the_last_night_went(house: House) -> None:
    gauge = NightlyGauge(database=house.database, at=AT, now=house.clock)
    await gauge.look()
    assert gauge.state().ok
    assert gauge.state().detail.startswith("not run yet; next 2026-11-2")
    for outcome, ok, told in (
        (FAILED, False, "2026-11-28: failed;"),
        (None, False, "2026-11-29: died in the middle;"),
        (DONE, True, "2026-11-30: done;"),
    ):
        house.outcome = outcome
        await house.look(at=max(DUE, house.clock.at))
        house.clock.advance(seconds=LEASE.total_seconds())
        await gauge.look()
        assert (gauge.state().ok, gauge.state().needed) == (ok, False)
        assert gauge.state().detail.startswith(told)
        house.clock.at = DUE + timedelta(days=int(told[8:10]) - 27)
    house.clock.advance(days=3)
    assert not gauge.state().ok
    assert "nothing since 2026-11-30" in gauge.state().detail
    names = {metric.name for metric in gauge.collect()}
    assert "switchboard_nightly_last_ok" in names


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(str(grandchild.pid))
time.sleep(600)
"""


async def test_what_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = Child([sys.executable, "-c", STUBBORN, str(pid_file)], limit_s=2.0)
    assert await child.run("2026-11-28") == -signal.SIGKILL
    grandchild = int(pid_file.read_text())
    await _until_gone(grandchild)


async def test_cancelled_it_leaves_no_process(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = Child([sys.executable, "-c", STUBBORN, str(pid_file)], limit_s=60.0)
    task = asyncio.create_task(child.run("2026-11-28"))
    async with asyncio.timeout(30):
        while not (pid_file.exists() and pid_file.read_text()):
            await asyncio.sleep(0.01)
    pid = child.pid
    assert pid is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await _until_gone(int(pid_file.read_text()))
    assert not psutil.pid_exists(pid)


async def _until_gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


def test_the_process_ends_itself_too_where_the_server_is_gone() -> None:
    text = (
        "import os, time\n"
        "from switchboard.nightly.background import step_back\n"
        "step_back(0.5)\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0), flush=True)\n"
        "time.sleep(600)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", text],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout.strip()) == (-signal.SIGALRM, "19")


def test_who_sees_its_priority_sees_that_it_is_the_first_to_go() -> None:
    text = (
        "import os\n"
        "from pathlib import Path\n"
        "from switchboard.nightly.background import step_back\n"
        "def seen(*_):\n"
        "    print(Path('/proc/self/oom_score_adj').read_text(), flush=True)\n"
        "os.setpriority = seen\n"
        "step_back(60)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", text],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.strip() == "1000"
