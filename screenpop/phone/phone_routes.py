"""The softphone's addresses: what it logs in with, and the websocket that carries its SIP."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel, Field

from calls.agents import Softphone
from calls.doors import LOGGED_IN, Asker, Door, Origin, Param, Reply, hang
from calls.errors import Unavailable
from screenpop.desk.admission import AGENT, SEAT
from screenpop.desk.answers import Refused, refusal, spared, unavailable
from screenpop.desk.static_files import guarded
from screenpop.phone.phone_socket import PhoneCode
from screenpop.phone.phones import Phones

CARD = "/api/v1/agent/phone"
SOCKET = "/agent/sip"


class PhoneCard(BaseModel):
    user: str
    domain: str
    secret: str = Field(repr=False)
    display_name: str
    socket: str


PHONE = Door(
    "GET",
    CARD,
    by=LOGGED_IN,
    what="What the asker's phone in the browser logs in with.",
    replies={
        200: Reply("The account.", PhoneCard),
        404: Reply("The asker has a phone on the desk.", Refused),
    },
)
SIP = Door(
    "GET",
    SOCKET,
    by=frozenset({Asker.TICKET}),
    what="The websocket that carries the phone's SIP.",
    origin=Origin.NEEDED,
    query=(Param("ticket", "See POST /api/v1/agent/ticket.", needed=True),),
    replies={
        101: Reply("The websocket.", kind=""),
        404: Reply("The asker has a phone on the desk.", Refused),
    },
)
DOORS = (PHONE, SIP)


class PhoneRoutes:
    def __init__(self, *, phones: Phones) -> None:
        self._phones = phones

    async def card(self, request: web.Request) -> web.StreamResponse:
        """The secret goes to the agent's own page, over the connection of its log-in."""
        phone = await self._account(request[AGENT].login)
        card = PhoneCard(
            user=phone.login,
            domain=self._phones.settings.domain,
            secret=phone.secret,
            display_name=phone.name,
            socket=SOCKET,
        )
        return web.json_response(card.model_dump())

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if "sip" not in [name.strip() for name in offered.split(",")]:
            raise refusal(web.HTTPBadRequest, "bad_request", "expected the sub-protocol sip")
        seat = request[SEAT]
        try:
            await self._account(seat.login)
        except Unavailable as away:
            raise unavailable(away) from None
        phone = self._phones.phone(seat)
        await phone.open(request)
        if not self._phones.attach(phone):
            phone.drop(PhoneCode.TOO_MANY, "too many phones open")
        try:
            return await phone.run(request, self._phones.connect)
        finally:
            self._phones.detach(phone)

    async def _account(self, login: str) -> Softphone:
        phone = await self._phones.account(login)
        if phone is None:
            raise refusal(web.HTTPNotFound, "no_softphone", "this agent has a phone on the desk")
        return phone


def add_routes(app: web.Application, *, phones: Phones) -> None:
    routes = PhoneRoutes(phones=phones)
    hang(app.router, PHONE, guarded(spared(routes.card)))
    hang(app.router, SIP, routes.websocket)

    async def say_goodbye(_app: web.Application) -> None:
        phones.close_all()

    app.on_shutdown.append(say_goodbye)
