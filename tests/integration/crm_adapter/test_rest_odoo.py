"""Odoo 19 through YAML alone: the mapping that we ship, on the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calls.call import CallId, CallOutcome
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from config.crm_settings import RestSettings
from crm_adapter.adapter import HitKind, Invalid, KeyField, NotFound
from crm_adapter.rest.adapter import RestCrm
from tests.crm_worlds.presets import unhurried
from tests.servers.odoo.server import OdooServer, SoldLine

pytestmark = [pytest.mark.integration, pytest.mark.odoo]

LONDON = "+442079460018"
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CALL = CallId("pbx", "1700000000.1")
RECORD = CallRecord(
    call_id=CALL,
    arrived_at=AT,
    number=LONDON,
    dialled="+442079460000",
    contact=None,
    identity_outcome="none",
    outcome=CallOutcome.ANSWERED,
    answered_at=AT,
    ended_at=AT + timedelta(seconds=63),
)


@pytest.fixture
async def crm(odoo_server: OdooServer, tmp_path: Path) -> AsyncIterator[RestCrm]:
    await odoo_server.clean()
    crm = RestCrm(
        settings=RestSettings(mapping=unhurried(tmp_path, "odoo")),
        region="GB",
        environ={
            "ODOO_URL": odoo_server.url,
            "ODOO_KEY": odoo_server.key,
            "ODOO_DATABASE": odoo_server.database,
            "ODOO_LOGIN": odoo_server.username,
        },
    )
    await crm.open()
    yield crm
    await crm.close()


def soon() -> Deadline:
    return Deadline.after(30)


async def test_contacts_and_leads_are_found_with_their_history(
    crm: RestCrm, odoo_server: OdooServer
) -> None:
    await crm.check()
    partner = await odoo_server.add_partner("Ann Lee", phone="020 7946 0018", ref="0042")
    await odoo_server.add_order(partner, [SoldLine("CAM-1", "Camera", "Cameras", 2, 100.0)], at=AT)
    lead = await odoo_server.add_lead("Kettles", phone="020 7946 0077", contact_name="New")
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert hit.candidate.ref == ContactRef("rest", str(partner))
    contact = await crm.get(hit.candidate.ref, deadline=soon())
    assert contact.name == "Ann Lee"
    [bought] = contact.purchases
    assert (bought.product, bought.product_name, bought.category, bought.quantity) == (
        "CAM-1",
        "Camera",
        "Cameras",
        2,
    )
    assert (bought.at, bought.currency) == (AT, "GBP")
    assert [order.is_open for order in contact.orders] == [True]
    [stranger] = await crm.find_by_phone("+442079460077", limit=5, deadline=soon())
    assert (stranger.kind, stranger.candidate.ref.id) == (HitKind.LEAD, f"lead:{lead}")
    assert (await crm.get(stranger.candidate.ref, deadline=soon())).name == "New"
    [found] = await crm.find_by_key(KeyField.CUSTOMER_ID, "0042", limit=5, deadline=soon())
    assert found.ref == hit.candidate.ref
    with pytest.raises(NotFound):
        await crm.get(ContactRef("rest", "999999"), deadline=soon())


async def test_what_is_written_twice_is_there_once(crm: RestCrm, odoo_server: OdooServer) -> None:
    lead = NewLead(LONDON, CALL, "+442079460000", 'Eve"}]', AT, name='Eve"}]')
    made = await asyncio.gather(*(crm.create_lead(lead, "key-1") for _ in range(3)))
    [row] = await odoo_server.find("crm.lead", [], ["contact_name", "phone", "type"])
    assert set(made) == {str(row["id"])}
    assert (row["contact_name"], row["phone"], row["type"]) == ('Eve"}]', LONDON, "lead")
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert hit.candidate.ref.id == f"lead:{row['id']}"
    first = await crm.log_call(replace(RECORD, ended_at=None), "r1")
    second = await crm.log_call(RECORD, "r2")
    assert second != first
    assert await crm.log_call(RECORD, "r2") == second
    written = [("body", "like", f"Call: {CALL}<br")]
    [note] = await odoo_server.find("mail.message", written, ["body"])
    assert note["id"] == int(second)
    assert "Talked: 63 s" in note["body"]
    assert await crm.withdraw_lead(made[0], "w")
    assert await crm.withdraw_lead(made[0], "w")
    assert not await crm.withdraw_lead("999999", "w")


async def test_calls_and_tasks_are_on_the_contacts_page(
    crm: RestCrm, odoo_server: OdooServer
) -> None:
    partner = await odoo_server.add_partner("Ann Lee", phone="020 7946 0018")
    ref = ContactRef("rest", str(partner))
    call = await crm.log_call(replace(RECORD, contact=ref), "r1")
    [note] = await odoo_server.find(
        "mail.message", [("id", "=", int(call))], ["model", "res_id", "body", "subject"]
    )
    assert (note["model"], note["res_id"]) == ("res.partner", partner)
    task = NewTask("callback", CALL, AT, LONDON, contact=ref)
    first = await crm.create_task(task, "t1")
    assert await crm.create_task(task, "t1") == first
    [todo] = await odoo_server.find("mail.activity", [("id", "=", int(first))], ["res_id"])
    assert todo["res_id"] == partner


async def test_changes_and_changing(crm: RestCrm, odoo_server: OdooServer) -> None:
    partner = await odoo_server.add_partner("Ann Lee", phone="020 7946 0018")
    ref = ContactRef("rest", str(partner))
    page = await crm.changes(None, limit=3, deadline=soon())
    told = [hit.candidate.ref for hit in page.changed]
    while page.more:
        page = await crm.changes(page.cursor, limit=3, deadline=soon())
        told += [hit.candidate.ref for hit in page.changed]
    assert told.count(ref) == 1
    await crm.update_fields(ref, {"last_name": "Ann Ng"}, expect_version=None, idem="u")
    page = await crm.changes(page.cursor, limit=50, deadline=soon())
    assert "Ann Ng" in [hit.candidate.name for hit in page.changed]
    with pytest.raises(Invalid):
        await crm.update_fields(ref, {"phone": "1"}, expect_version=None, idem="u")
