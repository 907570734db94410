"""F49: a desktop reads slowly, or not at all.

It is let go once it has taken nothing for 5 s while frames wait, or once 256 wait, and resumes when
it is back. Nobody else's pops are later for it, and memory does not grow.

Also shown by
`tests/integration/screenpop/test_desk.py::test_a_desktop_that_does_not_read_is_dropped_alone`,
`tests/integration/screenpop/test_event_stream.py::
test_a_client_that_does_not_read_is_dropped_alone`.
"""

from __future__ import annotations

import base64
import gc
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from screenpop.desk import outgoing
from screenpop.desk.hub import KEPT_FRAMES, MAX_DESKTOPS_PER_AGENT
from screenpop.desk.session import DesktopSocket
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.desk_server import ANNA, BEN, PASSWORD, DeskServer, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, victoria
from tests.integration.screenpop.test_desk import raw_desktop
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

A, B = ANNA.interfaces[0], BEN.interfaces[0]
NEWS = 100


@pytest.fixture
async def server(database: Database) -> AsyncIterator[DeskServer]:
    await add_agents(database)
    async with desk_server(database) as server:
        yield server


@asynccontextmanager
async def deaf(server: DeskServer) -> AsyncIterator[None]:
    """Anna's; it reads nothing, not even a goodbye."""
    token = (await server.desk.log_ins.log_in("anna", PASSWORD, "test")).token
    host, port = server.base_url.removeprefix("http://").split(":")
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        made.connect((host, int(port)))
        made.sendall(
            f"GET /agent/ws?ticket={server.desk.tickets.issue('anna', token)} HTTP/1.1\r\n"
            f"Host: {host}:{port}\r\nOrigin: {server.base_url}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n".encode()
        )
        before = server.desk.hub.desktops_of("anna")
        await wait_until(lambda: server.desk.hub.desktops_of("anna") > before)
        yield


async def tell(server: DeskServer, *interfaces: str, news: int) -> RingingCall:
    """A call of these agents, and what is learned of it, in frames of some kilobytes."""
    call = RingingCall()
    await server.publish(*call.until_ringing(victoria(name="x" * 200), *interfaces))
    for n in range(news):
        await server.publish(call.identified(victoria(name=f"{n} " + "x" * 190)))
    return call


def waiting(server: DeskServer) -> int:
    """Frames, for the slowest of Anna's desktops."""
    desktops = server.desk.hub._stream("anna").desktops
    return max(one._frames.qsize() for one in desktops if isinstance(one, DesktopSocket))


async def p95_ms(server: DeskServer, ben: DesktopClient) -> float:
    """From an event to Ben's desktop, while Anna is told the same."""
    ben.counters.latencies_ms.clear()
    call = RingingCall()
    await server.publish(*call.until_ringing(victoria(), A, B))
    for n in range(NEWS):
        seen = ben.counters.updates
        await server.publish(call.identified(victoria(name=f"{n} " + "x" * 190)))
        await ben.wait_for(lambda seen=seen: ben.counters.updates > seen)  # type: ignore[misc]  # mypy cannot infer a default's type in a lambda
    await server.publish(call.ended())
    return sorted(ben.counters.latencies_ms)[int(0.95 * len(ben.counters.latencies_ms))]


async def test_who_takes_nothing_is_let_go_in_time_and_resumes(
    server: DeskServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outgoing.TAKE_DEADLINE_S == 5.0
    monkeypatch.setattr(outgoing, "TAKE_DEADLINE_S", 0.3)
    async with server.client(ANNA) as reads, deaf(server):
        call = await tell(server, A, news=0)
        news = 0
        while waiting(server) < 5 and not server.metric("desktops_dropped_slow_total"):
            news += 1
            await server.publish(call.identified(victoria(name=f"{news} " + "x" * 190)))
        assert news < KEPT_FRAMES
        await wait_until(lambda: server.metric("desktops_dropped_slow_total") == 1)
        assert server.desk.hub.desktops_of("anna") == 1
        await reads.wait_for(lambda: reads.counters.updates == news)
        assert reads.counters.connects == 1
        painted = next(frame for frame in reads.frames if frame["kind"] == "pop.offer")["seq"]
        async with raw_desktop(server, last_seq=painted) as again:
            assert (await again.receive_json())["resumed"] is True
            assert (await again.receive_json())["seq"] == painted + 1


@pytest.mark.alone
async def test_nobody_waits_for_eight_that_do_not_read(server: DeskServer) -> None:
    async with server.client(BEN) as ben:
        alone = await p95_ms(server, ben)
        async with AsyncExitStack() as stack:
            for _ in range(MAX_DESKTOPS_PER_AGENT):
                await stack.enter_async_context(deaf(server))
            beside = await p95_ms(server, ben)
            assert server.desk.hub.desktops_of("anna") == MAX_DESKTOPS_PER_AGENT
        assert beside < 2 * alone + 20
        assert ben.counters.connects == 1


@pytest.mark.long
async def test_memory_is_flat_however_many_do_not_read(server: DeskServer) -> None:
    tracemalloc.start()
    held = [await _held(server) for _ in range(4)]
    tracemalloc.stop()
    assert held[-1] - held[1] < 1_000_000


async def _held(server: DeskServer) -> int:
    """Bytes, after one more desktop that did not read was let go."""
    before = server.metric("desktops_dropped_slow_total")
    async with deaf(server):
        while server.metric("desktops_dropped_slow_total") == before:
            await server.publish((await tell(server, A, news=50)).ended())
    await wait_until(lambda: server.desk.hub.desktops_of("anna") == 0)
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
