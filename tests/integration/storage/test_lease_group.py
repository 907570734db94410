"""Several leases are held all together or not at all."""

from __future__ import annotations

import pytest

from storage.database import Database
from storage.lease_group import LeaseGroup
from storage.leases import Lease, LeaseLost, held

pytestmark = pytest.mark.integration


def group(database: Database, holder: str, *names: str, ttl_s: float = 600.0) -> LeaseGroup:
    leases = [Lease(database=database, name=n, holder=holder, ttl_s=ttl_s) for n in names]
    return LeaseGroup(leases)


async def holder(database: Database, name: str) -> str | None:
    found = await held(database, name)
    return found.holder if found is not None and found.left_s > 0 else None


async def test_none_is_kept_where_one_is_anothers(any_database: Database) -> None:
    branch = group(any_database, "other", "desk:branch")
    both = group(any_database, "both", "desk:branch", "desk:hq", "desk:aa")
    assert await branch.take()
    assert not await both.take()
    assert [await holder(any_database, f"desk:{n}") for n in ("aa", "hq")] == [None, None]

    await branch.give_back()
    assert await both.take()
    names = ("aa", "branch", "hq")
    assert [await holder(any_database, f"desk:{n}") for n in names] == ["both"] * 3
    assert both.name == "desk:aa, desk:branch, desk:hq"

    await both.give_back()
    assert [await holder(any_database, f"desk:{n}") for n in names] == [None] * 3


async def test_who_lost_one_writes_and_renews_nothing_more(any_database: Database) -> None:
    both = group(any_database, "both", "desk:branch", "desk:hq", ttl_s=-1.0)
    assert await both.take()
    async with any_database.engine.begin() as connection:
        await both.fence(connection)
    assert await group(any_database, "other", "desk:hq").take()

    with pytest.raises(LeaseLost):
        await both.renew()
    async with any_database.engine.begin() as connection:
        with pytest.raises(LeaseLost):
            await both.fence(connection)
