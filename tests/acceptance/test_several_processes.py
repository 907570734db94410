"""One centre of several processes, on a real Asterisk, PostgreSQL and Redis: any of them talks with
callers, one keeps the desk, and each may die."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from switchboard.demo import free_ports, prepared
from switchboard.demo.centre import DemoCentre
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.server_process import ServerProcess
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from switchboard.part import Part
from tests.acceptance.ledger import Ledger, reached
from tests.acceptance.load import assert_all_served, not_queued, numbers, strangers
from tests.acceptance.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

#: Asks for a person, twice as people do, and waits for one.
CALLER = CallerShape(
    presses=(Press(1500, "0"), Press(2500, "0")), hang_up_after_ms=6000, audio=False
)
LEASE_S = 2.0
FIRST, LATER = 30, 10
TAKEN_OVER_S = 5.0


@dataclass
class Cluster:
    """Two processes that talk with callers, asked in turn, and two that may keep the desk."""

    centre: DemoCentre
    second: ServerProcess
    desks: list[ServerProcess]

    async def keeper(self) -> ServerProcess:
        """Whoever keeps the desk, once somebody does."""

        async def found() -> ServerProcess | None:
            for desk in self.desks:
                # Between standing by and keeping it, nothing listens there.
                with suppress(aiohttp.ClientError, OSError):
                    if desk.is_running and "outbox" in (await desk.readyz())["parts"]:
                        return desk
            return None

        return await until(found, "a process that keeps the desk", deadline_s=20)

    def client(self, base_url: str, login: str = "anna") -> DesktopClient:
        return DesktopClient(base_url, login, prepared.PASSWORD, comes_back=True)


@pytest.fixture
async def cluster(
    tmp_path: Path, empty_postgres_url: str, redis_url: str
) -> AsyncIterator[Cluster]:
    agi_port, web_port = free_ports.tcp(), free_ports.tcp()
    centre = DemoCentre(
        folder=tmp_path / "first",
        storage_url=empty_postgres_url,
        part=Part.CALLS,
        more_agi_ports=[agi_port],
        phone=PhoneShape(ring_ms=300, talk_ms=500, audio=False),
        desktops=False,
        overrides={
            "redis": {"url": redis_url},
            "ami": {"system": f"pbx{secrets.token_hex(4)}", "resync_every_s": 5},
            "nodes": {"lease_s": LEASE_S},
        },
    )

    def also(name: str, part: Part, **sections: dict[str, Any]) -> ServerProcess:
        settings = copy.deepcopy(centre.server.settings)
        for section, values in sections.items():
            settings.setdefault(section, {}).update(values)
        settings["rulebook"]["state_dir"] = str(tmp_path / name / "rulebooks")
        return ServerProcess(tmp_path / name, settings, part=part)

    second = also("second", Part.CALLS, agi={"port": agi_port}, web={"port": web_port})
    desks = [
        also(f"desk{n}", Part.DESK, nodes={"desk_host": "127.0.0.1", "desk_port": port})
        for n, port in enumerate([free_ports.tcp(), free_ports.tcp()])
    ]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(centre)
        stack.push_async_callback(second.stop)
        await second.start()
        for desk in desks:
            stack.push_async_callback(desk.stop)
            await desk.start(wait_for=("lease",))
        yield Cluster(centre, second, desks)


async def test_each_may_die_and_every_call_is_told_once(
    cluster: Cluster, empty_postgres_url: str
) -> None:
    keeper = await cluster.keeper()
    every = strangers(CALLER, FIRST + LATER)
    count = len(every)
    async with (
        Ledger(empty_postgres_url) as ledger,
        cluster.client(cluster.centre.server.base_url, "anna") as anna,
        cluster.client(cluster.second.base_url, "ben") as ben,
    ):
        for agent in (anna, ben):
            await agent.set_state("available")
        first = cluster.centre.callers.start(every[:FIRST], rate_per_s=6)

        await reached(ledger, 10)
        await until(lambda: offers(anna, ben, 1), "pops for both")
        await keeper.kill()
        killed_at = time.monotonic()
        other = await cluster.keeper()
        took_s = time.monotonic() - killed_at
        assert other is not keeper

        await reached(ledger, 24)
        seen = [agent.counters.offers for agent in (anna, ben)]
        await cluster.centre.server.kill()
        gone_at = datetime.now(UTC)
        later = cluster.centre.callers.start(every[FIRST:], rate_per_s=6)

        assert_all_served(await first.wait(deadline_s=60), FIRST)
        assert_all_served(await later.wait(deadline_s=60), LATER)
        assert not_queued(cluster.centre.pbx, numbers(count)) == set()
        entries = await ledger.balanced(numbers(count), deadline_s=90)
        # Whoever calls after that is talked with by the other.
        came_later = [one.call for one in entries.values() if one.call.arrived_at > gone_at]
        assert len(came_later) >= LATER
        assert not [call.linkedid for call in came_later if call.fallback]
        assert ben.counters.offers > seen[1]
        assert (anna.counters.gaps, ben.counters.gaps) == (0, 0)
    assert took_s <= TAKEN_OVER_S


async def offers(anna: DesktopClient, ben: DesktopClient, least: int) -> bool:
    return min(anna.counters.offers, ben.counters.offers) >= least
