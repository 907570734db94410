"""One AMI message: read as a plain reader would, and made into an event that holds clean values."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from ami_bridge.ami_reading import event_name, read_event
from ami_bridge.ami_seams import Seams, names_its_readers
from ami_bridge.ami_wire import MAX_HEADERS, parse
from tests.fuzz.targets import Target

_RECORDED = Path(__file__).parents[2] / "fixtures" / "ami"


def check(data: bytes) -> None:
    headers = parse(data)
    pairs = []
    for line in data.decode("utf-8", "replace").split("\r\n")[:MAX_HEADERS]:
        key, colon, value = line.partition(":")
        if colon:
            pairs.append((key, value.removeprefix(" ")))
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    assert dict(headers) == first
    assert len(headers) + len(headers.repeated) == len(pairs)
    for key in first:
        assert headers.all(key) == [value for name, value in pairs if name == key]
    seams = Seams()
    if names_its_readers(data):
        seams.is_genuine(data)
    else:
        seams.is_rest(data)
    event = read_event(event_name(data) or b"", data)
    if event is not None:
        for field in fields(event):
            value = getattr(event, field.name)
            # Identifiers are compared and never shown; whatever may be shown is clean.
            if isinstance(value, str) and field.name in ("channel", "caller_number", "caller_name"):
                assert value.isprintable()
                assert len(value) <= 80


def _recorded() -> tuple[bytes, ...]:
    found: dict[bytes, bytes] = {}
    for path in sorted(_RECORDED.glob("*.txt")):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        for part in text.split(b"\n\n"):
            found.setdefault(part.split(b"\n")[0], part.strip(b"\n").replace(b"\n", b"\r\n"))
    return tuple(found.values())


TARGET = Target(
    check,
    _recorded(),
    (b"Event: ", b"Uniqueid: ", b"Linkedid: ", b"Channel: ", b"Duration: 99", b"Count: -1"),
)
