"""A statement goes to SQLite's thread once, and says all it said before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from storage.database import Database

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(f"sqlite:///{tmp_path / 'one.db'}") as database:

        async def make(connection: object) -> None:
            await connection.execute(  # type: ignore[attr-defined]
                text("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)")
            )

        await database.writer.write(make)
        yield database


async def test_one_trip_each(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    trips = 0
    usual = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, fn: object, *args: object) -> object:
        nonlocal trips
        trips += 1
        return await usual(self, fn, *args)

    async with database.read() as connection:
        await connection.execute(text("SELECT 1"))  # a connection that is prepared and in use
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        for _ in range(5):
            assert (await connection.execute(text("SELECT 7"))).scalar_one() == 7
        assert trips == 5


async def test_rows_counts_ids_and_returning(database: Database) -> None:
    async with database.engine.begin() as connection:
        three = [{"n": "a"}, {"n": "b"}, {"n": "c"}]
        inserted = await connection.execute(text("INSERT INTO t (name) VALUES (:n)"), three)
        assert inserted.rowcount == 3
        back = await connection.execute(text("INSERT INTO t (name) VALUES ('d') RETURNING id"))
        assert back.scalars().all() == [4]
        changed = await connection.execute(text("UPDATE t SET name = name || '!' WHERE id < 3"))
        assert changed.rowcount == 2
        rows = await connection.execute(text("SELECT id, name FROM t ORDER BY id"))
        assert [tuple(row) for row in rows] == [(1, "a!"), (2, "b!"), (3, "c"), (4, "d")]
        assert (await connection.execute(text("SELECT id FROM t WHERE id > 9"))).all() == []


async def test_errors_keep_their_names_and_the_connection_goes_on(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))
        with pytest.raises(IntegrityError):
            await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))
        with pytest.raises(OperationalError):
            await connection.execute(text("SELECT no_such_column FROM t"))
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one() == 1
