"""The `agi_*` block that opens a FastAGI connection: hostile bytes to a typed request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from urllib.parse import parse_qsl

from ami_bridge import dialplan
from calls.call import Call, CallId
from calls.errors import SwitchboardError

MAX_HEADER_BYTES = 8 * 1024
MAX_HEADER_LINES = 100
#: Every header line starts so; a peer whose first bytes differ speaks something else.
HEADER_START = b"agi_"

#: Words that stand where a number should be; Asterisk lets them through also with presentation
#: "allowed" (chan_pjsip without trust_id_inbound).
WITHHELD_WORDS = frozenset(
    {"", "anonymous", "unknown", "restricted", "private", "unavailable", "withheld", "blocked"}
)
#: Restricted and unavailable (AST_PRES_RESTRICTION, callerid.h); 0 is "allowed".
_PRESENTATION_BITS = 0x60
#: STIR/SHAKEN (RFC 8588); what else the dialplan tells of a call says that nobody vouches for it.
_ATTESTATIONS = ("A", "B", "C")
ATTESTATION_FAILED = "failed"
_NAME_CHARS = 80
_NUMBER_CHARS = 64
_TEXT_CHARS = 256


class MalformedRequest(SwitchboardError):
    """Not a FastAGI request of Asterisk's; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class AgiRequest:
    """Texts are free of control characters and cut to length, and still not to be trusted."""

    script: str
    unique_id: str
    channel: str
    language: str
    number: str
    name: str
    presentation: int
    extension: str
    dnid: str
    arguments: tuple[str, ...] = ()
    query: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, block: bytes) -> Self:
        """`block` is everything before the empty line. Raises MalformedRequest."""
        lines = _lines(block)
        script, _, query = _clean(lines.get(b"agi_network_script", b""), _TEXT_CHARS).partition("?")
        unique_id = _clean(lines.get(b"agi_uniqueid", b""), 150)
        if not unique_id:
            raise MalformedRequest("no agi_uniqueid")
        return cls(
            script=script.strip("/"),
            unique_id=unique_id,
            channel=_clean(lines.get(b"agi_channel", b""), _TEXT_CHARS),
            language=_clean(lines.get(b"agi_language", b""), 40),
            number=_clean(lines.get(b"agi_callerid", b""), _NUMBER_CHARS),
            name=_clean(lines.get(b"agi_calleridname", b""), _NAME_CHARS),
            presentation=_number(lines.get(b"agi_callingpres", b"")),
            extension=_clean(lines.get(b"agi_extension", b""), _NUMBER_CHARS),
            dnid=_clean(lines.get(b"agi_dnid", b""), _NUMBER_CHARS),
            arguments=_arguments(lines),
            query=_query(query) if query else {},
        )

    @property
    def is_withheld(self) -> bool:
        word = self.number.partition("@")[0].strip().casefold()
        return bool(self.presentation & _PRESENTATION_BITS) or word in WITHHELD_WORDS

    @property
    def linkedid(self) -> str:
        """The first argument, `${CHANNEL(linkedid)}`, where it looks like one."""
        if self.arguments and dialplan.LINKEDID.fullmatch(self.arguments[0]):
            return self.arguments[0]
        return self.unique_id

    @property
    def recordings(self) -> str | None:
        """The second argument: a folder on Asterisk's machine for what callers say."""
        folder = self.arguments[1] if len(self.arguments) > 1 else ""
        return folder if dialplan.FOLDER.fullmatch(folder) else None

    def as_call(self, *, system: str, arrived_at: datetime) -> Call:
        return Call(
            id=CallId(system, self.linkedid),
            channel=self.channel,
            from_raw=self.number,
            # Asterisk writes "unknown" for no name at all.
            from_name="" if self.name.casefold() == "unknown" else self.name,
            withheld=self.is_withheld,
            dialled=self._dialled(),
            language=_iso_language(self.language),
            arrived_at=arrived_at,
            attestation=self._attestation(),
        )

    def _attestation(self) -> str | None:
        """Of a variable of the dialplan, which only the administrator sets; whatever is no
        attestation says that the verification failed."""
        told = self.arguments[3].strip() if len(self.arguments) > 3 else ""
        if not told:
            return None
        return told if told in _ATTESTATIONS else ATTESTATION_FAILED

    def _dialled(self) -> str:
        # Our dialplan calls us from an extension of its own.
        if len(self.arguments) > 2 and self.arguments[2]:
            return self.arguments[2][:_NUMBER_CHARS]
        if self.extension in {"", "s"} and self.dnid.casefold() != "unknown":
            return self.dnid
        return self.extension


def _lines(block: bytes) -> dict[bytes, bytes]:
    """A key twice means that a line break was smuggled into a value: nobody can say which is
    Asterisk's, so the request is refused."""
    if len(block) > MAX_HEADER_BYTES:
        raise MalformedRequest(f"more than {MAX_HEADER_BYTES} bytes of header")
    # Whole-block operations: this is a third of what a session costs us.
    if (
        not (b"\n" + block).count(b"\n" + HEADER_START)
        == block.count(b"\n") + 1
        <= MAX_HEADER_LINES
    ):
        raise MalformedRequest("a line that is no agi_ header, or too many lines")
    parts = [line.partition(b":") for line in block.split(b"\n")]
    lines = {key: value for key, colon, value in parts if colon}
    if len(lines) != len(parts):
        raise MalformedRequest("a header key twice, or without a value")
    return lines


def _clean(value: bytes, limit: int) -> str:
    """Printable characters only: no control, format (text direction) or line characters."""
    text = value.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(letter for letter in text if letter.isprintable())
    return text.strip()[:limit]


def _number(value: bytes) -> int:
    digits = value.strip()[:6]
    return int(digits) if digits.isdigit() else 0


def _arguments(lines: dict[bytes, bytes]) -> tuple[str, ...]:
    arguments: list[str] = []
    while (value := lines.get(b"agi_arg_%d" % (len(arguments) + 1))) is not None:
        arguments.append(_clean(value, _TEXT_CHARS))
    return tuple(arguments)


def _query(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, max_num_fields=20))
    except ValueError as error:
        raise MalformedRequest("too many fields in the script's query") from error


def _iso_language(language: str) -> str:
    """`en_US` to `en`; Asterisk's languages are folder names of sounds."""
    code = language.replace("-", "_").partition("_")[0].lower()
    return code if code.isascii() and code.isalpha() and len(code) in {2, 3} else "en"
