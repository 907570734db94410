"""The watchdog with a small server that really freezes, blocks and dies."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from ami_bridge.rescue import Rescue
from config.watchdog_settings import WatchdogSettings
from switchboard.notify import ServiceManager
from switchboard.watchdog.served import Served
from switchboard.watchdog.watchdog import Watchdog
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

#: Much sooner than settings allow, so that the tests are short.
QUICK = WatchdogSettings(restarts=3, stop_limit_s=2, standby=False).model_copy(
    update={"frozen_after_s": 1.0}
)


def is_stopped(pid: int) -> bool:
    """By proc(5)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class House:
    """`lives`: process ids in their order. `held`: of those that stood still while their callers
    were taken from them."""

    def __init__(
        self, folder: Path, manager: ServiceManager, *hows: str, standby: bool = False
    ) -> None:
        self._folder = folder
        self.held: list[int] = []
        self.watchdog = Watchdog(
            [sys.executable, "-m", "tests.fakes.watched_server", str(folder), *hows],
            settings=QUICK.model_copy(update={"standby": standby}),
            rescue=self._rescue,
            manager=manager,
            standby_after_s=0.0,
        )
        self.status: asyncio.Task[int] | None = None

    @property
    def lives(self) -> list[int]:
        file = self._folder / "lives"
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    async def _rescue(self) -> Rescue:
        pid = self.lives[-1]
        await wait_until(lambda: is_stopped(pid))
        self.held.append(pid)
        return Rescue(found=7, moved=7)

    async def lived(self, lives: int) -> None:
        await wait_until(lambda: len(self.lives) >= lives, 30)

    async def ended(self) -> int:
        assert self.status is not None
        async with asyncio.timeout(30):
            return await self.status


class Systemd:
    """Who hears the watchdog."""

    def __init__(self, inbox: socket.socket) -> None:
        self._inbox = inbox
        self.heard: list[str] = []

    def has(self, line: str) -> bool:
        try:
            while True:
                self.heard += self._inbox.recv(4_000).decode().split("\n")
        except BlockingIOError:
            return line in self.heard


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as inbox:
        inbox.bind(str(tmp_path / "systemd"))
        yield Systemd(inbox)


@asynccontextmanager
async def watched(folder: Path, *hows: str, standby: bool = False) -> AsyncIterator[House]:
    with closing(ServiceManager(str(folder / "systemd"))) as manager:
        house = House(folder, manager, *hows, standby=standby)
        house.status = asyncio.create_task(house.watchdog.run())
        try:
            yield house
        finally:
            house.status.cancel()
            await asyncio.gather(house.status, return_exceptions=True)


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    told = [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]
    return [one for one in told if words in one]


async def test_what_blocks_the_loop_is_said_and_ended_after_its_callers_are_safe(
    tmp_path: Path, systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path, "block", "serve") as house:
        await house.lived(2)
        assert house.held == house.lives[:1]
        [frozen] = said(caplog, "the server is frozen")
        assert "in somewhere_in_the_code" in frozen
        assert said(caplog, "7 of 7 callers were sent to the default queue")
        assert said(caplog, "the server ended (it was frozen for 1.")
        await wait_until(lambda: systemd.has("STATUS=serving") and systemd.has("READY=1"))
        house.watchdog.stop()
        assert await house.ended() == 0
    assert systemd.has("STOPPING=1")
    assert len(house.lives) == 2


async def test_a_stopped_server_says_nothing_and_is_ended_too(
    tmp_path: Path, systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path, "freeze", "serve") as house:
        await house.lived(2)
    assert house.held == house.lives[:1]
    assert said(caplog, "no answer to SIGUSR1")


@pytest.mark.parametrize("how", ["stall", "come back"])
async def test_who_is_only_slow_is_left_alone(
    tmp_path: Path, systemd: Systemd, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    async with watched(tmp_path, how) as house:
        await wait_until(lambda: systemd.has("STATUS=serving"))
        if how == "come back":
            await wait_until(lambda: said(caplog, "is back: not killed"))
        first = house.watchdog.server
        assert first is not None
        assert not await first.ended(1.2)
        assert (len(house.lives), house.held) == (1, [])


async def test_a_death_needs_no_rescue_and_is_made_good(
    tmp_path: Path, systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path, "die", "exit", "serve") as house:
        await house.lived(3)
        await wait_until(lambda: said(caplog, "killed by signal 9"))
        assert said(caplog, "exit status 3")
    assert house.held == []


async def test_the_next_server_is_ready_before_it_is_needed(
    tmp_path: Path, systemd: Systemd
) -> None:
    async with watched(tmp_path, "freeze", "serve", standby=True) as house:
        await wait_until(lambda: house.watchdog.standby is not None)
        waiting = house.watchdog.standby
        assert waiting is not None
        await house.lived(2)
        assert house.lives[1] == waiting.pid
        # And again one for the next time, which ends with us.
        await wait_until(lambda: house.watchdog.standby not in (None, waiting))
        last = house.watchdog.standby
        assert last is not None
        assert last.status is None
    assert last.status is not None


async def test_a_standby_that_cannot_wait_is_no_trouble(tmp_path: Path, systemd: Systemd) -> None:
    async with watched(tmp_path, "freeze", "serve", standby=True) as house:
        await wait_until(lambda: house.watchdog.standby is not None)
        waiting = house.watchdog.standby
        assert waiting is not None
        waiting.signal(signal.SIGKILL)
        await house.lived(2)
        assert house.lives[1] != waiting.pid


async def test_three_deaths_in_a_minute_end_the_watchdog_with_the_reason(
    tmp_path: Path, systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    async with watched(tmp_path, "die") as house:
        assert await house.ended() == 1
    assert len(house.lives) == 3
    [why] = said(caplog, "3 times within 60 s")
    assert "killed by signal 9" in why


async def test_a_server_that_cannot_start_is_not_started_again(
    tmp_path: Path, systemd: Systemd
) -> None:
    async with watched(tmp_path, "refuse") as house:
        assert await house.ended() == 3
    assert len(house.lives) == 1
    assert not systemd.has("READY=1")


async def test_a_server_frozen_while_it_stops_loses_nobody_and_is_not_started_again(
    tmp_path: Path, systemd: Systemd
) -> None:
    async with watched(tmp_path, "freeze") as house:
        await wait_until(lambda: systemd.has("STATUS=serving"))
        house.watchdog.stop()
        assert await house.ended() == 128 + signal.SIGKILL
    assert len(house.lives) == 1
    assert house.held == house.lives


async def test_a_server_that_does_not_stop_is_killed(tmp_path: Path, systemd: Systemd) -> None:
    async with watched(tmp_path, "unwilling") as house:
        await wait_until(lambda: systemd.has("STATUS=serving"))
        house.watchdog.stop()
        assert await house.ended() == 128 + signal.SIGKILL


class Stuck(Served):
    """Killed, and kept by the kernel for two looks more."""

    def __init__(self) -> None:
        self.looks = 0

    def signal(self, which: signal.Signals) -> None:
        assert which is signal.SIGKILL

    async def ended(self, within_s: float) -> bool:
        self.looks += 1
        return self.looks > 2


async def test_calls_to_a_server_that_cannot_be_killed_are_taken_from_it_too(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rescues: list[Rescue] = []

    async def rescue() -> Rescue:
        rescues.append(Rescue(found=1, moved=1))
        return rescues[-1]

    with closing(ServiceManager()) as manager:
        watchdog = Watchdog([], settings=QUICK, rescue=rescue, manager=manager)
        await watchdog._kill(Stuck())
    assert len(rescues) == 2
    assert len(said(caplog, "1 of 1 callers")) == 2
