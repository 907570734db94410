"""One holder at a time, and nothing written by one whose time was over."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import Insert, insert, select

from storage.database import Database
from storage.lease_tables import leases
from storage.leases import Lease, LeaseLost, held

pytestmark = pytest.mark.integration

FOR_EVER = 600.0
OVER = -1.0


def lease(database: Database, holder: str, *, ttl_s: float = FOR_EVER) -> Lease:
    return Lease(
        database=database, name="desk:pbx", holder=holder, address=f"http://{holder}", ttl_s=ttl_s
    )


async def test_it_is_one_s_alone_until_given_back(any_database: Database) -> None:
    one, other = lease(any_database, "one"), lease(any_database, "other")

    assert await one.take()
    assert not await other.take()
    assert not await one.take()  # not twice either: its token would be another's

    now = await held(any_database, "desk:pbx")
    assert now is not None
    assert (now.holder, now.address, now.token) == ("one", "http://one", 1)
    assert FOR_EVER - 60 < now.left_s <= FOR_EVER


async def test_what_is_given_back_is_free_at_once(any_database: Database) -> None:
    one, other = lease(any_database, "one"), lease(any_database, "other")
    assert await one.take()

    await one.give_back()

    assert await other.take()
    assert (one.token, other.token) == (1, 2)


async def test_whose_time_is_over_loses_it(any_database: Database) -> None:
    late, other = lease(any_database, "late", ttl_s=OVER), lease(any_database, "other")
    assert await late.take()
    gone = await held(any_database, "desk:pbx")
    assert gone is not None
    assert gone.left_s == 0

    assert await other.take()

    with pytest.raises(LeaseLost):
        await late.renew()
    await late.give_back()  # and takes nothing from whoever has it now
    await other.renew()


async def test_late_is_not_lost_while_nobody_else_wants_it(any_database: Database) -> None:
    late = lease(any_database, "late", ttl_s=OVER)
    assert await late.take()

    late.ttl_s = FOR_EVER
    await late.renew()

    assert not await lease(any_database, "other").take()


async def test_of_many_who_try_at_once_one_has_it(any_database_url: str) -> None:
    databases = [Database(any_database_url) for _ in range(4)]
    claims = [lease(one, f"{n}-{turn}") for turn in range(4) for n, one in enumerate(databases)]

    taken = await asyncio.gather(*(claim.take() for claim in claims))

    assert sum(taken) == 1
    for database in databases:
        await database.engine.dispose()


async def test_nobody_ever_had_it(any_database: Database) -> None:
    assert await held(any_database, "desk:pbx") is None


async def test_a_writer_behind_a_fence_writes_nothing_once_another_has_it(
    any_database: Database,
) -> None:
    late, other = lease(any_database, "late", ttl_s=OVER), lease(any_database, "other")
    assert await late.take()
    any_database.writer.fence = late.fence
    await any_database.writer.write(lambda link: link.execute(_note("before")))

    assert await other.take()

    with pytest.raises(LeaseLost):
        await any_database.writer.write(lambda link: link.execute(_note("after")))
    async with any_database.read() as connection:
        kept = set(await connection.scalars(select(leases.c.name)))
    assert kept == {"desk:pbx", "before"}


def _note(name: str) -> Insert:
    """A row of any table would do."""
    return insert(leases).values(name=name, holder="", address="", token=0, expires_at=0.0)
