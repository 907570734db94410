"""A database that a test borrows is as a new one, whatever another test did with it."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from tests.postgres_pool import PostgresPool, administer

pytestmark = pytest.mark.integration


async def _counts(url: str) -> dict[str, int]:
    link = await asyncpg.connect(url)
    try:
        names = await link.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0]: await link.fetchval(f'SELECT count(*) FROM "{row[0]}"') for row in names}
    finally:
        await link.close()


async def _oid(url: str) -> int:
    """Which database it is, whatever its name."""
    link = await asyncpg.connect(url)
    try:
        return int(
            await link.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
        )
    finally:
        await link.close()


async def _is_there(cluster: str, oid: int) -> bool:
    link = await asyncpg.connect(f"{cluster}/postgres")
    try:
        found = await link.fetchval("SELECT count(*) FROM pg_database WHERE oid = $1", oid)
        return bool(found)
    finally:
        await link.close()


async def test_rows_are_gone_numbers_begin_anew_and_nobody_is_in_it(
    postgres_pool: PostgresPool,
) -> None:
    async with postgres_pool.borrowed() as url:
        oid = await _oid(url)
        left_open = await asyncpg.connect(url)
        await left_open.execute(
            "INSERT INTO crm_contacts (id, first_name, last_name, version, updated_at)"
            " VALUES ('C-1', '', '', 1, now())"
        )
        await left_open.execute(
            "INSERT INTO crm_contact_numbers (contact_id, e164, kind)"
            " VALUES ('C-1', '+12025550101', 'phone')"
        )
        sequence = await left_open.fetchval("SELECT min(sequencename) FROM pg_sequences")
        assert await left_open.fetchval(f"SELECT nextval('{sequence}')") == 1
        writing = left_open.transaction()
        await writing.start()
        await left_open.execute("UPDATE crm_contacts SET version = 2")
    async with postgres_pool.borrowed() as again:
        assert await _oid(again) == oid
        assert left_open.is_closed()
        counts = await _counts(again)
        assert "crm_contact_numbers" in counts
        assert set(counts.values()) == {0}
        link = await asyncpg.connect(again)
        assert await link.fetchval(f"SELECT nextval('{sequence}')") == 1
        await link.close()


async def test_who_is_left_of_the_test_does_not_come_back(postgres_pool: PostgresPool) -> None:
    async with postgres_pool.borrowed() as url:
        oid = await _oid(url)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)
    async with postgres_pool.borrowed() as again:
        assert (await _oid(again), again != url) == (oid, True)


async def test_one_that_cannot_be_emptied_is_thrown_away(
    postgres_pool: PostgresPool, postgres_cluster: str
) -> None:
    async with postgres_pool.borrowed() as url:
        oid = await _oid(url)
        name = make_url(url).database
        await administer(postgres_cluster, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    assert not await _is_there(postgres_cluster, oid)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE another (id int)",
        "CREATE INDEX another ON crm_contacts (company)",
        "ALTER TABLE crm_contacts ADD another int",
        "ALTER TABLE crm_contacts DROP company",
        "ALTER TABLE crm_contacts ALTER first_name DROP NOT NULL",
        "ALTER TABLE crm_contacts ADD CHECK (version > 0)",
        "ALTER TABLE crm_contacts SET (fillfactor = 50)",
        "REVOKE ALL ON crm_contacts FROM switchboard",
        "CREATE FUNCTION another() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA another",
        "ALTER DATABASE {name} SET default_transaction_read_only = on",
    ],
)
async def test_one_of_another_shape_is_thrown_away(
    postgres_pool: PostgresPool, postgres_cluster: str, statement: str
) -> None:
    async with postgres_pool.borrowed() as url:
        oid = await _oid(url)
        link = await asyncpg.connect(url)
        await link.execute(statement.format(name=make_url(url).database))
        await link.close()
    async with postgres_pool.borrowed() as other:
        assert await _oid(other) != oid
        assert set((await _counts(other)).values()) == {0}
    assert not await _is_there(postgres_cluster, oid)
