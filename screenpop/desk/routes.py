"""The desktop's addresses: ticket, websocket, and the page itself."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from pydantic import BaseModel

from calls.doors import LOGGED_IN, Asker, Door, Origin, Param, Reply, hang
from config.oidc_settings import OidcSettings
from config.settings import WebSettings
from screenpop.agents.log_in import TICKET_LIFE_S
from screenpop.desk import (
    call_routes,
    log_in_routes,
    openid_routes,
    recording_routes,
    static_files,
)
from screenpop.desk.admission import AGENT, COOKIE, SEAT
from screenpop.desk.answers import refusal, spared
from screenpop.desk.desk import Desk
from screenpop.desk.log_in_routes import Card, card_of
from screenpop.desk.protocol import MAX_SEQ, CloseCode
from screenpop.desk.session import DesktopSocket
from screenpop.desk.static_files import STATIC, add_static, guarded
from screenpop.phone import phone_routes


class TicketIssued(BaseModel):
    ticket: str
    expires_s: float


ME = Door(
    "GET",
    "/api/v1/me",
    by=LOGGED_IN,
    what="Who is logged in.",
    replies={200: Reply("The agent.", Card)},
)
TICKET = Door(
    "POST",
    "/api/v1/agent/ticket",
    by=LOGGED_IN,
    what="A ticket for one websocket.",
    replies={200: Reply("Good once, for half a minute.", TicketIssued)},
)
LAST_SEQ = Param("last_seq", "The newest number that the client has.", pattern="^[0-9]*$")
TICKET_SHOWN = Param("ticket", "See POST /api/v1/agent/ticket.", needed=True)
WEBSOCKET = Door(
    "GET",
    "/agent/ws",
    by=frozenset({Asker.TICKET}),
    what="The desktop's websocket: see docs/screenpop-api.md.",
    origin=Origin.NEEDED,
    query=(TICKET_SHOWN, LAST_SEQ),
    replies={101: Reply("The websocket.", kind="")},
)
DOORS = (
    *(ME, TICKET, WEBSOCKET),
    *(
        log_in_routes.DOORS
        + openid_routes.DOORS
        + call_routes.DOORS
        + recording_routes.DOORS
        + phone_routes.DOORS
        + static_files.DOORS
    ),
)


class DeskRoutes:
    def __init__(self, *, desk: Desk) -> None:
        self._desk = desk

    async def me(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(card_of(request[AGENT]).model_dump())

    async def ticket(self, request: web.Request) -> web.StreamResponse:
        ticket = self._desk.tickets.issue(request[AGENT].login, request.cookies[COOKIE])
        issued = TicketIssued(ticket=ticket, expires_s=TICKET_LIFE_S)
        return web.json_response(issued.model_dump())

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        known = last_seq(request.query.get("last_seq", ""))
        seat = request[SEAT]
        login = seat.login
        desktop = DesktopSocket(seat.session)
        await desktop.open(request)
        if not self._desk.attach(login, desktop, known):
            desktop.drop(CloseCode.TOO_MANY, "too many desktops open")
        try:
            return await desktop.run(request, lambda frame: self._desk.receive(login, frame))
        finally:
            self._desk.hub.detach(login, desktop, slow=desktop.is_slow)


def add_routes(
    app: web.Application,
    *,
    desk: Desk,
    settings: WebSettings,
    oidc: OidcSettings = OidcSettings(),  # noqa: B008 -- frozen
    static: Path = STATIC,
) -> None:
    """`static` is the built desktop; where it is missing the page says how to build it."""
    routes = DeskRoutes(desk=desk)
    log_in = log_in_routes.add_routes(app, desk=desk, settings=settings)
    openid_routes.add_routes(app, desk=desk, settings=settings, oidc=oidc, log_in=log_in)
    hang(app.router, ME, guarded(spared(routes.me)))
    hang(app.router, TICKET, guarded(spared(routes.ticket)))
    hang(app.router, WEBSOCKET, routes.websocket)
    call_routes.add_routes(app, calls=desk.past_calls)
    recording_routes.add_routes(app, pauses=desk.recordings)
    phone_routes.add_routes(app, phones=desk.phones)
    add_static(app, static)


def last_seq(text: str) -> int | None:
    """The newest number a client has; None where it says none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:17]) < MAX_SEQ):
        raise refusal(web.HTTPBadRequest, "bad_request", "last_seq is not a number")
    return int(text[:17])
