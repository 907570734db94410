"""AGI replies: the same ones however the stream is sliced, and HANGUP is never one of them."""

from __future__ import annotations

from ami_bridge.agi_protocol import Message, ProtocolViolation, Reply, ReplyParser
from tests.fuzz.slicing import sliced
from tests.fuzz.targets import Target


def check(data: bytes) -> None:
    pieces, whole = sliced(data)
    at_once, broke = _messages([whole])
    in_pieces, broke_too = _messages(pieces)
    # In one piece the parser may see a violation behind what is too long in pieces, and no more.
    if not (broke or broke_too):
        assert at_once == in_pieces
    if not broke:
        lines = whole.split(b"\n")[:-1]
        assert len(at_once) <= len(lines)
        hang_ups = sum(line.removesuffix(b"\r") == b"HANGUP" for line in lines)
        assert len(at_once) - sum(isinstance(one, Reply) for one in at_once) == hang_ups
    for one in at_once:
        if isinstance(one, Reply):
            assert 200 <= one.code <= 599
            assert one.code != 200 or one.text.startswith("result=")
            one.text.encode()


def _messages(pieces: list[bytes]) -> tuple[list[Message], bool]:
    parser = ReplyParser()
    found: list[Message] = []
    try:
        for piece in pieces:
            found += parser.feed(piece)
    except ProtocolViolation:
        return found, True
    return found, False


TARGET = Target(
    check,
    tuple(
        b"\x05\x11\x02\x20" + stream
        for stream in (
            b"200 result=1 (value)\n200 result=0\nHANGUP\n200 result=-1 endpos=4321\n",
            b"100 Trying...\n200 result=1\n200 result=49 endpos=0\n",
            b"520-Invalid command syntax.  Proper usage follows:\nUsage: ANSWER\n"
            b"520 End of proper usage.\n511 Command Not Permitted on a dead channel\n",
            b"200 result=1 (two\nlines)\n510 Invalid or unknown command\nHANGUP\nHANGUP\n",
            b'200 result=1 (speech) endpos=12 results=1 score0=999 text0="a b" grammar0=x\n',
            b"200 result= (timeout)\n200 result=12# (dtmf) endpos=8\r\n",
        )
    ),
    (b"HANGUP\n", b"200 result=", b" (", b")", b" endpos=", b"520-", b"520 ", b"100 ", b"\n"),
)
