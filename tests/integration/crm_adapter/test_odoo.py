"""What the conformance kit does not ask of Odoo, on a real Odoo 19."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from calls.caller import ContactRef
from calls.deadlines import Deadline
from config.crm_settings import OdooSettings
from crm_adapter.adapter import AuthFailed, Conflict, CrmError, Forbidden, HitKind, Unavailable
from crm_adapter.adapters.odoo import OdooCrm
from crm_adapter.http.traces import Exchange
from tests.crm_worlds.odoo_world import settings_of
from tests.crm_worlds.samples import LEAD, LONDON, RECORD, STRANGER, TASK
from tests.servers.odoo.server import OdooServer, SoldLine

pytestmark = [pytest.mark.integration, pytest.mark.odoo]

ORDERED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def soon() -> Deadline:
    return Deadline.after(30)


async def opened(settings: OdooSettings, told: list[Exchange] | None = None) -> OdooCrm:
    trace = told.append if told is not None else None
    crm = OdooCrm(settings=settings, region="GB", trace=trace)
    await crm.open()
    return crm


@pytest.fixture(params=["auto", "jsonrpc"])
async def crm(request: pytest.FixtureRequest, odoo_server: OdooServer) -> AsyncIterator[OdooCrm]:
    await odoo_server.clean()
    adapter = await opened(settings_of(odoo_server, api=request.param))
    yield adapter
    await adapter.close()


async def refusal(settings: OdooSettings) -> CrmError:
    crm = await opened(settings)
    try:
        with pytest.raises(CrmError) as caught:
            await crm.check()
    finally:
        await crm.close()
    return caught.value


@pytest.mark.parametrize("api", ["auto", "json2", "jsonrpc"])
async def test_a_wrong_key_and_a_wrong_database_are_told_apart(
    odoo_server: OdooServer, api: str
) -> None:
    right = settings_of(odoo_server, api=api)
    wrong = await refusal(right.model_copy(update={"key": SecretStr("x" * 40)}))
    assert isinstance(wrong, AuthFailed)
    lost = await refusal(right.model_copy(update={"database": "elsewhere"}))
    assert isinstance(lost, Unavailable)
    assert "database" in str(lost)
    assert "Traceback" not in f"{wrong}{lost}"


@pytest.mark.parametrize("api", ["json2", "jsonrpc"])
async def test_a_missing_right_is_named(odoo_server: OdooServer, api: str) -> None:
    settings = settings_of(odoo_server, api=api).model_copy(
        update={"username": "nobody", "key": SecretStr(odoo_server.keys["nobody"])}
    )
    wrong = await refusal(settings)
    assert isinstance(wrong, Forbidden)
    assert "crm.lead" in str(wrong)
    assert "Sales / User: All Documents" in str(wrong)


async def test_seeing_only_ones_own_documents_is_too_little(odoo_server: OdooServer) -> None:
    own = await odoo_server.call(
        "ir.model.data",
        "search_read",
        domain=[("module", "=", "sales_team"), ("name", "=", "group_sale_salesman")],
        fields=["res_id"],
    )
    every = await odoo_server.call(
        "ir.model.data",
        "search_read",
        domain=[("module", "=", "sales_team"), ("name", "=", "group_sale_salesman_all_leads")],
        fields=["res_id"],
    )
    user = odoo_server.ids["anna"]
    settings = settings_of(odoo_server, api="json2").model_copy(
        update={"key": SecretStr(odoo_server.keys["anna"])}
    )
    groups = [(3, every[0]["res_id"]), (4, own[0]["res_id"])]
    await odoo_server.write("res.users", user, group_ids=groups)
    try:
        wrong = await refusal(settings)
    finally:
        await odoo_server.write("res.users", user, group_ids=[(4, every[0]["res_id"])])
    assert isinstance(wrong, Forbidden)
    assert "only its own" in str(wrong)


async def test_a_trace_shows_no_key(odoo_server: OdooServer) -> None:
    told: list[Exchange] = []
    crm = await opened(settings_of(odoo_server, api="jsonrpc"), told)
    await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    await crm.close()
    assert len(told) > 3
    assert odoo_server.key not in repr(told)


async def test_a_company_its_people_and_their_addresses(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    acme = await odoo_server.add_partner("Acme", is_company=True, phone=LONDON)
    ann = await odoo_server.add_partner("Ann Lee", parent_id=acme, phone="020 7946 0018")
    await odoo_server.add_partner("Door 3", parent_id=ann, type="delivery", phone=LONDON)
    hits = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert [(hit.kind, hit.candidate.name, hit.candidate.company) for hit in hits] == [
        (HitKind.CONTACT, "Ann Lee", "Acme"),
        (HitKind.ACCOUNT, "Acme", "Acme"),
    ]


async def test_a_number_that_odoo_could_not_read_is_found_by_its_digits(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    [france] = await odoo_server.find("res.country", [("code", "=", "FR")], ["id"])
    partner = await odoo_server.add_partner(
        "Ann Lee", phone="(020) 7946-0018", country_id=france["id"]
    )
    [held] = await odoo_server.find("res.partner", [("id", "=", partner)], ["phone_sanitized"])
    assert held["phone_sanitized"] is False
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    assert hit.candidate.ref.id == str(partner)


async def test_what_the_company_ordered_is_its_peoples_history(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    acme = await odoo_server.add_partner("Acme", is_company=True)
    ann = await odoo_server.add_partner("Ann Lee", parent_id=acme, lang="en_US")
    await odoo_server.write("res.partner", ann, user_id=odoo_server.ids["anna"])
    camera = SoldLine("CAM-1", "Camera", "Cameras", 2, 100.0, delivered=2)
    lens = SoldLine("LENS", "Lens", "Lenses", 1, 50.0)
    back = SoldLine("CAM-1", "Camera", "Cameras", -1, 100.0, delivered=-1)
    await odoo_server.add_order(acme, [camera], at=ORDERED)
    await odoo_server.add_order(ann, [lens], at=ORDERED + timedelta(days=1))
    await odoo_server.add_order(ann, [lens], state="draft")
    await odoo_server.add_order(acme, [back], at=ORDERED + timedelta(days=2))
    contact = await crm.get(ContactRef("odoo", str(ann)), deadline=soon())
    assert [
        (bought.product, bought.category, bought.quantity, bought.amount)
        for bought in contact.purchases
    ] == [
        ("CAM-1", "Cameras", -1, Decimal(-100)),
        ("LENS", "Lenses", 1, Decimal(50)),
        ("CAM-1", "Cameras", 2, Decimal(200)),
    ]
    assert [(order.product_name, order.status) for order in contact.orders] == [
        ("Lens", "ordered"),
        ("Camera", "delivered"),
        ("Camera", "delivered"),
    ]
    assert contact.purchases[0].currency == "GBP"
    assert (contact.language, contact.owner, contact.company) == ("en", "anna", "Acme")
    assert contact.owns == {"CAM-1", "LENS"}
    assert contact.url == f"{odoo_server.url}/mail/view?model=res.partner&res_id={ann}"


async def test_the_history_goes_on_past_one_page(
    crm: OdooCrm, odoo_server: OdooServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_adapter.adapters.odoo._LINES_AT_ONCE", 2)
    partner = await odoo_server.add_partner("Ann Lee")
    for day in range(5):
        line = SoldLine("P", "P", "Things", 1, float(day + 1))
        await odoo_server.add_order(partner, [line], at=ORDERED - timedelta(days=day))
    ref = ContactRef("odoo", str(partner))
    bought = await crm.get_purchase_history(ref, limit=100, deadline=soon())
    assert [int(one.amount) for one in bought] == [1, 2, 3, 4, 5]
    assert len(await crm.get_purchase_history(ref, limit=3, deadline=soon())) == 3


async def test_a_call_moves_from_our_card_to_the_lead_and_stays_one(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    await crm.log_call(replace(RECORD, ended_at=None), "at-answer")
    [first] = await notes(odoo_server)
    assert first["model"] == "res.partner"
    lead = await crm.create_lead(LEAD, "lead-1")
    await crm.log_call(replace(RECORD, revision=2), "at-end")
    [last] = await notes(odoo_server)
    assert (last["model"], last["res_id"]) == ("crm.lead", int(lead))
    assert "Key: at-end" in last["body"]
    assert last["date"] == "2026-03-02 09:30:00"


async def notes(server: OdooServer) -> list[dict[str, Any]]:
    return await server.find(
        "mail.message", [("body", "like", "Revision: ")], ["model", "res_id", "body", "date"]
    )


async def test_a_lead_that_people_have_worked_on_stays_theirs(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    lead = await crm.create_lead(replace(LEAD, owner="anna"), "lead-1")
    [made] = await odoo_server.find("crm.lead", (), ["user_id", "type", "tag_ids"])
    assert made["user_id"] == [odoo_server.ids["anna"], "Anna"]
    assert (made["type"], len(made["tag_ids"])) == ("lead", 1)
    await odoo_server.write("crm.lead", int(lead), name="Wants a camera")
    assert await crm.create_lead(LEAD, "lead-1") == lead
    [kept] = await odoo_server.find("crm.lead", (), ["name"])
    assert kept["name"] == "Wants a camera"


async def test_an_unconfirmed_lead_is_withdrawn_and_a_confirmed_one_is_not(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    mistaken = await crm.create_lead(LEAD, "lead-1")
    assert await crm.withdraw_lead(mistaken, "undo-1")
    assert await crm.withdraw_lead(mistaken, "undo-1")
    assert list(await crm.find_by_phone(STRANGER, limit=5, deadline=soon())) == []
    real = await crm.create_lead(LEAD, "lead-2")
    assert await crm.confirm_lead(real, "anna", "confirm-1")
    assert not await crm.withdraw_lead(real, "undo-2")
    assert not await crm.withdraw_lead("99999", "undo-3")
    [row] = await odoo_server.find(
        "crm.lead", [("id", "=", int(real))], ["active", "user_id", "tag_ids"]
    )
    assert (row["active"], row["tag_ids"]) == (True, [])
    assert row["user_id"][0] == odoo_server.ids["anna"]


async def test_a_task_is_the_salespersons_and_closed_once(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    partner = await odoo_server.add_partner("Ann Lee", user_id=odoo_server.ids["anna"])
    task = await crm.create_task(replace(TASK, contact=ContactRef("odoo", str(partner))), "task-1")
    [made] = await odoo_server.find("mail.activity", (), ["user_id", "res_id", "active"])
    assert (made["user_id"][1], made["res_id"]) == ("Anna", partner)
    assert await crm.close_task(task, "close-1")
    assert await crm.close_task(task, "close-1")
    other = await crm.create_task(TASK, "task-2")
    await odoo_server.call("mail.activity", "action_feedback", ids=[int(other)], feedback="Me")
    assert not await crm.close_task(other, "close-2")
    assert not await crm.close_task("99999", "close-3")


async def test_who_is_second_from_one_version_is_told_so(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    """Also within the second in which the first one wrote, which Odoo's times cannot tell."""
    partner = await odoo_server.add_partner("Ann Lee", phone=LONDON)
    ref = ContactRef("odoo", str(partner))
    [hit] = await crm.find_by_phone(LONDON, limit=5, deadline=soon())
    await crm.update_fields(
        ref, {"email": "ann@example.com"}, expect_version=hit.version, idem="u-1"
    )
    with pytest.raises(Conflict):
        await crm.update_fields(
            ref, {"email": "eve@example.com"}, expect_version=hit.version, idem="u-2"
        )


async def test_archived_contacts_and_lost_leads_are_told_as_gone(
    crm: OdooCrm, odoo_server: OdooServer
) -> None:
    partner = await odoo_server.add_partner("Ann Lee", phone=LONDON)
    lead = await crm.create_lead(LEAD, "lead-1")
    refs = {ContactRef("odoo", str(partner)), ContactRef("odoo", f"lead:{lead}")}
    changed, _, cursor = await all_of(crm, None)
    assert refs <= changed
    await odoo_server.write("res.partner", partner, active=False)
    await odoo_server.write("crm.lead", int(lead), active=False)
    changed, gone, _ = await all_of(crm, cursor)
    assert refs <= gone
    assert not refs & changed


async def all_of(crm: OdooCrm, cursor: str | None) -> tuple[set[ContactRef], set[ContactRef], str]:
    changed: set[ContactRef] = set()
    gone: set[ContactRef] = set()
    for _ in range(50):
        page = await crm.changes(cursor, limit=3, deadline=soon())
        changed |= {hit.candidate.ref for hit in page.changed}
        gone |= set(page.gone)
        cursor = page.cursor
        if not page.more:
            return changed, gone, cursor
    raise AssertionError("no end of pages")
