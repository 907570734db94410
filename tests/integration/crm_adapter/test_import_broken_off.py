"""Imports that are broken off, killed, or met by another: all of the files or nothing of them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from calls.call import Call, CallId
from crm_adapter.embedded import import_journal, tables
from crm_adapter.embedded.import_finish import ImportFinisher
from crm_adapter.embedded.import_journal import ImportJournal, ImportLost, State
from crm_adapter.embedded.import_tables import import_parts, imports
from crm_adapter.embedded.importer import (
    ImportRefused,
    ImportUnderWay,
    ImportUnfinished,
    import_files,
)
from crm_adapter.journal import DatabaseJournal
from storage.database import Database

pytestmark = pytest.mark.integration

PARTS = 4
ROWS = PARTS * 250


def written(folder: Path, count: int = ROWS, *, more: str = "", name: str = "people") -> Path:
    path = folder / f"{name}.csv"
    lines = (f"M{n:06d},Ann,Lee{n},+120255{n % 100_000:05d}\n" for n in range(count))
    path.write_text("id,first_name,last_name,phone\n" + "".join(lines) + more, encoding="utf-8")
    return path


async def count(database: Database, table: Any = tables.contacts) -> int:
    async with database.read() as link:
        return int(await link.scalar(select(func.count()).select_from(table)) or 0)


async def nothing_is_left(database: Database) -> bool:
    return await count(database, imports) == 0 == await count(database, import_parts)


def break_at(monkeypatch: pytest.MonkeyPatch, part: int, error: BaseException) -> None:
    """The `part`th part to be loaded fails, once."""
    real, parts = import_journal.load_rows, 0

    async def failing(*args: Any) -> int:
        nonlocal parts
        parts += 1
        if parts == part:
            raise error
        return await real(*args)

    monkeypatch.setattr(import_journal, "load_rows", failing)


async def test_a_bad_row_at_the_end_leaves_nothing(any_database: Database, tmp_path: Path) -> None:
    path = written(tmp_path, more="M9,Ann,Lee,12\n")
    with pytest.raises(ImportRefused, match=rf"people\.csv:{ROWS + 2}: phone"):
        await import_files(any_database, [path], region="US")
    assert await count(any_database) == 0
    assert await nothing_is_left(any_database)


async def test_a_failure_while_reading_leaves_nothing(
    any_database: Database, tmp_path: Path
) -> None:
    def watcher(done: int, total: int) -> None:
        if done > total / 4:
            raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        await import_files(any_database, [written(tmp_path)], region="US", progress=watcher)
    assert await count(any_database) == 0
    assert await nothing_is_left(any_database)


async def test_a_failure_while_loading_is_made_good_by_the_next_import(
    any_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_at(monkeypatch, 3, RuntimeError("halfway"))
    with pytest.raises(RuntimeError, match="halfway"):
        await import_files(any_database, [written(tmp_path)], region="US")
    assert await count(any_database) == ROWS / 2
    second = tmp_path / "goods.csv"
    second.write_text("code,name\nbean,House blend\n", encoding="utf-8")
    done = await import_files(any_database, [second], region="US")
    assert done.rows == {"products": 1}
    [notice] = done.notices
    assert f"was finished first: {ROWS // 2} rows" in notice
    assert await count(any_database) == ROWS
    assert await nothing_is_left(any_database)


async def test_who_is_cancelled_while_loading_is_finished_by_the_server(
    any_database: Database, tmp_path: Path
) -> None:
    def watcher(done: int, total: int) -> None:
        if done > total * 0.6:
            task.cancel()

    importing = import_files(any_database, [written(tmp_path)], region="US", progress=watcher)
    task = asyncio.create_task(importing)
    with pytest.raises(ImportUnfinished, match="everything was good"):
        await task
    assert 0 < await count(any_database) < ROWS
    await ImportFinisher(journal=ImportJournal(database=any_database)).look()
    assert await count(any_database) == ROWS
    assert await nothing_is_left(any_database)


async def test_one_import_at_a_time(any_database: Database, tmp_path: Path) -> None:
    journal = ImportJournal(database=any_database)
    first = await journal.begin()
    assert first is not None
    await journal.add(first, 0, "a.csv", "contacts", [])
    with pytest.raises(ImportUnderWay, match="another import, begun at"):
        await import_files(any_database, [written(tmp_path)], region="US")
    await ImportFinisher(journal=journal).look()
    assert not await nothing_is_left(any_database)
    # Its process is dead: said of it a minute later.
    long_ago = datetime.now(UTC) - timedelta(minutes=2)
    async with any_database.engine.begin() as link:
        await link.execute(update(imports).values(touched_at=long_ago))
    done = await import_files(any_database, [written(tmp_path)], region="US")
    assert done.rows == {"contacts": ROWS}
    assert await nothing_is_left(any_database)
    # It was not, and is told.
    with pytest.raises(ImportLost):
        await journal.add(first, 1, "a.csv", "contacts", [])
    with pytest.raises(ImportLost):
        await journal.decide(first)


async def test_who_was_given_up_decides_nothing_while_it_is_cleared_away(
    any_database: Database,
) -> None:
    journal = ImportJournal(database=any_database)
    first = await journal.begin()
    assert first is not None
    for place in range(12):
        await journal.add(first, place, "a.csv", "contacts", [])
    assert await journal.give_up(first)
    assert await count(any_database, import_parts) == 2
    with pytest.raises(ImportLost):
        await journal.decide(first)
    assert await journal.begin() is None


async def test_deciding_again_after_a_lost_answer_is_no_loss(any_database: Database) -> None:
    """The writer runs a unit again where the connection broke while it was committed."""
    journal = ImportJournal(database=any_database)
    id_ = await journal.begin()
    assert id_ is not None
    await journal.decide(id_)
    await journal.decide(id_)
    found = await journal.under_way()
    assert found is not None
    assert found.state is State.DECIDED
    assert await journal.load_next(id_) is None


async def test_a_row_that_fits_no_more_is_left_out_and_named(
    any_database: Database, tmp_path: Path
) -> None:
    """Somebody else got the customer number after the import was decided."""
    path = tmp_path / "people.csv"
    path.write_text("id,phone,customer_number\nA,,1\nB,,2\nC,,3\n", encoding="utf-8")
    journal = ImportJournal(database=any_database)
    real = ImportJournal.decide

    async def decide(self: ImportJournal, id_: int) -> None:
        await real(self, id_)
        other = {"id": "X", "customer_number": "2", "updated_at": datetime.now(UTC)}
        async with any_database.engine.begin() as link:
            await link.execute(insert(tables.contacts).values(other))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImportJournal, "decide", decide)
        done = await import_files(any_database, [path], region="US")
    assert done.rows == {"contacts": 2}
    notice = done.notices[-1]
    assert notice.startswith("1 rows were left out")
    assert notice.endswith("people.csv:3")
    assert await count(any_database) == 3
    assert (await journal.under_way()) is None


IMPORTING = """
import asyncio, pathlib, sys
from crm_adapter.embedded.importer import import_files
from storage.database import Database

async def main(url, path):
    async with Database(url) as database:
        await import_files(database, [pathlib.Path(path)], region="US")

asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def importing(database: Database, path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """In a process of its own."""
    url = database.engine.url.set(
        drivername=database.engine.url.drivername.partition("+")[0]
    ).render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", IMPORTING, url, str(path))
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_killed_while_loading(any_database: Database, tmp_path: Path) -> None:
    rows = 5_000
    journal = ImportJournal(database=any_database)
    async with importing(any_database, written(tmp_path, rows)) as process:
        while await count(any_database) == 0:
            found = await journal.under_way()
            assert process.returncode is None
            await asyncio.sleep(0.01)
        process.kill()
        await process.wait()
    found = await journal.under_way()
    assert found is not None
    assert found.state is State.DECIDED
    assert await count(any_database) < rows
    soon = ImportJournal(
        database=any_database, now=lambda: datetime.now(UTC) + timedelta(minutes=2)
    )
    await ImportFinisher(journal=soon).look()
    assert await count(any_database) == rows == await count(any_database, tables.contact_numbers)
    assert await nothing_is_left(any_database)


@pytest.mark.long
async def test_calls_are_journaled_beside_an_import(database: Database, tmp_path: Path) -> None:
    """On SQLite, where one writes at a time."""
    rows = 20_000
    began_all = time.monotonic()
    journal, took = DatabaseJournal(database=database), []
    loop = asyncio.get_running_loop()
    async with importing(database, written(tmp_path, rows)) as process:
        ended = asyncio.create_task(process.wait())
        while not ended.done():
            call = Call(
                CallId("pbx", str(len(took))), "PJSIP/a-1", "+12025550100", "", False, "100", "en",
                datetime.now(UTC),
            )  # fmt: skip
            began = loop.time()
            await journal.open_call(call)
            took.append(loop.time() - began)
            await asyncio.wait({ended}, timeout=0.05)
    assert process.returncode == 0
    assert await count(database) == rows
    assert len(took) > 30
    # Where all is slow, since others have the processors or the disk, so is this.
    assert max(took) < max(0.5, (time.monotonic() - began_all) / 5)
