"""One centre of several processes, on a real Asterisk, PostgreSQL and Redis: any of them talks with
callers, one keeps the desk, and each may die."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from switchboard.demo.desktop_client import DesktopClient
from tests.acceptance.ledger import Ledger, reached
from tests.acceptance.load import assert_all_served, not_queued, numbers, strangers
from tests.acceptance.process_house import CALLER, ProcessHouse, process_house
from tests.acceptance.waiting import until

pytestmark = [pytest.mark.acceptance, pytest.mark.alone]

FIRST, LATER = 30, 10
TAKEN_OVER_S = 5.0


@pytest.fixture
async def cluster(
    tmp_path: Path, empty_postgres_url: str, redis_url: str
) -> AsyncIterator[ProcessHouse]:
    async with process_house(tmp_path, empty_postgres_url, redis_url) as house:
        yield house


async def test_each_may_die_and_every_call_is_told_once(
    cluster: ProcessHouse, empty_postgres_url: str
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
