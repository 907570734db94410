"""When nobody is erased, who is meant, and what an interrupted erasure leaves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import Result

from calls import crash_points
from calls.caller import ContactRef
from config.settings import Settings
from crm_adapter.call_tables import calls
from crm_adapter.call_tables import outbox as entries
from crm_adapter.embedded import tables as crm
from crm_adapter.embedded.import_tables import imports
from crm_adapter.embedded.merge_tables import merged_contacts
from scoring.memory_tables import contact_agents
from screenpop.pops.pop_tables import pops
from storage import migrate
from storage.database import Database
from switchboard.privacy import erasing
from switchboard.privacy.erasing import Plan, StillAtWork
from switchboard.privacy.forgetting import Forgetting
from switchboard.privacy.person import NotOnePerson, person_of
from switchboard.privacy.registry import with_what_names_them
from tests.integration.contacts.crowd import add, add_contact
from tests.integration.privacy.canary import House
from tests.integration.privacy.test_prune import a_call, a_pop, an_entry

pytestmark = pytest.mark.integration

NUMBER, OTHER = "+12025550187", "+12025550100"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINE, THEIRS = ContactRef("embedded", "C-1"), ContactRef("embedded", "C-2")


async def planned(database: Database, *, at: datetime = NOW, **how: Any) -> Plan:
    async with database.read() as link:
        person = await with_what_names_them(link, await person_of(link, NUMBER, **how))
        return await erasing.plan(link, person, at=at)


async def erased(database: Database, plan: Plan, *, now: bool = False) -> erasing.Erased:
    return await erasing.erase(database, Settings(), plan, at=NOW, now=now)


async def test_who_is_in_a_call_is_not_erased_unless_told(any_database: Database) -> None:
    await add(any_database, calls, a_call("1", NOW, ended=False, number=NUMBER))
    plan = await planned(any_database)
    with pytest.raises(StillAtWork, match="the call 1 goes on"):
        await erased(any_database, plan)
    async with any_database.read() as link:
        assert await link.scalar(select(calls.c.number)) == NUMBER
    assert (await erased(any_database, plan, now=True)).counts == {"calls": 1}
    async with any_database.read() as link:
        assert await link.scalar(select(calls.c.number)) is None


async def test_nor_who_is_on_a_desktop_or_on_the_way_to_the_crm(any_database: Database) -> None:
    await add(any_database, calls, a_call("1", NOW, number=NUMBER))
    await add(any_database, pops, a_pop("1", "wrapup", NOW))
    claimed = an_entry("k", "claimed", NOW) | {"entity": "call/pbx/1"}
    await add(any_database, entries, claimed | {"leased_until": NOW + timedelta(seconds=30)})
    await add(any_database, imports, {"state": "loading", "begun_at": NOW, "touched_at": NOW})
    plan = await planned(any_database)
    assert [what.split(" ")[0] for what in plan.at_work] == ["anna", "the", "an"]
    # A lease that is over keeps nobody.
    assert len((await planned(any_database, at=NOW + timedelta(minutes=1))).at_work) == 2


async def test_what_waits_for_the_crm_is_dropped(any_database: Database) -> None:
    await add(
        any_database, entries, an_entry("1", "pending", NOW) | {"payload": {"number": NUMBER}}
    )
    await add(any_database, entries, an_entry("2", "dead", NOW) | {"payload": {"number": NUMBER}})
    # Of the lead that the first one is to make.
    await add(any_database, entries, an_entry("3", "pending", NOW) | {"payload": {"number": OTHER}})
    assert (await erased(any_database, await planned(any_database))).counts == {"outbox": 2}
    async with any_database.read() as link:
        assert list(await link.scalars(select(entries.c.key))) == ["3"]


async def household(database: Database) -> None:
    """Two contacts with one number, of whom one has another too; each called."""
    for ref, name in ((MINE, "Zuleikarina"), (THEIRS, "Maria")):
        await add_contact(database, ref.id, first_name=name, last_name="Garcia")
        await add(database, crm.contact_numbers, {"contact_id": ref.id, "e164": NUMBER})
    await add(database, crm.contact_numbers, {"contact_id": MINE.id, "e164": OTHER})
    for name, ref in (("1", MINE), ("2", THEIRS), ("3", None)):
        contact = {} if ref is None else {"contact_crm": ref.crm, "contact_id": ref.id}
        await add(database, calls, a_call(name, NOW, number=NUMBER, **contact))
    await add(database, calls, a_call("4", NOW, number=OTHER))


@pytest.mark.long_on("postgresql")
async def test_of_those_who_share_a_number_one_is_meant(any_database: Database) -> None:
    await household(any_database)
    with pytest.raises(NotOnePerson, match="belongs to 2 contacts"):
        await planned(any_database)
    with pytest.raises(NotOnePerson, match="embedded:C-9 does not have this number"):
        await planned(any_database, only=[ContactRef("embedded", "C-9")])
    plan = await planned(any_database, only=[MINE])
    assert plan.person.numbers == {OTHER}
    # Whose the third call was, nobody knows.
    assert {call.linkedid for call in plan.person.calls} == {"1", "4"}
    await erased(any_database, plan)
    async with any_database.read() as link:
        assert list(await link.scalars(select(crm.contacts.c.id))) == [THEIRS.id]
        assert list(await link.scalars(select(crm.contact_numbers.c.contact_id))) == [THEIRS.id]
    # The number is the other's alone now.
    assert {call.linkedid for call in (await planned(any_database)).person.calls} == {"2", "3"}


async def test_who_was_merged_into_them_is_them(any_database: Database) -> None:
    await add_contact(any_database, MINE.id, first_name="Ana")
    await add(any_database, crm.contact_numbers, {"contact_id": MINE.id, "e164": NUMBER})
    await add(any_database, merged_contacts, {"id": "C-8", "contact_id": MINE.id, "merge_id": 1})
    whose = {"contact_crm": "embedded", "contact_id": "C-8"}
    await add(any_database, contact_agents, whose | {"agent": "anna", "at": NOW})
    assert (await erased(any_database, await planned(any_database))).counts == {
        "contact_agents": 1, "crm_contact_numbers": 1, "crm_contacts": 1, "crm_merged_contacts": 1,
    }  # fmt: skip


async def test_whose_phone_somebody_used_is_another_person(any_database: Database) -> None:
    await add_contact(any_database, THEIRS.id, first_name="Maria")
    whose = {"contact_crm": THEIRS.crm, "contact_id": THEIRS.id, "identity_method": "typed_key"}
    await add(any_database, calls, a_call("1", NOW, number=NUMBER, **whose))
    plan = await planned(any_database)
    assert plan.person.contacts == frozenset()
    assert plan.counts == {"calls": 1}


@pytest.mark.long_on("postgresql")
async def test_longer_numbers_and_names_are_other_peoples(any_database: Database) -> None:
    await add(any_database, calls, a_call("1", NOW, number=NUMBER, contact_name="Ana Maria Silva"))
    notes = [f"{NUMBER}5", f"9{NUMBER[1:]}", "Ana Maria Silva", "0012025550187", "202-555-0187."]
    for name, note in enumerate(notes):
        await add(any_database, pops, a_pop(f"pop-{name}", "closed", NOW) | {"note": note})
    done = await erased(any_database, await planned(any_database))
    async with any_database.read() as link:
        kept = list(await link.scalars(select(pops.c.note).order_by(pops.c.pop_id)))
    assert kept == [*notes[:3], "(erased)", "(erased)."]
    assert done.named == {"pops": 1}


async def test_running_servers_forget(any_database: Database) -> None:
    forgotten: list[str] = []
    server = Forgetting(database=any_database)
    server.add("answers", lambda: forgotten.append("answers"))
    await server.look()
    await server.look()
    assert forgotten == []
    await erased(any_database, await planned(any_database))
    await server.look()
    await server.look()
    assert forgotten == ["answers"]


@pytest.fixture
def alone(tmp_path: Path) -> House:
    """On SQLite, without Redis."""
    folder = tmp_path / "house"
    house = House(folder, f"sqlite:///{folder}/switchboard.db", "")
    house.voices.mkdir(parents=True)
    (folder / "switchboard.yaml").write_text(
        f"storage:\n  url: {house.url}\naudit:\n  folder: {folder}/audit\n"
        f"privacy:\n  recordings_dir: {house.voices}\n"
    )
    return house


def told(house: House, *words: str) -> Result:
    return house.call("privacy", *words)


def killed_at(point: str, house: House) -> bool:
    words = ("privacy", "erase", NUMBER, "--yes", "--config", f"{house.folder}/switchboard.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "switchboard", *words],
        env=dict(os.environ) | {crash_points.VARIABLE: point},
        capture_output=True,
        check=False,
    )
    return done.returncode == -signal.SIGKILL


async def test_whoever_was_killed_half_way_goes_on(alone: House) -> None:
    said = [{"what": "message", "name": "message-pbx-1-1", "seconds": 4.5}]
    async with Database(alone.url) as database:
        await migrate.upgrade(database)
        call = a_call("1", NOW, number=NUMBER, from_name="Zuleikarina", recordings=said)
        await add(database, calls, call)
    voice = alone.voices / "message-pbx-1-1.wav"
    voice.write_bytes(b"RIFF")
    left = {}
    for point in crash_points.ERASURE_POINTS:
        assert await asyncio.to_thread(killed_at, point, alone), point
        async with Database(alone.url) as database, database.read() as link:
            left[point] = (voice.exists(), await link.scalar(select(calls.c.number)))
    assert left == {"privacy.files_gone": (False, NUMBER), "privacy.rows_gone": (False, None)}
    done = await asyncio.to_thread(told, alone, "erase", NUMBER, "--yes")
    assert done.exit_code == 0, done.output
    assert b"Zuleikarina" not in (alone.folder / "switchboard.db").read_bytes()


def test_what_people_see(alone: House) -> None:
    done = told(alone, "export", "anonymous")
    assert done.exit_code == 1
    assert "this is no telephone number" in done.stderr
    done = told(alone, "erase", NUMBER, "--contact", "nobody", "--yes")
    assert done.exit_code == 1
    assert "expected CRM:ID" in done.stderr
    done = told(alone, "prune", "--dry-run")
    assert "calls: 0 due (older than 180 days)" in done.stdout
    file = alone.folder / "told.json"
    assert told(alone, "export", "(202) 555-0187", "--out", str(file)).exit_code == 0
    assert json.loads(file.read_text())["number"] == NUMBER
    assert file.stat().st_mode & 0o777 == 0o600
    done = told(alone, "erase", NUMBER, "--yes")
    # All there is of them: that their rows were exported.
    assert "audit_entries: 1 erased\nleft to do" in done.stdout
    assert "left to do: backups made before now" in done.stdout
