"""Whoever keeps the desk knows in time that another may have it."""

from __future__ import annotations

import asyncio

import pytest

from config.settings import RedisSettings, Settings, StorageSettings
from storage.database import Database
from storage.leases import Lease, LeaseLost
from switchboard.nodes.desk_part import DeskPart
from switchboard.nodes.lease_keeper import LeaseKeeper

pytestmark = pytest.mark.integration


def lease(database: Database, holder: str = "one", ttl_s: float = 60.0) -> Lease:
    return Lease(database=database, name="desk:pbx", holder=holder, ttl_s=ttl_s)


async def test_it_is_certain_for_as_long_as_it_was_renewed_for(database: Database) -> None:
    now, told = [1000.0], []
    keeper = LeaseKeeper(lease(database), clock=lambda: now[0])
    keeper.certain_again = lambda: told.append(now[0])
    assert not keeper.is_certain
    await keeper.wait()
    now[0] += 59
    assert keeper.is_certain
    await keeper.prove()
    now[0] += 59
    assert keeper.is_certain
    assert told == []

    now[0] += 1
    assert not keeper.is_certain
    await keeper.prove()
    assert keeper.is_certain
    assert told == [now[0]]


async def test_who_lost_it_is_not_certain(database: Database) -> None:
    keeper = LeaseKeeper(mine := lease(database))
    await keeper.wait()
    await mine.give_back()
    assert await lease(database, "other").take()
    with pytest.raises(LeaseLost):
        await keeper.prove()
    assert not keeper.is_certain


async def test_a_question_that_nobody_answers_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew, asked = Lease.renew, 0

    async def once_unanswered(self: Lease) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.Event().wait()
        await renew(self)

    monkeypatch.setattr(Lease, "renew", once_unanswered)
    keeper = LeaseKeeper(lease(database, ttl_s=0.1))
    await keeper.wait()
    async with asyncio.timeout(10):
        await keeper.prove()
    assert asked == 2


class Stopped(Exception):
    pass


async def test_it_is_kept_while_what_stood_by_stops(database: Database) -> None:
    """Which may take most of the lease's time."""
    part = DeskPart(
        Settings(
            storage=StorageSettings(url="postgresql://nobody@127.0.0.1/none"),
            redis=RedisSettings(url="redis://127.0.0.1:9/0"),
        )
    )
    kept = asyncio.Event()

    class Keeper(LeaseKeeper):
        async def wait(self) -> None:
            return

        async def keep(self) -> None:
            kept.set()

    part._keeper = Keeper(lease(database))

    async def standby() -> None:
        async with asyncio.timeout(5):
            await kept.wait()
        raise Stopped

    with pytest.raises(Stopped):
        await part._work(standby)
