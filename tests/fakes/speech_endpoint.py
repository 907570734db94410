"""A speech endpoint as OpenAI documents `POST /v1/audio/speech`, and its ways to misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.fakes.humming import hum

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x23TSSE" + bytes(500)


def streamed(wav: bytes) -> bytes:
    """With sizes that say: not known yet, as that endpoint writes them."""
    data = bytearray(wav)
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    return bytes(data)


class SpeechEndpoint:
    """`async with`; `url` is what `speech.http_url` is set to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []
        self.answer: Answer = self.speak
        self.url = ""
        self._closing = asyncio.Event()

    async def __aenter__(self) -> SpeechEndpoint:
        app = web.Application()
        app.router.add_post("/v1/audio/speech", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closing.set()
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.tokens.append(request.headers.get("Authorization"))
        return await self.answer(request)

    async def speak(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=streamed(hum()), content_type="audio/wav")

    def sends(self, body: bytes, status: int = 200) -> None:
        async def send(request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, content_type="audio/wav")

        self.answer = send

    async def hang(self, request: web.Request) -> web.StreamResponse:
        await self._closing.wait()
        return web.Response(status=503)

    async def redirect(self, request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{self.url}/elsewhere")

    async def pour(self, request: web.Request) -> web.StreamResponse:
        """Without end, and without saying how much it will be."""
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(1_000_000))
        except ConnectionError:
            return response
