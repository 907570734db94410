"""`switchboard run` as a process: Asterisk's manager, Redis or a database may be away."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from crm_adapter.call_tables import calls, outbox
from storage.database import Database
from switchboard.demo import free_ports
from switchboard.demo.server_process import ServerProcess
from tests.fakes.asterisk_agi import FakeAsterisk

pytestmark = pytest.mark.integration

#: The dialogs' grace, and what a loaded machine may add.
STOP_LIMIT_S = 20.0

Serving = Callable[..., Any]


def settings(folder: Path, **sections: dict[str, Any]) -> dict[str, Any]:
    base: dict[str, dict[str, Any]] = {
        "agi": {"port": free_ports.tcp()},
        "web": {"host": "127.0.0.1", "port": free_ports.tcp()},
        "ami": {"port": free_ports.tcp(), "secret": "nobody listens"},
        "storage": {"url": f"sqlite:///{folder}/switchboard.db"},
        "speech": {"cache_dir": str(folder / "prompts")},
        "rulebook": {"state_dir": str(folder / "rulebooks")},
        "scoring": {"nightly_at": ""},
    }
    return {name: values | sections.pop(name, {}) for name, values in base.items()} | sections


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    """Starts the server with these sections of settings on top; it ends with the test."""
    async with AsyncExitStack() as stack:

        async def start(**sections: dict[str, Any]) -> ServerProcess:
            server = ServerProcess(tmp_path, settings(tmp_path, **sections))
            stack.push_async_callback(server.stop)
            await server.start(wait_for=("agi", "storage", "crm"))
            return server

        yield start


def asterisk(server: ServerProcess) -> FakeAsterisk:
    return FakeAsterisk("127.0.0.1", server.settings["agi"]["port"])


async def stopped(server: ServerProcess) -> None:
    """SIGTERM: clean, soon, and without a word of an error."""
    began = time.monotonic()
    assert await server.stop(STOP_LIMIT_S) == 0
    assert time.monotonic() - began < STOP_LIMIT_S
    lines = (server.folder / "server.log").read_text(encoding="utf-8").splitlines()
    levels = [json.loads(line)["level"] for line in lines]
    assert not {"error", "critical"} & set(levels), lines


async def two_calls(server: ServerProcess) -> None:
    """One into the queue, one that hangs up in the menu."""
    queued = await asterisk(server).call(linkedid="1.queued", keys=["0"])
    assert (queued.route, queued.variables["SWB_QUEUE"]) == ("queue", "support")
    assert queued.answered
    left = await asterisk(server).call(linkedid="1.left", hang_up_after=4)
    assert left.route == "fallback"


async def kept(url: str) -> tuple[dict[str, Any], list[str]]:
    """Outcomes by linked id, and the states of what the CRM is owed."""
    async with Database(url) as database, database.read() as link:
        rows = await link.execute(select(calls.c.linkedid, calls.c.outcome))
        states = list(await link.scalars(select(outbox.c.state)))
        return {row.linkedid: row.outcome for row in rows}, states


async def test_calls_are_served_while_ami_and_redis_are_away(serving: Serving) -> None:
    closed = free_ports.tcp()
    server = await serving(redis={"url": f"redis://127.0.0.1:{closed}/0"})
    await two_calls(server)
    told = await server.readyz()
    assert told["ready"] is True
    parts = told["parts"]
    assert {name: parts[name]["ok"] for name in ("agi", "storage", "rulebook", "crm")} == (
        dict.fromkeys(("agi", "storage", "rulebook", "crm"), True)
    )
    assert (parts["ami"]["ok"], parts["redis"]["ok"]) == (False, False)
    assert "away" in parts["ami"]["detail"]
    assert "ConnectionError" in parts["redis"]["detail"]
    metrics = await server.metrics()
    assert (metrics["agi_calls_total"], metrics["agi_live"]) == (2, 0)
    await stopped(server)
    # Only Asterisk knows the end of the one in the queue; the other is done, the CRM has it.
    outcomes, owed = await kept(server.settings["storage"]["url"])
    assert outcomes == {"1.queued": None, "1.left": "abandoned_in_menu"}
    assert set(owed) == {"done"}


async def test_redis_that_is_there_is_said_to_be(serving: Serving, redis_url: str) -> None:
    lab = {"url": "http://127.0.0.1:8000", "password": "admin"}
    server = await serving(redis={"url": redis_url}, tryton=lab)
    # Tolerated on this machine, and not in silence.
    log = (server.folder / "server.log").read_text(encoding="utf-8")
    assert "tryton.password is one that everybody knows" in log
    await server.wait_for("redis")
    assert (await server.readyz())["parts"]["redis"]["detail"] == "answers"
    await stopped(server)


async def test_postgresql_from_empty(serving: Serving, empty_postgres_url: str) -> None:
    server = await serving(storage={"url": empty_postgres_url})
    assert (await server.readyz())["parts"]["storage"]["detail"] == "postgresql"
    await two_calls(server)
    await stopped(server)
    outcomes, owed = await kept(empty_postgres_url)
    assert outcomes == {"1.queued": None, "1.left": "abandoned_in_menu"}
    assert set(owed) == {"done"}


async def test_a_stop_in_the_middle_of_a_dialog_gives_the_caller_to_the_fallback(
    serving: Serving,
) -> None:
    server = await serving()
    line = await asterisk(server).dial(linkedid="1.open")
    assert await line.command() is not None
    assert await server.stop(STOP_LIMIT_S) == 0
    await line.until_closed()
    assert line.route == "fallback"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.mark.parametrize("part", ["agi", pytest.param("web", marks=pytest.mark.long), "database"])
def test_what_it_cannot_start_without_is_one_sentence(
    tmp_path: Path, taken_port: int, part: str
) -> None:
    wanted: dict[str, Any] = {"port": taken_port}
    if part == "database":
        part, wanted = "storage", {"url": f"postgresql://u:p@127.0.0.1:{free_ports.tcp()}/none"}
    config = tmp_path / "switchboard.yaml"
    config.write_text(yaml.safe_dump(settings(tmp_path, **{part: wanted})), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "switchboard", "run", "--config", str(config)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(said) == 1, done.stderr
    assert (str(taken_port) if part != "storage" else "storage.url: ") in said[0]
