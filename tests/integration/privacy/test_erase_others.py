"""What an erasure leaves to those who have a number, a call or a row together with whoever goes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from calls.caller import ContactRef
from config.settings import Settings, StorageSettings
from crm_adapter.call_tables import call_legs, calls, leads
from crm_adapter.call_tables import outbox as entries
from crm_adapter.embedded import tables as crm
from screenpop.pops.call_words import words_of
from screenpop.pops.content import PopContent
from screenpop.pops.pop_tables import pop_deliveries, pop_words, pops
from storage.database import Database
from switchboard.offline import opened
from switchboard.privacy import erasing, offline
from switchboard.privacy.erasing import StillAtWork
from switchboard.privacy.offline import Erasure
from tests.integration.contacts.crowd import add, add_contact
from tests.integration.privacy.test_erase_rules import (
    MINE,
    NOW,
    NUMBER,
    OTHER,
    THEIRS,
    erased,
    planned,
)
from tests.integration.privacy.test_prune import a_call, a_frame, a_lead, a_pop, an_entry

pytestmark = pytest.mark.integration

_NAMES = {MINE: "Zuleikarina Quandtmoser", THEIRS: "Maria Garcia"}
_CANDIDATES = [{"crm": ref.crm, "id": ref.id, "name": name} for ref, name in _NAMES.items()]


def shown(contact: ContactRef | None) -> dict[str, Any]:
    """A pop of a call from the number that both have."""
    told: dict[str, Any] = {
        "call": {
            "id": "pbx/2", "queue": "sales", "dialled": "", "number": NUMBER, "network_name": None,
            "withheld": False, "attestation": None, "language": "en", "arrived_at": None,
            "queued_at": None, "keys": [], "transferred_from": None, "notes": [],
        },
        "match": {
            "outcome": "multiple", "method": "e164", "confidence": 0.5,
            "candidates": [
                {"ref": str(ref), "name": name, "company": None, "url": None}
                for ref, name in _NAMES.items()
            ],
            "selected": contact and str(contact),
        },
        "contact": contact and {
            "ref": str(contact), "name": _NAMES[contact], "company": None, "language": None,
            "url": None, "owner": None, "purchases": [], "orders": [], "cases": [],
        },
        "segments": None, "decision": None, "lead": None, "degraded": [],
    }  # fmt: skip
    return told


def record_of(name: str, contact: ContactRef) -> dict[str, Any]:
    return {"call_id": f"pbx/{name}", "number": NUMBER, "contact": [contact.crm, contact.id]}


async def household(database: Database) -> None:
    """Two contacts with one number. An agent said of the second call that it was the other, of
    the third nobody knows."""
    for ref, name in _NAMES.items():
        first, last = name.split()
        await add_contact(database, ref.id, first_name=first, last_name=last)
        await add(database, crm.contact_numbers, {"contact_id": ref.id, "e164": NUMBER})
    for name, ref in (("1", MINE), ("2", THEIRS), ("3", None)):
        whose = {} if ref is None else {"contact_crm": ref.crm, "contact_id": ref.id}
        among = {"number": NUMBER, "identity_outcome": "multiple", "candidates": _CANDIDATES}
        await add(database, calls, a_call(name, NOW, **among, **whose))
        leg = {"system": "pbx", "linkedid": name, "position": 1, "agent": "anna", "interface": "x"}
        await add(database, call_legs, leg | {"queue": "q", "rang_at": NOW, "note": f"note {name}"})
        content = shown(ref)
        await add(database, pops, a_pop(name, "closed", NOW) | {"payload": content})
        words = words_of(PopContent.model_validate(content), None, "")
        found_by = {"agent": "anna", "offered_at": NOW, "pop_id": name, "words": words}
        await add(database, pop_words, found_by)
        await add(database, pop_deliveries, a_frame(int(name), name, NOW))
    lead = a_lead("2", closed=None) | {"number": OTHER, "linkedid": "2"}
    await add(database, leads, lead)
    for name, ref in (("1", MINE), ("2", THEIRS)):
        owed = an_entry(f"k{name}", "pending", NOW) | {"payload": record_of(name, ref)}
        await add(database, entries, owed)
        frame = {"call_id": f"pbx/x{name}", "frame": {"content": shown(ref)}}
        hook = {"event": "pop.offer", "data": frame}
        await add(database, entries, an_entry(f"h{name}", "pending", NOW) | {"payload": hook})


async def test_of_those_who_share_a_number_the_others_keep_what_is_theirs(
    any_database: Database,
) -> None:
    await household(any_database)
    plan = await planned(any_database, only=[MINE])
    assert {call.linkedid for call in plan.person.calls} == {"1"}
    await erased(any_database, plan)
    async with any_database.read() as link:
        rows = (await link.execute(select(calls).order_by(calls.c.linkedid))).all()
        assert [row.number for row in rows] == [None, NUMBER, NUMBER]
        assert [row.contact_id for row in rows] == [None, THEIRS.id, None]
        # Whoever went is nobody's candidate.
        assert [row.candidates for row in rows] == [None, _CANDIDATES[1:], _CANDIDATES[1:]]
        notes = select(call_legs.c.note).order_by(call_legs.c.linkedid)
        assert list(await link.scalars(notes)) == [None, "note 2", "note 3"]
        assert list(await link.scalars(select(leads.c.key))) == ["2"]
        assert set(await link.scalars(select(entries.c.key))) == {"k2", "h2"}
        kept = (await link.execute(select(pops).order_by(pops.c.pop_id))).all()
        assert [row.pop_id for row in kept] == ["2", "3"]
        # What is left can be read.
        candidates = [PopContent.model_validate(row.payload).match.candidates for row in kept]
        assert [[one.ref for one in some] for some in candidates] == [[str(THEIRS)]] * 2
        words = list(await link.scalars(select(pop_words.c.words)))
        assert len(words) == 2
        for table in (calls, pops, pop_words, entries):
            left = "\n".join(str(row) for row in await link.execute(select(table)))
            assert "uandtmoser" not in left, table.name
            assert MINE.id not in left, table.name


async def test_a_number_to_call_back_does_not_make_a_call_theirs(any_database: Database) -> None:
    wish = {"callback": {"at": "", "number": NUMBER, "queue": "sales", "position": 1}}
    await add(
        any_database,
        calls,
        a_call("1", NOW, number=OTHER, from_name="Maria", **wish),
        # Of which nothing else is known.
        a_call("2", NOW, from_name="Zuleikarina", **wish) | {"withheld": True},
    )
    await erased(any_database, await planned(any_database))
    async with any_database.read() as link:
        rows = (await link.execute(select(calls).order_by(calls.c.linkedid))).all()
    assert [row.from_name for row in rows] == ["Maria", ""]
    assert [row.callback and row.callback["number"] for row in rows] == ["(erased)", None]


async def test_while_others_have_them_among_several_a_server_would_write_it_again(
    any_database: Database,
) -> None:
    await household(any_database)
    await add(any_database, calls, a_call("4", NOW, ended=False, candidates=_CANDIDATES))
    await any_database.writer.write(
        lambda link: link.execute(update(pops).where(pops.c.pop_id == "2").values(state="claimed"))
    )
    plan = await planned(any_database, only=[MINE])
    assert plan.at_work == (
        "the call 4, which names them, goes on",
        "the pop 2, which names them, is on a desktop",
    )
    with pytest.raises(StillAtWork):
        await erased(any_database, plan)


async def test_what_others_wrote_meanwhile_stays(any_database: Database) -> None:
    for name in ("1", "2"):
        note = {"note": f"ring {NUMBER}"}
        await add(any_database, pops, a_pop(name, "closed", NOW) | note)
    plan = await planned(any_database)
    changes = {"1": f"ring {NUMBER} at noon", "2": "ring nobody"}

    async def change(link: Any) -> None:
        for name, note in changes.items():
            await link.execute(update(pops).where(pops.c.pop_id == name).values(note=note))

    await any_database.writer.write(change)
    assert (await erased(any_database, plan)).counts == {"mentions": 1}
    async with any_database.read() as link:
        notes = list(await link.scalars(select(pops.c.note).order_by(pops.c.pop_id)))
    assert notes == ["ring (erased) at noon", "ring nobody"]


async def test_a_vacuum_in_vain_is_left_to_do_and_what_was_erased_is_told(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(storage=StorageSettings(url=empty_postgres_url))

    def impatient(told: Settings) -> Any:
        return opened(told, statement_s=1.0)

    monkeypatch.setattr(offline, "_opened", impatient)
    async with opened(settings) as database, database.engine.begin() as link:
        await add(database, calls, a_call("1", NOW, number=NUMBER))
        # Another's VACUUM takes the same lock; who reads and writes takes none of it.
        await link.execute(text("LOCK TABLE calls IN SHARE UPDATE EXCLUSIVE MODE"))
        done = await Erasure(settings, NUMBER).done()
    assert done.counts == {"calls": 1}
    assert 'VACUUM "calls" in PostgreSQL (TimeoutError)' in done.left


async def test_who_holds_a_row_of_theirs_is_not_waited_for_long(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "LOCK_MS", 100)
    async with opened(Settings(storage=StorageSettings(url=empty_postgres_url))) as database:
        await add(database, calls, a_call("1", NOW, number=NUMBER))
        plan = await planned(database)
        async with database.engine.begin() as link:
            await link.execute(select(calls.c.linkedid).with_for_update())
            with pytest.raises(DBAPIError, match="lock timeout"):
                await erased(database, plan)
        assert (await erased(database, plan)).counts == {"calls": 1}


async def test_a_statement_of_these_commands_may_take_longer_than_a_servers(
    empty_postgres_url: str,
) -> None:
    settings = Settings(storage=StorageSettings(url=empty_postgres_url))
    async with Database(empty_postgres_url, statement_s=0.2) as hurried, hurried.read() as link:
        with pytest.raises(TimeoutError):
            await link.execute(text("SELECT pg_sleep(0.6)"))
    async with offline._opened(settings) as database, database.engine.connect() as link:
        driver = (await link.get_raw_connection()).driver_connection
        assert driver is not None
        assert driver._config.command_timeout > 600
