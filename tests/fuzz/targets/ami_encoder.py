"""An action: refused, or exactly one on the wire that reads back as what was meant."""

from __future__ import annotations

from ami_bridge.ami_wire import MAX_LINE, MAX_LINES, UnsafeAction, encode_action, parse
from tests.fuzz.targets import Target


def check(data: bytes) -> None:
    """Lines of `name<TAB>value`, of which nothing is believed."""
    text = data.decode("utf-8", "surrogateescape")
    name, *rest = text.split("\x1e")
    pairs = [(key, value) for key, _tab, value in (line.partition("\t") for line in rest)]
    try:
        wire = encode_action(name, pairs)
    except UnsafeAction:
        return
    assert wire.endswith(b"\r\n\r\n")
    assert wire.count(b"\r\n\r\n") == 1
    lines = wire[:-4].split(b"\r\n")
    assert len(lines) == 1 + len(pairs) <= MAX_LINES
    assert all(len(line) + 2 <= MAX_LINE for line in lines)
    assert wire.count(b"\n") == wire.count(b"\r") == len(lines) + 1
    assert b"\0" not in wire
    read = parse(wire[:-4])
    meant = [("Action", name), *pairs]
    for key in {key for key, _value in meant}:
        wanted = [_as_utf8(value) for name, value in meant if name == key]
        assert read.all(key) == wanted


def _as_utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8", "replace")


TARGET = Target(
    check,
    (
        b"Originate\x1eChannel\tPJSIP/anna\x1eContext\tfrom-internal\x1eVariable\ta=1\x1eVariable\tb=2",
        b"QueueAdd\x1eQueue\tsupport\x1eInterface\tPJSIP/anna\x1eMemberName\tAnna \xe4\xbd\xa0",
        b"Ping",
        b"Setvar\x1eVariable\tX" + b"\x1eVariable\tY" * 130,
    ),
    (b"\x1e", b"\t", b"Action\t", b"\r\nAction: Command", b": ", b"\r\n\r\n"),
)
