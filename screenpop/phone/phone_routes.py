"""The softphone's addresses: what it logs in with, and the websocket that carries its SIP."""

from __future__ import annotations

from aiohttp import web

from calls.agents import Softphone
from calls.errors import Unavailable
from config.settings import WebSettings
from screenpop.desk.admission import Admission
from screenpop.desk.answers import refusal, spared, unavailable
from screenpop.desk.origins import Origins
from screenpop.desk.static_files import guarded
from screenpop.phone.phone_socket import PhoneCode
from screenpop.phone.phones import Phones

CARD = "/api/v1/agent/phone"
SOCKET = "/agent/sip"


class PhoneRoutes:
    def __init__(self, *, phones: Phones, admission: Admission, origins: Origins) -> None:
        self._phones = phones
        self._admission = admission
        self._origins = origins

    async def card(self, request: web.Request) -> web.StreamResponse:
        """The secret goes to the agent's own page, over the connection of its log-in."""
        self._origins.check(request, required=False)
        agent = await self._admission.agent(request)
        phone = await self._account(agent.login)
        return web.json_response(
            {
                "user": phone.login,
                "domain": self._phones.settings.domain,
                "secret": phone.secret,
                "display_name": phone.name,
                "socket": SOCKET,
            }
        )

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        self._origins.check(request, required=True)
        offered = request.headers.get("Sec-WebSocket-Protocol", "")
        if "sip" not in [name.strip() for name in offered.split(",")]:
            raise refusal(web.HTTPBadRequest, "bad_request", "expected the sub-protocol sip")
        seat = await self._admission.seat(request)
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


def add_routes(
    app: web.Application, *, phones: Phones, admission: Admission, settings: WebSettings
) -> None:
    routes = PhoneRoutes(phones=phones, admission=admission, origins=Origins(settings))
    app.router.add_get(CARD, guarded(spared(routes.card)))
    app.router.add_get(SOCKET, routes.websocket)

    async def say_goodbye(_app: web.Application) -> None:
        phones.close_all()

    app.on_shutdown.append(say_goodbye)
