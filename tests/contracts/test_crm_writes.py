"""What every CRM adapter must do: writing leads, call records and tasks exactly once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from calls.call import CallId, CallOutcome
from calls.caller import ContactRef
from crm_adapter.adapter import Conflict, Invalid, NotFound, Unsupported
from tests.crm_worlds.asking import denied, hit_of, soon
from tests.crm_worlds.claims import unclaimed
from tests.crm_worlds.samples import ARRIVED, LEAD, LONDON, PLANNED, RECORD, STRANGER, TASK
from tests.crm_worlds.world import CrmWorld

pytestmark = pytest.mark.contract

#: Those that never log what they are given, at whatever level.
OUR_PACKAGES = ("calls", "storage", "config", "crm_adapter")


async def _no_leads(world: CrmWorld) -> bool:
    return await denied(world.crm.capabilities.leads, lambda: world.crm.create_lead(LEAD, "key-1"))


async def _no_tasks(world: CrmWorld) -> bool:
    return await denied(world.crm.capabilities.tasks, lambda: world.crm.create_task(TASK, "key-1"))


async def test_one_key_makes_one_lead(world: CrmWorld) -> None:
    if await _no_leads(world):
        return
    first = await world.crm.create_lead(LEAD, "key-1")
    again = await world.other.create_lead(replace(LEAD, network_name="other"), "key-1")
    assert first == again
    [row] = await world.leads()
    assert (row.id, row.key, row.is_open) == (first, "key-1", True)
    assert row.number == STRANGER
    assert LEAD.network_name is not None
    assert LEAD.network_name in row.text
    assert str(LEAD.call_id.linkedid) in row.text


async def test_two_keys_make_two_leads(world: CrmWorld) -> None:
    if await _no_leads(world):
        return
    first = await world.crm.create_lead(LEAD, "key-1")
    assert await world.crm.create_lead(LEAD, "key-2") != first
    assert len(await world.leads()) == 2


async def test_keys_that_begin_alike_are_two(world: CrmWorld) -> None:
    if await _no_leads(world):
        return
    keys = ("key", "key-1", "key-11", "KEY-1", "key_1", "key%1")
    ids = [await world.crm.create_lead(LEAD, key) for key in keys]
    assert len(set(ids)) == len(keys)
    assert {row.key for row in await world.leads()} == set(keys)


async def test_one_key_at_once_in_one_process_makes_one_lead(world: CrmWorld) -> None:
    if await _no_leads(world):
        return
    writes = [world.crm.create_lead(LEAD, "key-1") for _ in range(5)]
    assert len(set(await asyncio.gather(*writes))) == 1
    assert len(await world.leads()) == 1


async def test_one_key_at_once_from_two_processes_makes_one_lead(world: CrmWorld) -> None:
    if await _no_leads(world):
        return
    writes = [crm.create_lead(LEAD, "key-1") for crm in (world.crm, world.other) * 5]
    assert len(set(await asyncio.gather(*writes))) == 1
    assert len(await world.leads()) == 1


async def test_what_the_network_calls_a_caller_may_be_anything(world: CrmWorld) -> None:
    if await _no_leads(world):
        return
    await world.crm.create_lead(replace(LEAD, network_name="N\0" * 5_000), "key-1")
    await world.crm.create_lead(replace(LEAD, network_name="<b>王 'x' \\ %"), "key-2")
    rows = {row.key: row for row in await world.leads()}
    assert "NNN" in rows["key-1"].text
    assert "\0" not in rows["key-1"].text
    assert "王 'x' \\ %" in rows["key-2"].text


async def test_a_repeated_call_record_is_kept_once(world: CrmWorld) -> None:
    first = await world.crm.log_call(RECORD, "key-1")
    assert await world.other.log_call(RECORD, "key-1") == first
    [row] = await world.calls()
    assert (row.id, row.key, row.number) == (first, "key-1", STRANGER)
    assert RECORD.call_id.linkedid in row.text
    assert "sales" in row.text


async def test_one_call_at_once_from_two_processes_makes_one_record(world: CrmWorld) -> None:
    writes = [crm.log_call(RECORD, "key-1") for crm in (world.crm, world.other) * 3]
    assert len(set(await asyncio.gather(*writes))) == 1
    assert len(await world.calls()) == 1


async def test_a_later_record_of_the_call_replaces_the_earlier(world: CrmWorld) -> None:
    at_answer = replace(RECORD, ended_at=None)
    await world.crm.log_call(at_answer, "revision-1")
    [row] = await world.calls()
    assert (row.seconds, row.ended_at) == (0, None)
    # Another id where a record cannot be changed, as Tryton's notes.
    later = await world.crm.log_call(replace(RECORD, revision=2), "revision-2")
    [row] = await world.calls()
    assert (row.id, row.key, row.seconds) == (later, "revision-2", 63)


async def test_an_earlier_record_that_comes_late_undoes_nothing(world: CrmWorld) -> None:
    at_answer = replace(RECORD, ended_at=None, revision=1)
    first = await world.crm.log_call(replace(RECORD, revision=2), "revision-2")
    assert await world.crm.log_call(at_answer, "revision-1") == first
    [row] = await world.calls()
    assert (row.key, row.seconds) == ("revision-2", 63)


async def test_two_calls_are_two_records(world: CrmWorld) -> None:
    await world.crm.log_call(RECORD, "key-1")
    await world.crm.log_call(replace(RECORD, call_id=CallId("pbx", "1700000000.11")), "key-2")
    await world.crm.log_call(replace(RECORD, call_id=CallId("pbx2", "1700000000.1")), "key-3")
    assert {row.key for row in await world.calls()} == {"key-1", "key-2", "key-3"}


async def test_63_seconds_stay_63_seconds(world: CrmWorld) -> None:
    await world.crm.log_call(RECORD, "key-1")
    [row] = await world.calls()
    assert row.seconds == 63
    assert row.started_at == RECORD.answered_at
    assert row.ended_at == RECORD.ended_at


async def test_times_are_the_same_instants_across_the_change_of_clocks(world: CrmWorld) -> None:
    # London, 2026-10-25: 01:59:30 BST is followed by 01:00:33 GMT.
    answered = datetime(2026, 10, 25, 1, 59, 30, tzinfo=timezone(timedelta(hours=1)))
    ended = datetime(2026, 10, 25, 1, 0, 33, tzinfo=timezone(timedelta(0)))
    record = replace(RECORD, arrived_at=answered, answered_at=answered, ended_at=ended)
    await world.crm.log_call(record, "key-1")
    [row] = await world.calls()
    assert row.seconds == 63
    assert row.started_at == datetime(2026, 10, 25, 0, 59, 30, tzinfo=UTC)
    assert row.ended_at == datetime(2026, 10, 25, 1, 0, 33, tzinfo=UTC)


async def test_a_missed_call_of_a_contact_is_linked_to_it(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    missed = replace(
        RECORD,
        number=LONDON,
        contact=ref,
        identity_outcome="unique",
        outcome=CallOutcome.ABANDONED_IN_QUEUE,
        answered_at=None,
        ended_at=ARRIVED + timedelta(seconds=40),
        legs=(),
    )
    await world.crm.log_call(missed, "key-1")
    [row] = await world.calls()
    assert (row.contact, row.seconds, row.started_at) == (ref.id, 0, ARRIVED)


async def test_a_call_of_nobody_known_is_linked_to_whom_an_agent_said_it_was(
    world: CrmWorld,
) -> None:
    noah = await world.add_contact(LONDON, first_name="Noah", last_name="Reed")
    await world.crm.log_call(replace(RECORD, number=LONDON, ended_at=None), "revision-1")
    chosen = replace(RECORD, number=LONDON, contact=noah, revision=2)
    for _ in range(2):
        await world.crm.log_call(chosen, "revision-2")
        [row] = await world.calls()
        assert (row.key, row.contact) == ("revision-2", noah.id)


async def test_a_call_is_moved_to_whom_an_agent_said_it_was(world: CrmWorld) -> None:
    """One of several with the number, somebody else after all, and in the end nobody known."""
    olivia = await world.add_contact(LONDON, first_name="Olivia", last_name="Reed")
    noah = await world.add_contact(LONDON, first_name="Noah", last_name="Reed")
    said = [olivia, noah, None, olivia]
    for revision, contact in enumerate(said, 1):
        record = replace(RECORD, number=LONDON, contact=contact, revision=revision)
        await world.crm.log_call(record, f"revision-{revision}")
        [row] = await world.calls()
        assert (row.key, row.contact) == (f"revision-{revision}", contact and contact.id)


async def test_a_call_that_shows_no_number_is_recorded_too(world: CrmWorld) -> None:
    await world.crm.log_call(replace(RECORD, number=None, identity_outcome="withheld"), "key-1")
    [row] = await world.calls()
    assert (row.key, row.number, row.contact) == ("key-1", None, None)


async def test_a_call_of_a_contact_deleted_meanwhile_is_recorded(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    await world.delete_contact(ref)
    record = replace(RECORD, number=LONDON, contact=ref, identity_outcome="unique")
    await world.crm.log_call(record, "key-1")
    assert [row.key for row in await world.calls()] == ["key-1"]


async def test_one_key_makes_one_task(world: CrmWorld) -> None:
    if await _no_tasks(world):
        return
    task_id = await world.crm.create_task(TASK, "key-1")
    assert await world.other.create_task(TASK, "key-1") == task_id
    [row] = await world.tasks()
    assert (row.id, row.key, row.number, row.is_open) == (task_id, "key-1", STRANGER, True)
    assert "sales" in row.text
    assert TASK.call_id.linkedid in row.text
    assert await world.crm.create_task(TASK, "key-2") != task_id
    assert len(await world.tasks()) == 2


async def test_one_key_at_once_from_two_processes_makes_one_task(world: CrmWorld) -> None:
    if await _no_tasks(world):
        return
    writes = [crm.create_task(TASK, "key-1") for crm in (world.crm, world.other) * 5]
    assert len(set(await asyncio.gather(*writes))) == 1
    assert len(await world.tasks()) == 1


async def test_a_follow_up_is_one_task_with_its_note_however_often_it_is_told(
    world: CrmWorld,
) -> None:
    if await _no_tasks(world):
        return
    task_id = await world.crm.create_task(PLANNED, "key-1")
    assert await world.other.create_task(PLANNED, "key-1") == task_id
    again = replace(PLANNED, due=None, note="Another of this call")
    assert await world.crm.create_task(again, "key-2") != task_id
    rows = {row.key: row for row in await world.tasks()}
    assert len(rows) == 2
    for line in ("Ask for the invoice", "王 'x' \\ %", "anna"):
        assert line in rows["key-1"].text
    told = ("2026-03-10 06:30 UTC+08:00", "2026-03-09 22:30")
    assert any(due in rows["key-1"].text for due in told)
    assert "Another of this call" in rows["key-2"].text


async def test_a_follow_up_is_due_when_it_was_said(world: CrmWorld) -> None:
    if await _no_tasks(world):
        return
    exactly = world.crm.capabilities.task_due
    if unclaimed(exactly is not None):
        return
    assert PLANNED.due is not None
    await world.crm.create_task(PLANNED, "key-1")
    [row] = await world.tasks()
    assert row.due is not None
    the_day = datetime(PLANNED.due.year, PLANNED.due.month, PLANNED.due.day, tzinfo=UTC)
    assert row.due == (PLANNED.due if exactly == "time" else the_day)


async def test_a_follow_up_is_its_agents(world: CrmWorld) -> None:
    if await _no_tasks(world) or unclaimed(world.crm.capabilities.task_owners):
        return
    await world.crm.create_task(PLANNED, "key-1")
    [row] = await world.tasks()
    assert row.owner == PLANNED.owner


async def test_a_task_is_closed_once(open_world: CrmWorld) -> None:
    if await _no_tasks(open_world):
        return
    task_id = await open_world.crm.create_task(TASK, "key-1")
    other_id = await open_world.crm.create_task(TASK, "key-2")
    try:
        assert await open_world.crm.close_task(task_id, "key-3")
    except Unsupported:
        unclaimed(False)
        return
    assert await open_world.other.close_task(task_id, "key-3")
    assert {row.id: row.is_open for row in await open_world.tasks()} == {
        task_id: False,
        other_id: True,
    }
    assert not await open_world.crm.close_task("999999", "key-4")
    assert not await open_world.crm.close_task("' OR 1=1", "key-5")


async def test_a_lead_that_was_a_mistake_is_withdrawn_and_a_confirmed_one_stays(
    open_world: CrmWorld,
) -> None:
    if await _no_leads(open_world):
        return
    mistake = await open_world.crm.create_lead(LEAD, "key-1")
    real = await open_world.crm.create_lead(LEAD, "key-2")
    try:
        assert await open_world.crm.withdraw_lead(mistake, "key-3")
        assert await open_world.crm.confirm_lead(real, "anna", "key-4")
    except Unsupported:
        unclaimed(False)
        return
    assert await open_world.other.withdraw_lead(mistake, "key-3")
    assert await open_world.other.confirm_lead(real, "anna", "key-4")
    assert not await open_world.crm.withdraw_lead(real, "key-5")
    assert not await open_world.crm.withdraw_lead("999999", "key-6")
    assert not await open_world.crm.confirm_lead("' OR 1=1", "anna", "key-7")
    rows = {row.id: row.is_open for row in await open_world.leads()}
    assert not rows[mistake]


async def test_one_of_two_changes_at_once_from_one_version_is_refused(world: CrmWorld) -> None:
    ref = await world.add_contact(LONDON)
    field = next(iter(sorted(world.crm.capabilities.updates)), None)
    if field is None:
        unclaimed(False)
        return  # denied in test_crm_adapter.py
    seen = (await hit_of(world.crm, LONDON)).version

    async def change(crm_number: int, value: str) -> str | None:
        crm = (world.crm, world.other)[crm_number]
        try:
            await crm.update_fields(ref, {field: value}, expect_version=seen, idem=value)
        except Conflict:
            return None
        return value

    done = await asyncio.gather(change(0, "one"), change(1, "two"))
    [winner] = [value for value in done if value is not None]
    assert await world.contact_field(ref, field) == winner


async def test_no_secret_and_no_number_is_logged(
    world: CrmWorld, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ref = await world.add_contact(LONDON, last_name="Quisling-Featherstone")
    await world.crm.check()
    await world.crm.find_by_phone(LONDON, limit=5, deadline=soon())
    await world.crm.get(ref, deadline=soon())
    if world.crm.capabilities.leads:
        await world.crm.create_lead(LEAD, "key-1")
    await world.crm.log_call(replace(RECORD, contact=ref), "key-2")
    with pytest.raises(NotFound):
        await world.crm.get(ContactRef(world.crm.name, "0"), deadline=soon())
    with pytest.raises((Invalid, Unsupported)):
        await world.crm.update_fields(ref, {"none": LONDON}, expect_version=None, idem="key-3")
    ours = [
        record
        for record in caplog.records
        if record.name.split(".")[0] in OUR_PACKAGES or record.levelno >= logging.INFO
    ]
    told = "\n".join(logging.Formatter().format(record) for record in ours)
    for hidden in (LONDON[3:], STRANGER[2:], "Featherstone", *world.secrets):
        assert hidden not in told
