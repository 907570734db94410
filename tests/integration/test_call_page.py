"""The demo's page for callers refuses whoever is not its own page, and gives each thing once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from config.settings import SoftphoneSettings
from switchboard.demo import free_ports, personas
from switchboard.demo.call_page import CallPage
from switchboard.demo.call_watch import newest_linkedid

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

_PASSWORD = "right"
_CHANNELS = """\
PJSIP/trunk-00000001!switchboard-dialog!s!13!Up!AGI!x!+12025550101!!!3!5!!1795936640.1
PJSIP/caller-maria-00000002!switchboard-dialog!s!13!Up!AGI!x!+12025550101!!!3!5!!1795936647.9
PJSIP/caller-maria-00000003!switchboard-dialog!s!13!Up!AGI!x!+12025550101!!!3!5!!1795936647.10
"""


class Server:
    """The server's log-in and the supervisor's board; and an Asterisk that says what it is sent."""

    def __init__(self) -> None:
        self.url = ""
        self.log_ins: list[str] = []
        self.frames: list[str] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/v1/session", self._session)
        app.router.add_get("/api/v1/supervisor/board", self._board)
        app.router.add_get("/ws", self._asterisk)
        return app

    async def _session(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["password"] != _PASSWORD:
            raise web.HTTPUnauthorized
        self.log_ins.append(asked["login"])
        response = web.json_response({})
        response.set_cookie("switchboard_session", asked["login"], httponly=True)
        return response

    async def _board(self, request: web.Request) -> web.Response:
        if request.cookies.get("switchboard_session") != "sofia":
            raise web.HTTPUnauthorized
        row = dict.fromkeys(("name", "tier", "menu", "chosen", "queue"))
        rows = [
            row | {"id": "pbx/1795936647.9", "stage": "menu", "agents": []},
            row | {"id": "pbx/1795936647.10", "stage": "ringing", "agents": ["dora"]},
        ]
        return web.json_response({"calls": rows})

    async def _asterisk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("sip",))
        await socket.prepare(request)
        async for message in socket:
            self.frames.append(message.data)
            await socket.send_str("SIP/2.0 100 Trying\r\n\r\n")
        return socket


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Server]:
    server = Server()
    runner = web.AppRunner(server.app())
    await runner.setup()
    port = free_ports.tcp()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    server.url = f"http://127.0.0.1:{port}"
    yield server
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(server: Server) -> AsyncIterator[CallPage]:
    async def console(_command: str) -> str:
        return _CHANNELS

    page = CallPage(
        port=free_ports.tcp(),
        callers=personas.personas(),
        softphone=SoftphoneSettings(asterisk_ws=server.url.replace("http", "ws") + "/ws"),
        server_url=server.url,
        agent="dora",
        supervisor="sofia",
        password=_PASSWORD,
        console=console,
    )
    async with page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
        yield http


async def test_a_name_that_leads_here_is_not_answered(
    page: CallPage, http: aiohttp.ClientSession
) -> None:
    for path in ("/demo/call", "/demo/callers", "/demo/desk"):
        async with http.get(page.base_url + path, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
            assert "secret" not in await answer.text()


async def test_another_page_gets_no_ticket_and_no_link(
    page: CallPage, http: aiohttp.ClientSession
) -> None:
    for origin in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        for path in ("/demo/ticket", "/demo/desk"):
            address = page.base_url + path
            async with http.post(address, json={"user": "caller-maria"}, headers=origin) as answer:
                assert answer.status == 403
    ours = {"Origin": page.base_url}
    for body in ({"user": "dora"}, {"user": 1}, [], {}):
        async with http.post(f"{page.base_url}/demo/ticket", json=body, headers=ours) as answer:
            assert answer.status == 400


async def test_the_link_to_the_desktop_is_good_once(
    page: CallPage, server: Server, http: aiohttp.ClientSession
) -> None:
    ours = {"Origin": page.base_url}
    async with http.post(f"{page.base_url}/demo/desk", headers=ours) as answer:
        address = page.base_url + (await answer.json())["address"]
    async with http.get(address, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, f"{server.url}/")
        assert answer.cookies["switchboard_session"].value == "dora"
        assert answer.cookies["switchboard_session"]["httponly"]
    async with http.get(address, allow_redirects=False) as answer:
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers
    # A caller's ticket opens no desktop.
    ticket = await _ticket(page, http)
    async with http.get(f"{page.base_url}/demo/desk?once={ticket}") as answer:
        assert answer.status == 403


async def test_a_caller_speaks_for_nobody_else(
    page: CallPage, server: Server, http: aiohttp.ClientSession
) -> None:
    async with await _socket(page, http) as socket:
        await socket.send_str(_options("caller-maria"))
        assert (await socket.receive_str()).startswith("SIP/2.0 100")
        await socket.send_str(_options("caller-vip"))
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 4403
    assert server.frames == [_options("caller-maria")]
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await http.ws_connect(
            f"{page.base_url}/demo/sip?ticket=x",
            protocols=("sip",),
            headers={"Origin": page.base_url},
        )


async def test_the_newest_call_of_a_caller_is_told(
    page: CallPage, server: Server, http: aiohttp.ClientSession
) -> None:
    before = server.log_ins.count("sofia")
    for _ in range(2):
        async with http.get(f"{page.base_url}/demo/calls/caller-maria") as answer:
            told = (await answer.json())["call"]
    assert (told["stage"], told["agents"]) == ("ringing", ["dora"])
    assert server.log_ins.count("sofia") - before == 1
    async with http.get(f"{page.base_url}/demo/calls/caller-vip") as answer:
        assert await answer.json() == {"call": None}
    async with http.get(f"{page.base_url}/demo/calls/trunk") as answer:
        assert answer.status == 404
    assert newest_linkedid(_CHANNELS, "caller-maria") == "1795936647.10"


async def _ticket(page: CallPage, http: aiohttp.ClientSession) -> str:
    address, ours = f"{page.base_url}/demo/ticket", {"Origin": page.base_url}
    async with http.post(address, json={"user": "caller-maria"}, headers=ours) as answer:
        ticket: str = (await answer.json())["ticket"]
        return ticket


async def _socket(page: CallPage, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    async with asyncio.timeout(5):
        return await http.ws_connect(
            f"{page.base_url}/demo/sip?ticket={await _ticket(page, http)}",
            protocols=("sip",),
            headers={"Origin": page.base_url},
        )


def _options(user: str) -> str:
    return (
        "OPTIONS sip:switchboard.invalid SIP/2.0\r\n"
        f"From: <sip:{user}@switchboard.invalid>;tag=1\r\n"
        "To: <sip:switchboard.invalid>\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
