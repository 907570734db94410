"""A phone in the browser on a real Asterisk: who may have one, what it may say, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from calls.agents import Agent
from config.settings import Settings
from screenpop.agents.softphones import softphones
from storage.database import Database
from switchboard import softphone_doctor
from switchboard.demo import local_addresses
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape
from tests.acceptance.waiting import until
from tests.fakes.desk_server import ANNA, PASSWORD, DeskServer, add_agents, desk_server
from tests.fakes.fast_agi import ScriptedAgi, route_to
from tests.fakes.sip_browser import SipBrowser

pytestmark = pytest.mark.acceptance

WANDA = Agent("wanda", "Wanda Web", (), softphone=True)
YVES = Agent("yves", "Yves", (), softphone=True)


@pytest_asyncio.fixture
async def server(pbx: PrivatePbx, database: Database) -> AsyncIterator[DeskServer]:
    await add_agents(database, ANNA, WANDA, YVES)
    await pbx.tell_softphones(await softphones(database))
    settings = pbx.softphone_settings.model_copy(update={"connect_deadline_s": 0.5})
    async with desk_server(database, softphone=settings) as server:
        yield server


class Page:
    """What a page of this agent asks of the server."""

    def __init__(self, server: DeskServer, http: aiohttp.ClientSession) -> None:
        self.base = server.base_url
        self.http = http

    async def card(self) -> dict[str, Any]:
        async with self.http.get(f"{self.base}/api/v1/agent/phone") as response:
            assert response.headers["Cache-Control"] == "no-store"
            told: dict[str, Any] = await response.json()
            return {**told, "status": response.status}

    async def ticket(self) -> str:
        async with self.http.post(f"{self.base}/api/v1/agent/ticket") as response:
            return str((await response.json())["ticket"])

    async def refusal(self, ticket: str, **differently: Any) -> int:
        """The status with which the websocket is refused."""
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await self.websocket(ticket, **differently)
        return refused.value.status

    async def websocket(
        self, ticket: str | None = None, **differently: Any
    ) -> aiohttp.ClientWebSocketResponse:
        options = {"origin": self.base, "protocols": ("sip",)} | differently
        query = {"ticket": ticket or await self.ticket()}
        return await self.http.ws_connect(f"{self.base}/agent/sip", params=query, **options)

    async def phone(self) -> SipBrowser:
        card = await self.card()
        return SipBrowser(await self.websocket(), card["user"], card["secret"], card["domain"])


@asynccontextmanager
async def page(server: DeskServer, agent: Agent = WANDA) -> AsyncIterator[Page]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        log_in = {"login": agent.login, "password": PASSWORD}
        async with http.post(f"{server.base_url}/api/v1/session", json=log_in) as response:
            assert response.status == 200
        yield Page(server, http)


async def closed(phone: SipBrowser) -> tuple[int | None, str]:
    """Code and reason with which the server closes it."""
    async with asyncio.timeout(5):
        while True:
            message = await phone.websocket.receive()
            if message.type is aiohttp.WSMsgType.CLOSE:
                return message.data, message.extra or ""
            assert message.type is not aiohttp.WSMsgType.CLOSED


async def contacts(pbx: PrivatePbx, login: str) -> list[str]:
    shown = await pbx.rx("pjsip show contacts")
    return [line for line in shown.splitlines() if f" {login}/sip:" in line]


async def test_it_registers_and_rings_with_the_calls_id(
    pbx: PrivatePbx, server: DeskServer, callers: SipCallers
) -> None:
    others = [f"PJSIP/{agent.endpoint}" for agent in pbx.agents]
    async with page(server) as wanda:
        card = await wanda.card()
        assert card == {
            "status": 200,
            "user": "wanda",
            "domain": "switchboard.invalid",
            "secret": card["secret"],
            "display_name": "Wanda Web",
            "socket": "/agent/sip",
        }
        phone = await wanda.phone()
        assert (await phone.register()).status == 200
        [contact] = await contacts(pbx, "wanda")
        assert phone.contact in contact
        assert server.metric("phones") == 1
        for other in others:
            await pbx.rx(f"queue pause member {other} queue support")
        await pbx.rx("queue add member PJSIP/wanda to support")
        try:
            commands = ["ANSWER", *route_to("support")]
            shape = CallerShape(hang_up_after_ms=600)
            async with ScriptedAgi(port=pbx.agi_port, commands=commands) as agi:
                call = ScriptedCall("+12025550161", "+18005550100", "Maria", shape)
                calling = asyncio.create_task(callers.run([call]))
                invite = await phone.request("INVITE")
                await phone.send(phone.reply(invite, "486 Busy Here"))
                await calling
        finally:
            await pbx.rx("queue remove member PJSIP/wanda from support")
            for other in others:
                await pbx.rx(f"queue unpause member {other} queue support")
        [(asked, _)] = agi.sessions
        assert invite.one("X-Switchboard-Call") == asked["agi_uniqueid"]
        assert invite.one("From").startswith('"Maria" <sip:+12025550161@switchboard.invalid>')
        media = [line for line in invite.body.splitlines() if line.startswith("m=")]
        assert [line.split()[2:4] for line in media] == [["UDP/TLS/RTP/SAVPF", "0"]]
        offered = [line for line in invite.body.splitlines() if line.startswith("a=candidate:")]
        assert all(" 127.0.0.1 " in line for line in offered)
        assert bool(offered) == bool(local_addresses.ipv4())
        await phone.websocket.close()

        async def gone() -> bool:
            return not await contacts(pbx, "wanda")

        await until(gone, "a contact that ended with its websocket", deadline_s=5, every_s=0.05)


async def test_the_newer_tab_is_the_one_that_rings(pbx: PrivatePbx, server: DeskServer) -> None:
    async with page(server) as wanda:
        first, second = await wanda.phone(), await wanda.phone()
        assert (await first.register()).status == 200
        assert (await second.register()).status == 200
        [contact] = await contacts(pbx, "wanda")
        assert second.contact in contact
        wrong = SipBrowser(second.websocket, "wanda", "0" * 48)
        assert (await wrong.register()).status == 401


async def test_nobody_is_let_in_by_a_way_that_is_not_the_pages(server: DeskServer) -> None:
    async with page(server) as wanda, page(server, ANNA) as anna:
        ticket = await wanda.ticket()
        await (await wanda.websocket(ticket)).close()
        assert await wanda.refusal(ticket) == 401
        assert await wanda.refusal("made-up") == 401
        ticket = await wanda.ticket()
        assert await wanda.refusal(ticket, origin="https://evil.example") == 403
        assert await wanda.refusal(ticket, origin=None) == 403
        # None of these used it up.
        await (await wanda.websocket(ticket)).close()
        assert await wanda.refusal(await wanda.ticket(), protocols=()) == 400
        card = await anna.card()
        assert (card["status"], card["error"]) == (404, "no_softphone")
        assert await anna.refusal(await anna.ticket()) == 404
    async with (
        aiohttp.ClientSession() as nobody,
        nobody.get(f"{server.base_url}/api/v1/agent/phone") as response,
    ):
        assert response.status == 401


async def test_the_doctor_is_content_with_it(pbx: PrivatePbx, server: DeskServer) -> None:
    settings = Settings(softphone=pbx.softphone_settings)
    found = [
        *await asyncio.to_thread(list, softphone_doctor.connection(settings)),
        *softphone_doctor.files(settings, pbx.run / "etc"),
    ]
    assert [finding.level for finding in found] == ["ok", "ok"], found


@pytest.mark.parametrize(
    ("frame", "code"), [("yves", 4403), ("GET / HTTP/1.1\r\n\r\n", 4400), ("twice", 4400)]
)
async def test_what_is_not_its_own_closes_it(
    pbx: PrivatePbx, server: DeskServer, frame: str, code: int
) -> None:
    async with page(server) as wanda:
        phone = await wanda.phone()
        yves = SipBrowser(phone.websocket, "yves", "irrelevant").register_request()
        own = phone.register_request()
        await phone.send({"yves": yves, "twice": own + yves}.get(frame, frame))
        assert (await closed(phone))[0] == code
        assert server.metric("phone_frames_refused_total") == 1
    assert "yves" not in pbx.log()


async def test_asterisk_dials_for_it_only_what_the_guard_lets_through(
    pbx: PrivatePbx, server: DeskServer
) -> None:
    async with page(server) as wanda:
        phone = await wanda.phone()
        assert (await phone.register()).status == 200

        async def told(number: str, to: str = "") -> int:
            await phone.send(phone.request_to("INVITE", number, to))
            return (await phone.answer()).status

        assert await told("19005550100") == 403
        assert await told("1%3900%35550100") == 403
        # To Asterisk, too, an empty tag is none: what passes as a part of a call is none to it.
        assert await told("19005550100", ";tag=") == 403
        assert await told("19005550100", ";tag=7") == 481
        # Whom it asks who calls, it has heard.
        assert await told("100") == 401
        assert server.metric("dials_total") == 0
        refused = server.desk.counters.registry.get_sample_value
        assert refused("switchboard_dials_refused_total", {"why": "dial_costly"}) == 2
    assert "19005550100" not in await pbx.rx("core show channels concise")


async def test_keys_of_a_phone_transfer_to_the_house_alone(pbx: PrivatePbx) -> None:
    """Keys go by the sound, past us: Asterisk itself finds no other extension for them."""
    for number, is_there in (
        *((number, True) for number in ("1", "8500", "112", "*97", "123456")),
        *((number, False) for number in ("1234567", "19005550100", "0019005550100", "*72190055")),
    ):
        shown = await pbx.rx(f"dialplan show {number}@switchboard-house")
        assert ("no existence" not in shown) is is_there, shown


async def test_logging_out_closes_this_log_ins_phone_alone(server: DeskServer) -> None:
    async with page(server) as here, page(server) as there:
        phone, other = await here.phone(), await there.phone()
        assert (await phone.register()).status == 200
        async with here.http.delete(f"{server.base_url}/api/v1/session"):
            assert await closed(phone) == (4401, "the log-in ended")
        assert (await other.register()).status == 200
        # Changed on the command line: noticed when the server looks again.
        await add_agents(server.database, WANDA)
        await server.desk.refresh()
        assert await closed(other) == (4401, "the log-in ended")


async def test_asterisk_may_end_be_away_hang_and_come_back(
    pbx: PrivatePbx, server: DeskServer
) -> None:
    async with page(server) as wanda:
        phone = await wanda.phone()
        assert (await phone.register()).status == 200
        await pbx.kill()
        try:
            assert await closed(phone) == (4502, "Asterisk ended the connection")
            assert await closed(await wanda.phone()) == (4502, "Asterisk does not answer")
        finally:
            await pbx.start()
        os.kill(pbx.pid, signal.SIGSTOP)
        try:
            assert await closed(await wanda.phone()) == (4502, "Asterisk does not answer")
        finally:
            os.kill(pbx.pid, signal.SIGCONT)
        phone = await wanda.phone()
        assert (await phone.register()).status == 200
        assert server.metric("phones_unreached_total") == 3
