"""Logging in and out: a password, and a code of the second factor where one is wanted."""

from __future__ import annotations

import asyncio
from typing import Annotated

import segno
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calls.agents import Agent
from calls.doors import ANYBODY, NOTHING, Door, Reply, hang
from config.settings import WebSettings
from screenpop.agents.log_in import (
    CodeWanted,
    EnrolmentWanted,
    LogInRefused,
    TooManyCodes,
    TooManyLogIns,
    WrongCode,
    hashed,
)
from screenpop.agents.second_factors import Enrolment
from screenpop.desk.admission import COOKIE
from screenpop.desk.answers import Refused, refusal, refused, spared
from screenpop.desk.desk import Desk
from screenpop.desk.protocol import CloseCode
from screenpop.desk.static_files import guarded

_MAX_BODY = 4 * 1024


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(min_length=1, max_length=80)]
    password: Annotated[str, Field(min_length=1, max_length=256)]
    #: Of the second factor.
    code: Annotated[str | None, Field(min_length=1, max_length=40)] = None
    #: Which of the second factors that were offered `code` is of.
    enrolment: Annotated[str | None, Field(min_length=1, max_length=80)] = None


class Card(BaseModel):
    login: str
    name: str
    language: str
    role: str
    queues: tuple[str, ...]


class LoggedIn(Card):
    #: Told this once, where a second factor was set up.
    recovery_codes: tuple[str, ...] | None = None


class NotLoggedIn(Refused):
    """`error` is wrong_credentials, code_wanted, wrong_code or enrolment_wanted; the others come
    with the last of them."""

    #: To be sent with the first code of the secret.
    enrolment: str | None = None
    #: What the app is told, where it cannot read the picture.
    secret: str | None = None
    #: The picture: a text for each row, of 0 (light) and 1 (dark).
    qr: tuple[str, ...] | None = None


LOG_IN = Door(
    "POST",
    "/api/v1/session",
    by=ANYBODY,
    why="nobody has a log-in before; failures are counted",
    what="Log in: sets the cookie of a session.",
    takes=Credentials,
    replies={
        200: Reply("Who is logged in.", LoggedIn),
        401: Reply("Who is not, and what is wanted.", NotLoggedIn),
        429: Reply("Too many failed log-ins.", Refused),
    },
)
LOG_OUT = Door(
    "DELETE",
    "/api/v1/session",
    by=ANYBODY,
    why="ends nothing but the session whose cookie is sent",
    what="Log out.",
    replies={204: NOTHING},
)
DOORS = (LOG_IN, LOG_OUT)


class LogInRoutes:
    def __init__(self, *, desk: Desk, settings: WebSettings) -> None:
        self._desk = desk
        self._settings = settings
        self._admission = desk.admission

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        asked = await _credentials(request)
        try:
            opened = await self._desk.log_ins.log_in(
                asked.login,
                asked.password,
                request.remote or "unknown",
                code=asked.code,
                enrolment=asked.enrolment,
            )
        except LogInRefused as no:
            raise refusal(web.HTTPUnauthorized, "wrong_credentials", str(no)) from None
        except CodeWanted as wanted:
            raise refusal(web.HTTPUnauthorized, "code_wanted", str(wanted)) from None
        except WrongCode as no:
            raise refusal(web.HTTPUnauthorized, "wrong_code", str(no)) from None
        except EnrolmentWanted as wanted:
            told = await _told(str(wanted), wanted.enrolment)
            raise refused(web.HTTPUnauthorized, told) from None
        except TooManyCodes as no:
            raise refusal(web.HTTPTooManyRequests, "too_many_codes", str(no)) from None
        except TooManyLogIns as no:
            raise refusal(web.HTTPTooManyRequests, "rate_limited", str(no)) from None
        card = card_of(await self._admission.called(opened.login))
        told_once = tuple(opened.recovery_codes) or None
        answer = LoggedIn(**card.model_dump(), recovery_codes=told_once)
        response = web.json_response(answer.model_dump(exclude_none=True))
        self.seat(response, opened.token)
        return response

    def seat(self, response: web.StreamResponse, token: str) -> None:
        """Whoever gets this answer is logged in."""
        response.set_cookie(
            COOKIE,
            token,
            max_age=self._settings.session_hours * 3600,
            httponly=True,
            samesite="Strict",
            secure=self._settings.is_https,
        )

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


def add_routes(app: web.Application, *, desk: Desk, settings: WebSettings) -> LogInRoutes:
    routes = LogInRoutes(desk=desk, settings=settings)
    hang(app.router, LOG_IN, guarded(spared(routes.log_in)))
    hang(app.router, LOG_OUT, guarded(spared(routes.log_out)))
    return routes


async def _credentials(request: web.Request) -> Credentials:
    body = await request.read()
    if request.content_type != "application/json" or len(body) > _MAX_BODY:
        raise refusal(web.HTTPBadRequest, "bad_request", "expected a small JSON object")
    try:
        return Credentials.model_validate_json(body)
    except ValidationError:
        raise refusal(web.HTTPBadRequest, "bad_request", "expected login, password") from None


async def _told(text: str, enrolment: Enrolment) -> NotLoggedIn:
    picture = await asyncio.to_thread(segno.make, enrolment.uri, error="m", micro=False)
    rows = ("".join("1" if dark else "0" for dark in row) for row in picture.matrix)
    return NotLoggedIn(
        error="enrolment_wanted",
        message=text,
        enrolment=enrolment.token,
        secret=enrolment.secret,
        qr=tuple(rows),
    )


def card_of(agent: Agent) -> Card:
    return Card(
        login=agent.login,
        name=agent.name,
        language=agent.language,
        role=agent.role,
        queues=agent.queues,
    )
