"""AMI's stream: the same messages however it is sliced, and every byte in one of them."""

from __future__ import annotations

from pathlib import Path

from ami_bridge.ami_wire import MAX_MESSAGE, Framer, WireBroken
from tests.fuzz.slicing import sliced
from tests.fuzz.targets import Target

_GREETING = b"Asterisk Call Manager/11.0.0\r\n"
_RECORDED = Path(__file__).parents[2] / "fixtures" / "ami"


def check(data: bytes) -> None:
    pieces, whole = sliced(data)
    at_once, broke = _messages([whole])
    in_pieces, broke_too = _messages(pieces)
    assert broke == broke_too
    # The messages of the very call that breaks the connection are lost with it.
    assert broke or at_once == in_pieces
    if broke:
        return
    for message in at_once:
        assert len(message) <= MAX_MESSAGE
        assert b"\r\n\r\n" not in message
    if at_once:
        after = whole.partition(b"\r\n")[2]
        assert after.startswith(b"\r\n\r\n".join([*at_once, b""]))


def _messages(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    framer = Framer()
    found: list[bytes] = []
    try:
        for piece in pieces:
            found += framer.feed(piece)
    except WireBroken:
        return found, True
    return found, False


def _recorded() -> tuple[bytes, ...]:
    text = (_RECORDED / "answered.txt").read_bytes().replace(b"\r\n", b"\n")
    messages = [part.replace(b"\n", b"\r\n") for part in text.split(b"\n\n") if part.strip()]
    return tuple(b"\r\n\r\n".join([*messages[n : n + 3], b""]) for n in range(0, 24, 3))


TARGET = Target(
    check,
    tuple(b"\x07\x13\x01\x3c" + _GREETING + stream for stream in _recorded()),
    (_GREETING, b"\r\n\r\n", b"Event: Hangup\r\n", b"Response: Success\r\n", b"\r\n\r\n\r\n"),
)
