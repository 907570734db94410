"""The addresses for programs: the same frames as the desktop's websocket, over plain HTTP."""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import ValidationError

from calls.bodies import PIECE, TooLong, whole
from calls.doors import LOGGED_IN, NOTHING, Asker, Door, Reply, hang
from screenpop.delivery.event_stream import EventStream
from screenpop.desk.admission import SEAT
from screenpop.desk.answers import TOO_FAST, Refused, refusal, spared
from screenpop.desk.desk import Desk
from screenpop.desk.outgoing import MAX_MESSAGE_BYTES, MESSAGES_BURST, MESSAGES_PER_S
from screenpop.desk.protocol import ClientFrame, client_frames
from screenpop.desk.rate_limit import RateLimit
from screenpop.desk.routes import LAST_SEQ, last_seq
from screenpop.desk.static_files import SECURITY_HEADERS, guarded

_PROGRAMS = LOGGED_IN | {Asker.PROGRAM}
EVENTS = Door(
    "GET",
    "/api/v1/agent/events",
    by=_PROGRAMS,
    what="The asker's pops as they happen: see docs/screenpop-api.md.",
    query=(LAST_SEQ,),
    # It never ends, and takes one of the agent's places.
    head=False,
    replies={
        200: Reply("Frames as server-sent events.", kind="text/event-stream"),
        429: Reply("Too many desktops are open.", Refused),
    },
)
FRAMES = Door(
    "POST",
    "/api/v1/agent/frames",
    by=_PROGRAMS,
    what="One frame of the asker's.",
    takes=ClientFrame,
    replies={204: NOTHING, 429: TOO_FAST},
)
DOORS = (EVENTS, FRAMES)


class EventRoutes:
    """A caller is an agent by the desktop's cookie, or by a token of `switchboard agents token`."""

    def __init__(self, *, desk: Desk) -> None:
        self._desk = desk
        self._allowed = RateLimit(per_s=MESSAGES_PER_S, burst=MESSAGES_BURST)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Resumes after `Last-Event-ID`, which browsers send by themselves, or `last_seq`."""
        told = request.headers.get("Last-Event-ID") or request.query.get("last_seq", "")
        seen = last_seq(told)
        seat = request[SEAT]
        resumed = self._desk.hub.can_resume(seat.login, seen)
        stream = EventStream(seat.session, seen if resumed else None)
        if not self._desk.attach(seat.login, stream, seen):
            raise refusal(web.HTTPTooManyRequests, "too_many", "too many desktops open")
        try:
            return await stream.run(request, SECURITY_HEADERS | {"Cache-Control": "no-store"})
        finally:
            self._desk.hub.detach(seat.login, stream, slow=stream.is_slow)

    async def frames(self, request: web.Request) -> web.StreamResponse:
        """One client frame. What is refused of it comes as a `notice`, as on the websocket."""
        seat = request[SEAT]
        if not self._allowed.take(seat.session, asyncio.get_running_loop().time()):
            raise refusal(web.HTTPTooManyRequests, "rate_limited", "too many frames; slow down")
        if (request.content_length or 0) > MAX_MESSAGE_BYTES:
            raise _too_long()
        try:
            body = await whole(request.content.iter_chunked(PIECE), MAX_MESSAGE_BYTES)
        except TooLong:
            raise _too_long() from None
        if request.content_type != "application/json":
            raise refusal(web.HTTPBadRequest, "bad_request", "expected application/json")
        try:
            frame = client_frames.validate_json(body)
        except ValidationError as wrong:
            raise refusal(web.HTTPBadRequest, "bad_frame", _where(wrong)) from None
        self._desk.receive(seat.login, frame)
        return web.Response(status=204)


def add_routes(app: web.Application, *, desk: Desk) -> None:
    routes = EventRoutes(desk=desk)
    hang(app.router, EVENTS, guarded(spared(routes.events)))
    hang(app.router, FRAMES, guarded(spared(routes.frames)))


def _too_long() -> web.HTTPException:
    what = f"a frame has at most {MAX_MESSAGE_BYTES} bytes"
    return refusal(web.HTTPBadRequest, "bad_request", what)


def _where(wrong: ValidationError) -> str:
    """Names the field, and repeats nothing of what was sent."""
    first = wrong.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"no frame of ours: {field + ': ' if field else ''}{first['type']}"
