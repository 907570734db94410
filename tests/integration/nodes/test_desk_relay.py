"""What a process without the desk is asked goes to the one that keeps it, and comes back whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from yarl import URL

from storage.database import Database
from storage.leases import Lease
from switchboard.nodes.desk_part import asked_by
from switchboard.nodes.desk_relay import DeskFinder, DeskRelay
from tests.fakes.kept_app import kept_app

pytestmark = pytest.mark.integration

LEASE = "desk:pbx"
LEFT = web.AppKey("left", asyncio.Event)
BODY = bytes(range(256)) * 4096


async def echo(request: web.Request) -> web.Response:
    told = {
        "method": request.method,
        "path": request.raw_path,
        "host": request.host,
        "remote": request.remote,
        "cookie": request.headers.get("Cookie"),
        "body": len(await request.read()),
    }
    answer = web.json_response(told, status=418)
    answer.set_cookie("session", "s1", httponly=True)
    return answer


async def large(_request: web.Request) -> web.Response:
    return web.Response(body=BODY)


async def stream(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    await answer.write(b"data: first\n\n")
    # The rest comes when the other side is gone: what is there is told at once.
    await request.app[LEFT].wait()
    return answer


async def socket(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse(protocols=["sip"])
    await answer.prepare(request)
    async for message in answer:
        if message.type is WSMsgType.BINARY:
            await answer.send_bytes(message.data[::-1])
        elif message.data == "leave":
            await answer.close(code=4401, message=b"ended")
        else:
            await answer.send_str(f"{answer.ws_protocol}:{message.data}")
    return answer


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def desk_url() -> AsyncIterator[str]:
    app = web.Application(middlewares=[asked_by(["127.0.0.1"])], client_max_size=2**21)
    app[LEFT] = asyncio.Event()
    app.router.add_get("/large", large)
    app.router.add_get("/stream", stream)
    app.router.add_get("/ws", socket)
    app.router.add_route("*", "/{path:.*}", echo)
    async with serving(app) as url:
        yield url
        app[LEFT].set()


@pytest.fixture
async def relay(any_database: Database, desk_url: str) -> AsyncIterator[tuple[str, Lease]]:
    """The relay's address, and the lease of the desk behind it, which nobody has yet."""
    lease = Lease(database=any_database, name=LEASE, holder="one", address=desk_url, ttl_s=60)
    async with AsyncExitStack() as stack:
        finder = DeskFinder(database=any_database, lease=LEASE, every_s=0)
        made = await stack.enter_async_context(DeskRelay(finder))
        app = kept_app()
        made.add_routes(app)
        yield await stack.enter_async_context(serving(app)), lease


async def test_a_question_and_its_answer_are_the_same_on_both_sides(
    relay: tuple[str, Lease],
) -> None:
    url, lease = relay
    assert await lease.take()
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        headers = {"Cookie": "a=b"}
        async with http.put(
            URL(f"{url}/x%20y?q=%2F", encoded=True), data=BODY, headers=headers
        ) as answer:
            told = await answer.json()
            assert answer.status == 418
            assert answer.cookies["session"].value == "s1"
        assert told == {
            "method": "PUT",
            "path": "/x%20y?q=%2F",
            "host": url.removeprefix("http://"),
            "remote": "127.0.0.1",
            "cookie": "a=b",
            "body": len(BODY),
        }
        async with http.get(f"{url}/large") as answer:
            assert await answer.read() == BODY


async def test_what_a_stream_says_arrives_at_once(relay: tuple[str, Lease]) -> None:
    url, lease = relay
    assert await lease.take()
    async with aiohttp.ClientSession() as http, http.get(f"{url}/stream") as answer:
        assert await answer.content.readline() == b"data: first\n"


async def test_a_socket_goes_both_ways_and_ends_as_the_desk_says(
    relay: tuple[str, Lease],
) -> None:
    url, lease = relay
    assert await lease.take()
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/ws", protocols=["sip"]) as there,
    ):
        assert there.protocol == "sip"
        await there.send_str("hello")
        assert await there.receive_str(timeout=5) == "sip:hello"
        await there.send_bytes(b"abc")
        assert await there.receive_bytes(timeout=5) == b"cba"
        await there.send_str("leave")
        message = await there.receive(timeout=5)
        assert (message.type, message.data) == (WSMsgType.CLOSE, 4401)


async def test_while_nobody_keeps_the_desk_it_says_to_try_again(
    relay: tuple[str, Lease],
) -> None:
    url, lease = relay
    async with aiohttp.ClientSession() as http:
        for _ in range(2):
            async with http.get(f"{url}/agent") as answer:
                assert answer.status == 503
                assert answer.headers["Retry-After"] == "1"
                assert (await answer.json())["error"] == "no_desk"
            assert await lease.take() or lease.token is None
            await lease.give_back()
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{url}/ws")


async def test_nobody_stays_with_a_desk_that_another_has_now(
    any_database: Database, desk_url: str
) -> None:
    """It may be frozen: then its connections live, and nothing comes of them."""
    lease = Lease(database=any_database, name=LEASE, holder="one", address=desk_url, ttl_s=60)
    assert await lease.take()
    assert lease.token is not None
    async with DeskRelay(DeskFinder(database=any_database, lease=LEASE)) as made:
        app = kept_app()
        made.add_routes(app)
        async with (
            serving(app) as url,
            aiohttp.ClientSession() as http,
            http.ws_connect(f"{url}/ws") as socket,
            http.get(f"{url}/stream") as stream,
        ):
            await stream.content.readline()
            made.desk_is(lease.token)
            await socket.send_str("hello")
            assert await socket.receive_str(timeout=5) == "None:hello"
            made.desk_is(lease.token + 1)
            message = await socket.receive(timeout=5)
            assert (message.type, message.data) == (WSMsgType.CLOSE, 1012)
            with pytest.raises(aiohttp.ClientPayloadError):
                await stream.content.read()


async def test_a_desk_that_is_not_there_is_none(any_database: Database) -> None:
    lease = Lease(
        database=any_database, name=LEASE, holder="one", address="http://127.0.0.1:9", ttl_s=60
    )
    assert await lease.take()
    async with DeskRelay(DeskFinder(database=any_database, lease=LEASE)) as made:
        app = kept_app()
        made.add_routes(app)
        async with (
            serving(app) as url,
            aiohttp.ClientSession() as http,
            http.get(url) as answer,
        ):
            assert answer.status == 503


async def test_who_asked_is_believed_of_our_own_processes_alone() -> None:
    app = web.Application(middlewares=[asked_by(["192.0.2.7"])])
    app.router.add_route("*", "/{path:.*}", echo)
    async with (
        serving(app) as url,
        aiohttp.ClientSession() as http,
        http.get(url, headers={"X-Forwarded-For": "203.0.113.9"}) as answer,
    ):
        assert (await answer.json())["remote"] == "127.0.0.1"
