"""What an agent's browser may send to Asterisk: one whole SIP message, and as this agent.

Stricter than SIP: PJSIP, behind us, forgives much (line ends without CR, folded lines, a second
message behind the first), and what it reads must be what was looked at here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_REQUEST = re.compile(r"([A-Z]{1,20}) (sips?:[^\s<>\"]{1,300}) SIP/2\.0")
#: None that forwards a call (3xx): Asterisk would dial what it names (res_pjsip, redirect_method).
_RESPONSE = re.compile(r"SIP/2\.0 [12456][0-9]{2} [^\x00-\x08\x0a-\x1f\x7f]*")
#: What a telephone needs. By a MESSAGE Asterisk runs its dialplan too (res_pjsip_messaging).
_CALLING = frozenset({"INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "PRACK", "REFER"})
_METHODS = _CALLING | {"REGISTER", "OPTIONS", "NOTIFY"}
_HEADER = re.compile(r"([A-Za-z0-9.!%*_+`'~-]+)[ \t]*:([^\x00-\x08\x0a-\x1f\x7f]*)")
#: A name and an address in angle brackets, which is how every browser phone writes it. A value of a
#: parameter may be a quoted address: the +sip.instance of a REGISTER (RFC 5626).
_ADDRESS = re.compile(
    r"(?:\"(?:[^\"\\]|\\.)*\"[ \t]*|[^<>\",;:]*)<sips?:([^@<>:;?\s\"]+)@[^@<>\s\"]+>"
    r"(?:;(?:[^<>\"]|\"[^\"\\]*\")*)?"
)
#: To the end where none closes it: else each of its quotes would be a start to try anew.
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*(?:\"|\\?\Z)", re.DOTALL)
_SEQUENCE = re.compile(r"([0-9]{1,10})[ \t]+([A-Z]+)", re.ASCII)
#: Beyond it numbers may be read modulo 2^32 (RFC 3261, 8.1.1.5).
_NUMBERS = 2**31
#: A token of RFC 3261; begun by a letter or a digit, as all give it.
_TAG = re.compile(r"[0-9A-Za-z][0-9A-Za-z.!%*_+`'~-]*", re.ASCII)
_USERNAME = re.compile(r"username[ \t]*=[ \t]*\"?([^\",]*)", re.IGNORECASE)
#: Of those that we look at.
_SHORT = {
    "f": "from",
    "t": "to",
    "m": "contact",
    "l": "content-length",
    "i": "call-id",
    "v": "via",
    "r": "refer-to",
}
#: A page that is loaded anew registers another contact; only the last ones can be in a call.
_CONTACTS = 8


class NotSip(ValueError):
    """The text says what is wrong with the frame."""


class NotTheirs(ValueError):
    """The frame speaks for somebody else."""


@dataclass(frozen=True, slots=True)
class SipRequest:
    """`headers` by long name, in small letters."""

    method: str
    uri: str
    headers: dict[str, list[str]]

    def only(self, name: str) -> str:
        """Raises NotSip where there is not exactly one."""
        return _only(name, self.headers)

    @property
    def is_within(self) -> bool:
        """Of a call that goes on. In doubt it is not."""
        return bool(tag_of(self.only("to")))

    def number(self) -> int:
        """Of this request among those of its call. Raises NotSip."""
        found = _SEQUENCE.fullmatch(self.only("cseq"))
        # The answer tells the method that stands here.
        if found is None or found[2] != self.method or int(found[1]) >= _NUMBERS:
            raise NotSip("no number of this request")
        return int(found[1])


class OwnFrames:
    """The frames of one agent's browser, in order."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._contacts: dict[str, None] = {}

    def check(self, frame: str | bytes) -> SipRequest | None:
        """What may go on to Asterisk unchanged; None for what asks for nothing. Raises NotSip or
        NotTheirs."""
        text = _text(frame)
        if not text.strip("\r\n"):
            return None  # keeps the connection alive (RFC 7118, 6)
        start, headers = _message(text)
        found = _REQUEST.fullmatch(start)
        if found is None:
            if not _RESPONSE.fullmatch(start):
                raise NotSip("neither a request nor a response")
            return None
        request = SipRequest(found[1], found[2], headers)
        if request.method not in _METHODS:
            raise NotTheirs("not what a telephone asks for")
        _check_repeated(request)
        self._check_sender(request)
        if request.method == "REGISTER":
            self._remember_contacts(headers.get("contact", ()))
        return request

    def _check_sender(self, request: SipRequest) -> None:
        sender = user_of(request.only("from"))
        # Asterisk calls the browser by its contact, so that is who answers within such a call.
        within = request.is_within and request.method != "REGISTER"
        if sender != self._user and not (within and sender in self._contacts):
            raise NotTheirs("not from this agent's own address")
        for name in ("authorization", "proxy-authorization"):
            for value in request.headers.get(name, ()):
                if set(_USERNAME.findall(value)) != {self._user}:
                    raise NotTheirs("not with this agent's own name")

    def _remember_contacts(self, values: list[str] | tuple[()]) -> None:
        for value in values:
            if found := _ADDRESS.fullmatch(value):
                self._contacts.pop(found[1], None)
                self._contacts[found[1]] = None
        while len(self._contacts) > _CONTACTS:
            del self._contacts[next(iter(self._contacts))]


def _check_repeated(request: SipRequest) -> None:
    """What Asterisk's answer repeats, by which it is known for the answer. Raises NotSip."""
    request.number()
    # PJSIP prints a Via's maddr without the escapes that it read (sip_msg.c).
    if any("%" in via for via in request.headers.get("via", ())):
        raise NotSip("an escape in a Via")


def _text(frame: str | bytes) -> str:
    if isinstance(frame, str):
        return frame
    try:
        return frame.decode("utf-8")
    except UnicodeDecodeError:
        raise NotSip("not UTF-8") from None


def _message(text: str) -> tuple[str, dict[str, list[str]]]:
    """The start line and the headers by long name, of a frame that is exactly one message."""
    head, end, body = text.partition("\r\n\r\n")
    if not end:
        raise NotSip("no end of the headers")
    start, *lines = head.split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise NotSip("a line that is no header")
        name = found[1].lower()
        headers.setdefault(_SHORT.get(name, name), []).append(found[2].strip())
    length = _only("content-length", headers)
    if not re.fullmatch(r"[0-9]{1,6}", length) or int(length) != len(body.encode()):
        raise NotSip("not as long as it says")
    return start, headers


def _only(name: str, headers: dict[str, list[str]]) -> str:
    values = headers.get(name, [])
    if len(values) != 1:
        raise NotSip(f"{len(values)} headers {name}")
    return values[0]


def user_of(address: str) -> str:
    """Raises NotSip."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise NotSip("an address that cannot be read")
    return found[1]


def tag_of(address: str) -> str:
    """Empty where it has none or more than one: PJSIP takes an empty tag for none, and of several
    the last."""
    told = _QUOTED.sub("", address).rpartition(">")[2]
    pairs = [each.partition("=") for each in told.split(";")[1:]]
    tags = [value.strip() for name, _, value in pairs if name.strip().lower() == "tag"]
    return tags[0] if len(tags) == 1 and _TAG.fullmatch(tags[0]) else ""
