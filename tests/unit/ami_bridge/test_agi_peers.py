"""Who may ask by FastAGI: the settings' Asterisks and this machine, and nobody is heard before."""

from __future__ import annotations

import asyncio
import socket

import pytest

from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_peers import AgiPeers
from ami_bridge.agi_request import AgiRequest
from config.neighbours import Neighbours
from config.settings import AmiSettings, NodesSettings, Settings, WebSettings
from tests.fakes.asterisk_agi import header
from tests.waiting import wait_until

pytestmark = pytest.mark.unit

OURS = "192.0.2.1"


class Wire(asyncio.Transport):
    def __init__(self, peer: str, own: str = OURS) -> None:
        super().__init__({"peername": (peer, 40000), "sockname": (own, 4573)})
        self.open = True

    def abort(self) -> None:
        self.open = False


class Owner:
    def __init__(self, near: Neighbours) -> None:
        self.peers = AgiPeers(near)
        self.heard: list[str] = []

    def connected(self, connection: AgiConnection) -> bool | None:
        return self.peers.may_ask(connection)

    def requested(self, connection: AgiConnection, request: AgiRequest) -> None:
        self.heard.append(connection.peer)

    def refused(self, connection: AgiConnection, reason: str) -> None: ...

    def gone(self, connection: AgiConnection) -> None: ...

    def closed(self, connection: AgiConnection) -> None:
        self.peers.forget(connection)

    def dialled_from(self, wire: Wire, says: bytes) -> AgiConnection:
        loop = asyncio.get_running_loop()
        connection = AgiConnection(owner=self, loop=loop, header_deadline_s=5.0)
        connection.connection_made(wire)
        connection.data_received(says)
        return connection


NEAR = Neighbours.calling(
    Settings(
        ami=AmiSettings(host="192.0.2.20"),
        web=WebSettings(asterisks=("203.0.113.0/28",)),
        nodes=NodesSettings(
            trusted=("192.0.2.11",), asterisks=(AmiSettings(host="2001:db8::21", system="b"),)
        ),
    )
)


@pytest.mark.parametrize(
    ("peer", "may"),
    [
        ("127.0.0.9", True),
        ("::1", True),
        ("192.0.2.20", True),
        ("::ffff:192.0.2.20", True),
        ("2001:db8::21", True),
        ("203.0.113.9", True),
        (OURS, True),
        # A process of ours is no Asterisk.
        ("192.0.2.11", False),
        ("192.0.2.21", False),
        ("2001:db8::22", False),
        ("", False),
    ],
)
async def test_who_may_ask(peer: str, may: bool) -> None:
    owner, wire = Owner(NEAR), Wire(peer)
    owner.dialled_from(wire, header())
    assert (wire.open, owner.heard) == (may, [peer] if may else [])
    assert owner.peers.strangers == (not may)


async def test_a_name_is_looked_up_while_they_wait_unheard(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answered = asyncio.Event()
    asked: list[str] = []

    async def look_up(host: str, _port: None) -> list[tuple[object, ...]]:
        asked.append(host)
        await answered.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.20", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    owner = Owner(Neighbours(hosts=["asterisk"]))
    wires = [Wire(peer) for peer in ("192.0.2.20", "192.0.2.9", "192.0.2.20", "192.0.2.8")]
    for wire in wires[:3]:
        owner.dialled_from(wire, header())
    left = owner.dialled_from(wires[3], b"agi_")
    left.connection_lost(None)
    left.admit(may=True)
    talker = Wire("192.0.2.20")
    owner.dialled_from(talker, b"agi_" + b"x" * 2**16)
    assert not talker.open
    await wait_until(lambda: bool(asked))
    assert owner.heard == []
    answered.set()
    await wait_until(lambda: len(owner.heard) == 2)
    await wait_until(lambda: not wires[1].open)
    assert (wires[0].open, wires[2].open, asked) == (True, True, ["asterisk"])
    assert owner.peers.strangers == 1
    [told] = [one.getMessage() for one in caplog.records if "agi:" in one.getMessage()]
    assert "192.0.2.9" in told
    assert "web.asterisks" in told
    await owner.peers.stop()


async def test_an_asterisk_elsewhere_is_one_that_is_named() -> None:
    assert NEAR.elsewhere
    assert Neighbours(hosts=["asterisk"]).elsewhere
    assert Neighbours(asterisks=["10.0.0.0/8"]).elsewhere
    assert not Neighbours(hosts=["127.0.0.1", "localhost", "::1"]).elsewhere
    assert not Neighbours.calling(Settings(nodes=NodesSettings(trusted=("192.0.2.11",)))).elsewhere
