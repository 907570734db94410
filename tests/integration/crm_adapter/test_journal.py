"""The journal keeps a call before anybody hears anything."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pytest
from sqlalchemy import select

from calls.call import CallId
from crm_adapter.call_tables import calls
from crm_adapter.journal import DatabaseJournal
from storage.database import Database
from tests.fakes.call_stories import START, a_call

pytestmark = pytest.mark.integration


async def test_an_open_call_is_there_for_another_process(
    any_database: Database, any_database_url: str
) -> None:
    await DatabaseJournal(database=any_database).open_call(a_call())
    async with Database(any_database_url) as other:
        assert await DatabaseJournal(database=other).open_calls("pbx") == [a_call().id]


async def test_opening_again_changes_nothing(any_database: Database) -> None:
    journal = DatabaseJournal(database=any_database)
    await asyncio.gather(*(journal.open_call(a_call()) for _ in range(20)))
    assert await journal.open_calls("pbx") == [a_call().id]


async def test_open_calls_are_those_of_one_system_oldest_first(any_database: Database) -> None:
    journal = DatabaseJournal(database=any_database)
    for name, minutes in (("b", 2), ("a", 3), ("c", 1)):
        at = START + timedelta(minutes=minutes)
        await journal.open_call(dataclasses.replace(a_call(name), arrived_at=at))
    await journal.open_call(dataclasses.replace(a_call(), id=CallId("elsewhere", "x")))
    assert [call.linkedid for call in await journal.open_calls("pbx")] == ["c", "b", "a"]


async def test_the_fallback_knows_better_when_a_call_came_that_we_slept_through(
    any_database: Database,
) -> None:
    journal = DatabaseJournal(database=any_database)
    for name, minutes in (("slept", -1), ("awake", 1)):
        await journal.open_call(a_call(name))
        traced = dataclasses.replace(a_call(name), arrived_at=START + timedelta(minutes=minutes))
        await journal.open_call(traced, fallback=True)
    async with any_database.read() as link:
        rows = await link.execute(select(calls.c.linkedid, calls.c.arrived_at, calls.c.fallback))
        kept = {row.linkedid: (row.arrived_at, row.fallback) for row in rows}
    assert kept == {"slept": (START - timedelta(minutes=1), True), "awake": (START, True)}


async def test_hostile_text_is_kept_without_harm(any_database: Database) -> None:
    journal = DatabaseJournal(database=any_database)
    hostile = dataclasses.replace(
        a_call(), from_raw="\0'; DROP TABLE calls;--" * 99, from_name="\ud800王", dialled="x" * 999
    )
    await journal.open_call(hostile)
    assert await journal.open_calls("pbx") == [hostile.id]
