"""What an agent's phone in the page has Asterisk dial, by its SIP: asked of the guard, and followed
until it is over."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from screenpop.dialling.guard import DiallingGuard, NotDialled
from screenpop.phone.sip_frames import NotSip, SipRequest, tag_of, user_of

#: Asterisk ends a call whose browser is silent after 30 s (rtp_timeout of the softphones).
UNSEEN_S = 60.0
#: A phone has a few at once.
_MOST_CALLS = 100

_URI = re.compile(r"sips?:([^@:;?\s<>\"]+)@[^@\s<>\"]+")
_CALL_ID = re.compile(r"[!-~]{1,200}")
#: Of a request, or of a response with its status.
_START = re.compile(r"[A-Z]+ |SIP/2\.0 ([1-6][0-9]{2}) ")
_SEQUENCE = re.compile(r"([0-9]{1,10})[ \t]+([A-Z]+)", re.ASCII)
_SHORT = {"i": "call-id", "f": "from", "t": "to"}
#: The guard's names of calls: nothing that a browser chose, nor one of another websocket.
_KEYS = itertools.count()


@dataclass(frozen=True, slots=True)
class _Asked:
    number: int
    key: str


@dataclass(slots=True)
class _Placed:
    """By both tags a call is told from others with its Call-ID (RFC 3261, 12)."""

    key: str
    own_tag: str
    #: Empty until it has answered.
    asterisks_tag: str = ""


class PlacedCalls:
    """Of one websocket."""

    def __init__(self, login: str, guard: DiallingGuard) -> None:
        self._login = login
        self._guard = guard
        #: By Call-ID and method, until the final answer.
        self._asked: dict[tuple[str, str], _Asked] = {}
        #: By Call-ID, until they are over; those within the house too.
        self._calls: dict[str, _Placed] = {}

    async def ask(self, request: SipRequest) -> None:
        """Returns for what may go on to Asterisk. Raises NotDialled, and NotSip for what cannot be
        read in one way only."""
        if request.method not in ("INVITE", "REFER"):
            return
        call_id, is_referred = request.only("call-id"), request.method == "REFER"
        if not _CALL_ID.fullmatch(call_id):
            raise NotSip("no call's id")
        dialled = _referred_to(request) if is_referred else _user_in(request.uri)
        begins = not is_referred and not request.is_within
        # No phone asks anew before the answer (RFC 3261, 14.1): one could be taken for the other's.
        if (call_id, request.method) in self._asked or (begins and call_id in self._calls):
            raise self._guard.refused(self._login, dialled, "dial_at_once")
        if len(self._asked) + len(self._calls) >= _MOST_CALLS:
            raise NotSip("too many calls")
        key = f"sip {self._login} {next(_KEYS)}"
        if begins or is_referred:
            await self._guard.ask(self._login, dialled, key)
        if begins:
            self._calls[call_id] = _Placed(key, tag_of(request.only("from")))
        elif is_referred:
            # The PBX dials it for the other side; when that ends is seen by nobody here.
            self._guard.ends_within(key, UNSEEN_S)
        self._asked[call_id, request.method] = _Asked(request.number(), key)

    def hear(self, frame: str | bytes) -> None:
        """What Asterisk says of them; a phone's own goodbye may be none to Asterisk."""
        told = _Told.read(frame) if self._asked or self._calls else None
        if told is None:
            return
        call = self._calls.get(told.call_id)
        if told.method == "BYE":
            if call is not None and told.ends(call):
                self._end(told.call_id, call)
            return
        asked = self._asked.get((told.call_id, told.method))
        if asked is None or told.status < 200 or told.number != asked.number:
            return
        del self._asked[told.call_id, told.method]
        if told.status in (401, 407):
            # The same will be asked again, with a proof of who asks.
            self._guard.not_begun(asked.key)
        if call is None or call.key != asked.key:
            if told.status >= 300:
                # A referral that the PBX does not follow: nobody is dialled.
                self._guard.ended(asked.key)
            return
        if told.status < 300:
            call.asterisks_tag = told.to_tag
        else:
            self._end(told.call_id, call)

    def close(self) -> None:
        """The websocket is gone; voices may go on, and end unseen."""
        for call in self._calls.values():
            self._guard.ends_within(call.key, UNSEEN_S)

    def _end(self, call_id: str, call: _Placed) -> None:
        self._guard.ended(call.key)
        del self._calls[call_id]


@dataclass(frozen=True, slots=True)
class _Told:
    """A message of Asterisk's; `status` is 0 for a request."""

    status: int
    call_id: str
    number: int
    method: str
    from_tag: str
    to_tag: str

    @classmethod
    def read(cls, frame: str | bytes) -> _Told | None:
        """None for what says nothing of a call."""
        text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
        first, *lines = text.partition("\r\n\r\n")[0].split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            name = name.strip(" \t").lower()
            headers.setdefault(_SHORT.get(name, name), value.strip(" \t"))
        start, sequence = _START.match(first), _SEQUENCE.fullmatch(headers.get("cseq", ""))
        if start is None or sequence is None:
            return None
        return cls(
            status=int(start[1] or 0),
            call_id=headers.get("call-id", ""),
            number=int(sequence[1]),
            method=sequence[2],
            from_tag=tag_of(headers.get("from", "")),
            to_tag=tag_of(headers.get("to", "")),
        )

    def ends(self, call: _Placed) -> bool:
        """Whether this BYE, Asterisk's own or one that it has taken, is that call's."""
        tags = (call.own_tag, call.asterisks_tag)
        if not call.asterisks_tag:
            return False
        if self.status == 0:
            return (self.to_tag, self.from_tag) == tags
        return 200 <= self.status < 300 and (self.from_tag, self.to_tag) == tags


def _user_in(uri: str) -> str:
    """Empty where the address has no user, or more than one."""
    found = _URI.fullmatch(uri)
    return found[1] if found is not None else ""


def _referred_to(request: SipRequest) -> str:
    try:
        return user_of(request.only("refer-to"))
    except NotSip:
        return ""


def refusal(request: SipRequest, why: NotDialled) -> str:
    """SIP's answer to the phone that asked (RFC 3261, 8.2.6)."""
    headers = request.headers
    lines = [f"SIP/2.0 403 {why}"]
    lines += [f"Via: {via}" for via in headers.get("via", ())]
    lines.append(f"From: {request.only('from')}")
    to = request.only("to")
    lines.append(f"To: {to}" if request.is_within else f"To: {to};tag=refused")
    lines.append(f"Call-ID: {request.only('call-id')}")
    lines.append(f"CSeq: {request.only('cseq')}")
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])
