"""The audit log shows whatever was done to it, and is written alike on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from calls.errors import SwitchboardError
from storage import audit_log
from storage.audit_chain import NOTHING, AuditKey, Entry, Head, chained
from storage.audit_check import Checked, check
from storage.audit_log import read_head
from storage.audit_tables import audit_entries, audit_heads
from storage.database import Database

pytestmark = pytest.mark.integration

KEY = AuditKey(b"k" * 32)


def entry(number: int) -> Entry:
    return Entry(action="agent.added", subject=f"agent{number}", details={"number": f"+1{number}"})


@pytest.fixture
async def log(sqlite_url: str) -> AsyncIterator[Database]:
    """With five rows."""
    async with Database(sqlite_url, audit_key=lambda: KEY) as database:
        await database.audit.write(*map(entry, range(1, 6)))
        yield database


@pytest.fixture
async def any_log(any_database_url: str) -> AsyncIterator[Database]:
    """With five rows, on either database."""
    async with Database(any_database_url, audit_key=lambda: KEY) as database:
        await database.audit.write(*map(entry, range(1, 6)))
        yield database


async def checked(
    database: Database, *, keys: Sequence[AuditKey] = (KEY,), seen: Head | None = None
) -> Checked:
    async with database.engine.connect() as link:
        return await check(link, keys, seen)


async def head_of(database: Database) -> Head:
    async with database.read() as link:
        return await read_head(link)


async def told(database: Database, seen: Head | None = None) -> tuple[int, str]:
    broken = (await checked(database, seen=seen)).broken
    assert broken is not None
    return broken.seq, broken.why


async def change(database: Database, *statements: Any) -> None:
    async with database.engine.begin() as link:
        for statement in statements:
            await link.execute(statement)


def row(seq: int) -> Any:
    return audit_entries.c.seq == seq


async def test_what_nobody_touched_is_whole(any_log: Database) -> None:
    found = await checked(any_log, seen=await head_of(any_log))
    assert (found.rows, found.erased, found.broken) == (5, 0, None)
    assert found.head == await head_of(any_log)


async def test_an_empty_log_is_whole(database: Database) -> None:
    assert (await checked(database)).broken is None


EDITS: tuple[dict[str, Any], ...] = (
    {"actor": "somebody.else"},
    {"result": "refused"},
    {"subject": "agent9"},
    {"origin": "192.0.2.1"},
    {"action": "agent.removed"},
    {"details": {"number": "+9"}},
    {"details": {}, "salt": None},
    {"details": None},
    {"details_hash": "0" * 64},
    {"mac": "0" * 64},
    {"before": NOTHING},
)


async def test_an_edited_row_is_named(any_log: Database) -> None:
    async with any_log.read() as link:
        before = dict((await link.execute(select(audit_entries).where(row(3)))).mappings().one())
    for changed in EDITS:
        await change(any_log, update(audit_entries).where(row(3)).values(changed))
        assert (await told(any_log))[0] == 3, changed
        await change(any_log, update(audit_entries).where(row(3)).values(before))
    assert (await checked(any_log)).broken is None


async def test_a_deleted_row_is_named(log: Database) -> None:
    await change(log, delete(audit_entries).where(row(2)))
    assert await told(log) == (2, "it is missing: row 3 comes next")


async def test_a_deleted_beginning_is_named(log: Database) -> None:
    await change(log, delete(audit_entries).where(audit_entries.c.seq < 3))
    assert (await told(log))[0] == 1


async def test_a_row_put_in_between_is_named(log: Database) -> None:
    """By who knows how it is done, but not the key."""
    other = AuditKey(b"x" * 32)
    async with log.read() as link:
        second = (await link.execute(select(audit_entries.c.mac).where(row(2)))).scalar_one()
    forged = chained(entry(9), Head(2, second), other, actor="a", origin="b")
    await change(log, delete(audit_entries).where(row(3)), insert(audit_entries).values(forged))
    seq, why = await told(log)
    assert (seq, other.id in why) == (3, True)

    await change(log, update(audit_entries).where(row(3)).values(key_id=KEY.id))
    assert await told(log) == (3, "it was changed, or written without the key")


async def test_rows_that_changed_places_are_named(log: Database) -> None:
    def moved(seq: int, to: int) -> Any:
        return update(audit_entries).where(row(seq)).values(seq=to)

    await change(log, moved(2, 99), moved(3, 2), moved(99, 3))
    assert (await told(log))[0] == 2


async def test_a_cut_end_is_seen_by_what_is_kept_elsewhere(log: Database) -> None:
    """Who cuts off the end and says so in the database too leaves a whole, shorter chain."""
    seen = await head_of(log)
    async with log.read() as link:
        third = (await link.execute(select(audit_entries.c.mac).where(row(3)))).scalar_one()
    await change(log, delete(audit_entries).where(audit_entries.c.seq > 3))
    assert (await told(log))[0] == 4

    await change(log, update(audit_heads).values(seq=3, mac=third))
    assert (await checked(log)).broken is None
    seq, why = await told(log, seen)
    assert (seq, "5 rows" in why) == (4, True)


async def test_an_end_written_anew_is_seen(log: Database) -> None:
    """After an older database was put back, more is written than was there."""
    seen = await head_of(log)
    async with log.read() as link:
        third = (await link.execute(select(audit_entries.c.mac).where(row(3)))).scalar_one()
    await change(
        log,
        delete(audit_entries).where(audit_entries.c.seq > 3),
        update(audit_heads).values(seq=3, mac=third),
    )
    await log.audit.write(*map(entry, range(6, 10)))
    assert (await told(log, seen))[0] == 5


async def test_details_go_with_a_person_and_the_chain_holds(log: Database) -> None:
    gone = {"details": None, "salt": None}
    await change(log, update(audit_entries).where(row(2)).values(gone))
    assert "erasures tell of 0" in (await told(log))[1]

    erased = Entry(action="privacy.erase", details={"counts": {"audit_entries": 1}})
    await log.audit.write(erased)
    found = await checked(log)
    assert (found.erased, found.broken) == (1, None)


async def test_another_key_is_told(log: Database) -> None:
    other = AuditKey(b"o" * 32)
    assert (await checked(log, keys=[other])).broken is not None
    async with Database(
        log.url.replace("+aiosqlite", "").replace("+asyncpg", ""), audit_key=lambda: other
    ) as second:
        await second.audit.write(entry(6))
    found = await checked(log)
    assert found.broken is not None
    assert found.broken.seq == 6
    assert (await checked(log, keys=[KEY, other])).broken is None


async def test_several_that_write_at_once_make_one_chain(any_database_url: str) -> None:
    """As processes do: each with connections of its own, inside other work and by itself."""
    async with (
        Database(any_database_url, audit_key=lambda: KEY) as one,
        Database(any_database_url, audit_key=lambda: KEY) as other,
    ):

        async def beside_work(database: Database, number: int) -> None:
            await database.writer.write(lambda link: database.audit.append(link, entry(number)))

        work = [beside_work(database, n) for database in (one, other) for n in range(20)]
        await asyncio.gather(*work, *(each.audit.write(entry(7)) for each in (one, other)))
        for number in range(20):
            one.audit.note(entry(number))
            other.audit.note(entry(number))
        await asyncio.gather(one.audit.stop(limit_s=60), other.audit.stop(limit_s=60))
        found = await checked(one, seen=await head_of(other))
        assert (found.rows, found.broken) == (82, None)
        assert one.audit.lost == other.audit.lost == 0


async def test_a_head_that_another_holds_loses_nothing_and_leaves_the_rest_its_time(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process does that stands still inside a transaction."""
    monkeypatch.setattr(audit_log, "_LOCK_MS", 50)
    monkeypatch.setattr(audit_log, "_AGAIN_S", 0.05)
    async with Database(postgres_url, audit_key=lambda: KEY) as database:
        await database.audit.write(entry(0))
        async with database.engine.begin() as holder:
            await holder.execute(select(audit_heads).with_for_update())
            database.audit.note(entry(1))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await database.audit.write(entry(2))
        await database.audit.stop(limit_s=60)
        found = await checked(database)
        assert (found.rows, found.broken, database.audit.lost) == (2, None, 0)
        async with database.engine.begin() as link:
            await database.audit.append(link, entry(3))
            assert (await link.exec_driver_sql("SHOW lock_timeout")).scalar_one() == "0"


async def test_it_is_told_where_its_work_is_done_and_only_there(log: Database) -> None:
    async def fails(link: Any) -> None:
        await log.audit.append(link, entry(6))
        raise SwitchboardError("changed nothing after all")

    with pytest.raises(SwitchboardError):
        await log.writer.write(fails)
    assert (await checked(log)).rows == 5


async def test_whoever_notes_never_waits_and_what_has_no_room_is_counted(
    log: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.audit_log.MOST_WAITING", 3)
    for number in range(5):
        log.audit.note(entry(number))
    assert log.audit.lost == 2
    await log.audit.stop()
    assert (await checked(log)).rows == 8


async def test_a_row_says_nothing_that_a_terminal_would_obey(log: Database) -> None:
    hostile = "anna\x1b[2J\r\n\u202e\0"
    await log.audit.write(Entry(action="log_in", actor=hostile, details={"why": hostile}))
    async with log.read() as link:
        kept = (await link.execute(select(audit_entries).where(row(6)))).mappings().one()
    assert kept["actor"] == kept["details"]["why"] == "anna?[2J???"
    assert (await checked(log)).broken is None


async def test_without_a_key_nothing_is_written(database: Database) -> None:
    await database.audit.write(entry(1))
    database.audit.note(entry(2))
    async with database.read() as link:
        assert (await link.execute(text("SELECT count(*) FROM audit_entries"))).scalar_one() == 0
