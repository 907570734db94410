"""The revisions build exactly the tables that the code declares."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

import storage.migrate
from calls.errors import Misconfigured
from storage.database import Database
from storage.migrate import upgrade
from tests.declared_tables import declared_metadata

pytestmark = pytest.mark.architecture


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


def differences(connection: Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, declared_metadata()))


async def test_an_upgraded_database_is_what_the_code_declares(empty_url: str) -> None:
    async with Database(empty_url) as database:
        await upgrade(database)
        await upgrade(database)
        async with database.read() as connection:
            assert await connection.run_sync(differences) == []


async def test_two_that_start_at_once_upgrade_once(empty_url: str) -> None:
    first, second = Database(empty_url), Database(empty_url)
    async with first, second:
        await asyncio.gather(*(upgrade(each) for each in (first, second, first, second)))
        async with first.read() as connection:
            versions = await connection.scalars(text("SELECT version_num FROM alembic_version"))
            assert len(list(versions)) == 1


async def test_a_failing_revision_leaves_the_database_as_it_was(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    whole = storage.migrate.upgrade_to_head

    def half(connection: Connection) -> None:
        whole(connection)
        raise RuntimeError("the power went")

    async with Database(empty_url) as database:
        with monkeypatch.context() as patch:
            patch.setattr(storage.migrate, "upgrade_to_head", half)
            with pytest.raises(RuntimeError, match="power"):
                await upgrade(database)
        async with database.read() as connection:
            assert await connection.run_sync(lambda link: inspect(link).get_table_names()) == []
        await upgrade(database)


async def test_a_database_of_a_newer_version_is_refused_in_words(empty_url: str) -> None:
    async with Database(empty_url) as database:
        await upgrade(database)
        async with database.engine.begin() as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(Misconfigured, match="install the version that last used it"):
            await upgrade(database)
