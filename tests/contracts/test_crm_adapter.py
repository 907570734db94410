"""What every CRM adapter must do, shown on the embedded CRM with both databases.

A further adapter joins by giving a `CrmWorld` of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Table, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId, CallOutcome, KeyPress
from calls.caller import ContactRef, IdentityOutcome
from calls.deadlines import Deadline
from calls.offers import OfferAnswer, OfferPlace
from calls.records import CallRecord, Leg, LegVia, NewLead, NewTask, OfferGiven
from crm_adapter.adapter import CrmAdapter, KeyField, NotFound, Timeout
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from storage.database import Database
from tests.fakes.crm_rows import add_contact, add_order, call_from
from tests.fakes.directories import directory_over

pytestmark = pytest.mark.contract

ARRIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LONDON = "+442079460018"
LEAD = NewLead(
    number="+12025550150",
    call_id=CallId("pbx", "1700000000.1"),
    dialled="+18005550100",
    network_name="'; DROP TABLE crm_leads; --",
    created_at=ARRIVED,
    menu_path=(KeyPress("main", "2", "match", "sales"),),
)
RECORD = CallRecord(
    call_id=CallId("pbx", "1700000000.1"),
    arrived_at=ARRIVED,
    number="+12025550150",
    dialled="+18005550100",
    contact=None,
    identity_outcome="none",
    outcome=CallOutcome.ANSWERED,
    queue="sales",
    answered_at=ARRIVED + timedelta(seconds=20),
    ended_at=ARRIVED + timedelta(seconds=83),
    legs=(Leg("anna", "PJSIP/agent1", ARRIVED + timedelta(seconds=15)),),
)

TASK = NewTask(
    kind="callback",
    call_id=CallId("pbx", "1700000000.1"),
    created_at=ARRIVED,
    number="+12025550150",
    queue="sales",
)


@dataclass
class CrmWorld:
    """One CRM and a side door to what it really holds."""

    database: Database
    crm: CrmAdapter
    #: The same CRM, asked by another process.
    other: CrmAdapter

    async def add_contact(self, contact_id: str, *numbers: str, **names: str) -> ContactRef:
        return await add_contact(self.database, contact_id, *numbers, **names)

    async def delete_contact(self, ref: ContactRef) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(delete(tables.contacts).where(tables.contacts.c.id == ref.id))

        await self.database.writer.write(work)

    async def rows(self, table: Table) -> list[Any]:
        async with self.database.read() as connection:
            return list(await connection.execute(select(table)))

    async def count(self, table: Table) -> int:
        async with self.database.read() as connection:
            found = await connection.execute(select(func.count()).select_from(table))
            return int(found.scalar_one())


@pytest.fixture
async def world(any_database: Database, any_database_url: str) -> AsyncIterator[CrmWorld]:
    async with Database(any_database_url) as other:
        crm = EmbeddedCrm(database=any_database)
        await crm.open()
        yield CrmWorld(any_database, crm, EmbeddedCrm(database=other))
        await crm.close()


def soon() -> Deadline:
    return Deadline.after(5)


async def test_check_passes_where_calls_can_be_served(world: CrmWorld) -> None:
    await world.crm.check()


@pytest.mark.parametrize(
    "spelling",
    [
        "+442079460018",
        "442079460018",
        "00442079460018",
        "020 7946 0018",
        "02079460018",
        "(020) 7946-0018",
        "+44 (0)20 7946 0018",
    ],
)
async def test_the_caller_is_found_in_every_spelling(world: CrmWorld, spelling: str) -> None:
    ref = await world.add_contact("C-1", LONDON)
    directory = directory_over(world.crm)
    caller = await directory.identify(
        call_from(spelling, dialled="+442079460000"), region="US", deadline=soon()
    )
    assert caller.identity.outcome is IdentityOutcome.UNIQUE
    assert caller.contact is not None
    assert caller.contact.ref == ref


async def test_a_number_that_ends_alike_is_somebody_else(world: CrmWorld) -> None:
    await world.add_contact("C-1", LONDON)
    assert await world.crm.find_by_phone("+12079460018", limit=5, deadline=soon()) == []


async def test_a_second_number_leads_to_the_same_contact(world: CrmWorld) -> None:
    ref = await world.add_contact("C-1", "+12125550101", LONDON)
    [hit] = await world.crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert hit.candidate.ref == ref
    assert set(hit.numbers) == {"+12125550101", LONDON}


async def test_many_contacts_come_once_each_in_order_and_up_to_the_limit(world: CrmWorld) -> None:
    for number in (3, 1, 4, 2):
        await world.add_contact(f"C-{number}", LONDON, f"+1212555010{number}")
    hits = await world.crm.find_by_phone(LONDON, limit=3, deadline=soon())
    assert [hit.candidate.ref.id for hit in hits] == ["C-1", "C-2", "C-3"]


@pytest.mark.parametrize("name", ["O'Brien", '"', "%", "*", "' OR 1=1 --", "\\", "王", "<b>x</b>"])
async def test_hostile_names_come_back_as_they_are(world: CrmWorld, name: str) -> None:
    ref = await world.add_contact("C-1", LONDON, first_name=name, last_name=name)
    await world.add_contact("C-2", "+12125550101", last_name="Bystander")
    [hit] = await world.crm.find_by_phone(LONDON, limit=5, deadline=soon())
    contact = await world.crm.get(ref, deadline=soon())
    assert (contact.first_name, contact.last_name) == (name, name)
    assert hit.candidate.name == contact.name


@pytest.mark.parametrize("key", ["", "%", "*", "' OR 1=1 --", "_" * 12, "+1" * 5_000])
async def test_a_hostile_key_finds_nobody(world: CrmWorld, key: str) -> None:
    await world.add_contact("C-1", LONDON)
    assert await world.crm.find_by_phone(key, limit=5, deadline=soon()) == []


async def test_a_contact_that_is_gone_is_not_found(world: CrmWorld) -> None:
    ref = await world.add_contact("C-1", LONDON)
    await world.delete_contact(ref)
    with pytest.raises(NotFound):
        await world.crm.get(ref, deadline=soon())
    assert await world.crm.find_by_phone(LONDON, limit=5, deadline=soon()) == []


async def test_a_question_ends_at_its_deadline(world: CrmWorld) -> None:
    with pytest.raises(Timeout):
        await world.crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(0))


async def test_one_key_makes_one_lead(world: CrmWorld) -> None:
    first = await world.crm.create_lead(LEAD, "key-1")
    again = await world.crm.create_lead(replace(LEAD, network_name="other"), "key-1")
    assert first == again
    [row] = await world.rows(tables.leads)
    assert (row.id, row.number, row.status) == (first, LEAD.number, "open")
    assert row.network_name == LEAD.network_name
    assert row.unverified
    assert row.menu_path[0]["intent"] == "sales"


async def test_two_keys_make_two_leads(world: CrmWorld) -> None:
    first = await world.crm.create_lead(LEAD, "key-1")
    assert await world.crm.create_lead(LEAD, "key-2") != first
    assert await world.count(tables.leads) == 2


async def test_one_key_at_once_from_two_processes_makes_one_lead(world: CrmWorld) -> None:
    writes = [crm.create_lead(LEAD, "key-1") for crm in (world.crm, world.other) * 5]
    assert len(set(await asyncio.gather(*writes))) == 1
    assert await world.count(tables.leads) == 1


async def test_a_repeated_call_record_is_kept_once(world: CrmWorld) -> None:
    writes = [crm.log_call(RECORD, "key-1") for crm in (world.crm, world.other) * 3]
    assert len(set(await asyncio.gather(*writes))) == 1
    assert await world.count(tables.call_records) == 1


async def test_a_later_record_of_the_call_replaces_the_earlier(world: CrmWorld) -> None:
    at_answer = replace(RECORD, ended_at=None)
    first = await world.crm.log_call(at_answer, "revision-1")
    assert await world.crm.log_call(RECORD, "revision-2") == first
    [row] = await world.rows(tables.call_records)
    assert row.talk_s == 63


async def test_an_earlier_record_that_comes_late_undoes_nothing(world: CrmWorld) -> None:
    at_answer = replace(RECORD, ended_at=None, revision=1)
    first = await world.crm.log_call(replace(RECORD, revision=2), "revision-2")
    assert await world.crm.log_call(at_answer, "revision-1") == first
    [row] = await world.rows(tables.call_records)
    assert (row.revision, row.talk_s) == (2, 63)


async def test_what_the_caller_was_offered_and_how_each_agent_came_is_kept(
    world: CrmWorld,
) -> None:
    leg = replace(RECORD.legs[0], via=LegVia.PICKUP)
    offer = OfferGiven("descaler", OfferPlace.HOLD, OfferAnswer.ACCEPTED)
    record = replace(
        RECORD, offers=(offer,), arm="control", wait_s=20, caller_name="Ann", legs=(leg,)
    )
    await world.crm.log_call(record, "key-1")
    [row] = await world.rows(tables.call_records)
    assert row.offers == [{"offer": "descaler", "place": "hold", "answer": "accepted"}]
    assert (row.arm, row.wait_s, row.direction) == ("control", 20, "inbound")
    assert row.title == "Call from Ann (+12025550150)"
    assert row.legs[0]["via"] == "pickup"


async def test_two_calls_are_two_records(world: CrmWorld) -> None:
    await world.crm.log_call(RECORD, "key-1")
    await world.crm.log_call(replace(RECORD, call_id=CallId("pbx", "1700000000.9")), "key-2")
    assert await world.count(tables.call_records) == 2


async def test_63_seconds_stay_63_seconds(world: CrmWorld) -> None:
    await world.crm.log_call(RECORD, "key-1")
    [row] = await world.rows(tables.call_records)
    assert row.talk_s == 63
    assert row.ended_at - row.answered_at == timedelta(seconds=63)


async def test_times_are_the_same_instants_across_the_change_of_clocks(world: CrmWorld) -> None:
    # London, 2026-10-25: 01:59:30 BST is followed by 01:00:33 GMT.
    answered = datetime(2026, 10, 25, 1, 59, 30, tzinfo=timezone(timedelta(hours=1)))
    ended = datetime(2026, 10, 25, 1, 0, 33, tzinfo=timezone(timedelta(0)))
    record = replace(RECORD, arrived_at=answered, answered_at=answered, ended_at=ended)
    await world.crm.log_call(record, "key-1")
    [row] = await world.rows(tables.call_records)
    assert row.talk_s == 63
    assert row.answered_at == datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC)
    assert row.ended_at == datetime(2026, 10, 25, 1, 0, 33, tzinfo=UTC)


async def test_text_from_the_network_is_cut_and_cleaned(world: CrmWorld) -> None:
    await world.crm.create_lead(replace(LEAD, network_name="N\0" * 5_000), "key-1")
    [row] = await world.rows(tables.leads)
    assert row.network_name == "N" * 200


@pytest.mark.parametrize(
    ("field", "digits"),
    [
        (KeyField.CUSTOMER_ID, "0042"),
        (KeyField.ACCOUNT_NUMBER, "7001"),
        (KeyField.ORDER_NUMBER, "000123"),
    ],
)
async def test_a_key_is_exact(world: CrmWorld, field: KeyField, digits: str) -> None:
    keys = {"customer_number": "0042", "account_number": "7001"}
    ref = await world.add_contact("C-1", LONDON, last_name="Ng", **keys)
    await world.add_contact("C-2", customer_number="42")
    await add_order(world.database, "O-1", ref, number="000123")
    [found] = await world.crm.find_by_key(field, digits, limit=5, deadline=soon())
    assert (found.ref, found.name) == (ref, "Ng")
    for other in (f"0{digits}", f"{digits}0", digits[1:], f" {digits}", f"{digits}\0", "%", ""):
        found_by_other = await world.crm.find_by_key(field, other, limit=5, deadline=soon())
        assert all(candidate.ref != ref for candidate in found_by_other)


async def test_an_account_of_several_gives_all_of_them_up_to_the_limit(world: CrmWorld) -> None:
    for number in (3, 1, 2):
        await world.add_contact(f"C-{number}", account_number="7001")
    field = KeyField.ACCOUNT_NUMBER
    found = await world.crm.find_by_key(field, "7001", limit=2, deadline=soon())
    assert [candidate.ref.id for candidate in found] == ["C-1", "C-2"]


async def test_two_orders_of_one_contact_under_one_number_are_one_contact(world: CrmWorld) -> None:
    ref = await world.add_contact("C-1")
    for order in ("O-1", "O-2"):
        await add_order(world.database, order, ref, number="9")
    field = KeyField.ORDER_NUMBER
    [found] = await world.crm.find_by_key(field, "9", limit=5, deadline=soon())
    assert found.ref == ref


async def test_one_key_at_once_from_two_processes_makes_one_task(world: CrmWorld) -> None:
    writes = [crm.create_task(TASK, "key-1") for crm in (world.crm, world.other) * 5]
    [task_id] = set(await asyncio.gather(*writes))
    [row] = await world.rows(tables.tasks)
    assert (row.id, row.kind, row.status) == (task_id, "callback", "open")
    assert (row.number, row.queue, row.linkedid) == (TASK.number, "sales", "1700000000.1")
    assert await world.crm.create_task(TASK, "key-2") != task_id
