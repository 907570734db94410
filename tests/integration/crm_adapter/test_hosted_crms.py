"""What each adapter for a hosted CRM does with a CRM that speaks as its documentation says, and
with one that fails. The fakes are ours: these tests show that we keep to the documentation as we
read it, not that the vendor does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from calls.call import CallId, CallOutcome
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, Leg, NewLead, NewTask
from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    CrmAdapter,
    CrmError,
    HitKind,
    Invalid,
    KeyField,
    NotFound,
    RateLimited,
    Timeout,
    Unavailable,
    Unsupported,
)
from crm_adapter.http.traces import Exchange
from tests.crm_worlds.hosted import HOSTED, WITH_TOKENS, WITH_UNIQUE_KEYS
from tests.fakes.crm_server import HUGE, Asked, CrmServer, Fault, digits
from tests.punctual import in_time

pytestmark = pytest.mark.integration

LONDON = "+442079460018"
ARRIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CALL = CallId("pbx", "1700000000.1")
LEAD = NewLead("+12025550150", CALL, "+18005550100", "'; DROP TABLE leads; --", ARRIVED)
RECORD = CallRecord(
    call_id=CALL,
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
TASK = NewTask("callback", CALL, ARRIVED, "+12025550150", queue="sales")


@pytest.fixture(params=sorted(HOSTED))
async def server(request: pytest.FixtureRequest) -> AsyncIterator[CrmServer]:
    async with HOSTED[request.param]() as running:
        yield running


@pytest.fixture
async def crm(server: CrmServer) -> AsyncIterator[CrmAdapter]:
    adapter = server.adapter()
    await adapter.open()
    yield adapter
    await adapter.close()


def soon() -> Deadline:
    return Deadline.after(30)


async def test_check_passes_on_a_crm_that_is_set_up(crm: CrmAdapter) -> None:
    await crm.check()


async def test_it_is_named_as_in_the_settings(server: CrmServer, crm: CrmAdapter) -> None:
    assert crm.name == server.crm


@pytest.mark.parametrize(
    "stored",
    ["+442079460018", "442079460018", "00442079460018", "020 7946 0018", "02079460018"],
)
async def test_a_number_is_found_as_a_crm_may_hold_it(
    server: CrmServer, crm: CrmAdapter, stored: str
) -> None:
    contact = server.add_contact("+12125550101", stored, first_name="Ann", last_name="O'Brien")
    server.add_contact("+12125550102", last_name="Bystander")
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert hit.candidate.ref == ContactRef(crm.name, contact)
    assert hit.candidate.name == "Ann O'Brien"
    assert hit.kind is HitKind.CONTACT
    assert {digits(number) for number in hit.numbers} >= {digits(stored)}


async def test_all_numbers_of_a_record_are_told(server: CrmServer, crm: CrmAdapter) -> None:
    server.add_contact("+12125550101", LONDON)
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert set(hit.numbers) == {"+12125550101", LONDON}


async def test_several_come_once_each_in_order_and_up_to_the_limit(
    server: CrmServer, crm: CrmAdapter
) -> None:
    contacts = [server.add_contact(LONDON, last_name=f"N{number}") for number in range(4)]
    hits = await crm.find_by_phone(LONDON, limit=3, deadline=soon())
    again = await crm.find_by_phone(LONDON, limit=3, deadline=soon())
    assert len(hits) == 3
    assert len({hit.candidate.ref for hit in hits}) == 3
    assert {hit.candidate.ref.id for hit in hits} <= set(contacts)
    assert list(hits) == list(again)


@pytest.mark.parametrize("key", ["", "%", "*", "' OR 1=1 --", "_" * 12, "+1" * 5_000])
async def test_a_hostile_key_finds_nobody(server: CrmServer, crm: CrmAdapter, key: str) -> None:
    server.add_contact(LONDON)
    assert list(await crm.find_by_phone(key, limit=5, deadline=soon())) == []


@pytest.mark.parametrize("name", ["O'Brien", '"', "%", "*", "' OR 1=1 --", "\\", "王", "<b>x</b>"])
async def test_hostile_names_come_back_as_they_are(
    server: CrmServer, crm: CrmAdapter, name: str
) -> None:
    contact = server.add_contact(LONDON, first_name=name, last_name=name)
    found = await crm.get(ContactRef(crm.name, contact), deadline=soon())
    assert (found.first_name, found.last_name) == (name, name)


async def test_nobody_is_an_empty_answer(crm: CrmAdapter) -> None:
    assert list(await crm.find_by_phone(LONDON, limit=5, deadline=soon())) == []


async def test_who_is_gone_is_not_found(server: CrmServer, crm: CrmAdapter) -> None:
    contact = server.add_contact(LONDON)
    server.delete_contact(contact)
    with pytest.raises(NotFound):
        await crm.get(ContactRef(crm.name, contact), deadline=soon())
    assert list(await crm.find_by_phone(LONDON, limit=5, deadline=soon())) == []


async def test_another_crms_contact_is_not_found(crm: CrmAdapter) -> None:
    with pytest.raises(NotFound):
        await crm.get(ContactRef("embedded", "C-1"), deadline=soon())


async def test_a_lead_is_made_once_and_found_by_its_number(
    server: CrmServer, crm: CrmAdapter
) -> None:
    first = await crm.create_lead(LEAD, "key-1")
    assert await crm.create_lead(LEAD, "key-1") == first
    [lead] = server.leads()
    assert digits(lead.number or "") == digits(LEAD.number)
    assert str(CALL) in lead.texts
    assert "DROP TABLE" in lead.texts
    if crm.capabilities.finds_leads:
        [hit] = await crm.find_by_phone(LEAD.number, limit=5, deadline=soon())
        assert (hit.kind, hit.candidate.ref.id.removeprefix("lead:")) == (HitKind.LEAD, first)
        contact = await crm.get(hit.candidate.ref, deadline=soon())
        assert contact.ref == hit.candidate.ref


async def test_one_key_many_times_at_once_makes_one_lead(
    server: CrmServer, crm: CrmAdapter
) -> None:
    ids = await asyncio.gather(*(crm.create_lead(LEAD, "key-1") for _ in range(10)))
    assert len(set(ids)) == 1
    assert len(server.leads()) == 1


@pytest.mark.parametrize("server", WITH_UNIQUE_KEYS, indirect=True)
async def test_one_key_at_once_from_two_processes_makes_one_lead(server: CrmServer) -> None:
    here, there = server.adapter(), server.adapter()
    assert here.capabilities.unique_keys
    await here.open()
    await there.open()
    try:
        writes = [crm.create_lead(LEAD, "key-1") for crm in (here, there) * 5]
        assert len(set(await asyncio.gather(*writes))) == 1
        assert len(server.leads()) == 1
    finally:
        await here.close()
        await there.close()


async def test_a_later_record_of_a_call_replaces_the_earlier(
    server: CrmServer, crm: CrmAdapter
) -> None:
    at_answer = replace(RECORD, ended_at=None)
    first = await crm.log_call(at_answer, "revision-1")
    second = await crm.log_call(RECORD, "revision-2")
    assert (second == first) is server.keeps_call_ids
    assert await crm.log_call(RECORD, "revision-2") == second
    [call] = server.calls()
    assert str(CALL) in call.texts
    assert "revision-2" in call.texts
    assert "Talked: 1:03 min" in call.texts
    other = replace(RECORD, call_id=CallId("pbx", "1700000000.9"))
    assert await crm.log_call(other, "key-3") != first
    assert len(server.calls()) == 2


async def test_63_seconds_stay_63_seconds(server: CrmServer, crm: CrmAdapter) -> None:
    await crm.log_call(RECORD, "key-1")
    [call] = server.calls()
    assert call.seconds == (63 if server.holds_seconds else 120)
    assert "1:03 min" in call.texts


async def test_times_are_the_same_instants_across_the_change_of_clocks(
    server: CrmServer, crm: CrmAdapter
) -> None:
    # London, 2026-10-25: 01:59:30 BST is followed by 01:00:33 GMT.
    answered = datetime(2026, 10, 25, 1, 59, 30, tzinfo=timezone(timedelta(hours=1)))
    ended = datetime(2026, 10, 25, 1, 0, 33, tzinfo=timezone(timedelta(0)))
    record = replace(RECORD, arrived_at=answered, answered_at=answered, ended_at=ended)
    await crm.log_call(record, "key-1")
    [call] = server.calls()
    assert call.started is not None
    assert datetime.fromisoformat(call.started) == answered
    assert "1:03 min" in call.texts


async def test_a_call_belongs_to_its_contact(server: CrmServer, crm: CrmAdapter) -> None:
    contact = server.add_contact(LONDON)
    missed = replace(
        RECORD,
        contact=ContactRef(crm.name, contact),
        answered_at=None,
        outcome=CallOutcome.ABANDONED_IN_QUEUE,
    )
    await crm.log_call(missed, "key-1")
    [call] = server.calls()
    assert call.contact == contact
    server.delete_contact(contact)
    for contact_of in (ContactRef("other", "7"), ContactRef(crm.name, contact)):
        other = replace(missed, contact=contact_of, call_id=CallId(contact_of.crm, "9"))
        await crm.log_call(other, "key-2")
    assert len(server.calls()) == 3


async def test_an_earlier_record_that_comes_late_undoes_nothing(
    server: CrmServer, crm: CrmAdapter
) -> None:
    first = await crm.log_call(replace(RECORD, revision=2), "revision-2")
    assert await crm.log_call(replace(RECORD, ended_at=None, revision=1), "revision-1") == first
    [call] = server.calls()
    assert "revision-2" in call.texts
    assert call.seconds
    await crm.log_call(replace(RECORD, revision=10, queue="repairs"), "revision-10")
    [call] = server.calls()
    assert "repairs" in call.texts


@pytest.mark.parametrize("contact_id", ["", "0", "-1", "9" * 30, "' OR 1=1 --", "../../etc", "a\0"])
async def test_an_id_that_is_nobodys_is_not_found(crm: CrmAdapter, contact_id: str) -> None:
    with pytest.raises(NotFound):
        await crm.get(ContactRef(crm.name, contact_id), deadline=soon())


async def test_keys_that_differ_only_in_case_are_two(server: CrmServer, crm: CrmAdapter) -> None:
    keys = ("key", "key-1", "KEY-1", "key%1")
    ids = [await crm.create_task(TASK, key) for key in keys]
    assert len(set(ids)) == len(keys)


async def test_what_the_network_calls_a_caller_may_be_anything(
    server: CrmServer, crm: CrmAdapter
) -> None:
    await crm.create_lead(replace(LEAD, network_name="N\0" * 5_000), "key-1")
    [lead] = server.leads()
    assert "NNN" in lead.texts
    assert "\0" not in lead.texts


async def test_a_task_is_made_once_and_closed(server: CrmServer, crm: CrmAdapter) -> None:
    ids = await asyncio.gather(*(crm.create_task(TASK, "key-1") for _ in range(4)))
    [task_id] = set(ids)
    [task] = server.tasks()
    assert "Call back" in task.texts
    before = task.status
    assert await crm.close_task(task_id, "key-2")
    assert await crm.close_task(task_id, "key-2")
    assert server.tasks()[0].status != before
    assert not await crm.close_task(server.missing_id, "key-3")


async def test_a_lead_is_withdrawn_unless_somebody_took_it(
    server: CrmServer, crm: CrmAdapter
) -> None:
    lead = await crm.create_lead(LEAD, "key-1")
    other = await crm.create_lead(replace(LEAD, number="+12025550151", network_name="Ann"), "key-2")
    assert await crm.withdraw_lead(lead, "key-3")
    assert await crm.withdraw_lead(lead, "key-3")
    assert await crm.confirm_lead(other, "anna", "key-4")
    assert not await crm.withdraw_lead(other, "key-5")
    assert not await crm.withdraw_lead(server.missing_id, "key-6")
    assert len(server.leads()) == 2


async def test_fields_are_changed_only_where_allowed(server: CrmServer, crm: CrmAdapter) -> None:
    ref = ContactRef(crm.name, server.add_contact(LONDON))
    await crm.update_fields(ref, {"last_name": "Lee"}, expect_version=None, idem="key-1")
    assert (await crm.get(ref, deadline=soon())).last_name == "Lee"
    with pytest.raises(Invalid):
        await crm.update_fields(ref, {"balance": "0"}, expect_version=None, idem="key-2")


async def test_a_stale_version_is_a_conflict(server: CrmServer, crm: CrmAdapter) -> None:
    ref = ContactRef(crm.name, server.add_contact(LONDON))
    # Pipedrive's search tells no version, its list of changes does.
    [hit] = (await crm.changes(None, limit=1, deadline=soon())).changed
    assert hit.version is not None
    change = {"last_name": "Lee"}
    server.touch(ref.id)
    with pytest.raises(CrmError) as refused:
        await crm.update_fields(ref, change, expect_version=hit.version, idem="key-1")
    assert type(refused.value).__name__ == "Conflict"
    [now] = (await crm.changes(None, limit=1, deadline=soon())).changed
    await crm.update_fields(ref, change, expect_version=now.version, idem="key-2")
    assert (await crm.get(ref, deadline=soon())).last_name == "Lee"


async def test_changes_tell_of_every_contact_page_after_page(
    server: CrmServer, crm: CrmAdapter
) -> None:
    contacts = {server.add_contact(f"+1202555010{number}") for number in range(7)}
    seen, cursor = set[str](), None
    for _ in range(12):
        page = await crm.changes(cursor, limit=3, deadline=soon())
        seen |= {hit.candidate.ref.id for hit in page.changed}
        cursor = page.cursor
        if not page.more:
            break
    else:
        pytest.fail("the changes have no end")
    assert seen == contacts
    late = server.add_contact("+12025550199")
    page = await crm.changes(cursor, limit=50, deadline=soon())
    assert late in {hit.candidate.ref.id for hit in page.changed}
    with pytest.raises(Invalid):
        await crm.changes("no cursor", limit=3, deadline=soon())


async def test_no_key_is_asked_for_that_the_crm_does_not_keep(crm: CrmAdapter) -> None:
    assert not crm.capabilities.keys
    with pytest.raises(Unsupported):
        await crm.find_by_key(KeyField.ACCOUNT_NUMBER, "7", limit=1, deadline=soon())


async def test_history_is_there_as_claimed(server: CrmServer, crm: CrmAdapter) -> None:
    contact = server.add_contact(LONDON)
    server.add_history(contact)
    ref = ContactRef(crm.name, contact)
    found = await crm.get(ref, deadline=soon())
    claims = crm.capabilities
    assert bool(found.purchases) is claims.purchases
    assert bool(found.orders) is claims.orders
    assert bool(found.cases) is claims.cases
    if claims.purchases:
        times = [purchase.at for purchase in found.purchases]
        assert times == sorted(times, reverse=True)
        assert len(times) == 2
        assert found.purchases[0].amount == 250
        [newest] = await crm.get_purchase_history(ref, limit=1, deadline=soon())
        assert newest == found.purchases[0]


async def test_a_failing_part_of_the_history_does_not_lose_the_caller(
    server: CrmServer, crm: CrmAdapter
) -> None:
    contact = server.add_contact(LONDON, first_name="Ann")
    server.add_history(contact)
    server.faults = [Fault(status=500, times=20, only=server.is_history)]
    found = await crm.get(ContactRef(crm.name, contact), deadline=soon())
    assert found.first_name == "Ann"
    assert found.purchases == ()
    assert server.faults[0].times < 20


# Faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["html", "truncated", "huge", "nothing", "list", "nulls"])
async def test_a_broken_answer_is_a_typed_error_or_nobody(
    server: CrmServer, crm: CrmAdapter, fault: str
) -> None:
    server.add_contact(LONDON)
    server.faults = [_BROKEN[fault]]
    server.faults[0].times = 50
    try:
        hits = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    except Unavailable:
        pass
    else:
        assert list(hits) == []
        assert fault in ("nothing", "nulls", "list")
    with pytest.raises(CrmError):
        await crm.get(ContactRef(crm.name, server.missing_id), deadline=soon())


_BROKEN = {
    "html": Fault(headers={"Content-Type": "text/html"}, body=b"<html>log in, please</html>"),
    "truncated": Fault(cut=True),
    "huge": Fault(body=b'{"list": ["' + b"x" * HUGE + b'"]}'),
    "nothing": Fault(status=200, body=b""),
    "list": Fault(body=b"[[1], 2, null]"),
    "nulls": Fault(
        body=b'{"list": [null, {"id": {}}], "data": [{"id": null, "attributes": []}], "value":'
        b' [3], "results": [{}], "searchRecords": [{"attributes": 1}], "records": [[]]}'
    ),
}


@pytest.mark.parametrize("write", ["create_lead", "log_call", "create_task"])
@pytest.mark.parametrize("fault", ["500", "reset", "truncated", "page", "page instead"])
async def test_a_write_whose_answer_was_lost_leaves_one_record(
    server: CrmServer, crm: CrmAdapter, write: str, fault: str
) -> None:
    lost = {
        "500": Fault(status=500, after=True, only=_is_write),
        "reset": Fault(reset=True, after=True, only=_is_write),
        "truncated": Fault(cut=True, after=True, only=_is_write),
        "page": Fault(body=b"<html>log in</html>", after=True, only=_is_write),
        "page instead": Fault(body=b"<html>log in</html>", only=_is_write),
    }[fault]
    server.faults = [lost]
    given: Any = {"create_lead": LEAD, "log_call": RECORD, "create_task": TASK}[write]
    try:
        first = await getattr(crm, write)(given, "key-1")
    except (AmbiguousWrite, Unavailable):
        first = await getattr(crm, write)(given, "key-1")
    assert await getattr(crm, write)(given, "key-1") == first
    assert lost.times == 0
    kept = {"create_lead": server.leads, "log_call": server.calls, "create_task": server.tasks}
    assert len(kept[write]()) == 1


def _is_write(asked: Asked) -> bool:
    return asked.method in ("POST", "PUT", "PATCH") and not _is_question(asked)


def _is_question(asked: Asked) -> bool:
    return asked.path.endswith(("/search", "/batch/read", "/coql", "/token", "/access_token"))


async def test_too_many_questions_are_told_with_the_pause(
    server: CrmServer, crm: CrmAdapter
) -> None:
    server.add_contact(LONDON)
    server.faults = [server.too_many()]
    server.faults[0].times = 9
    with pytest.raises(RateLimited) as told:
        await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert told.value.after_s == server.pause_s


async def test_a_slow_crm_costs_no_more_than_the_deadline(
    server: CrmServer, crm: CrmAdapter
) -> None:
    server.faults = [Fault(wait_s=60, times=9)]
    with pytest.raises(Timeout):
        await in_time(crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(0.2)), 0.2)


async def test_wrong_credentials_are_told(server: CrmServer, crm: CrmAdapter) -> None:
    wrong = server.stranger()
    await wrong.open()
    try:
        with pytest.raises(AuthFailed):
            await wrong.check()
    finally:
        await wrong.close()


@pytest.mark.parametrize("server", WITH_TOKENS, indirect=True)
async def test_a_token_that_expires_in_a_storm_is_renewed_once(server: CrmServer) -> None:
    crm = server.adapter(concurrency=50)
    await crm.open()
    try:
        server.add_contact(LONDON)
        await crm.find_by_phone(LONDON, limit=1, deadline=soon())
        given = server.tokens_given
        server.expire_tokens()
        asked = [crm.find_by_phone(LONDON, limit=1, deadline=soon()) for _ in range(50)]
        found = await asyncio.gather(*asked)
        assert all(len(hits) == 1 for hits in found)
        assert server.tokens_given == given + 1
    finally:
        await crm.close()


async def test_a_refused_connection_is_unavailable(server: CrmServer) -> None:
    crm = server.adapter()
    await crm.open()
    try:
        await server.__aexit__()
        with pytest.raises(Unavailable):
            await crm.find_by_phone(LONDON, limit=1, deadline=soon())
    finally:
        await crm.close()


async def test_the_trace_shows_no_secret(server: CrmServer) -> None:
    seen: list[Exchange] = []
    crm = server.adapter()
    crm.set_trace(seen.append)  # type: ignore[attr-defined]
    await crm.open()
    try:
        await crm.check()
    finally:
        await crm.close()
    assert seen
    told = "".join(f"{one.url}{one.request}{one.answer}" for one in seen)
    assert not [secret for secret in server.secrets() if secret in told]


async def test_what_one_import_changed_at_once_is_told_to_the_last(
    server: CrmServer, crm: CrmAdapter
) -> None:
    contacts = {server.add_contact(f"+1202556{number:04}") for number in range(520)}
    for contact in contacts:
        server.touch(contact)
    seen, cursor = set[str](), None
    for _ in range(12):
        page = await crm.changes(cursor, limit=500, deadline=soon())
        seen |= {hit.candidate.ref.id for hit in page.changed}
        cursor = page.cursor
        if not page.more:
            break
    else:
        pytest.fail("the changes have no end")
    assert seen == contacts


_NOT_TOLD = {
    "an older version": Fault(status=404, body=b'{"message": "no such path"}'),
    "a missing scope": Fault(status=403, body=b'{"message": "ask +12025550150 for it"}'),
    "nothing of it": Fault(body=b"{}"),
    "another shape": Fault(body=b'{"data": 3, "acl": [], "scopes": {}, "modules": [7]}'),
    "no JSON": Fault(body=b"<html>"),
    "too much": Fault(body=b"0" * HUGE),
}


@pytest.mark.parametrize("answer", sorted(_NOT_TOLD))
async def test_rights_of_which_the_crm_does_not_tell_are_a_warning(
    server: CrmServer, crm: CrmAdapter, answer: str
) -> None:
    is_asked = lambda asked: server.rights_path in asked.path  # noqa: E731
    server.faults = [replace(_NOT_TOLD[answer], only=is_asked, times=99)]
    await crm.check()
    [*warnings] = getattr(crm, "warnings")  # noqa: B009
    assert warnings
    assert all("could not be tried without writing" in one for one in warnings)
    assert not [one for one in warnings if "2025550150" in one]


async def test_a_log_in_that_ends_while_rights_are_asked_for_is_no_warning(
    server: CrmServer, crm: CrmAdapter
) -> None:
    is_asked = lambda asked: server.rights_path in asked.path  # noqa: E731
    server.faults = [Fault(status=401, body=b"{}", only=is_asked, times=99)]
    with pytest.raises(AuthFailed):
        await crm.check()
