"""One centre on two real Asterisks: agents are rung by either, and when whoever follows both dies,
another process follows both within seconds."""

from __future__ import annotations

import copy
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import func, select

from screenpop.pops.pop_tables import pops
from storage.database import Database
from switchboard.demo import free_ports
from switchboard.demo.cluster import SYSTEMS, Cluster
from switchboard.demo.server_process import ServerProcess
from switchboard.demo.sip_scenarios import PhoneShape
from switchboard.part import Part
from tests.acceptance.ledger import Ledger, reached
from tests.acceptance.load import assert_all_served, not_queued, numbers, strangers
from tests.acceptance.process_house import CALLER, LEASE_S
from tests.acceptance.waiting import until

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.alone,
    pytest.mark.long,
    pytest.mark.timeout(240),
]

CALLS = 40
TAKEN_OVER_S = 5.0


@dataclass
class Centre:
    cluster: Cluster
    other_desk: ServerProcess


@pytest.fixture
async def centre(tmp_path: Path, empty_postgres_url: str, redis_url: str) -> AsyncIterator[Centre]:
    cluster = Cluster(
        folder=tmp_path,
        storage_url=empty_postgres_url,
        redis_url=redis_url,
        phone=PhoneShape(ring_ms=300, talk_ms=500, audio=False),
    )
    cluster.desk.settings["nodes"]["lease_s"] = LEASE_S
    settings = copy.deepcopy(cluster.desk.settings)
    settings["nodes"]["desk_port"] = free_ports.tcp()
    settings["rulebook"]["state_dir"] = str(tmp_path / "other" / "rulebooks")
    other = ServerProcess(tmp_path / "other", settings, part=Part.DESK)
    async with cluster:
        try:
            await other.start(wait_for=("lease",))
            yield Centre(cluster, other)
        finally:
            await other.stop()


async def follows_both(desk: ServerProcess) -> bool:
    with suppress(aiohttp.ClientError, OSError):
        parts = (await desk.readyz())["parts"]
        return all(parts.get(f"ami:{system}", {}).get("ok") for system in SYSTEMS)
    return False


async def pops_of_each(url: str) -> dict[str, int]:
    async with Database(url) as database, database.read() as link:
        found = {}
        for system in SYSTEMS:
            of_it = select(func.count()).where(pops.c.call_id.startswith(f"{system}/"))
            found[system] = int(await link.scalar(of_it) or 0)
    return found


async def test_whoever_follows_both_dies_and_another_does(
    centre: Centre, empty_postgres_url: str
) -> None:
    cluster = centre.cluster
    every = strangers(CALLER, CALLS)
    async with Ledger(empty_postgres_url) as ledger:
        calls = cluster.callers.start(every, rate_per_s=4)
        await reached(ledger, 10)
        before = await pops_of_each(empty_postgres_url)
        await cluster.desk.kill()
        killed_at = time.monotonic()
        await until(
            lambda: follows_both(centre.other_desk), "another that follows both", deadline_s=30
        )
        took_s = time.monotonic() - killed_at

        assert_all_served(await calls.wait(deadline_s=90), CALLS)
        queued = [not_queued(pbx, numbers(CALLS)) for pbx in cluster.pbxes]
        assert set.intersection(*queued) == set(), "who reached no queue of either"
        assert set.union(*queued) == set(numbers(CALLS)), "nobody reached queues of both"
        entries = await ledger.balanced(numbers(CALLS), deadline_s=60)
        assert {one.call.system for one in entries.values()} == set(SYSTEMS)
        assert [one.call.linkedid for one in entries.values() if one.call.fallback] == []
        after = await pops_of_each(empty_postgres_url)
        assert all(after[system] > before[system] for system in SYSTEMS), (before, after)
        assert [desktop.counters.gaps for desktop in cluster.desktops] == [0, 0, 0]
    assert took_s <= TAKEN_OVER_S
