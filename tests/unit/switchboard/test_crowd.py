"""A flood of requests is refused at once; watchers and open websockets are not part of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.typedefs import Handler

from calls.doors import Asker, Door, door_of, hang, let_in
from switchboard.crowd import Crowd
from switchboard.proxies import behind
from tests.waiting import wait_until

pytestmark = pytest.mark.unit


def door(path: str, by: Asker) -> Door:
    why = "for a test" if by is Asker.ANYBODY else ""
    return Door("GET", path, frozenset({by}), "Whatever.", why=why)


async def test_one_too_many_is_refused_at_once_and_who_must_be_answered_is() -> None:
    crowd, go = Crowd(most=3, most_of_one=2), asyncio.Event()
    came: asyncio.Queue[None] = asyncio.Queue()

    async def slow(_request: web.Request) -> web.Response:
        came.put_nowait(None)
        await go.wait()
        return web.Response()

    @web.middleware
    async def keeper(request: web.Request, handler: Handler) -> web.StreamResponse:
        found = door_of(request.match_info.handler)
        assert found is not None
        with let_in(found):
            return await handler(request)

    async def well(_request: web.Request) -> web.Response:
        return web.Response()

    async def socket(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        await answer.receive()
        return answer

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await answer.prepare(request)
        await go.wait()
        return answer

    app = web.Application()
    crowd.bound(app)
    app.middlewares.append(keeper)
    for path, handler, by in (
        ("/s", slow, Asker.ANYBODY),
        ("/events", stream, Asker.ANYBODY),
        ("/ws", socket, Asker.ANYBODY),
        ("/healthz", well, Asker.WATCHER),
        ("/prompts/1", well, Asker.PBX),
    ):
        hang(app.router, door(path, by), handler)
    async with TestClient(TestServer(app)) as client, asyncio.timeout(3):
        open_one = await client.ws_connect("/ws")
        events = await client.get("/events")
        held = [asyncio.create_task(client.get("/s")) for _ in range(2)]
        for _ in held:
            await came.get()
        refused = await client.get("/s")
        assert refused.status == 503
        assert refused.headers["Retry-After"] == "1"
        assert (await refused.json())["error"] == "too_many"
        for path in ("/healthz", "/prompts/1"):
            assert (await client.get(path)).status == 200
        assert crowd.refused == 1
        go.set()
        assert [(await one).status for one in held] == [200, 200]
        assert (await client.get("/s")).status == 200
        await events.read()
        await open_one.close()
    assert not crowd.inside


@pytest.mark.parametrize(("most", "most_of_one", "served"), [(3, 9, 3), (9, 2, 4), (3, 2, 3)])
async def test_of_two_addresses_so_many_are_served(
    most: int, most_of_one: int, served: int
) -> None:
    """Behind a proxy that is named, by whom it asks for."""
    crowd, go = Crowd(most=most, most_of_one=most_of_one), asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        await go.wait()
        return web.Response()

    app = web.Application(middlewares=[behind(["127.0.0.1"])])
    crowd.bound(app)
    app.router.add_get("/s", slow)
    async with TestClient(TestServer(app)) as client, asyncio.timeout(3):
        asked = [
            asyncio.create_task(client.get("/s", headers={"X-Forwarded-For": peer}))
            for peer in ("198.51.100.1", "198.51.100.2") * 5
        ]
        await wait_until(lambda: crowd.refused == len(asked) - served)
        go.set()
        answers = sorted([(await one).status for one in asked])
    assert answers == [200] * served + [503] * (len(asked) - served)


async def test_a_body_that_does_not_come_ends_its_connection_and_no_other() -> None:
    crowd = Crowd(body_s=0.05)
    read: asyncio.Queue[bytes] = asyncio.Queue()
    ended = asyncio.Event()

    async def takes(request: web.Request) -> web.Response:
        try:
            read.put_nowait(await request.read())
            if request.path == "/long":
                # Longer than a body may take, which has come.
                await ended.wait()
        finally:
            ended.set()
        return web.Response()

    app = web.Application()
    crowd.bound(app)
    app.add_routes([web.post("/slow", takes), web.post("/long", takes)])
    async with TestClient(TestServer(app)) as client, asyncio.timeout(3):
        long = asyncio.create_task(client.post("/long", data=b"whole"))
        assert await read.get() == b"whole"
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        await ended.wait()
        assert (await long).status == 200
    assert read.empty()
    assert not crowd.inside
