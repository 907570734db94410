"""Grouped writes on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Unavailable
from storage import writer
from storage.database import Database

pytestmark = pytest.mark.integration


@pytest.fixture
async def notes(any_database: Database) -> Database:
    async with any_database.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)"))
    return any_database


@pytest.fixture
async def one_writer(sqlite_url: str) -> AsyncIterator[Database]:
    """Where callers' writes have no connection of their own."""
    async with Database(sqlite_url) as database:
        async with database.engine.begin() as connection:
            await connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)"))
        yield database


def insert(number: int) -> Any:
    async def work(connection: AsyncConnection) -> int:
        await connection.execute(
            text("INSERT INTO notes (id, body) VALUES (:id, 'x')"), {"id": number}
        )
        return number

    return work


async def stored(database: Database) -> list[int]:
    async with database.read() as connection:
        return list(await connection.scalars(text("SELECT id FROM notes ORDER BY id")))


async def test_a_write_is_visible_to_others_once_it_returns(notes: Database) -> None:
    assert await notes.writer.write(insert(1)) == 1
    assert await stored(notes) == [1]


async def test_a_failing_unit_takes_nobody_with_it(notes: Database) -> None:
    await notes.writer.write(insert(3))
    results = await asyncio.gather(
        *(notes.writer.write(insert(number)) for number in range(6)), return_exceptions=True
    )
    assert [number for number in results if isinstance(number, int)] == [0, 1, 2, 4, 5]
    assert isinstance(results[3], IntegrityError)
    assert await stored(notes) == [0, 1, 2, 3, 4, 5]


async def test_a_group_in_which_nothing_fails_has_no_savepoints(notes: Database) -> None:
    said: list[str] = []

    @event.listens_for(notes.engine.sync_engine, "savepoint")
    def note(_connection: Any, name: str) -> None:
        said.append(name)

    await asyncio.gather(*(notes.writer.write(insert(number)) for number in range(6)))
    assert said == []
    await asyncio.gather(
        *(notes.writer.write(insert(number)) for number in (5, 6, 7)), return_exceptions=True
    )
    assert len(said) == 3
    assert await stored(notes) == [*range(8)]


async def test_half_a_unit_is_never_kept(notes: Database) -> None:
    async def half(connection: AsyncConnection) -> None:
        await insert(7)(connection)
        raise ValueError("second half")

    alone = await asyncio.gather(notes.writer.write(half), return_exceptions=True)
    grouped = await asyncio.gather(
        notes.writer.write(insert(1)),
        notes.writer.write(half),
        notes.writer.write(insert(2)),
        return_exceptions=True,
    )
    assert isinstance(alone[0], ValueError)
    assert isinstance(grouped[1], ValueError)
    assert await stored(notes) == [1, 2]


async def test_a_cancelled_caller_leaves_the_writer_working(notes: Database) -> None:
    tasks = [asyncio.create_task(notes.writer.write(insert(n))) for n in range(10)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await notes.writer.write(insert(100)) == 100
    assert {1, 3, 5, 7, 9, 100} <= set(await stored(notes))


async def test_a_stopped_writer_finishes_what_waits_and_then_refuses(notes: Database) -> None:
    waiting = [asyncio.create_task(notes.writer.write(insert(n))) for n in range(200)]
    await asyncio.sleep(0)
    await notes.writer.stop()
    assert await asyncio.gather(*waiting) == list(range(200))
    with pytest.raises(Unavailable):
        await notes.writer.write(insert(1000))


async def test_a_reader_is_not_held_up_by_a_writer(notes: Database) -> None:
    inside, let_go = asyncio.Event(), asyncio.Event()

    async def slow(connection: AsyncConnection) -> None:
        await insert(1)(connection)
        inside.set()
        await let_go.wait()

    writing = asyncio.create_task(notes.writer.write(slow))
    await inside.wait()
    async with asyncio.timeout(30):
        assert await stored(notes) == []
    let_go.set()
    await writing
    assert await stored(notes) == [1]


async def test_a_write_waits_for_another_process_that_holds_the_lock(
    notes: Database, any_database_url: str
) -> None:
    other = Database(any_database_url)
    lock = "BEGIN IMMEDIATE" if notes.is_sqlite else "LOCK TABLE notes IN EXCLUSIVE MODE"
    async with other.engine.connect() as holder:
        if notes.is_sqlite:
            await holder.rollback()
            driver = await holder.get_raw_connection()
            await driver.driver_connection.execute(lock)
        else:
            await holder.execute(text(lock))
        writing = asyncio.create_task(notes.writer.write(insert(1)))
        done, _ = await asyncio.wait([writing], timeout=0.1)
        assert not done
        if notes.is_sqlite:
            await driver.driver_connection.execute("COMMIT")
    assert await writing == 1
    await other.engine.dispose()


async def test_a_lost_connection_is_made_again(notes: Database) -> None:
    """The server ends our connection in the middle of a unit; the unit runs once more."""
    kill = None if notes.is_sqlite else text("SELECT pg_terminate_backend(:pid)")
    tries = 0

    async def work(connection: AsyncConnection) -> int:
        nonlocal tries
        tries += 1
        await insert(1)(connection)
        if tries == 1 and kill is not None:
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            async with notes.read() as other:
                await other.execute(kill, {"pid": pid})
        elif tries == 1:
            raise OSError("as if the file had gone for a moment")
        await insert(2)(connection)
        return tries

    assert await notes.writer.write(work) == 2
    assert await stored(notes) == [1, 2]


async def test_a_lost_race_is_run_again_with_its_whole_group(
    notes: Database, caplog: pytest.LogCaptureFixture
) -> None:
    raced = False

    async def race(connection: AsyncConnection) -> str:
        nonlocal raced
        if not raced:
            raced = True
            raise BrokenPipeError("lost")
        await insert(9)(connection)
        return "won"

    results = await asyncio.gather(
        notes.writer.write(insert(1)), notes.writer.write(race), notes.writer.write(insert(2))
    )
    assert results == [1, "won", 2]
    assert await stored(notes) == [1, 2, 9]
    assert "again" in caplog.text


async def test_what_never_comes_back_is_given_up(any_database_url: str) -> None:
    async def never(_connection: AsyncConnection) -> None:
        raise ConnectionRefusedError("no server")

    database = Database(any_database_url)
    database.writer._retry_after_s = 0.001
    async with database:
        with pytest.raises(ConnectionRefusedError):
            await database.writer.write(never)


async def test_a_writer_that_breaks_leaves_nobody_waiting(notes: Database) -> None:
    """Cancellation out of a unit ends the writer; those behind it hear so at once."""

    async def cancelled(_connection: AsyncConnection) -> None:
        raise asyncio.CancelledError

    async with asyncio.timeout(30):
        results = await asyncio.gather(
            notes.writer.write(cancelled),
            *(notes.writer.write(insert(n)) for n in range(100)),
            return_exceptions=True,
        )
        assert all(isinstance(result, Unavailable) for result in results)
        with pytest.raises(Unavailable):
            await notes.writer.write(insert(1))
        await notes.writer.stop(limit_s=0.01)


async def test_work_a_caller_waits_for_goes_first(one_writer: Database) -> None:
    order: list[int] = []
    began, go_on = asyncio.Event(), asyncio.Event()

    async def busy(_connection: AsyncConnection) -> None:
        began.set()
        await go_on.wait()

    def noting(number: int) -> Any:
        async def work(_connection: AsyncConnection) -> None:
            order.append(number)

        return work

    async with asyncio.TaskGroup() as group:
        group.create_task(one_writer.writer.write(busy))
        await began.wait()
        for number in (1, 2):
            group.create_task(one_writer.writer.write(noting(number)))
        await asyncio.sleep(0)
        group.create_task(one_writer.writer.write(noting(3), urgent=True))
        await asyncio.sleep(0)
        go_on.set()
    assert order == [3, 1, 2]


async def test_on_postgresql_callers_wait_for_no_group(notes: Database) -> None:
    if notes.is_sqlite:
        # It has one writer: the next test.
        return
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def busy(connection: AsyncConnection) -> None:
        await insert(1)(connection)
        inside.set()
        await go_on.wait()

    writing = asyncio.create_task(notes.writer.write(busy))
    await inside.wait()
    assert await notes.writer.write(insert(2), urgent=True) == 2
    assert await stored(notes) == [2]
    go_on.set()
    await writing
    assert await stored(notes) == [1, 2]


async def test_a_group_ends_early_for_work_a_caller_waits_for(
    one_writer: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A group is no short one, whatever the clock says.
    monkeypatch.setattr(writer, "_UNDISTURBED_S", -1.0)
    order: list[int] = []
    began, go_on = asyncio.Event(), asyncio.Event()

    async def busy(_connection: AsyncConnection) -> None:
        began.set()
        await go_on.wait()

    def noting(number: int) -> Any:
        async def work(connection: AsyncConnection) -> None:
            order.append(number)
            if number == 1:
                # From here on somebody waits, while the group is under way.
                group.create_task(one_writer.writer.write(noting(100), urgent=True))
            await insert(number)(connection)

        return work

    async with asyncio.TaskGroup() as group:
        group.create_task(one_writer.writer.write(busy))
        await began.wait()
        for number in range(1, 31):
            group.create_task(one_writer.writer.write(noting(number)))
        await asyncio.sleep(0)
        go_on.set()
    at = order.index(100)
    assert 1 < at < 30
    assert [*order[:at], *order[at + 1 :]] == [*range(1, 31)]
    assert await stored(one_writer) == [*range(1, 31), 100]
