"""Who was erased is erased again where an older database was put back, and nobody else is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select

from calls.caller import ContactRef
from config.audit_settings import AuditSettings
from config.settings import Settings
from crm_adapter.call_tables import calls
from crm_adapter.embedded import tables as crm
from screenpop.pops.pop_tables import pops
from storage.audit_chain import AuditKey
from storage.database import Database
from storage.erasure_tables import erasures
from switchboard.privacy import erasing_again
from switchboard.privacy.erased_list import ErasedList
from switchboard.privacy.erasing_again import Again, erase_again
from tests.integration.contacts.crowd import add, add_contact
from tests.integration.privacy.test_erase_rules import MINE, NOW, NUMBER, OTHER, THEIRS, household
from tests.integration.privacy.test_prune import a_call, a_pop

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(audit=AuditSettings(folder=tmp_path / "audit"))


@pytest.fixture
def listed(settings: Settings) -> ErasedList:
    return ErasedList.of(settings)


async def numbers(database: Database) -> list[Any]:
    async with database.read() as link:
        return list(await link.scalars(select(calls.c.number).order_by(calls.c.linkedid)))


async def test_by_a_number_wherever_it_stands(
    any_database: Database, settings: Settings, listed: ErasedList
) -> None:
    raw, asked = "+12025550142", "+12025550143"
    for n, number in enumerate((NUMBER, raw, asked, "+12025550144")):
        listed.note(NOW + timedelta(seconds=n), [number], [])
    asks = {"number": asked, "at": None}
    await add(any_database, calls, a_call("1", NOW, number=NUMBER, from_name="Zuleikarina"))
    await add(any_database, calls, a_call("2", NOW, withheld=True, callback=asks))
    await add(any_database, calls, a_call("3", NOW, from_raw="(202) 555-0142"))
    await add(any_database, calls, a_call("4", NOW, number=OTHER))
    await add(any_database, pops, a_pop("5", "closed", NOW) | {"note": f"ring {NUMBER}"})
    done = await erase_again(any_database, settings)
    assert (done.people, done.found, done.left) == (4, 3, [])
    assert done.counts == {"calls": 3, "mentions": 1}
    assert await numbers(any_database) == [None, None, None, OTHER]
    async with any_database.read() as link:
        kept = (await link.execute(select(calls.c.from_raw, calls.c.callback))).all()
    assert all(not row.from_raw and not row.callback for row in kept)
    # It is known from now on.
    assert await erase_again(any_database, settings) == Again(listed.file)


async def test_by_a_contact_who_has_another_number_there(
    any_database: Database, settings: Settings, listed: ErasedList
) -> None:
    await household(any_database)
    listed.note(NOW, ["+12025550199"], [str(MINE)])
    done = await erase_again(any_database, settings)
    assert done.found == 1
    async with any_database.read() as link:
        assert list(await link.scalars(select(crm.contacts.c.id))) == [THEIRS.id]
    # The number that another has, too, is the other's.
    assert await numbers(any_database) == [None, NUMBER, NUMBER, None]


async def test_who_has_their_number_there_stays_and_is_named(
    any_database: Database, settings: Settings, listed: ErasedList
) -> None:
    await add_contact(any_database, THEIRS.id, first_name="Maria")
    await add(any_database, crm.contact_numbers, {"contact_id": THEIRS.id, "e164": NUMBER})
    await add(any_database, calls, a_call("1", NOW, number=NUMBER))
    listed.note(NOW, [NUMBER], [str(ContactRef("odoo", "7"))])
    done = await erase_again(any_database, settings)
    assert (done.people, done.found) == (1, 0)
    assert f"somebody who had {NUMBER} was erased" in done.left[0]
    assert str(THEIRS) in done.left[0]
    assert await numbers(any_database) == [NUMBER]


@pytest.mark.long_on("sqlite")
async def test_of_whom_no_contact_was_known_the_contact_goes_too(
    any_database: Database, settings: Settings, listed: ErasedList
) -> None:
    """They were erased in the CRM first, and the copy of its numbers followed."""
    await add_contact(any_database, MINE.id, first_name="Zuleikarina")
    await add(any_database, crm.contact_numbers, {"contact_id": MINE.id, "e164": NUMBER})
    listed.note(NOW, [NUMBER], [])
    assert (await erase_again(any_database, settings)).counts == {
        "crm_contact_numbers": 1, "crm_contacts": 1,
    }  # fmt: skip


async def test_who_came_back_after_it_stays(
    any_database: Database, settings: Settings, listed: ErasedList
) -> None:
    """The backup is of after the erasure, and knows of it."""
    listed.note(NOW, [NUMBER], [])
    assert (await erase_again(any_database, settings)).people == 1
    await add(any_database, calls, a_call("1", NOW + timedelta(days=1), number=NUMBER))
    assert await erase_again(any_database, settings) == Again(listed.file)
    assert await numbers(any_database) == [NUMBER]
    # One of before it does not.
    async with any_database.read() as link:
        assert list(await link.scalars(select(erasures.c.at))) == [NOW]
    await any_database.writer.write(lambda link: link.execute(delete(erasures)))
    assert (await erase_again(any_database, settings)).found == 1


async def test_what_cannot_be_read_is_told(
    any_database: Database, settings: Settings, listed: ErasedList
) -> None:
    await add(any_database, calls, a_call("1", NOW, number=NUMBER))
    ErasedList(listed.file, AuditKey.new()).note(NOW, [NUMBER], [])
    with listed.file.open("a") as file:
        file.write('{"at": "2026-')
    listed.note(NOW + timedelta(seconds=1), [OTHER], [])
    done = await erase_again(any_database, settings)
    assert (done.people, done.found) == (2, 0)
    assert "say nothing: 1" in done.left[0]
    assert "by another key of the audit log: 1 (erased from 2026-11-29 to" in done.left[1]
    assert await numbers(any_database) == [NUMBER]
    # Not done: with that key it is found.
    assert (await erase_again(any_database, settings)).people == 1


async def test_a_server_on_such_a_database_says_so(
    any_database: Database,
    settings: Settings,
    listed: ErasedList,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await erasing_again.warn_if_older(any_database, settings)
    assert caplog.text == ""
    listed.note(NOW, [NUMBER], [])
    await erasing_again.warn_if_older(any_database, settings)
    assert "erasures that this database does not know of: 1" in caplog.text
    assert "switchboard privacy erase-again" in caplog.text


def test_the_list_tells_nobodys_number(listed: ErasedList) -> None:
    listed.note(NOW, [NUMBER, OTHER], [str(MINE)])
    written = listed.file.read_text()
    for secret in (NUMBER, NUMBER[1:], NUMBER[-7:], OTHER, MINE.id, listed.key.secret.hex()):
        assert secret not in written
    assert listed.file.stat().st_mode & 0o777 == 0o600
    others = ErasedList(listed.file, AuditKey.new())
    assert others.number(NUMBER) not in written
    [line], unread = listed.read()
    assert (line.at, line.numbers, unread) == (
        NOW, {listed.number(NUMBER), listed.number(OTHER)}, 0,
    )  # fmt: skip


async def test_a_call_that_went_on_then_is_told(
    any_database: Database, settings: Settings, listed: ErasedList
) -> None:
    await add(any_database, calls, a_call("1", NOW, ended=False, number=NUMBER))
    listed.note(NOW, [NUMBER], [])
    done = await erase_again(any_database, settings)
    assert await numbers(any_database) == [None]
    assert "the call 1 goes on" in done.left[0]
    assert f"erase once more: {NUMBER}" in done.left[0]
