"""What is EspoCRM's alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace

import pytest

from calls.caller import ContactRef
from calls.errors import Misconfigured
from config.crm_settings import EspoCrmSettings
from crm_adapter.adapter import Conflict, Forbidden, Invalid
from crm_adapter.adapters.espocrm import EspoCrm
from tests.fakes.espocrm_server import EspoCrmServer
from tests.integration.crm_adapter.test_hosted_crms import LEAD

pytestmark = pytest.mark.integration


async def test_an_open_lead_with_the_same_number_is_the_lead() -> None:
    async with EspoCrmServer() as server:
        crm = server.adapter()
        await crm.open()
        first = await crm.create_lead(LEAD, "key-1")
        with pytest.raises(Conflict) as twin:
            await crm.create_lead(LEAD, "key-2")
        assert twin.value.existing == first
        assert len(server.leads()) == 1
        await crm.close()


async def test_a_namesake_is_somebody_else() -> None:
    async with EspoCrmServer() as server:
        crm = server.adapter()
        await crm.open()
        first = await crm.create_lead(LEAD, "key-1")
        namesake = replace(LEAD, number="+442079460018")
        assert await crm.create_lead(namesake, "key-2") != first
        assert await crm.create_lead(namesake, "key-2") != first
        assert len(server.leads()) == 2
        await crm.close()


async def test_the_missing_right_is_named() -> None:
    async with EspoCrmServer() as server:
        server.forbidden = {"Call"}
        crm = server.adapter()
        await crm.open()
        with pytest.raises(Forbidden, match="right to read Call"):
            await crm.check()
        await crm.close()


def test_a_signed_webhook_names_whose_record_changed() -> None:
    server = EspoCrmServer()
    server.url = "http://127.0.0.1"
    crm = server.adapter()
    body = b'[{"id": "5a1b", "lastName": "Lee"}, {"id": null}, 3]'
    signed = hmac.new(b"hook", body, hashlib.sha256)
    now = {"signature": base64.b64encode(b"w1:" + signed.hexdigest().encode()).decode()}
    before_9 = {"x-signature": base64.b64encode(b"w1:" + signed.digest()).decode()}
    for headers in (now, before_9):
        assert crm.parse_webhook(headers, body) == [ContactRef("espocrm", "5a1b")]
        with pytest.raises(Forbidden):
            crm.parse_webhook(headers, body + b" ")
    for headers in ({}, {"signature": "%%%"}, {"signature": ""}):
        with pytest.raises(Forbidden):
            crm.parse_webhook(headers, body)
    no_json = b"<xml/>"
    told = hmac.new(b"hook", no_json, hashlib.sha256).hexdigest().encode()
    with pytest.raises(Invalid):
        crm.parse_webhook({"signature": base64.b64encode(b"w1:" + told).decode()}, no_json)


def test_without_a_secret_no_webhook_is_believed() -> None:
    crm = EspoCrm(settings=EspoCrmSettings(url="http://crm", key="k"), region="GB")
    told = hmac.new(b"", b"[]", hashlib.sha256).hexdigest().encode()
    with pytest.raises(Forbidden):
        crm.parse_webhook({"signature": base64.b64encode(b"w1:" + told).decode()}, b"[]")


def test_what_is_missing_in_the_settings_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"espocrm\.url"):
        EspoCrm(settings=EspoCrmSettings(), region="GB")
    with pytest.raises(Misconfigured, match=r"espocrm\.key"):
        EspoCrm(settings=EspoCrmSettings(url="http://crm"), region="GB")
