"""The desktop's addresses: log-in, ticket, websocket, and the page itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calls.agents import Agent
from config.settings import WebSettings
from screenpop.agents.log_in import TICKET_LIFE_S, LogInRefused, TooManyLogIns, hashed
from screenpop.desk import call_routes
from screenpop.desk.admission import COOKIE
from screenpop.desk.answers import refusal, spared
from screenpop.desk.desk import Desk
from screenpop.desk.origins import Origins
from screenpop.desk.protocol import MAX_SEQ, CloseCode
from screenpop.desk.session import DesktopSocket
from screenpop.desk.static_files import STATIC, add_static, guarded
from screenpop.phone import phone_routes

_MAX_BODY = 4 * 1024


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(min_length=1, max_length=80)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class DeskRoutes:
    def __init__(self, *, desk: Desk, settings: WebSettings) -> None:
        self._desk = desk
        self._settings = settings
        self._origins = Origins(settings)
        self._admission = desk.admission

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        self._origins.check(request, required=False)
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
        response = web.json_response(_card(agent))
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
        self._origins.check(request, required=False)
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
        return web.json_response(_card(await self._admission.agent(request)))

    async def ticket(self, request: web.Request) -> web.StreamResponse:
        self._origins.check(request, required=False)
        agent = await self._admission.agent(request)
        ticket = self._desk.tickets.issue(agent.login, request.cookies[COOKIE])
        return web.json_response({"ticket": ticket, "expires_s": TICKET_LIFE_S})

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        self._origins.check(request, required=True)
        known = last_seq(request.query.get("last_seq", ""))
        seat = await self._admission.seat(request)
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
    app.router.add_post("/api/v1/session", guarded(spared(routes.log_in)))
    app.router.add_delete("/api/v1/session", guarded(spared(routes.log_out)))
    app.router.add_get("/api/v1/me", guarded(spared(routes.me)))
    app.router.add_post("/api/v1/agent/ticket", guarded(spared(routes.ticket)))
    app.router.add_get("/agent/ws", routes.websocket)
    call_routes.add_routes(app, calls=desk.past_calls, admission=desk.admission)
    phone_routes.add_routes(app, phones=desk.phones, admission=desk.admission, settings=settings)
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


def _card(agent: Agent) -> dict[str, object]:
    return {
        "login": agent.login,
        "name": agent.name,
        "language": agent.language,
        "role": agent.role,
        "queues": list(agent.queues),
    }
