"""A phone's two websockets, and their limits; Asterisk's side is a websocket of the test's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from config.dialling_settings import DiallingSettings
from config.settings import SoftphoneSettings
from screenpop.agents.log_in import Seat
from screenpop.counters import DeskCounters
from screenpop.dialling.guard import DiallingGuard, NotDialled
from screenpop.phone import phone_socket
from screenpop.phone.phone_socket import MAX_MESSAGE_BYTES, MESSAGES_BURST, PhoneSocket
from screenpop.phone.phones import MAX_PHONES_PER_AGENT, Phones
from screenpop.phone.placed_calls import PlacedCalls
from storage.database import Database

pytestmark = pytest.mark.unit


def invite(number: str, *, call_id: str = "c1") -> str:
    return (
        f"INVITE sip:{number}@switchboard.invalid SIP/2.0\r\nVia: SIP/2.0/WS b;branch=z9hG4bK1\r\n"
        f"From: <sip:anna@x>;tag=1\r\nTo: <sip:{number}@x>\r\nCall-ID: {call_id}\r\n"
        "CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )


Side = Callable[[web.WebSocketResponse], Awaitable[None]]
ALIVE = "\r\n\r\n"


async def echo(asterisk: web.WebSocketResponse) -> None:
    async for message in asterisk:
        if message.type is aiohttp.WSMsgType.TEXT:
            await asterisk.send_str(message.data)
        else:
            await asterisk.send_bytes(message.data)


@asynccontextmanager
async def browser(
    asterisk: Side,
    *,
    placed: PlacedCalls | None = None,
    on_refused: Callable[[NotDialled], None] = lambda why: None,
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async def serve_asterisk(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("sip",))
        await socket.prepare(request)
        await asterisk(socket)
        return socket

    async def serve_browser(request: web.Request) -> web.StreamResponse:
        seat = Seat("anna", "session")
        phone = PhoneSocket(seat, DeskCounters(), placed=placed, on_refused=on_refused)
        await phone.open(request)
        return await phone.run(request, connect)

    async def connect() -> aiohttp.ClientWebSocketResponse:
        soon = aiohttp.ClientWSTimeout(ws_close=0.1)
        return await http.ws_connect(f"{base}/ws", protocols=("sip",), timeout=soon)

    app = web.Application()
    app.router.add_get("/ws", serve_asterisk)
    app.router.add_get("/sip", serve_browser)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession() as http:
        try:
            async with http.ws_connect(f"{base}/sip", protocols=("sip",)) as socket:
                yield socket
        finally:
            await runner.cleanup()


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(5):
        async for _ in socket:
            pass
    return socket.close_code


async def test_text_and_bytes_go_both_ways_unchanged() -> None:
    async with browser(echo) as socket:
        assert socket.protocol == "sip"
        await socket.send_str(ALIVE)
        assert await socket.receive_str(timeout=5) == ALIVE
        await socket.send_bytes(ALIVE.encode())
        assert await socket.receive_bytes(timeout=5) == ALIVE.encode()


async def test_asterisk_never_hears_of_a_call_that_is_refused() -> None:
    guard = DiallingGuard(settings=DiallingSettings(), region="US", counters=DeskCounters())
    told: list[str] = []
    placed = PlacedCalls("anna", guard)
    async with browser(echo, placed=placed, on_refused=lambda why: told.append(why.code)) as socket:
        await socket.send_str(invite("19005550100"))
        answer = await socket.receive_str(timeout=5)
        assert answer.startswith("SIP/2.0 403 Numbers that cost so much")
        assert told == ["dial_costly"]
        for number in ("100", "2025550123"):
            await socket.send_str(invite(number, call_id=number))
            assert await socket.receive_str(timeout=5) == invite(number, call_id=number)
        await socket.send_str(invite("2025550123", call_id="another"))
        assert (await socket.receive_str(timeout=5)).startswith("SIP/2.0 403 A call to a number")
        await socket.send_str(invite("100", call_id="x" * 300))
        assert await closed(socket) == 4400


async def test_a_browser_that_sends_too_much_or_too_long_is_closed() -> None:
    async with browser(echo) as socket:
        for _ in range(int(MESSAGES_BURST) + 50):
            await socket.send_str(ALIVE)
        assert await closed(socket) == 4429
    async with browser(echo) as socket:
        await socket.send_str("x" * (MAX_MESSAGE_BYTES + 1))
        assert await closed(socket) == aiohttp.WSCloseCode.MESSAGE_TOO_BIG


async def test_a_browser_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_socket, "SEND_DEADLINE_S", 0.1)
    monkeypatch.setattr(phone_socket, "CLOSE_DEADLINE_S", 0.1)
    ended = asyncio.Event()

    async def flood(asterisk: web.WebSocketResponse) -> None:
        try:
            while not asterisk.closed:
                await asterisk.send_str("x" * 60_000)
        except ConnectionError:
            pass
        finally:
            ended.set()

    async with browser(flood) as socket:
        async with asyncio.timeout(5):
            # Nobody calls receive(): aiohttp stops reading, then the kernel's buffers fill.
            await ended.wait()
        # Cut where it takes no goodbye either.
        assert await closed(socket) in {4408, aiohttp.WSCloseCode.ABNORMAL_CLOSURE}


async def test_asterisk_that_goes_takes_the_phone_along() -> None:
    async def go(asterisk: web.WebSocketResponse) -> None:
        await asterisk.close()

    async with browser(go) as socket:
        assert await closed(socket) == 4502


async def test_an_agent_has_a_few_phones_at_once(database: Database) -> None:
    counters = DeskCounters()
    phones = Phones(
        database=database,
        settings=SoftphoneSettings(),
        counters=counters,
        guard=DiallingGuard(settings=DiallingSettings(), region="US", counters=counters),
        tell=lambda login, frame: None,
    )
    opened = [PhoneSocket(Seat("anna", "s"), counters) for _ in range(MAX_PHONES_PER_AGENT + 1)]
    assert [phones.attach(one) for one in opened] == [True] * MAX_PHONES_PER_AGENT + [False]
    assert phones.attach(PhoneSocket(Seat("ben", "t"), counters))
    phones.detach(opened[0])
    phones.detach(opened[-1])
    assert phones.sessions() == {"s", "t"}
    assert phones.attach(opened[-1])
    assert counters.registry.get_sample_value("switchboard_phones") == MAX_PHONES_PER_AGENT + 1
    assert await phones.account("anna") is None
