"""What is HubSpot's alone, held to the models it publishes."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from calls.caller import ContactRef
from calls.deadlines import Deadline
from config.crm_settings import HubSpotSettings
from crm_adapter.adapter import Forbidden, Invalid, RateLimited
from crm_adapter.adapters.hubspot import HubSpotCrm
from tests.fakes.crm_server import Fault
from tests.fakes.hubspot_models import Unfit, fitted
from tests.fakes.hubspot_server import TOKEN, HubSpotServer
from tests.integration.crm_adapter.test_hosted_crms import LEAD, LONDON

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_the_models_refuse_what_hubspot_would() -> None:
    search: dict[str, Any] = {"limit": 1, "filterGroups": [{"filters": []}], "sorts": []}
    assert fitted("contacts", "PublicObjectSearchRequest", search).limit == 1
    for wrong in ({"limits": 1}, {"limit": "1"}, {"sorts": [{"propertyName": "x"}]}):
        with pytest.raises(Unfit):
            fitted("contacts", "PublicObjectSearchRequest", search | wrong)
    with pytest.raises(Unfit):
        fitted("contacts", "Filter", {"propertyName": "phone", "operator": "SIMILAR", "value": "1"})


async def test_a_new_lead_is_known_before_hubspot_finds_it() -> None:
    now = NOW
    async with HubSpotServer() as server:
        settings = HubSpotSettings(url=server.url, token=SecretStr(TOKEN))
        crm = HubSpotCrm(settings=settings, region="GB", now=lambda: now)
        await crm.open()
        try:
            lead = await crm.create_lead(LEAD, "key-1")
            [hit] = await crm.find_by_phone(LEAD.number, limit=5, deadline=Deadline.after(30))
            assert hit.candidate.ref.id == f"lead:{lead}"
            now += timedelta(minutes=2)
            assert not await crm.find_by_phone(LEAD.number, limit=5, deadline=Deadline.after(30))
            server.index()
            assert await crm.find_by_phone(LEAD.number, limit=5, deadline=Deadline.after(30))
            await crm.withdraw_lead(lead, "key-2")
            assert not await crm.find_by_phone(LEAD.number, limit=5, deadline=Deadline.after(30))
        finally:
            await crm.close()


@pytest.mark.parametrize(
    ("unique", "said"), [({}, "create the property"), ({"contacts": "other"}, "unique values")]
)
async def test_check_names_the_property_that_is_missing_or_not_unique(
    unique: dict[str, str], said: str
) -> None:
    async with HubSpotServer() as server:
        server.unique = unique
        crm = server.adapter()
        await crm.open()
        try:
            with pytest.raises(Invalid, match=said):
                await crm.check()
            scopes = b'{"category":"MISSING_SCOPES","message":"needs crm.schemas.contacts.read"}'
            server.faults = [Fault(status=403, body=scopes)]
            with pytest.raises(Forbidden, match=r"crm\.schemas\.contacts\.read"):
                await crm.check()
        finally:
            await crm.close()


@pytest.mark.parametrize(
    ("policy", "headers", "pause_s"),
    [
        ("TEN_SECONDLY_ROLLING", {}, 10.0),
        ("DAILY", {}, 3600.0),
        ("SECONDLY", {"Retry-After": "4"}, 4.0),
        ("new one", {}, 10.0),
    ],
)
async def test_the_pause_hangs_on_the_limit(
    policy: str, headers: dict[str, str], pause_s: float
) -> None:
    async with HubSpotServer() as server:
        body = f'{{"errorType":"RATE_LIMIT","policyName":"{policy}"}}'.encode()
        server.faults = [Fault(status=429, headers=headers, body=body)]
        crm = server.adapter()
        await crm.open()
        try:
            with pytest.raises(RateLimited) as told:
                await crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(30))
            assert told.value.after_s == pause_s
        finally:
            await crm.close()


def signed(body: bytes, at: datetime, url: str = "https://pbx/hook") -> dict[str, str]:
    stamp = str(round(at.timestamp() * 1000))
    content = b"POST" + url.encode() + body + stamp.encode()
    told = base64.b64encode(hmac.new(b"hub-secret", content, hashlib.sha256).digest())
    return {"x-hubspot-signature-v3": told.decode(), "x-hubspot-request-timestamp": stamp}


def test_a_signed_webhook_in_time_names_whose_record_changed() -> None:
    settings = HubSpotSettings(
        token=SecretStr("t"), client_secret=SecretStr("hub-secret"), webhook_url="https://pbx/hook"
    )
    crm = HubSpotCrm(settings=settings, region="GB", now=lambda: NOW)
    body = (
        b'[{"objectId": 101, "subscriptionType": "contact.propertyChange"}, {"objectId": 101,'
        b' "subscriptionType": "object.creation", "objectTypeId": "0-1"}, {"objectId": 7,'
        b' "subscriptionType": "deal.creation"}, 3, {"subscriptionType": "contact.deletion"}]'
    )
    assert crm.parse_webhook(signed(body, NOW), body) == [ContactRef("hubspot", "101")]
    late, early = NOW - timedelta(seconds=301), NOW + timedelta(seconds=301)
    for headers in (
        signed(body, late),
        signed(body, early),
        signed(body + b" ", NOW),
        signed(body, NOW, "https://elsewhere/hook"),
        {},
        {"x-hubspot-request-timestamp": "9" * 40},
    ):
        with pytest.raises(Forbidden):
            crm.parse_webhook(headers, body)
    with pytest.raises(Invalid):
        crm.parse_webhook(signed(b"<", NOW), b"<")


def test_without_a_secret_no_webhook_is_believed() -> None:
    crm = HubSpotCrm(settings=HubSpotSettings(token=SecretStr("t")), region="GB", now=lambda: NOW)
    stamp = str(round(NOW.timestamp() * 1000))
    told = base64.b64encode(hmac.new(b"", b"POST[]" + stamp.encode(), hashlib.sha256).digest())
    headers = {"x-hubspot-signature-v3": told.decode(), "x-hubspot-request-timestamp": stamp}
    for given in (headers, headers | {"x-hubspot-signature-v3": ""}):
        with pytest.raises(Forbidden):
            crm.parse_webhook(given, b"[]")
