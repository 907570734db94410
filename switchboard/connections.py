"""How many connections to our web servers stand open. Beyond that the oldest on which nothing goes
on gives way to the new one; where on each something goes on, the new one is refused with 503."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import web

from screenpop.agents.log_in import counted_as

#: Of `most`, for whoever is near: callers hear what Asterisk fetches.
_KEPT_FOR_THE_NEAR = 1 / 8
#: Of `most`, for one address: a whole office may come from one.
_SHARE_OF_ONE = 1 / 2
#: From the connection to the end of the first request's header. aiohttp (3.14) has `_IDLE_S` for
#: this, too, and for later ones, whether nothing comes or a byte a second.
_HEADER_S = 15.0
#: Of a connection whose last request is answered; aiohttp's own is an hour.
_IDLE_S = 75.0
#: A peer that takes no byte of what waits for it for so long is gone.
_UNREAD_S = 60.0
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nCache-Control: no-store\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)


class Connections:
    """Whoever is near has a reserve; one address that is neither near nor a proxy has a share."""

    def __init__(
        self,
        *,
        most: int,
        is_near: Callable[[str], bool],
        is_proxy: Callable[[str], bool],
        header_s: float = _HEADER_S,
        unread_s: float = _UNREAD_S,
    ) -> None:
        self._most = most
        self._most_strangers = max(1, most - max(8, int(most * _KEPT_FOR_THE_NEAR)))
        self._most_of_one = max(1, int(most * _SHARE_OF_ONE))
        self._is_near, self._is_proxy = is_near, is_proxy
        self.header_s, self.unread_s = header_s, unread_s
        self._open: set[_Connection] = set()
        #: Where nothing goes on, the oldest first: one without a request yet, or an answered one.
        self._idle: dict[_Connection, None] = {}
        self._strangers = 0
        self._of_one: Counter[str] = Counter()
        self.gave_way = 0
        self.refused = 0

    def counters(self) -> dict[str, float]:
        return {
            "http_connections": float(len(self._open)),
            "http_connections_gave_way_total": float(self.gave_way),
            "http_connections_refused_total": float(self.refused),
        }

    async def listen(self, runner: web.BaseRunner, host: str, port: int) -> asyncio.Server:
        """Of a runner that is set up, in place of a site: close what this answers before it."""
        server = runner.server
        if server is None:
            raise RuntimeError("set the runner up first")
        server.request_handler = _told_of(server.request_handler)
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            lambda: _Connection(server, self, loop), host, port, backlog=512
        )

    def let_in(self, new: _Connection) -> bool:
        new.is_near, new.network = self._is_near(new.peer), counted_as(new.peer)
        new.is_bounded = not new.is_near and not self._is_proxy(new.peer)
        if not self._has_room_for(new):
            self.refused += 1
            return False
        self._open.add(new)
        self._idle[new] = None
        self._strangers += not new.is_near
        self._of_one[new.network] += new.is_bounded
        return True

    def _has_room_for(self, new: _Connection) -> bool:
        if new.is_bounded and self._of_one[new.network] >= self._most_of_one:
            return self._make_way(lambda one: one.is_bounded and one.network == new.network)
        if not new.is_near and self._strangers >= self._most_strangers:
            return self._make_way(lambda one: not one.is_near)
        if len(self._open) >= self._most:
            return self._make_way(lambda one: not one.is_near) or (
                new.is_near and self._make_way(lambda one: True)
            )
        return True

    def _make_way(self, may_go: Callable[[_Connection], bool]) -> bool:
        oldest = next((one for one in self._idle if may_go(one)), None)
        if oldest is None:
            return False
        self.gave_way += 1
        self.gone(oldest)
        oldest.cut()
        return True

    def begins(self, one: _Connection) -> None:
        self._idle.pop(one, None)

    def rests(self, one: _Connection) -> None:
        if one in self._open:
            self._idle.pop(one, None)
            self._idle[one] = None

    def gone(self, one: _Connection) -> None:
        if one not in self._open:
            return
        self._open.remove(one)
        self._idle.pop(one, None)
        self._strangers -= not one.is_near
        self._of_one[one.network] -= one.is_bounded
        if not self._of_one[one.network]:
            del self._of_one[one.network]


class _Connection(web.RequestHandler):
    is_near = is_bounded = False
    network = ""

    def __init__(
        self, server: web.Server, among: Connections, loop: asyncio.AbstractEventLoop
    ) -> None:
        no_log: Any = None
        super().__init__(server, loop=loop, access_log=no_log, keepalive_timeout=_IDLE_S)
        self._among, self._clock = among, loop
        self.peer = ""
        self._tcp: asyncio.Transport | None = None
        self._late: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        tcp = cast(asyncio.Transport, transport)
        name = tcp.get_extra_info("peername")
        self.peer = str(name[0]) if name else ""
        if not self._among.let_in(self):
            tcp.set_protocol(asyncio.Protocol())
            tcp.write(_REFUSAL)
            tcp.close()
            return
        self._tcp = tcp
        self._late = self._clock.call_later(self._among.header_s, self.cut)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        for timer in (self._late, self._stalled):
            if timer is not None:
                timer.cancel()
        self._among.gone(self)
        super().connection_lost(exc)

    def cut(self) -> None:
        """At once: `close` would wait for a peer that reads nothing."""
        if self._tcp is not None:
            self._tcp.abort()

    def begins(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._among.begins(self)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._among.rests(self)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_for_progress(None)

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        super().resume_writing()

    def _look_for_progress(self, before: int | None) -> None:
        waits = self._tcp.get_write_buffer_size() if self._tcp is not None else 0
        if before is not None and waits >= before:
            self.cut()
        else:
            wait_s = self._among.unread_s
            self._stalled = self._clock.call_later(wait_s, self._look_for_progress, waits)


_Handle = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def _told_of(handle: _Handle) -> _Handle:
    async def handled(request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        if isinstance(connection, _Connection):
            connection.begins()
        return await handle(request)

    return handled
