"""Whatever a browser or Asterisk asks that only the desk can answer goes to the process that keeps
the desk now, websockets and event streams too. While none does, the answer is 503: pages try again
by themselves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import aiohttp
from aiohttp import WSMsgType, web
from multidict import CIMultiDict, CIMultiDictProxy
from sqlalchemy.exc import SQLAlchemyError
from yarl import URL

from calls.doors import Asker, Door, Origin, hang
from storage.database import Database
from storage.leases import Held, held

log = logging.getLogger(__name__)

CONNECT_S = 2.0
#: Event streams say something more often.
SILENCE_S = 120.0
#: Between two looks at who keeps the desk.
LOOK_EVERY_S = 0.5
MAX_MESSAGE = 128 * 1024
#: Who asked, for the desk's limits of log-ins; believed of our own processes alone.
ASKED_BY = "X-Forwarded-For"
#: Of one connection alone (RFC 9110, 7.6.1), and what aiohttp writes itself.
_OF_THE_HOP = {
    "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade", "proxy-authenticate", "proxy-authorization", "content-length", "x-forwarded-for",
}  # fmt: skip
_OF_THE_SOCKET = "sec-websocket-"
_UPSTREAM_AWAY = (aiohttp.ClientError, TimeoutError, OSError)


#: Whom a proxy says that it asks for is not told on: so it is asked here who is near.
ASTERISK_ASKS = Door(
    "*",
    "/pbx/{path:.*}",
    by=frozenset({Asker.PBX}),
    what="What the desk's process answers Asterisk.",
)
ANYBODY_ASKS = Door(
    "*",
    "/{path:.*}",
    by=frozenset({Asker.PASSED_ON}),
    what="What the desk's process answers.",
    origin=Origin.FREE,
)
DOORS = (ASTERISK_ASKS, ANYBODY_ASKS)


class DeskFinder:
    """Who keeps the desk; asks the database every `every_s` seconds at most."""

    def __init__(self, *, database: Database, lease: str, every_s: float = LOOK_EVERY_S) -> None:
        self._database = database
        self._lease = lease
        self._every_s = every_s
        self._found: Held | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def find(self) -> Held | None:
        """None where nobody does now. While the database is away, whoever did last."""
        # Who asks meanwhile waits for the same answer.
        async with self._asking:
            if time.monotonic() - self._asked_at >= self._every_s:
                self._asked_at = time.monotonic()
                try:
                    self._found = await held(self._database, self._lease)
                except (SQLAlchemyError, OSError, TimeoutError):
                    log.warning("nodes: the database did not say who keeps the desk")
        found = self._found
        return found if found is not None and found.left_s > 0 else None


class DeskRelay:
    """`async with`; add its routes last: they take every path that has no other."""

    def __init__(self, finder: DeskFinder) -> None:
        self._finder = finder
        self._http: aiohttp.ClientSession | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        #: What is asked of each holder of the desk now.
        self._asked: dict[int, set[asyncio.Timeout]] = {}

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=SILENCE_S)
        self._http = aiohttp.ClientSession(
            timeout=timeout,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0),
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        for socket in list(self._sockets):
            with suppress(ConnectionError):
                await socket.close(code=aiohttp.WSCloseCode.SERVICE_RESTART)
        if self._http is not None:
            await self._http.close()

    def desk_is(self, token: int) -> None:
        """What is still asked of an earlier holder is broken off: it may be frozen, and then would
        never answer nor end a connection."""
        for earlier in [one for one in self._asked if one != token]:
            for limit in self._asked.pop(earlier):
                limit.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def _while_kept_by(self, desk: Held) -> AsyncIterator[None]:
        """Raises TimeoutError as soon as another has the desk."""
        async with asyncio.timeout(None) as limit:
            self._asked.setdefault(desk.token, set()).add(limit)
            try:
                yield
            finally:
                asked = self._asked.get(desk.token, set())
                asked.discard(limit)
                if not asked:
                    self._asked.pop(desk.token, None)

    def add_routes(self, app: web.Application) -> None:
        hang(app.router, ASTERISK_ASKS, self._relay)
        hang(app.router, ANYBODY_ASKS, self._relay)

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        desk = await self._finder.find()
        if desk is None:
            return _nobody()
        # As it came: what is quoted otherwise is another address to a router.
        url = URL(desk.address.rstrip("/") + request.raw_path, encoded=True)
        try:
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await self._relay_socket(request, url, desk)
            return await self._relay_answer(request, url, desk)
        except _UPSTREAM_AWAY as error:
            log.info("nodes: the desk did not answer (%s)", type(error).__name__)
            return _nobody()

    async def _relay_answer(self, request: web.Request, url: URL, desk: Held) -> web.StreamResponse:
        assert self._http is not None
        body: Any = request.content if request.body_exists else None
        headers = _headers(request.headers, request.remote)
        if request.content_length is not None:
            headers["Content-Length"] = str(request.content_length)
        async with self._while_kept_by(desk):
            answered = await self._http.request(
                request.method, url, headers=headers, data=body, allow_redirects=False
            )
        async with answered as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            response.headers.extend(_end_to_end(answer.headers))
            if answer.content_length is not None and request.method != "HEAD":
                response.content_length = answer.content_length
            await response.prepare(request)
            try:
                async with self._while_kept_by(desk):
                    async for piece in answer.content.iter_any():
                        await response.write(piece)
                    await response.write_eof()
            except _UPSTREAM_AWAY:
                # What was promised is not whole: only a broken connection says so.
                if request.transport is not None:
                    request.transport.abort()
            return response

    async def _relay_socket(self, request: web.Request, url: URL, desk: Held) -> web.StreamResponse:
        assert self._http is not None
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        protocols = [one.strip() for one in offered.split(",") if one.strip()]
        try:
            async with self._while_kept_by(desk):
                upstream = await self._http.ws_connect(
                    url,
                    protocols=protocols,
                    headers=_headers(request.headers, request.remote),
                    max_msg_size=MAX_MESSAGE,
                    autoping=True,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status)
        async with upstream:
            accepted = [upstream.protocol] if upstream.protocol else []
            socket = web.WebSocketResponse(
                protocols=accepted, max_msg_size=MAX_MESSAGE, heartbeat=20.0, timeout=1.0
            )
            await socket.prepare(request)
            self._sockets.add(socket)
            try:
                with suppress(TimeoutError):
                    async with self._while_kept_by(desk):
                        await _either(_pump(socket, upstream), _pump(upstream, socket))
            finally:
                self._sockets.discard(socket)
                code = upstream.close_code or aiohttp.WSCloseCode.SERVICE_RESTART
                if code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE:
                    code = aiohttp.WSCloseCode.SERVICE_RESTART
                with suppress(ConnectionError):
                    await socket.close(code=code)
            return socket


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: Socket, sink: Socket) -> None:
    with suppress(ConnectionError):
        async for message in source:
            if message.type is WSMsgType.TEXT:
                await sink.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)


async def _either(*pumps: Any) -> None:
    """Until one side is closed."""
    tasks = [asyncio.create_task(pump, name="nodes:socket") for pump in pumps]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _headers(asked: CIMultiDictProxy[str], remote: str | None) -> CIMultiDict[str]:
    """The same question, from who asked it; `Host` stays, as origins are compared with it."""
    headers = _end_to_end(asked)
    if remote is not None:
        headers[ASKED_BY] = remote
    return headers


def _end_to_end(headers: Iterable[Any] | CIMultiDictProxy[str]) -> CIMultiDict[str]:
    assert isinstance(headers, CIMultiDictProxy)
    listed = {word.strip().lower() for word in headers.get("Connection", "").split(",")}
    kept: CIMultiDict[str] = CIMultiDict()
    for name, value in headers.items():
        low = name.lower()
        if low not in _OF_THE_HOP | listed and not low.startswith(_OF_THE_SOCKET):
            kept.add(name, value)
    return kept


def _nobody() -> web.Response:
    return web.json_response(
        {"error": "no_desk", "message": "The desk moves to another process; try again at once."},
        status=503,
        headers={"Retry-After": "1", "Cache-Control": "no-store"},
    )
