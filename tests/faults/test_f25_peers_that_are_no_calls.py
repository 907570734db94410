"""F25: port scans, health checks, half sent headers and HTTP come to the FastAGI port.

They are cut off, at the latest after 5 s; calls are served meanwhile and never wait for them. Too
many give way to each other: those of one address take no place from another's.

Also shown by `tests/integration/test_agi_server.py::test_a_peer_that_is_no_call_costs_nothing`.
"""

from __future__ import annotations

import asyncio
import socket

import pytest

from config.settings import AgiSettings
from tests.fakes.asterisk_agi import FakeAsterisk, header
from tests.integration.test_agi_server import World, loop_lag, serving, sockets
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

IDLE, DRIPPING, SCANS = 450, 50, 100
HTTP = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"


def connected(world: World, said: bytes = b"", *, address: str = "127.0.0.1") -> socket.socket:
    """Plain sockets: the loop's time is the server's alone."""
    peer = socket.create_connection(
        ("127.0.0.1", world.server.port), timeout=5, source_address=(address, 0)
    )
    peer.send(said)
    return peer


async def drip(peers: list[socket.socket]) -> None:
    """A byte of a header each, now and then: never whole, and never silent for long."""
    for byte in header():
        for peer in peers:
            try:
                peer.send(bytes([byte]))
            except OSError:
                return
        await asyncio.sleep(0.02)


async def test_calls_are_served_while_others_knock() -> None:
    deadline_s = AgiSettings().header_deadline_s
    assert deadline_s == 5
    async with serving(header_deadline_s=deadline_s) as world, loop_lag():
        before = sockets()
        peers = []
        for _ in range(IDLE + DRIPPING):
            peers.append(connected(world))
            if len(peers) % 20 == 0:
                await asyncio.sleep(0)
        await wait_until(lambda: world.server.counters.waiting == IDLE + DRIPPING)
        dripping = asyncio.create_task(drip(peers[IDLE:]), name="drip")
        for number in range(SCANS):
            connected(world, HTTP if number % 2 else b"").close()
            if number % 5 == 0:
                await world.served()
        assert world.server.counters.waiting >= IDLE
        await wait_until(
            lambda: world.server.counters.bad == IDLE + DRIPPING + SCANS, deadline_s=3 * deadline_s
        )
        await dripping
        for peer in peers:
            peer.close()
        await world.idle()
        await wait_until(lambda: sockets() <= before)
        await world.served()


async def test_a_flood_of_one_address_takes_no_place_from_another() -> None:
    async with serving(header_deadline_s=30, max_sessions=10) as world:
        # Asterisk is late with the rest of its header, as on a machine that is out of breath.
        block = header()
        line = await FakeAsterisk("127.0.0.1", world.server.port).dial(block[:50])
        await wait_until(lambda: world.server.counters.waiting == 1)
        flood = [connected(world, b"agi_", address="127.0.0.2") for _ in range(40)]
        await wait_until(lambda: world.server.counters.bad == 31)
        await line.send(block[50:])
        assert await line.command() == "ANSWER"
        await line.vanish()
        for peer in flood:
            peer.close()
        await world.idle()
        await world.served()
