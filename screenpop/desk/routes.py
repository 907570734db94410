"""The desktop's addresses: log-in, ticket, websocket, and the page itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calls.agents import Agent
from calls.doors import ANYBODY, LOGGED_IN, NOTHING, Asker, Door, Origin, Param, Reply, hang
from config.settings import WebSettings
from screenpop.agents.log_in import TICKET_LIFE_S, LogInRefused, TooManyLogIns, hashed
from screenpop.desk import call_routes, static_files
from screenpop.desk.admission import AGENT, COOKIE, SEAT
from screenpop.desk.answers import refusal, spared
from screenpop.desk.desk import Desk
from screenpop.desk.protocol import MAX_SEQ, CloseCode
from screenpop.desk.session import DesktopSocket
from screenpop.desk.static_files import STATIC, add_static, guarded
from screenpop.phone import phone_routes

_MAX_BODY = 4 * 1024


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(min_length=1, max_length=80)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class Card(BaseModel):
    login: str
    name: str
    language: str
    role: str
    queues: tuple[str, ...]


class TicketIssued(BaseModel):
    ticket: str
    expires_s: float


LOG_IN = Door(
    "POST",
    "/api/v1/session",
    by=ANYBODY,
    why="nobody has a log-in before; failures are counted",
    what="Log in: sets the cookie of a session.",
    takes=Credentials,
    replies={200: Reply("Who is logged in.", Card), 429: Reply("Too many failed log-ins.")},
)
LOG_OUT = Door(
    "DELETE",
    "/api/v1/session",
    by=ANYBODY,
    why="ends nothing but the session whose cookie is sent",
    what="Log out.",
    replies={204: NOTHING},
)
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
    *(LOG_IN, LOG_OUT, ME, TICKET, WEBSOCKET),
    *(call_routes.DOORS + phone_routes.DOORS + static_files.DOORS),
)


class DeskRoutes:
    def __init__(self, *, desk: Desk, settings: WebSettings) -> None:
        self._desk = desk
        self._settings = settings
        self._admission = desk.admission

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        credentials = await _credentials(request)
        address = request.remote or "unknown"
        try:
            token = await self._desk.log_ins.log_in(
                credentials.login, credentials.password, address
            )
        except LogInRefused as refused:
            raise refusal(web.HTTPUnauthorized, "wrong_credentials", str(refused)) from None
        except TooManyLogIns as refused:
            raise refusal(web.HTTPTooManyRequests, "rate_limited", str(refused)) from None
        agent = await self._admission.agent_of(token)
        response = _card(agent)
        response.set_cookie(
            COOKIE,
            token,
            max_age=self._settings.session_hours * 3600,
            httponly=True,
            samesite="Strict",
            secure=(self._settings.public_url or "").startswith("https:"),
        )
        return response

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """Ends this session; the agent's other desktops reconnect by their own."""
        token = request.cookies.get(COOKIE, "")
        login = await self._desk.log_ins.login_of(token)
        if login is not None:
            await self._desk.log_ins.log_out(token)
            self._desk.hub.close_desktops(login, CloseCode.LOGGED_OUT, "logged out")
            self._desk.phones.close_sessions({hashed(token)})
        response = web.Response(status=204)
        response.del_cookie(COOKIE)
        return response

    async def me(self, request: web.Request) -> web.StreamResponse:
        return _card(request[AGENT])

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
    app: web.Application, *, desk: Desk, settings: WebSettings, static: Path = STATIC
) -> None:
    """`static` is the built desktop; where it is missing the page says how to build it."""
    routes = DeskRoutes(desk=desk, settings=settings)
    hang(app.router, LOG_IN, guarded(spared(routes.log_in)))
    hang(app.router, LOG_OUT, guarded(spared(routes.log_out)))
    hang(app.router, ME, guarded(spared(routes.me)))
    hang(app.router, TICKET, guarded(spared(routes.ticket)))
    hang(app.router, WEBSOCKET, routes.websocket)
    call_routes.add_routes(app, calls=desk.past_calls)
    phone_routes.add_routes(app, phones=desk.phones)
    add_static(app, static)


async def _credentials(request: web.Request) -> Credentials:
    body = await request.read()
    if request.content_type != "application/json" or len(body) > _MAX_BODY:
        raise refusal(web.HTTPBadRequest, "bad_request", "expected a small JSON object")
    try:
        return Credentials.model_validate_json(body)
    except ValidationError:
        raise refusal(web.HTTPBadRequest, "bad_request", "expected login, password") from None


def last_seq(text: str) -> int | None:
    """The newest number a client has; None where it says none."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:17]) < MAX_SEQ):
        raise refusal(web.HTTPBadRequest, "bad_request", "last_seq is not a number")
    return int(text[:17])


def _card(agent: Agent) -> web.Response:
    card = Card(
        login=agent.login,
        name=agent.name,
        language=agent.language,
        role=agent.role,
        queues=agent.queues,
    )
    return web.json_response(card.model_dump())
