"""Another process holds SQLite's write lock for longer than a statement waits for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from storage.database import Database
from tests.fakes.storage_house import JOURNAL_S, StorageHouse

pytestmark = pytest.mark.integration

#: `busy_timeout` is 5 s: so at least one transaction is given up and begun again.
HELD_S = 6.0
#: What a busy machine adds to a deadline.
MARGIN_S = 1.5

HOLD = """
import sqlite3, sys
link = sqlite3.connect(sys.argv[1], isolation_level=None)
link.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
link.execute("COMMIT")
"""


@contextmanager
def another_process_holds(path: str) -> Iterator[None]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.stdin.write("\n")


async def test_calls_go_on_while_another_process_holds_the_lock(
    sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    async with StorageHouse(sqlite_url) as house:
        for _ in range(5):
            house.rings()
        await house.settled()
        house.rings()
        with another_process_holds(path):
            until = time.monotonic() + HELD_S
            while time.monotonic() < until:
                house.rings()
                began = time.monotonic()
                await house.records.journal.open_calls("pbx")
                assert time.monotonic() - began < MARGIN_S, "who only reads waits for nobody"
                await asyncio.sleep(0.25)
        house.rings()
        await house.settled()
        assert "again" in caplog.text, "nothing ever had to wait for longer than the timeout"
        assert house.left
        assert max(house.asked_s) < JOURNAL_S + MARGIN_S
        await house.check()


async def test_what_is_committed_is_on_the_disk(database: Database) -> None:
    """On each of the pool's connections, the writer's among them: 2 is FULL."""
    async with asyncio.TaskGroup() as group:
        inside = asyncio.Barrier(8)

        async def look() -> int | None:
            async with database.read() as connection:
                await inside.wait()
                return await connection.scalar(text("PRAGMA synchronous"))

        looks = [group.create_task(look()) for _ in range(8)]
    assert [look.result() for look in looks] == [2] * 8
    written = await database.writer.write(lambda link: link.scalar(text("PRAGMA synchronous")))
    assert written == 2
