"""FastAGI between the header and the close: commands to bytes, bytes to replies. No sockets.

Facts are from res_agi.c, Asterisk 22.10.1, where nothing else is said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from calls.errors import SwitchboardError

#: Asterisk splits a line above 8,192 bytes in two commands; every reply after it is one off.
MAX_COMMAND_BYTES = 8_000
#: More than this without a whole reply is not Asterisk.
MAX_REPLY_BYTES = 64 * 1024

CODE_SUCCESS = 200
CODE_DEAD_CHANNEL = 511

_BREAKS_THE_LINE = re.compile(r"[\r\n\x00]")
_STATUS = re.compile(rb"[1-5][0-9][0-9](?=[ -])")
_RESULT = re.compile(
    rb"result=(?P<result>[^\s(]*)(?: \((?P<note>.*)\))?(?: endpos=(?P<endpos>-?[0-9]{1,18}))?\s*",
    re.DOTALL,
)
_VALUE_ENDS = re.compile(rb"\)(?: endpos=-?[0-9]+)?\s*$")


class UnsafeCommand(SwitchboardError):
    """This would reach Asterisk as something other than one command; nothing was sent."""


class ProtocolViolation(SwitchboardError):
    """The peer sent what Asterisk does not send; replies can no longer be told apart."""


@dataclass(frozen=True, slots=True)
class Reply:
    """`result` and `note` of `200 result=RESULT (NOTE) endpos=N`; `text` is all after the code.
    A result may be a caller's PIN, so no repr shows it."""

    code: int
    result: str = field(default="", repr=False)
    note: str | None = None
    endpos: int | None = None
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HangupNotice:
    """The line `HANGUP`: before, between or after replies, also twice, and never a reply."""


HANGUP = HangupNotice()
#: What nearly every command is answered with.
_USUAL = {b"200 result=%d" % n: Reply(200, str(n), text=f"result={n}") for n in (0, 1)}
Message = Reply | HangupNotice


def encode_command(verb: str, *arguments: str | int) -> bytes:
    """One line. `verb` is a constant of ours; text arguments are quoted, whatever they hold.

    Raises UnsafeCommand for CR, LF, NUL, text that is no UTF-8, and lines over 8,000 bytes.
    """
    words = [verb]
    for argument in arguments:
        if isinstance(argument, int):
            words.append(str(argument))
        else:
            escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
            words.append(f'"{escaped}"')
    line = " ".join(words)
    if _BREAKS_THE_LINE.search(line):
        raise UnsafeCommand(f"{verb}: an argument holds a line break or NUL")
    try:
        data = f"{line}\n".encode()
    except UnicodeEncodeError as error:
        raise UnsafeCommand(f"{verb}: an argument is not valid text") from error
    if len(data) > MAX_COMMAND_BYTES:
        raise UnsafeCommand(f"{verb}: longer than {MAX_COMMAND_BYTES} bytes")
    return data


class ReplyParser:
    """Feed it whatever arrived; it hands out what became whole.

    A ProtocolViolation is final: close the connection, the dialplan's fallback has the caller.
    """

    __slots__ = ("_buffer", "_open")

    def __init__(self) -> None:
        self._buffer = b""
        #: Lines of a reply that is not whole yet: `520-` usage or a value with line breaks.
        self._open: list[bytes] = []

    @property
    def is_within_reply(self) -> bool:
        """Its first line came, its last did not."""
        return bool(self._open)

    def feed(self, data: bytes) -> list[Message]:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        messages: list[Message] = []
        for line in lines:
            message = self._take(line)
            if message is not None:
                messages.append(message)
        if len(self._buffer) + sum(map(len, self._open)) > MAX_REPLY_BYTES:
            raise ProtocolViolation(f"no whole reply within {MAX_REPLY_BYTES} bytes")
        return messages

    def _take(self, line: bytes) -> Message | None:
        line = line.removesuffix(b"\r")
        if line == b"HANGUP":
            return HANGUP
        if self._open:
            return self._go_on(line)
        if usual := _USUAL.get(line):
            return usual
        if not _STATUS.match(line):
            raise ProtocolViolation("a line that is no reply")
        if line.startswith(b"1"):  # "100 Trying..." announces; the reply is still to come
            return None
        if line[3:4] == b"-" or _value_is_open(line):
            self._open.append(line)
            return None
        return _reply(line)

    def _go_on(self, line: bytes) -> Message | None:
        self._open.append(line)
        first = self._open[0]
        if first[3:4] == b"-":
            whole = line[:3] == first[:3] and line[3:4] == b" "
        else:
            whole = _VALUE_ENDS.search(line) is not None
        if not whole:
            return None
        text = b"\n".join(self._open)
        self._open.clear()
        return _reply(text)


def _value_is_open(line: bytes) -> bool:
    return b"result=" in line and b" (" in line and _VALUE_ENDS.search(line) is None


def _reply(line: bytes) -> Reply:
    code = int(line[:3])
    text = line[4:].decode("utf-8", "replace")
    match = _RESULT.fullmatch(line, 4)
    if match is None:
        if code == CODE_SUCCESS:
            raise ProtocolViolation("a 200 without a result")
        return Reply(code, text=text)
    result, note, endpos = match.groups()
    return Reply(
        code,
        result.decode("utf-8", "replace"),
        None if note is None else note.decode("utf-8", "replace"),
        None if endpos is None else int(endpos),
        text,
    )
