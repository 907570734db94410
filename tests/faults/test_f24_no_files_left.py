"""F24: files or the backlog run out.

As many calls are served at once as files allow, less a reserve; the others go to the default queue
at once. Nobody is stuck, also while somebody else opens ever more connections that say nothing:
agents work and log in meanwhile, and afterwards everything is as before. Where the backlog is full,
Asterisk gives up after 2 s.

Also shown by `tests/unit/switchboard/test_serve.py::test_it_serves_as_many_as_its_files_allow` and
`tests/unit/switchboard/test_connections.py::test_a_silent_flood_keeps_out_neither_agents_nor_asterisk`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from calls.agents import Agent
from storage import migrate
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.server_process import ServerProcess
from tests.acceptance.waiting import until
from tests.fakes.asterisk_agi import FakeAsterisk
from tests.fakes.desk_server import ANNA, BEN, PASSWORD, add_agents
from tests.integration.test_run_without_peers import settings

pytestmark = pytest.mark.integration

FILES, CALLS = 256, 400
ENDED_WITHIN_S = 30.0


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    server = ServerProcess(
        tmp_path,
        settings(tmp_path),
        start_limit_s=90,
        under=("sh", "-c", f'ulimit -n {FILES} && exec "$@"', "sh"),
    )
    async with Database(server.settings["storage"]["url"]) as database:
        await migrate.upgrade(database)
        await add_agents(database, ANNA, BEN)
    await server.start(wait_for=("agi", "storage", "crm"))
    yield server
    await server.stop()


def desktop(server: ServerProcess, agent: Agent) -> DesktopClient:
    return DesktopClient(server.base_url, agent.login, PASSWORD)


async def files(server: ServerProcess) -> int:
    return len(await asyncio.to_thread(lambda: list(Path(f"/proc/{server.pid}/fd").iterdir())))


async def test_calls_beyond_the_files_go_on_and_nobody_is_stuck(server: ServerProcess) -> None:
    asterisk = FakeAsterisk("127.0.0.1", server.settings["agi"]["port"])
    before = await files(server)
    async with asyncio.timeout(ENDED_WITHIN_S):
        results = await asyncio.gather(
            *(asterisk.call(linkedid=f"24.{n}", keys=["0"]) for n in range(CALLS))
        )
    served = [one for one in results if one.route == "queue"]
    assert {one.route for one in results} == {"queue", "fallback"}
    assert len(served) >= 32
    assert "raise the limit" in server.log_end(1_000)

    # Somebody else takes what is left: connections that say nothing.
    with ExitStack() as stack:
        address = ("127.0.0.1", server.settings["web"]["port"])

        def more() -> None:
            for _ in range(FILES):
                stack.enter_context(socket.create_connection(address, timeout=2))

        async with asyncio.timeout(ENDED_WITHIN_S), desktop(server, ANNA) as anna:
            await asyncio.to_thread(more)
            late = await asterisk.call(linkedid="24.late", keys=["0"])
            assert late.route == "queue"
            async with desktop(server, BEN) as ben:
                await asyncio.to_thread(more)
                await ben.set_state("available")
                await ben.wait_for(lambda: ben.status["state"] == "available")
                await anna.set_state("available")
                await anna.wait_for(lambda: anna.status["state"] == "available")
                assert (anna.counters.connects, ben.counters.connects) == (1, 1)
            metrics = await server.metrics()
        assert metrics["http_connections"] <= 64
        assert metrics["http_connections_gave_way_total"] >= 2 * FILES - 64
        assert metrics["http_connections_refused_total"] == 0

    async def as_before() -> bool:
        return await files(server) <= before + 8

    await until(as_before, "its files are closed again")
    assert (await asterisk.call(linkedid="24.after", keys=["0"])).route == "queue"
    assert (await server.readyz())["ready"] is True
    assert (await server.metrics())["agi_live"] == 0
