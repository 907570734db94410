"""A CRM over http is one of the house: its name's addresses are looked at as we connect."""

from __future__ import annotations

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer

from calls.deadlines import Deadline
from calls.errors import Misconfigured
from crm_adapter.adapter import Unavailable
from crm_adapter.http.client import CrmHttp
from ivr.speech import SpeechFailed
from ivr.speech_http import HttpSpeech

pytestmark = pytest.mark.integration


class Names(AbstractResolver):
    """A name server; what it answers first is dialled first."""

    addresses: tuple[str, ...] = ()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]:
        return [
            {"hostname": host, "host": one, "port": port, "family": 2, "proto": 0, "flags": 0}
            for one in self.addresses
        ]

    async def close(self) -> None: ...


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> type[Names]:
    monkeypatch.setattr(aiohttp, "ThreadedResolver", Names)
    monkeypatch.setattr(Names, "addresses", ())
    return Names


async def answer(http: CrmHttp) -> int:
    await http.open()
    try:
        return (await http.read("GET", "/told", deadline=Deadline.after(30))).status
    finally:
        await http.close()


async def test_a_name_that_leads_out_is_not_asked(names: type[Names]) -> None:
    for addresses in (("8.8.8.8",), ("2606:4700::1111", "8.8.8.8")):
        names.addresses = addresses
        with pytest.raises(Unavailable, match=r"http without TLS is for this machine .* https"):
            await answer(CrmHttp(crm="rest", base_url="http://crm.example.com"))
        speech = HttpSpeech(url="http://tts.example.com/v1", model="m", voices={"*": "a"})
        with pytest.raises(SpeechFailed, match=r"http without TLS is for this machine .* https"):
            await speech.speak("Maria", "en")
        await speech.close()


async def test_a_name_that_leads_into_the_house_is_asked_there_alone(names: type[Names]) -> None:
    async def told(_: web.Request) -> web.StreamResponse:
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/told", told)
    async with TestServer(app, host="127.0.0.1") as server:
        names.addresses = ("8.8.8.8", "127.0.0.1")
        assert await answer(CrmHttp(crm="rest", base_url=f"http://odoo:{server.port}")) == 200


@pytest.mark.parametrize("address", ["http://8.8.8.8/api", "http://[2606:4700::1111]"])
def test_an_address_that_leads_out_is_refused_at_the_start(address: str) -> None:
    with pytest.raises(Misconfigured, match="write https"):
        CrmHttp(crm="rest", base_url=address)
    with pytest.raises(Misconfigured, match="write https"):
        CrmHttp(crm="rest", base_url="https://crm.example.com", also=[address])
    CrmHttp(crm="rest", base_url=address.replace("http:", "https:"))
