"""The day's cost of numbers outside, in a real database; time is the test's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.dialling_settings import DiallingSettings
from screenpop.dialling.day_cost import DayCost
from screenpop.dialling.kept_cost import KeptCost
from storage.database import Database

pytestmark = pytest.mark.integration

NUMBERS = ("+12025550123",)
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def process(now: datetime) -> DayCost:
    settings = DiallingSettings(prices={"+1": 0.6}, day_cost=60)
    return DayCost(settings, local_now=lambda: now, monotonic=lambda: 0.0)


async def test_it_goes_on_after_a_restart_and_a_kill_on_the_same_day(
    any_database: Database,
) -> None:
    async with KeptCost(process(NOON), any_database):
        pass
    stopped = process(NOON)
    async with KeptCost(stopped, any_database):
        stopped.began("a", NUMBERS)
    killed = process(NOON + timedelta(hours=1))
    kept = KeptCost(killed, any_database)
    async with kept:
        assert killed.today() == 0.6
        killed.began("b", NUMBERS)
        await kept.keep()
        killed.not_begun("b")
        await any_database.writer.stop()
    await any_database.writer.start()
    later = process(NOON + timedelta(hours=2))
    async with KeptCost(later, any_database):
        assert later.today() == 1.2


async def test_another_days_is_over(any_database: Database) -> None:
    for days, before in ((0, 0.0), (1, 0.0), (1, 0.6)):
        cost = process(NOON + timedelta(days=days))
        async with KeptCost(cost, any_database):
            assert cost.today() == before
            cost.began("a", NUMBERS)
