"""The addresses for programs: the same frames as the desktop's websocket, over plain HTTP."""

from __future__ import annotations

import asyncio

from aiohttp import web
from pydantic import ValidationError

from config.settings import WebSettings
from screenpop.agents.log_in import Seat, hashed
from screenpop.delivery.event_stream import EventStream
from screenpop.desk.admission import COOKIE
from screenpop.desk.answers import refusal, spared
from screenpop.desk.desk import Desk
from screenpop.desk.origins import Origins
from screenpop.desk.outgoing import MAX_MESSAGE_BYTES, MESSAGES_BURST, MESSAGES_PER_S
from screenpop.desk.protocol import client_frames
from screenpop.desk.rate_limit import RateLimit
from screenpop.desk.routes import last_seq
from screenpop.desk.static_files import SECURITY_HEADERS, guarded

_BEARER = "bearer "
_MAX_TOKEN = 200


class EventRoutes:
    """A caller is an agent by the desktop's cookie, or by a token of `switchboard agents token`."""

    def __init__(self, *, desk: Desk, settings: WebSettings) -> None:
        self._desk = desk
        self._origins = Origins(settings)
        self._allowed = RateLimit(per_s=MESSAGES_PER_S, burst=MESSAGES_BURST)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Resumes after `Last-Event-ID`, which browsers send by themselves, or `last_seq`."""
        self._origins.check(request, required=False)
        told = request.headers.get("Last-Event-ID") or request.query.get("last_seq", "")
        seen = last_seq(told)
        seat = await self._seat(request)
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
        self._origins.check(request, required=False)
        seat = await self._seat(request)
        if not self._allowed.take(seat.session, asyncio.get_running_loop().time()):
            raise refusal(web.HTTPTooManyRequests, "rate_limited", "too many frames; slow down")
        if (request.content_length or 0) > MAX_MESSAGE_BYTES:
            raise _too_long()
        body = await request.content.read(MAX_MESSAGE_BYTES + 1)
        if len(body) > MAX_MESSAGE_BYTES:
            raise _too_long()
        if request.content_type != "application/json":
            raise refusal(web.HTTPBadRequest, "bad_request", "expected application/json")
        try:
            frame = client_frames.validate_json(body)
        except ValidationError as wrong:
            raise refusal(web.HTTPBadRequest, "bad_frame", _where(wrong)) from None
        self._desk.receive(seat.login, frame)
        return web.Response(status=204)

    async def _seat(self, request: web.Request) -> Seat:
        token, by_token = _credential(request)
        book = self._desk.tokens if by_token else self._desk.log_ins
        session = hashed(token)
        login = (await book.living({session})).get(session) if token else None
        if login is not None and self._desk.agents.find(login) is None:
            # Added on the command line since we started.
            await self._desk.agents.reload()
        if login is None or self._desk.agents.find(login) is None:
            raise refusal(web.HTTPUnauthorized, "not_logged_in", "log in first, or send a token")
        return Seat(login, session)


def add_routes(app: web.Application, *, desk: Desk, settings: WebSettings) -> None:
    routes = EventRoutes(desk=desk, settings=settings)
    app.router.add_get("/api/v1/agent/events", guarded(spared(routes.events)), allow_head=False)
    app.router.add_post("/api/v1/agent/frames", guarded(spared(routes.frames)))


def _credential(request: web.Request) -> tuple[str, bool]:
    """What says who calls, and whether it is a program's token."""
    header = request.headers.get("Authorization", "")
    if header:
        is_bearer = header[: len(_BEARER)].lower() == _BEARER
        return (header[len(_BEARER) :].strip()[:_MAX_TOKEN] if is_bearer else "", True)
    return request.cookies.get(COOKIE, "")[:_MAX_TOKEN], False


def _too_long() -> web.HTTPException:
    what = f"a frame has at most {MAX_MESSAGE_BYTES} bytes"
    return refusal(web.HTTPBadRequest, "bad_request", what)


def _where(wrong: ValidationError) -> str:
    """Names the field, and repeats nothing of what was sent."""
    first = wrong.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"no frame of ours: {field + ': ' if field else ''}{first['type']}"
