"""F10: the manager's stream comes in segments of any size, one byte each or many messages glued.

The same events as of the whole stream, and no letter of a name is lost.

Also shown by `tests/unit/ami_bridge/test_ami_wire.py::test_slices_do_not_matter`.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from ami_bridge.ami_wire import Framer
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.watched_ami import Watched, running
from tests.faults.proxy import Direction, FaultProxy, Slicer

pytestmark = [pytest.mark.integration, pytest.mark.smoke]

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
RECORDED = sorted((Path(__file__).parents[1] / "fixtures" / "ami").glob("*.txt"))
#: A name whose letters have two to four bytes, before each stream.
JOINED = (
    "Event: QueueCallerJoin\r\nPrivilege: agent,all\r\nChannel: PJSIP/t-1\r\n"
    "CallerIDName: 王小明 José 🎧\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\n"
).encode()


def framed(stream: bytes, cuts: list[int]) -> list[bytes]:
    framer = Framer()
    edges = [0, *cuts, len(stream)]
    return [block for one, two in pairwise(edges) for block in framer.feed(stream[one:two])]


async def received(stream: bytes, size: int) -> list[tuple[bytes, bytes]]:
    """By a client that is logged in, through segments of that size."""
    async with FakeAmi(boots=False) as fake, FaultProxy(("127.0.0.1", fake.port)) as proxy:
        proxy.add(Slicer(size), Direction.DOWN)
        watched = Watched(fake, port=proxy.port)
        async with running(watched):
            await watched.until_connected()
            fake.raw(stream + b"Event: TheEnd\r\nPrivilege: call,all\r\n\r\n")
            await watched.until(lambda: watched.events[-1:] and watched.events[-1][0] == b"TheEnd")
            assert watched.downs == []
            return watched.events


async def test_a_stream_cut_anywhere_tells_the_same() -> None:
    assert len(RECORDED) > 10
    for path in RECORDED:
        stream = GREETING + JOINED + path.read_bytes()
        assert framed(stream, list(range(1, len(stream)))) == framed(stream, []), path.name
    stream = stream[:3_000]
    whole = framed(stream, [])
    assert len(whole) > 4
    for cut in range(1, len(stream)):
        assert framed(stream, [cut]) == whole, cut
    # And over a socket, what the client hands on.
    stream = JOINED + b"".join(path.read_bytes() for path in RECORDED[:3])
    at_once = await received(stream, 1_000_000)
    assert len(at_once) > 50
    assert "王小明 José 🎧".encode() in at_once[0][1]
    assert await received(stream, 1) == at_once
    assert await received(stream, 7) == at_once
