"""AMI as bytes: a stream cut into messages, a message read into headers, an action written.

Knows no socket. Everything that leaves for Asterisk as an action passes `encode_action`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from calls.errors import SwitchboardError

#: Largest message taken from Asterisk; its own events stay below 5 kB.
MAX_MESSAGE = 64 * 1024
#: Headers read of one message; what follows them is left out.
MAX_HEADERS = 1_000
#: Asterisk 22.10.1 takes a line of 1,024 bytes with its CR LF and answers "line too long" to one
#: of 1,025 (main/manager.c `get_input`), and 128 lines (include/asterisk/manager.h
#: AST_MAX_MANHEADERS); both were tried.
MAX_LINE = 1_024
MAX_LINES = 128

_END = b"\r\n\r\n"
_BANNER = b"Asterisk Call Manager/"
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,3}")
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")
_UNSAFE = re.compile(r"[\x00\r\n]")


class WireBroken(SwitchboardError):
    """The peer does not speak AMI, or not within the limits; only a new connection helps."""


class UnsafeAction(SwitchboardError, ValueError):
    """An action that would reach Asterisk as something else than was meant."""


class Framer:
    """Bytes as they come in, messages out: the same messages however the stream is sliced."""

    def __init__(self) -> None:
        #: AMI version of the greeting (`11.0.0`), once it is here.
        self.version: str | None = None
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Whole messages, without their empty line.

        Raises WireBroken for a peer that greets otherwise than AMI does, and for a message larger
        than MAX_MESSAGE; the messages of this call are lost then, as is the connection.
        """
        rest = self._rest
        if rest:
            tail = rest[-3:] + data
            rest += data
            if self.version is not None and _END not in tail:
                self._check_size(len(rest) - 3)
                return []
            data = bytes(rest)
            rest.clear()
        if self.version is None:
            data = self._greeting(data)
            if self.version is None:
                rest += data
                return []
        blocks = data.split(_END)
        rest += blocks.pop()
        # A message of the full size may have three bytes of its end behind it.
        self._check_size(len(rest) - 3)
        for block in blocks:
            self._check_size(len(block))
        return blocks

    def _greeting(self, data: bytes) -> bytes:
        """What follows the first line, which has no empty line behind it."""
        line, end, after = data.partition(b"\r\n")
        so_far = line.startswith(_BANNER) or (not end and _BANNER.startswith(line))
        if not so_far or len(line) > 200:
            raise WireBroken("the peer does not greet as an Asterisk manager")
        if not end:
            return data
        version = line[len(_BANNER) :].decode("ascii", "replace").strip()
        if not _VERSION.fullmatch(version):
            raise WireBroken("the peer greets as an Asterisk manager of no version")
        self.version = version
        return after

    @staticmethod
    def _check_size(size: int) -> None:
        if size > MAX_MESSAGE:
            raise WireBroken(f"a message of more than {MAX_MESSAGE} bytes")


class Headers(dict[str, str]):
    """Headers by name as Asterisk writes it; the first of each name. `repeated` has the others.

    The first wins because Asterisk writes what it knows before what a dialplan adds
    (apps/app_userevent.c: the channel, then the dialplan's own headers).
    """

    __slots__ = ("repeated",)

    def __init__(self) -> None:
        super().__init__()
        self.repeated: list[tuple[str, str]] = []

    def all(self, name: str) -> list[str]:
        """Every value of `name`, in order."""
        first = [self[name]] if name in self else []
        return first + [value for key, value in self.repeated if key == name]


def parse(block: bytes) -> Headers:
    """Never fails: a line without a colon is left out, bytes that are no UTF-8 become U+FFFD."""
    headers = Headers()
    lines = block.decode("utf-8", "replace").split("\r\n")
    for line in lines[:MAX_HEADERS] if len(lines) > MAX_HEADERS else lines:
        key, colon, value = line.partition(":")
        if not colon:
            continue
        if value[:1] == " ":
            value = value[1:]
        if key in headers:
            headers.repeated.append((key, value))
        else:
            headers[key] = value
    return headers


def clean(text: str, limit: int = 80) -> str:
    """A foreign value without control characters, at most `limit` long."""
    text = text[: limit * 2]
    if not text.isprintable():
        text = "".join(letter for letter in text if letter.isprintable())
    return text[:limit]


def encode_action(name: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """One action, `headers` in order and repeated where they repeat.

    Raises UnsafeAction for a CR, LF or NUL (they would add headers, or a second action), for a
    name that is none, and for what Asterisk would not read: a line over MAX_LINE bytes or more
    than MAX_LINES lines (it answers the latter without the ActionID).
    """
    lines = []
    for key, value in (("Action", name), *headers):
        if not _KEY.match(key):
            raise UnsafeAction("an AMI header's name may only have letters, digits, _ . and -")
        if _UNSAFE.search(value):
            raise UnsafeAction(f"the AMI header {key} holds a line break or NUL")
        line = f"{key}: {value}\r\n".encode("utf-8", "replace")
        if len(line) > MAX_LINE:
            raise UnsafeAction(f"the AMI header {key} is longer than Asterisk reads")
        lines.append(line)
    if len(lines) > MAX_LINES:
        raise UnsafeAction(f"the AMI action {name} has more than {MAX_LINES} headers")
    return b"".join((*lines, b"\r\n"))
