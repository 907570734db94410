"""The fault proxy itself: each toxic does what it says, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.faults.proxy import (
    Bandwidth,
    Blackhole,
    Corrupt,
    Direction,
    FaultProxy,
    Latency,
    LimitData,
    Reset,
    Slicer,
)
from tests.faults.proxy.control import controlled
from tests.faults.proxy.toxics import KINDS, made, told
from tests.punctual import in_time
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

WORDS = bytes(range(256)) * 8


class Echo:
    """Says again what it is told, and how its connections ended."""

    def __init__(self) -> None:
        self.heard = b""
        self.ends: list[str] = []
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="echo")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65_536):
                self.heard += piece
                writer.write(piece)
                await writer.drain()
            self.ends.append("closed")
        except ConnectionError:
            self.ends.append("reset")
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    yield echo
    server.close()
    await server.wait_closed()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(("127.0.0.1", echo.port)) as proxy:
        yield proxy


@asynccontextmanager
async def connected(
    proxy: FaultProxy,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def echoed(proxy: FaultProxy, words: bytes = WORDS) -> bytes:
    """What comes back of them until the end."""
    async with connected(proxy) as (reader, writer):
        writer.write(words)
        writer.write_eof()
        return await reader.read()


async def test_without_a_toxic_all_passes_and_is_counted(proxy: FaultProxy, echo: Echo) -> None:
    assert await echoed(proxy) == WORDS
    assert (proxy.connections, echo.ends) == (1, ["closed"])
    assert set(proxy.passed.values()) == {len(WORDS)}
    await wait_until(lambda: proxy.open_connections == 0)


async def test_latency_is_once_for_all_that_is_on_its_way(proxy: FaultProxy) -> None:
    proxy.add(Latency(0.3), Direction.DOWN)
    async with connected(proxy) as (reader, writer):
        began = time.monotonic()
        for word in (b"one", b"two", b"six"):
            writer.write(word)
            await asyncio.sleep(0)
        assert await in_time(reader.readexactly(9), 0.3) == b"onetwosix"
        assert time.monotonic() - began >= 0.3


async def test_what_is_late_hurries_once_the_latency_is_gone(proxy: FaultProxy) -> None:
    late = proxy.add(Latency(60.0, jitter_s=1.0))
    async with connected(proxy) as (reader, writer):
        writer.write(b"late")
        await asyncio.sleep(0)
        proxy.remove(late)
        assert await in_time(reader.readexactly(4), 0.0) == b"late"


async def test_no_more_passes_than_the_bandwidth(proxy: FaultProxy) -> None:
    proxy.add(Bandwidth(10_000), Direction.UP)
    began = time.monotonic()
    assert await echoed(proxy, WORDS[:2_000]) == WORDS[:2_000]
    assert time.monotonic() - began >= 0.2


async def test_a_slicer_cuts_at_every_byte(echo: Echo) -> None:
    pieces: dict[Direction, list[bytes]] = {Direction.UP: [], Direction.DOWN: []}

    def seen(_connection: int, direction: Direction, piece: bytes) -> None:
        pieces[direction].append(piece)

    async with FaultProxy(("127.0.0.1", echo.port), seen=seen) as proxy:
        proxy.add(Slicer(1), Direction.UP)
        proxy.add(Slicer(100), Direction.DOWN)
        assert await echoed(proxy) == WORDS
    assert {len(piece) for piece in pieces[Direction.UP]} == {1}
    assert max(len(piece) for piece in pieces[Direction.DOWN]) <= 100
    assert b"".join(pieces[Direction.UP]) == WORDS


async def test_a_black_hole_swallows_even_the_end_and_gives_it_back(
    proxy: FaultProxy, echo: Echo
) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"before")
        assert await reader.readexactly(6) == b"before"
        proxy.add(Blackhole())
        async with connected(proxy) as (_, nobody_there):
            nobody_there.write(b"hello?")
        writer.write(b" after")
        writer.write_eof()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        assert (echo.heard, echo.ends, proxy.connections) == (b"before", [], 1)
        proxy.let_pass()
        assert await reader.read() == b" after"


async def test_one_direction_dead_is_half_open(proxy: FaultProxy, echo: Echo) -> None:
    proxy.add(Blackhole(), Direction.DOWN)
    async with connected(proxy) as (reader, writer):
        writer.write(b"there")
        await wait_until(lambda: echo.heard == b"there")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)


async def test_a_reset_comes_to_both_and_after_so_many_bytes(proxy: FaultProxy, echo: Echo) -> None:
    proxy.add(Reset(after_bytes=3), Direction.UP)
    async with connected(proxy) as (reader, writer):
        writer.write(b"abc")
        assert await reader.readexactly(3) == b"abc"
        writer.write(b"d")
        with pytest.raises(ConnectionResetError):
            await reader.read()
    await wait_until(lambda: echo.ends == ["reset"])
    assert echo.heard == b"abc"


async def test_a_limit_closes_after_its_bytes_have_arrived(proxy: FaultProxy, echo: Echo) -> None:
    proxy.add(LimitData(5), Direction.DOWN)
    async with connected(proxy) as (reader, writer):
        writer.write(b"0123456789")
        assert await reader.read() == b"01234"
    proxy.let_pass()
    proxy.close_all()
    connections = proxy.connections
    async with connected(proxy) as (reader, writer):
        assert await reader.read() == b""
    assert proxy.connections == connections


async def test_the_same_seed_spoils_the_same_bytes(echo: Echo) -> None:
    async def spoilt(seed: int) -> bytes:
        async with FaultProxy(("127.0.0.1", echo.port), seed=seed) as proxy:
            proxy.add(Corrupt(one_in=20), Direction.UP)
            return await echoed(proxy)

    first = await spoilt(7)
    assert len(first) == len(WORDS)
    changed = sum(a != b for a, b in zip(first, WORDS, strict=True))
    assert 50 < changed < 200
    assert await spoilt(7) == first
    assert await spoilt(8) != first


@pytest.mark.parametrize("rst", [False, True])
async def test_a_cut_ends_what_there_is_and_nothing_after(proxy: FaultProxy, rst: bool) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"x")
        await reader.readexactly(1)
        proxy.cut(rst=rst)
        if rst:
            with pytest.raises(ConnectionResetError):
                await reader.read()
        else:
            assert await reader.read() == b""
    assert await echoed(proxy) == WORDS


async def test_nobody_listens_and_then_somebody_at_the_same_port(proxy: FaultProxy) -> None:
    port = proxy.port
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await proxy.listen()
    assert proxy.port == port
    assert await echoed(proxy) == WORDS


async def test_a_target_that_refuses_resets_its_peer() -> None:
    async with FaultProxy(("127.0.0.1", 1)) as proxy, connected(proxy) as (reader, _):
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_it_is_driven_over_http(proxy: FaultProxy) -> None:
    async with controlled(proxy) as url, aiohttp.ClientSession(url) as session:
        asked = {"toxic": "latency", "delay_s": 0.5, "direction": "down", "name": "slow"}
        async with session.post("/toxics", json=asked) as answer:
            assert (answer.status, await answer.json()) == (201, {"name": "slow"})
        async with session.post("/toxics", json={"toxic": "blackhole"}) as answer:
            assert await answer.json() == {"name": "blackhole-1"}
        assert proxy.find(Latency, Direction.DOWN) == Latency(0.5)
        assert proxy.find(Latency, Direction.UP) is None
        async with session.delete("/toxics/slow") as answer:
            assert list((await answer.json())["toxics"]) == ["blackhole-1"]
        async with session.delete("/toxics/slow") as answer:
            assert answer.status == 404
            assert "blackhole-1" in (await answer.json())["error"]
        async with session.delete("/toxics") as answer:
            assert (await answer.json())["toxics"] == {}
        async with session.post("/refuse") as answer:
            assert (await answer.json())["listening"] is None
        async with session.post("/listen") as answer:
            assert (await answer.json())["listening"] == f"127.0.0.1:{proxy.port}"
        assert await echoed(proxy) == WORDS


@pytest.mark.parametrize(
    ("asked", "because"),
    [
        ([], "say"),
        ({"toxic": "fire"}, "there are latency"),
        ({"toxic": "latency"}, "needs delay_s"),
        ({"toxic": "latency", "delay_s": "slow"}, "to be a number"),
        ({"toxic": "latency", "delay_s": float("nan")}, "0 or more"),
        ({"toxic": "slicer", "size": 0}, "1 or more"),
        ({"toxic": "slicer", "size": 1.5}, "whole number"),
        ({"toxic": "reset", "bytes": 1}, "its values are: after_bytes"),
        ({"toxic": "reset", "direction": "left"}, "one of up, down, both"),
    ],
)
async def test_what_cannot_be_asked_is_told(proxy: FaultProxy, asked: object, because: str) -> None:
    async with (
        controlled(proxy) as url,
        aiohttp.ClientSession(url) as session,
        session.post("/toxics", json=asked) as answer,
    ):
        assert answer.status == 400
        assert because in (await answer.json())["error"]
    assert proxy.toxics == {}


_SAMPLES = [Latency(1.5), Bandwidth(9.0), Slicer(), Blackhole(), Reset(), LimitData(1), Corrupt()]


@pytest.mark.parametrize("toxic", _SAMPLES, ids=lambda toxic: type(toxic).__name__)
def test_every_toxic_is_json_and_back(toxic: object) -> None:
    assert {type(sample) for sample in _SAMPLES} == set(KINDS.values())
    values = told(toxic)  # type: ignore[arg-type]
    assert made(str(values.pop("toxic")), values) == toxic


async def test_the_command_says_what_cannot_be(proxy: FaultProxy) -> None:
    async def run(*arguments: str) -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.proxy", *arguments,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, errors = await process.communicate()
        return process.returncode, errors.decode()

    code, said = await run("127.0.0.1:1", "--toxic", "fire")
    assert code == 2
    assert "no toxic 'fire'; there are latency" in said
