"""One command: refused, or one line that Asterisk's own splitting gives back word for word."""

from __future__ import annotations

from ami_bridge.agi_protocol import MAX_COMMAND_BYTES, UnsafeCommand, encode_command
from tests.fuzz.targets import Target

_VERBS = ("SET VARIABLE", "STREAM FILE", "GET DATA", "EXEC", "VERBOSE")


def check(data: bytes) -> None:
    verb = _VERBS[data[0] % len(_VERBS)] if data else _VERBS[0]
    words = data[1:].decode("utf-8", "surrogateescape").split("\x1e")
    arguments = [_argument(word) for word in words]
    try:
        line = encode_command(verb, *arguments)
    except UnsafeCommand:
        return
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert not {0, 13} & set(line)
    assert len(line) <= MAX_COMMAND_BYTES
    assert _split(line[:-1]) == verb.encode().split() + [str(one).encode() for one in arguments]


def _argument(word: str) -> str | int:
    if word.isascii() and word.lstrip("-").isdigit() and word.count("-") <= 1 and len(word) < 18:
        return int(word)
    return word


def _split(line: bytes) -> list[bytes]:
    """As `parse_args` of res_agi.c (Asterisk 22.10.1) does it: a backslash takes the next
    character as it is, a quote begins or ends a quoted part, blanks end a word outside of it."""
    words: list[bytearray] = []
    quoted = escaped = False
    fresh = True
    for letter in line:
        character = bytes([letter])
        if escaped:
            escaped = False
        elif character == b'"':
            quoted = not quoted
            if quoted and fresh:
                words.append(bytearray())
                fresh = False
            continue
        elif character in b" \t" and not quoted:
            fresh = True
            continue
        elif character == b"\\":
            escaped = True
            continue
        if fresh:
            words.append(bytearray())
            fresh = False
        words[-1] += character
    return [bytes(word) for word in words]


TARGET = Target(
    check,
    (
        b"\x00SWB_DONE\x1e1",
        b"\x01http://127.0.0.1:8080/prompts/ab.wav\x1e0123456789*#\x1e0",
        b'\x02say "hello" \\ there\x1e-5\x1e',
        b"\x03Queue\x1esupport,tc,,,600\x1e\xe4\xbd\xa0\xe5\xa5\xbd",
    ),
    (b"\x1e", b'"', b"\\", b'\\"', b" ", b"\t", b'" HANGUP "', b"x" * 3000),
)
