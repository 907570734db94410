"""What is one hosted CRM's alone: how it names what is missing, and how it signs its webhooks."""

from __future__ import annotations

import asyncio
from base64 import b64encode

import pytest
from pydantic import SecretStr

from calls.caller import ContactRef
from calls.deadlines import Deadline
from crm_adapter.adapter import Forbidden, Invalid, Unsupported
from crm_adapter.adapters.zoho import _screen
from tests.fakes.dynamics_server import DynamicsServer
from tests.fakes.pipedrive_server import PipedriveServer
from tests.fakes.salesforce_server import KEY, SalesforceServer
from tests.fakes.suitecrm_server import SuiteCrmServer
from tests.fakes.zoho_server import ZohoServer

pytestmark = pytest.mark.integration


async def test_salesforce_names_the_field_that_is_missing() -> None:
    async with SalesforceServer() as server:
        server.missing_fields = {KEY}
        crm = server.adapter()
        await crm.open()
        try:
            with pytest.raises(Forbidden, match=f"Lead, or it has no field {KEY}"):
                await crm.check()
        finally:
            await crm.close()


@pytest.mark.parametrize("stored", ["020 7946 0018 ", "+44 20 7946 0018\u00a0"])
async def test_suitecrm_finds_a_number_with_a_blank_behind_it(stored: str) -> None:
    async with SuiteCrmServer() as server:
        contact = server.add_contact(stored)
        crm = server.adapter()
        await crm.open()
        found = await crm.find_by_phone("+442079460018", limit=5, deadline=Deadline.after(30))
        await crm.close()
    assert [hit.candidate.ref.id for hit in found] == [contact]


def test_salesforce_sends_no_webhooks() -> None:
    server = SalesforceServer()
    server.url = "http://127.0.0.1"
    with pytest.raises(Unsupported):
        server.adapter().parse_webhook({}, b"{}")


def test_a_notification_of_zoho_repeats_its_token() -> None:
    server = ZohoServer()
    server.url = "http://127.0.0.1"
    crm = server.adapter()
    body = b'{"module": "%s", "ids": ["365", null, "365"], "operation": "update", "token": "%s"}'
    assert crm.parse_webhook({}, body % (b"Contacts", b"z-hook")) == [ContactRef("zoho", "365")]
    assert crm.parse_webhook({}, body % (b"Leads", b"z-hook")) == [ContactRef("zoho", "lead:365")]
    assert list(crm.parse_webhook({}, body % (b"Deals", b"z-hook"))) == []
    for token in (b"wrong", b""):
        with pytest.raises(Forbidden):
            crm.parse_webhook({}, body % (b"Contacts", token))
    with pytest.raises(Invalid):
        crm.parse_webhook({}, b"<xml/>")
    with pytest.raises(Forbidden):
        server.adapter(webhook_token=SecretStr("")).parse_webhook({}, body % (b"Contacts", b""))


def test_links_lead_to_zohos_own_data_centre() -> None:
    assert _screen("https://www.zohoapis.com.au") == "https://crm.zoho.com.au"
    assert _screen("https://www.zohoapis.eu") == "https://crm.zoho.eu"


def test_a_webhook_of_pipedrive_logs_in() -> None:
    server = PipedriveServer()
    server.url = "http://127.0.0.1"
    crm = server.adapter()
    body = b'{"meta": {"action": "change", "entity": "person", "entity_id": "12"}, "data": {}}'
    right = {"authorization": "Basic " + b64encode(b"switchboard:pipe-hook").decode()}
    assert crm.parse_webhook(right, body) == [ContactRef("pipedrive", "12")]
    assert list(crm.parse_webhook(right, body.replace(b"person", b"deal"))) == []
    wrong = {"authorization": "Basic " + b64encode(b"switchboard:other").decode()}
    for headers in (wrong, {}, {"authorization": "Basic %%"}, {"authorization": "Bearer x"}):
        with pytest.raises(Forbidden):
            crm.parse_webhook(headers, body)
    with pytest.raises(Invalid):
        crm.parse_webhook(right, b"<xml/>")
    empty = {"authorization": "Basic " + b64encode(b"switchboard:").decode()}
    with pytest.raises(Forbidden):
        server.adapter(webhook_password=SecretStr("")).parse_webhook(empty, body)


async def test_pipedrive_names_the_field_that_is_missing() -> None:
    async with PipedriveServer() as server:
        server.has_field = False
        crm = server.adapter()
        await crm.open()
        try:
            with pytest.raises(Invalid, match=r"pipedrive\.key_field"):
                await crm.check()
        finally:
            await crm.close()


async def test_dynamics_lets_one_of_two_changes_at_once_win() -> None:
    async with DynamicsServer() as server:
        crm = server.adapter()
        await crm.open()
        try:
            ref = ContactRef("dynamics", server.add_contact("+442079460018"))
            [hit] = (await crm.changes(None, limit=1, deadline=Deadline.after(30))).changed
            done = await asyncio.gather(
                *(
                    crm.update_fields(
                        ref, {"last_name": name}, expect_version=hit.version, idem=name
                    )
                    for name in ("one", "two")
                ),
                return_exceptions=True,
            )
            assert sorted(type(one).__name__ for one in done) == ["Conflict", "NoneType"]
        finally:
            await crm.close()
