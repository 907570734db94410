"""What a desktop sends: refused, or a frame that is the same when it is read again."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from screenpop.desk.protocol import client_frames
from tests.fuzz.targets import Target

#: Of anything that an agent may write; a whole message has at most 64 kB.
_LONGEST = 10_000


def check(data: bytes) -> None:
    # A websocket's text is UTF-8, or the connection is gone.
    text = data.decode("utf-8", "replace")
    try:
        frame = client_frames.validate_json(text)
    except ValidationError:
        return
    told = client_frames.dump_json(frame)
    assert client_frames.validate_json(told) == frame
    assert type(frame).model_fields["kind"].default == frame.kind
    for value in _values(frame.model_dump()):
        if isinstance(value, str):
            assert len(value) <= _LONGEST
        if isinstance(value, int):
            assert abs(value) < 2**63


def _values(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [inner for one in value.values() for inner in _values(one)]
    if isinstance(value, list | tuple):
        return [inner for one in value for inner in _values(one)]
    return [value]


TARGET = Target(
    check,
    (
        b'{"kind":"ack","pop_id":"p1","seq":12,"rendered_ms":31.5}',
        b'{"kind":"state.set","state":"available","reason":null,"now":true}',
        b'{"kind":"disposition","pop_id":"p1","code":"sold","note":"x"}',
        b'{"kind":"note","pop_id":"p1","text":"\\u4f60\\ud83d\\ude00"}',
        b'{"kind":"select","pop_id":"p1","candidate":"embedded/C-1"}',
        b'{"kind":"call.transfer","pop_id":"p1","target":"200","how":"blind"}',
        b'{"kind":"offer.answer","pop_id":"p1","offer":"o","answer":"accepted","reason":""}',
        b'{"kind":"wrapup.extend","pop_id":"p1"}',
        b'{"kind":"call.conference","pop_id":"p1"}',
        b'{"kind":"lead.done","lead_id":"k","confirmed":true}',
    ),
    (b'"kind":', b'"pop_id":', b'"seq":', b"9007199254740993", b"1e400", b"NaN", b"\\ud800",
     b"\\u0000", b"[" * 300, b'{"a":' * 200, b"true", b"null", b",", b'"v":3', b'""'),
)  # fmt: skip
