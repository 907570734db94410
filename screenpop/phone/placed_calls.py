"""What an agent's phone in the page has Asterisk dial, by its SIP: asked of the guard, and followed
until it is over."""

from __future__ import annotations

import re

from screenpop.dialling.guard import DiallingGuard, NotDialled
from screenpop.phone.sip_frames import NotSip, SipRequest, user_of

#: Asterisk ends a call whose browser is silent after 30 s (rtp_timeout of the softphones).
UNSEEN_S = 60.0
#: Longer ones are no phone's.
_LONGEST_ID = 200

_URI = re.compile(r"sips?:([^@:;?\s<>\"]+)@[^@\s<>\"]+")
#: Of a request, or of a response with its status.
_START = re.compile(r"[A-Z]+ |SIP/2\.0 ([1-6][0-9]{2}) ")
_CALL_ID = re.compile(r"\r\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r\n", re.IGNORECASE)
_CSEQ = re.compile(r"\r\nCSeq[ \t]*:[ \t]*[0-9]+[ \t]+([A-Z]+)[ \t]*\r\n", re.IGNORECASE)


class PlacedCalls:
    """Of one websocket."""

    def __init__(self, login: str, guard: DiallingGuard) -> None:
        self._login = login
        self._guard = guard
        #: Whether Asterisk has answered.
        self._going_on: dict[str, bool] = {}

    async def ask(self, request: SipRequest) -> None:
        """Returns for what may go on to Asterisk. Raises NotDialled, and NotSip for what cannot be
        read in one way only."""
        if request.method == "INVITE" and not request.is_within:
            key = self._key(request.only("call-id"))
            await self._guard.ask(self._login, _user_in(request.uri), key)
            self._going_on[key] = False
        elif request.method == "REFER":
            # The PBX dials it for the other side; when that ends is seen by nobody here.
            key = self._key(request.only("call-id")) + " referred"
            await self._guard.ask(self._login, _referred_to(request), key)
            self._guard.ends_within(key, UNSEEN_S)

    def hear(self, frame: str | bytes) -> None:
        """What Asterisk says of them; a phone's own goodbye may be none to Asterisk."""
        if not self._going_on:
            return
        text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
        head = text.partition("\r\n\r\n")[0] + "\r\n"
        start, call_id, sequence = _START.match(head), _CALL_ID.search(head), _CSEQ.search(head)
        if start is None or call_id is None or sequence is None:
            return
        key = self._key(call_id[1])
        if key not in self._going_on:
            return
        status = int(start[1] or 0)
        if sequence[1] == "BYE" and status < 300:
            self._end(key)
        elif sequence[1] == "INVITE" and 200 <= status < 300:
            self._going_on[key] = True
        elif sequence[1] == "INVITE" and status >= 300 and not self._going_on[key]:
            if status in (401, 407):
                # The same will be asked again, with a proof of who asks.
                self._guard.not_begun(key)
            self._end(key)

    def close(self) -> None:
        """The websocket is gone; voices may go on, and end unseen."""
        for key in self._going_on:
            self._guard.ends_within(key, UNSEEN_S)

    def _end(self, key: str) -> None:
        self._guard.ended(key)
        self._going_on.pop(key, None)

    def _key(self, call_id: str) -> str:
        if not 0 < len(call_id) <= _LONGEST_ID:
            raise NotSip("no call's id")
        return f"sip {self._login} {call_id}"


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
