"""A flood of connections that say nothing keeps nobody out who works, and has an end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager

import aiohttp
import pytest
from aiohttp import web

from switchboard.connections import Connections
from switchboard.proxies import are_proxies
from tests.waiting import wait_until

pytestmark = pytest.mark.unit

ASTERISK, PROXY, ANNA, BEN, FLOOD = (f"127.0.0.{n}" for n in (1, 9, 3, 4, 5))
#: So much waits that no socket takes it all.
LONG = b"x" * 16_000_000


@asynccontextmanager
async def serving(**bounds: float) -> AsyncIterator[tuple[Connections, int]]:
    connections = Connections(
        most=int(bounds.pop("most", 32)),
        is_near=lambda peer: peer == ASTERISK,
        is_proxy=are_proxies([PROXY]),
        **bounds,
    )
    app = web.Application()

    async def desk(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        async for message in answer:
            await answer.send_str(message.data)
        return answer

    async def prompt(_request: web.Request) -> web.Response:
        return web.Response(text="heard")

    async def export(_request: web.Request) -> web.Response:
        return web.Response(body=LONG)

    app.add_routes([web.get("/desk", desk), web.get("/", prompt), web.get("/long", export)])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listening = await connections.listen(runner, "127.0.0.1", 0)
    try:
        async with asyncio.timeout(10):
            yield connections, listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await runner.cleanup()
    assert are_open(connections) == 0


def from_(address: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0)))


def silent(stack: ExitStack, port: int, address: str = FLOOD) -> socket.socket:
    return stack.enter_context(
        socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(address, 0))
    )


@contextmanager
def flood(port: int, *, of: int, address: str = FLOOD) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [silent(stack, port, address) for _ in range(of)]


def are_open(connections: Connections) -> float:
    return connections.counters()["http_connections"]


async def seen(connections: Connections, new: int) -> None:
    def count() -> float:
        return are_open(connections) + connections.gave_way + connections.refused

    await wait_until(lambda: count() >= new)


async def test_a_silent_flood_keeps_out_neither_agents_nor_asterisk() -> None:
    async with serving() as (connections, port), AsyncExitStack() as stack:
        url = f"http://127.0.0.1:{port}"
        anna, ben, asterisk = [
            await stack.enter_async_context(from_(one)) for one in (ANNA, BEN, ASTERISK)
        ]
        desk = await stack.enter_async_context(anna.ws_connect(url + "/desk"))
        with flood(port, of=20), flood(port, of=200, address="127.0.0.6"):
            await seen(connections, 221)
            assert are_open(connections) <= 24
            for one in (asterisk, ben):
                async with one.get(url) as answer:
                    assert await answer.text() == "heard"
            late = await stack.enter_async_context(ben.ws_connect(url + "/desk"))
            for socket_ in (desk, late):
                await socket_.send_str("still here")
                assert (await socket_.receive()).data == "still here"
            assert connections.gave_way >= 196
            assert connections.refused == 0


async def test_where_something_goes_on_everywhere_the_new_one_is_refused_at_once() -> None:
    async with serving(most=16) as (connections, port), AsyncExitStack() as stack:
        url = f"http://127.0.0.1:{port}"
        for n in range(8):
            agent = await stack.enter_async_context(from_(f"127.0.1.{n + 1}"))
            await stack.enter_async_context(agent.ws_connect(url + "/desk"))
        ben, asterisk = [await stack.enter_async_context(from_(one)) for one in (BEN, ASTERISK)]
        async with ben.get(url) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        async with asterisk.get(url) as answer:
            assert answer.status == 200
        assert (connections.refused, connections.gave_way) == (1, 0)


@pytest.mark.parametrize(
    ("address", "stay"), [(FLOOD, 16), (PROXY, 24), (ASTERISK, 32)], ids=["one", "proxy", "near"]
)
async def test_one_address_has_half(address: str, stay: int) -> None:
    async with serving() as (connections, port):
        with flood(port, of=40, address=address):
            await seen(connections, 40)
            assert are_open(connections) == stay
            assert connections.gave_way == 40 - stay


async def test_the_oldest_that_rests_gives_way_and_its_peer_sees_it() -> None:
    async with serving() as (connections, port), from_(FLOOD) as anna:
        async with anna.get(f"http://127.0.0.1:{port}") as answer:
            assert answer.status == 200
        with flood(port, of=15) as first, flood(port, of=2) as later:
            await seen(connections, 18)
            assert connections.gave_way == 2
            # The one of the answered request, then the first of the silent ones.
            first[0].settimeout(5)
            assert await asyncio.to_thread(first[0].recv, 1) == b""
            for one in (*first[1:], *later):
                one.setblocking(False)
                with pytest.raises(BlockingIOError):
                    one.recv(1)


@pytest.mark.parametrize("drip", [b"", b"x"], ids=["silent", "a byte at a time"])
async def test_a_header_that_does_not_come_ends_its_connection(drip: bytes) -> None:
    async with serving(header_s=0.2) as (_, port), from_(ANNA) as anna:
        desk = await anna.ws_connect(f"http://127.0.0.1:{port}/desk")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: " if drip else b"")
        ended = asyncio.create_task(reader.read())
        while not ended.done():
            writer.write(drip)
            await asyncio.wait([ended], timeout=0.02)
        assert ended.exception() is not None or ended.result() == b""
        writer.close()
        await desk.send_str("much later")
        assert (await desk.receive()).data == "much later"
        await desk.close()


async def test_an_answer_that_nobody_reads_ends_its_connection() -> None:
    async with serving(unread_s=0.3) as (connections, port):
        with flood(port, of=1) as [one]:
            one.sendall(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
            await seen(connections, 1)
            await wait_until(lambda: not are_open(connections))


async def test_whoever_reads_has_the_answer_however_long_it_takes() -> None:
    # The clock is looked at by hand: a look after each piece that is read.
    async with serving(unread_s=3600) as (connections, port), from_(ANNA) as anna:
        async with anna.get(f"http://127.0.0.1:{port}/long") as answer:
            [one] = connections._open
            await wait_until(lambda: one._stalled is not None)
            assert one._tcp is not None
            read, looks, before = 0, 0, one._tcp.get_write_buffer_size()
            async for chunk in answer.content.iter_chunked(100_000):
                read += len(chunk)
                if 0 < (waits := one._tcp.get_write_buffer_size()) < before:
                    one._look_for_progress(before)
                    looks, before = looks + 1, waits
        assert read == len(LONG)
        assert looks >= 3
