"""No room on the disk, or a disk that takes nothing: calls go on, what is lost is counted, and once
there is room all that waited is recorded and delivered."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import Database
from storage.writer import Work
from tests.fakes.storage_house import JOURNAL_S, StorageHouse

pytestmark = pytest.mark.integration

#: More than a day's calls of a small company would need.
NO_LIMIT = 1_000_000
#: Bytes of a file that the kernel lets us write; the rest fails like a broken disk (EFBIG is an
#: I/O error to SQLite).
FIRST_PAGE = 4096


@contextmanager
def no_room(database: Database) -> Iterator[None]:
    """SQLite itself refuses each page beyond those there are now (SQLITE_FULL)."""
    most = 1

    def limit(connection: Any, *_: Any) -> None:
        cursor = connection.cursor()
        # It never goes below what the file has.
        cursor.execute(f"PRAGMA max_page_count={most}")
        cursor.close()

    event.listen(database.engine.sync_engine, "checkout", limit)
    yield
    most = NO_LIMIT


@contextmanager
def broken_disk(_database: Database) -> Iterator[None]:
    """The kernel refuses every write beyond the first page of any file (SQLITE_IOERR)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FIRST_PAGE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


Failing = Callable[[Database], AbstractContextManager[None]]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("failing", "told"), [(no_room, "the disk is full"), (broken_disk, "does not take")]
)
async def test_calls_go_on_and_are_recorded_once_there_is_room(
    sqlite_url: str, failing: Failing, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with StorageHouse(sqlite_url) as house:
        recorder = house.records.recorder
        for _ in range(20):
            house.rings()
        await house.settled()
        with failing(house.database):
            while len(house.left) < 5:
                house.rings()
                await asyncio.sleep(0.01)
            await until(lambda: recorder.trouble is not None)
            for _ in range(20):
                house.rings()
            await house.all_called()
            assert told in (recorder.trouble or "")
            assert recorder.waiting > 0
        await house.settled()
        assert recorder.trouble is None
        assert recorder.waiting == recorder.refused == 0
        assert max(house.asked_s) < JOURNAL_S
        assert [line for line in caplog.messages if told in line][1:] == [], "said once"
        await house.check()
        async with house.database.read() as connection:
            assert await connection.scalar(text("PRAGMA integrity_check")) == "ok"


async def test_what_no_longer_fits_into_memory_is_counted(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with StorageHouse(sqlite_url, queue_size=100, max_waiting=60) as house:
        recorder = house.records.recorder
        with no_room(house.database):
            while recorder.trouble is None:
                house.rings()
                await asyncio.sleep(0.01)
            for _ in range(50):
                house.rings()
            await house.all_called()
            # The one that does not fit waits at the door.
            assert recorder.waiting == 60
            assert house.shed
            whole_before = set(house.called) - house.shed
        await house.settled()
        assert recorder.waiting == recorder.refused == 0
        assert len(whole_before) > 10
        assert "events are shed" in caplog.text
        await house.check()
        async with house.database.read() as connection:
            assert await connection.scalar(text("PRAGMA integrity_check")) == "ok"


def unit(number: int, size: int) -> Work[int]:
    async def work(connection: AsyncConnection) -> int:
        row = {"id": number, "body": "x" * size}
        await connection.execute(text("INSERT INTO notes VALUES (:id, :body)"), row)
        return number

    return work


async def test_nobody_believes_in_a_write_that_the_full_disk_took_back(database: Database) -> None:
    """Of those that share a commit, only the one for which there is no room fails: SQLite rolls
    the whole transaction back, and the others are written again without it."""
    make = text("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
    await database.writer.write(lambda link: link.execute(make))
    await database.writer.write(unit(0, 10))
    with no_room(database):
        writes = [(1, 10), (2, 10), (3, 100_000), (4, 10), (5, 100_000), (6, 10)]
        told = await asyncio.gather(
            *(database.writer.write(unit(*write)) for write in writes), return_exceptions=True
        )
    for refused in (told.pop(4), told.pop(2)):
        assert isinstance(refused, OperationalError)
        assert "database or disk is full" in str(refused)
    assert told == [1, 2, 4, 6]
    async with database.read() as connection:
        stored = await connection.scalars(text("SELECT id FROM notes ORDER BY id"))
        assert list(stored) == [0, 1, 2, 4, 6]
