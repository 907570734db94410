"""A browser's phone without a browser: SIP over a websocket (RFC 7118), as JsSIP speaks it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from dataclasses import dataclass, field

import aiohttp

#: A browser has no address to name: it makes one up.
_HOST = "browser.invalid"


@dataclass
class SipMessage:
    start: str
    headers: dict[str, list[str]]
    body: str

    @classmethod
    def of(cls, text: str) -> SipMessage:
        head, _, body = text.partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        return cls(start, headers, body)

    def one(self, name: str) -> str:
        [value] = self.headers[name.lower()]
        return value

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.start.split()[0]


@dataclass
class SipBrowser:
    """Registers and takes requests over a websocket that is open already."""

    websocket: aiohttp.ClientWebSocketResponse
    user: str
    secret: str
    domain: str = "switchboard.invalid"
    contact: str = field(default_factory=lambda: secrets.token_hex(4))
    _call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    _cseq: int = 0

    async def register(self, *, expires: int = 60) -> SipMessage:
        """The last answer: after the challenge has been answered once."""
        await self.send(self.register_request(expires=expires))
        answer = await self.answer()
        if answer.status == 401:
            challenge = answer.one("WWW-Authenticate")
            await self.send(self.register_request(self._digest(challenge), expires=expires))
            answer = await self.answer()
        return answer

    def register_request(self, authorization: str = "", *, expires: int = 60) -> str:
        self._cseq += 1
        address = f"<sip:{self.user}@{self.domain}>"
        return (
            f"REGISTER sip:{self.domain} SIP/2.0\r\n"
            f"Via: SIP/2.0/WS {_HOST};branch=z9hG4bK{secrets.token_hex(6)}\r\n"
            "Max-Forwards: 69\r\n"
            f"To: {address}\r\n"
            f"From: {address};tag={secrets.token_hex(5)}\r\n"
            f"Call-ID: {self._call_id}\r\n"
            f"CSeq: {self._cseq} REGISTER\r\n"
            f"{authorization}"
            f"Contact: <sip:{self.contact}@{_HOST};transport=ws>;expires={expires}\r\n"
            "Supported: path, gruu, outbound\r\n"
            "Content-Length: 0\r\n\r\n"
        )

    def request_to(self, method: str, number: str, parameters: str = "") -> str:
        """Begins something new; `parameters` stand behind the address it goes to."""
        self._cseq += 1
        return (
            f"{method} sip:{number}@{self.domain} SIP/2.0\r\n"
            f"Via: SIP/2.0/WS {_HOST};branch=z9hG4bK{secrets.token_hex(6)}\r\n"
            "Max-Forwards: 69\r\n"
            f"To: <sip:{number}@{self.domain}>{parameters}\r\n"
            f"From: <sip:{self.user}@{self.domain}>;tag={secrets.token_hex(5)}\r\n"
            f"Call-ID: {secrets.token_hex(8)}\r\n"
            f"CSeq: {self._cseq} {method}\r\n"
            f"Contact: <sip:{self.contact}@{_HOST};transport=ws>\r\n"
            "Content-Length: 0\r\n\r\n"
        )

    async def send(self, text: str) -> None:
        await self.websocket.send_str(text)

    async def next(self, deadline_s: float = 10.0) -> SipMessage:
        """Raises ConnectionError where the websocket is closed instead; `close_code` says why."""
        async with asyncio.timeout(deadline_s):
            message = await self.websocket.receive()
        if message.type is aiohttp.WSMsgType.TEXT:
            return SipMessage.of(message.data)
        if message.type is aiohttp.WSMsgType.BINARY:
            return SipMessage.of(message.data.decode())
        raise ConnectionError(f"closed with {self.websocket.close_code}")

    async def answer(self) -> SipMessage:
        """The next final answer; what Asterisk asks meanwhile (OPTIONS, NOTIFY) is agreed to."""
        while True:
            message = await self.next()
            if message.status >= 200:
                return message
            if message.method:
                await self.send(self.reply(message, "200 OK"))

    async def request(self, method: str) -> SipMessage:
        """The next request of this method."""
        while True:
            message = await self.next()
            if message.method == method:
                return message
            if message.method:
                await self.send(self.reply(message, "200 OK"))

    def reply(self, request: SipMessage, status: str) -> str:
        same = "".join(
            f"{name}: {value}\r\n"
            for name in ("Via", "From", "Call-ID", "CSeq")
            for value in request.headers[name.lower()]
        )
        to = request.one("To")
        to = to if ";tag=" in to else f"{to};tag={self._call_id}"
        return f"SIP/2.0 {status}\r\n{same}To: {to}\r\nContent-Length: 0\r\n\r\n"

    def _digest(self, challenge: str) -> str:
        """RFC 2617 with qop=auth, which is what Asterisk 22 asks for."""
        asked = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        uri, cnonce, count = f"sip:{self.domain}", secrets.token_hex(8), "00000001"
        ha1 = _md5(f"{self.user}:{asked['realm']}:{self.secret}")
        ha2 = _md5(f"REGISTER:{uri}")
        response = _md5(f"{ha1}:{asked['nonce']}:{count}:{cnonce}:auth:{ha2}")
        return (
            f'Authorization: Digest algorithm=MD5, username="{self.user}", '
            f'realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", '
            f'response="{response}", opaque="{asked.get("opaque", "")}", qop=auth, '
            f'cnonce="{cnonce}", nc={count}\r\n'
        )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
