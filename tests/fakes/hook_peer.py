"""Another system that webhooks tell things to, over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Peer:
    """A system that is told; `statuses` are its next answers, then 200."""

    statuses: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    #: While it is cleared nothing is answered.
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        await self.answers.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers={"Location": f"{self.url}elsewhere"})

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def events(self) -> list[str]:
        return [told["event"] for told in self.told]

    def check_signatures(self, secret: bytes) -> None:
        for body, headers in zip(self.bodies, self.headers, strict=True):
            assert headers["Switchboard-Id"] == json.loads(body)["id"]
            assert headers["Switchboard-Event"] == json.loads(body)["event"]
            at, v1 = headers["Switchboard-Signature"].split(",")
            signed = at.removeprefix("t=").encode() + b"." + body
            assert v1 == "v1=" + hmac.new(secret, signed, hashlib.sha256).hexdigest()


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    peer.answers.set()
    app = web.Application()
    app.router.add_post("/{path:.*}", peer.serve)
    async with TestServer(app) as server:
        peer.url = str(server.make_url("/"))
        try:
            yield peer
        finally:
            peer.answers.set()
