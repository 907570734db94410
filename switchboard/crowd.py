"""How many requests are answered at once, beyond which 503 is said before a door is asked or a body
read; and how long a body may take."""

from __future__ import annotations

import asyncio
from collections import Counter

from aiohttp import web
from aiohttp.typedefs import Handler

from calls.doors import Asker, door_of
from screenpop.desk.answers import refusal

#: Who is known by address, and must be answered in a flood too: callers hear what Asterisk fetches.
_EXPECTED = frozenset({Asker.PBX, Asker.WATCHER})
#: A whole office may come from one address, all of it at once after a restart.
_MOST, _MOST_OF_ONE = 1024, 512
#: For a whole body, which has 256 KiB at most: over a line of 100 kbit/s.
_BODY_S = 30.0


class _Place:
    """Of one request; given back once: at its end, or where it becomes a socket or a stream."""

    def __init__(self, crowd: Crowd, peer: str) -> None:
        self._crowd, self._peer, self._is_held = crowd, peer, True
        crowd.inside[peer] += 1

    def give_back(self) -> None:
        if self._is_held:
            self._is_held = False
            self._crowd.inside[self._peer] -= 1
            if not self._crowd.inside[self._peer]:
                del self._crowd.inside[self._peer]


_PLACE = web.RequestKey("place", _Place)


class Crowd:
    """A middleware, after the one that tells whose request it is behind a proxy."""

    def __init__(
        self, *, most: int = _MOST, most_of_one: int = _MOST_OF_ONE, body_s: float = _BODY_S
    ) -> None:
        self._most, self._most_of_one, self._body_s = most, most_of_one, body_s
        self.inside: Counter[str] = Counter()
        self.refused = 0

    def bound(self, app: web.Application) -> None:
        app.middlewares.append(self.middleware)
        app.on_response_prepare.append(_streams_have_their_own_bounds)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        door = door_of(request.match_info.handler)
        if door is not None and door.by & _EXPECTED:
            return await handler(request)
        peer = request.remote or ""
        if self.inside[peer] >= self._most_of_one or self.inside.total() >= self._most:
            self.refused += 1
            raise _too_many()
        place = request[_PLACE] = _Place(self, peer)
        loop = asyncio.get_running_loop()
        late = loop.call_later(self._body_s, _cut_off, request) if request.can_read_body else None
        try:
            return await handler(request)
        finally:
            if late is not None:
                late.cancel()
            place.give_back()


def _cut_off(request: web.Request) -> None:
    """Whoever reads the body then sees that the peer is gone."""
    if not request.content.is_eof() and request.transport is not None:
        request.transport.abort()


def _too_many() -> web.HTTPException:
    told = refusal(web.HTTPServiceUnavailable, "too_many", "Too many requests at once.")
    told.headers.update({"Retry-After": "1", "Cache-Control": "no-store", "Connection": "close"})
    return told


async def _streams_have_their_own_bounds(
    request: web.Request, response: web.StreamResponse
) -> None:
    place = request.get(_PLACE)
    is_stream = response.content_type == "text/event-stream"
    if place is not None and (is_stream or isinstance(response, web.WebSocketResponse)):
        place.give_back()
