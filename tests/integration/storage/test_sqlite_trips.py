"""A statement goes to SQLite's thread once or not at all, and says all it said before."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import sqlite_trips
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


class Trips:
    """How often somebody went to a thread of SQLite's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        usual = aiosqlite.Connection._execute

        async def counted(connection: aiosqlite.Connection, fn: object, *args: object) -> object:
            self.count += 1
            return await usual(connection, fn, *args)

        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)


async def test_to_read_is_one_trip_a_statement(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.read() as connection:
        await connection.execute(text("SELECT 1"))  # a connection that is prepared
    trips = Trips(monkeypatch)
    async with database.read() as connection:
        for _ in range(5):
            assert (await connection.execute(text("SELECT 7"))).scalar_one() == 7
    assert trips.count == 5
    # And the view is let go of: who reads next sees what was written meanwhile.
    await database.writer.write(names("a"))
    assert await count(database) == 1


async def test_a_brief_question_is_answered_in_one_turn_of_the_loop(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no deadline strikes meanwhile, and one connection does for whoever else asks."""
    await database.writer.write(names("a", "b"))
    assert await count(database) == 2  # a connection that is prepared
    trips = Trips(monkeypatch)
    answers: list[int] = []

    async def ask() -> None:
        async with database.read(brief=True) as connection:
            query = text("SELECT count(*) FROM t")
            answers.append((await connection.execute(query)).scalar_one())

    asked = asyncio.create_task(ask())
    await asyncio.sleep(0)
    assert answers == [2]
    await asked
    assert trips.count == 0
    # Who is not in a hurry has the connection after it, and is answered in the thread.
    assert await count(database) == 2
    assert trips.count == 1


async def test_brief_work_is_done_in_place(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.writer.write(names("a"))
    trips = Trips(monkeypatch)
    await database.writer.write(names("b", "c", "d"), brief=True)
    # To commit.
    assert trips.count == 1
    trips.count = 0
    await database.writer.write(names("e", "f"))
    assert trips.count == 1 + 2
    assert await count(database) == 6


async def test_many_rows_go_to_the_thread_however_brief(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()

    async def many(connection: AsyncConnection, rows: int) -> None:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        raw._conn.set_trace_callback(lambda _: threads.add(threading.current_thread().name))
        names = [{"n": f"{rows}.{n}"} for n in range(rows)]
        await connection.execute(text("INSERT INTO t (name) VALUES (:n)"), names)
        raw._conn.set_trace_callback(None)

    await database.writer.write(lambda link: many(link, 3), brief=True)
    assert threads == {threading.current_thread().name}
    threads.clear()
    await database.writer.write(lambda link: many(link, 500), brief=True)
    assert threads
    assert threading.current_thread().name not in threads


async def test_brief_work_lets_others_have_their_turn(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_trips, "_KEPT_S", -1.0)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    seen: list[int] = []

    async def work(connection: AsyncConnection) -> None:
        for number in range(20):
            await names(str(number))(connection)
            seen.append(turns)

    other = asyncio.create_task(others())
    await database.writer.write(work, brief=True)
    other.cancel()
    assert seen[-1] - seen[0] >= 19


async def test_who_gave_up_a_long_question_leaves_the_loop_alone(database: Database) -> None:
    """Its statement still runs in the thread: nothing in place waits for that."""
    began = threading.Event()
    go_on = threading.Event()

    def slow() -> int:
        began.set()
        go_on.wait(30)
        return 1

    async def ask() -> None:
        async with database.read() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            await raw.create_function("slow", 0, slow)
            await connection.execute(text("SELECT slow()"))

    asking = asyncio.create_task(ask())
    await asyncio.to_thread(began.wait, 30)
    asking.cancel()
    # With the statement under way, another one is answered.
    assert await count(database) == 0
    go_on.set()
    await asyncio.gather(asking, return_exceptions=True)
    assert await count(database) == 0


def names(*some: str) -> Any:
    async def work(connection: AsyncConnection) -> None:
        for name in some:
            await connection.execute(text("INSERT INTO t (name) VALUES (:n)"), {"n": name})

    return work


async def count(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(text("SELECT count(*) FROM t"))).scalar_one())


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
