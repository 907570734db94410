"""`switchboard run` at the hour of the night: a process of its own, below everybody else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from scoring.nightly.nights import newest_night, read_time
from scoring.nightly.run_book import DONE, Run, RunBook
from storage import migrate
from storage.database import Database
from switchboard.demo.server_process import ServerProcess
from tests.fakes.asterisk_agi import FakeAsterisk
from tests.integration.test_run_without_peers import settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
LIMIT_S = 90.0


def a_minute_ago() -> str:
    """As `scoring.nightly_at`."""
    return f"{datetime.now().astimezone() - timedelta(minutes=1):%H:%M}"


async def until(found: Callable[[], Any], what: str) -> Any:
    try:
        async with asyncio.timeout(LIMIT_S):
            while not (value := found()):
                await asyncio.sleep(0.01)
            return value
    except TimeoutError:
        pytest.fail(f"not within {LIMIT_S:.0f} s: {what}")


async def last_run(url: str) -> Run | None:
    async with Database(url) as database:
        return await RunBook(database=database, now=lambda: datetime.now(UTC)).last()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    server = ServerProcess(tmp_path, settings(tmp_path, scoring={"nightly_at": a_minute_ago()}))
    yield server
    await server.stop()


def child_of(server: ServerProcess) -> psutil.Process | None:
    """The nightly process, once it has stepped back; frozen, so that it can be looked at."""
    for process in psutil.Process(server.pid).children():
        try:
            if "nightly" in process.cmdline() and process.nice() == 19:
                process.suspend()
                return process
        except psutil.NoSuchProcess:
            continue
    return None


async def test_it_begins_by_itself_and_is_said(server: ServerProcess) -> None:
    at = read_time(server.settings["scoring"]["nightly_at"])
    assert at is not None
    night = newest_night(datetime.now(UTC), at).name
    await server.start(wait_for=("agi", "storage", "crm"))

    async with asyncio.timeout(LIMIT_S):
        while True:
            detail = (await server.readyz())["parts"]["nightly"]["detail"]
            if detail.startswith(f"{night}: done; "):
                break
            await asyncio.sleep(0.1)
    run = await last_run(server.settings["storage"]["url"])
    assert run is not None
    assert (run.night, run.state, run.tries) == (night, DONE, 1)
    assert run.steps[0].said == "0 contacts scored"
    assert (await server.metrics())["nightly_last_ok"] == 1
    log = (server.folder / "server.log").read_text(encoding="utf-8")
    assert any("nightly: score done" in json.loads(line)["event"] for line in log.splitlines())


async def test_it_is_below_everybody_and_its_death_costs_no_call(server: ServerProcess) -> None:
    await server.start(wait_for=("agi", "storage", "crm"))
    child = await until(lambda: child_of(server), "the nightly process")
    assert os.getpriority(os.PRIO_PROCESS, child.pid) == 19
    assert os.getpriority(os.PRIO_PROCESS, server.pid) == os.getpriority(os.PRIO_PROCESS, 0)
    assert child.ionice().ioclass == psutil.IOPRIO_CLASS_IDLE
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text().strip() == "1000"
    assert os.getpgid(child.pid) != os.getpgid(server.pid)

    child.send_signal(signal.SIGKILL)
    log = server.folder / "server.log"
    await until(lambda: "did not get through (exit -9)" in log.read_text("utf-8"), "its death")
    told = await FakeAsterisk("127.0.0.1", server.settings["agi"]["port"]).call(
        linkedid="1.queued", keys=["0"]
    )
    assert told.route == "queue"
    assert (await server.readyz())["ready"] is True
    assert await server.stop() == 0


@pytest.mark.long
async def test_a_stopping_server_takes_it_along(server: ServerProcess) -> None:
    await server.start(wait_for=("agi", "storage", "crm"))
    child = await until(lambda: child_of(server), "the nightly process")
    assert await server.stop() == 0
    assert not child.is_running()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    rows = "".join(f"C{n},,Ann {n}\n" for n in range(50))
    (tmp_path / "people.csv").write_text(f"id,phone,first_name\n{rows}", encoding="utf-8")
    (tmp_path / "switchboard.yaml").write_text(
        f"storage: {{url: 'sqlite:///{tmp_path}/switchboard.db'}}\n", encoding="utf-8"
    )
    return tmp_path


def command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "switchboard", *words],
        cwd=home,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.mark.long
def test_by_hand(home: Path) -> None:
    assert command(home, "import", "people.csv").returncode == 0
    done = command(home, "nightly")
    assert done.returncode == 0, done.stderr
    assert "50 contacts scored" in done.stdout
    assert "\x1b" not in done.stderr


@pytest.mark.long
def test_by_hand_while_somebody_is_at_it(home: Path) -> None:
    url = f"sqlite:///{home}/switchboard.db"

    async def claim() -> None:
        async with Database(url) as database:
            await migrate.upgrade(database)
            await RunBook(database=database, now=lambda: datetime.now(UTC)).claim("2026-11-28")

    asyncio.run(claim())
    refused = command(home, "nightly")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.strip() == "somebody is at the nightly work already"
