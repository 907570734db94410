"""A records side on either database, with a CRM that can be told to fail."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from calls.bus import EventBus
from crm_adapter.records import Records
from storage.database import Database
from tests.fakes.call_stories import Roster
from tests.fakes.clock import FakeClock
from tests.fakes.crm_writer import InMemoryCrm
from tests.fakes.outbox_desk import PACE


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def crm() -> InMemoryCrm:
    return InMemoryCrm()


@pytest.fixture
async def bus() -> AsyncIterator[EventBus]:
    async with EventBus() as bus:
        yield bus


@pytest.fixture
async def records(
    any_database: Database, bus: EventBus, crm: InMemoryCrm, clock: FakeClock
) -> AsyncIterator[Records]:
    """The recorder runs; the outbox delivers only when the test calls `outbox.deliver_due()`."""
    records = Records(
        database=any_database,
        bus=bus,
        crm=crm,
        roster=Roster(),
        now=clock,
        pace=PACE,
        jitter=random.Random(7),
    )
    await records.recorder.start()
    yield records
    await records.stop()
