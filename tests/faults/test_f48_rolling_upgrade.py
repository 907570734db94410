"""F48: a new version takes over while calls go on.

One process after the other is asked to stop and started anew: Asterisk asks the next one for who
calls meanwhile, dialogs have 30 s to end, the desk moves to whoever stands by. No call fails, and
none is left to the fallback.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage.database import Database
from switchboard.demo.server_process import ServerProcess
from switchboard.nodes.calls_part import DRAIN_S
from tests.acceptance.ledger import Ledger, reached
from tests.acceptance.load import assert_all_served, not_queued, numbers, strangers
from tests.acceptance.process_house import CALLER, ProcessHouse, process_house

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.alone,
    pytest.mark.long,
    pytest.mark.timeout(300),
]

CALLS, RATE = 160, 2.5


@pytest.fixture
async def house(
    tmp_path: Path, empty_postgres_url: str, redis_url: str
) -> AsyncIterator[ProcessHouse]:
    async with process_house(tmp_path, empty_postgres_url, redis_url) as made:
        yield made


async def test_every_process_is_replaced_under_calls_and_none_fails(
    house: ProcessHouse, empty_postgres_url: str
) -> None:
    every = strangers(CALLER, CALLS)
    async with (
        Ledger(empty_postgres_url) as ledger,
        # Beside the one that is replaced first, and meanwhile elsewhere.
        house.client(house.second.base_url, "anna") as anna,
    ):
        await anna.set_state("available")
        calls = house.centre.callers.start(every, rate_per_s=RATE)
        await reached(ledger, 5)
        await replaced(house.talking[0], ("agi", "storage", "ami", "desk"))
        await the_next_version_adds_a_column(empty_postgres_url)
        for _ in house.desks:
            keeper = await house.keeper()
            await replaced(keeper, ("lease",))
        await house.keeper()
        await replaced(house.talking[1], ("agi", "storage", "ami", "desk"))
        assert calls.progress().offered < CALLS, "there were calls all the time"

        assert_all_served(await calls.wait(deadline_s=120), CALLS)
        assert not_queued(house.centre.pbx, numbers(CALLS)) == set()
        entries = await ledger.balanced(numbers(CALLS), deadline_s=60)
        assert [one.call.linkedid for one in entries.values() if one.call.fallback] == []
        assert anna.counters.gaps == 0


async def replaced(process: ServerProcess, parts: tuple[str, ...]) -> None:
    """By one of the next version, as `systemctl restart` does it."""
    began = time.monotonic()
    assert await process.stop(limit_s=DRAIN_S + 15) == 0
    assert time.monotonic() - began <= DRAIN_S + 5
    await process.start(wait_for=parts)


async def the_next_version_adds_a_column(postgres_url: str) -> None:
    """While processes of this one go on; what a revision may do: docs/operations.md."""
    async with Database(postgres_url) as database, database.engine.begin() as connection:
        for statement in (
            "ALTER TABLE calls ADD COLUMN of_the_next VARCHAR(20)",
            "ALTER TABLE outbox ADD COLUMN of_the_next VARCHAR(20) DEFAULT 'x' NOT NULL",
        ):
            await connection.execute(sa.text(statement))
