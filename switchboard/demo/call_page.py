"""The page "call your own centre": its addresses, on a port of its own that ends with the demo.

The server knows nothing of it. It is for this machine alone: it listens on loopback, answers to no
other name, and gives away a log-in and the callers' secrets to whoever asks here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    ClientWSTimeout,
    CookieJar,
    web,
)

from calls.doors import ANYBODY, Door, Origin, hang
from calls.errors import Unavailable
from config.neighbours import Neighbours
from config.settings import SoftphoneSettings, WebSettings
from screenpop.agents.log_in import Tickets
from screenpop.counters import DeskCounters
from screenpop.desk.answers import refusal, spared, unavailable
from screenpop.desk.doorkeeper import Doorkeeper
from screenpop.desk.static_files import STATIC, add_assets, guarded, page
from screenpop.phone.phone_socket import (
    CLOSE_DEADLINE_S,
    MAX_MESSAGE_BYTES,
    PING_EVERY_S,
    PhoneCode,
    PhoneSocket,
)
from switchboard.demo.call_watch import DEADLINE_S, CallWatch, log_in
from switchboard.demo.personas import DIALLED, Persona

HOST = "127.0.0.1"
PAGE = "/demo/call"
_SOCKET = "/demo/sip"
_MAX_BODY = 1024
#: Tabs that ring in at the same time.
_MAX_PHONES = 16


def _door(method: str, path: str, origin: Origin = Origin.OURS) -> Door:
    why = "only this machine reaches it, by this name"
    return Door(method, path, by=ANYBODY, why=why, origin=origin, what="Of the demo.")


class CallPage:
    """`async with`: on return the page can be opened; on leaving its calls' signalling ends.

    `agent` is logged in by the page's button, `supervisor` tells what becomes of the calls."""

    def __init__(
        self,
        *,
        port: int,
        callers: Sequence[Persona],
        softphone: SoftphoneSettings,
        server_url: str,
        agent: str,
        supervisor: str,
        password: str,
        console: Callable[[str], Awaitable[str]],
    ) -> None:
        self.base_url = f"http://{HOST}:{port}"
        self._port = port
        self._callers = {caller.user: caller for caller in callers}
        self._softphone = softphone
        self._server_url = server_url
        self._agent = {"login": agent, "password": password}
        self._supervisor = supervisor
        self._console = console
        self._counters = DeskCounters()
        self._open: set[PhoneSocket] = set()
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"{self.base_url}{PAGE}"

    async def __aenter__(self) -> Self:
        self._tickets = Tickets()
        # The supervisor's log-in stays in it; a server on 127.0.0.1 has no name.
        self._http = ClientSession(
            cookie_jar=CookieJar(unsafe=True), timeout=ClientTimeout(total=DEADLINE_S)
        )
        self._watch = CallWatch(
            base_url=self._server_url,
            login=self._supervisor,
            password=self._agent["password"],
            http=self._http,
            console=self._console,
        )
        self._runner = web.AppRunner(self._app(), shutdown_timeout=2.0)
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, HOST, self._port).start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def _close(self) -> None:
        for phone in self._open:
            phone.drop(PhoneCode.GOING_AWAY, "the demo ends")
        if self._runner is not None:
            await self._runner.cleanup()
        await self._http.close()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._only_here], client_max_size=_MAX_BODY)
        Doorkeeper(settings=WebSettings(host=HOST, port=self._port), neighbours=Neighbours()).keep(
            app
        )
        for door, handler in (
            (_door("GET", PAGE, Origin.FREE), self._page),
            (_door("GET", "/demo/callers"), guarded(self._cast)),
            (_door("GET", "/demo/calls/{user}", Origin.FREE), guarded(spared(self._call))),
            (_door("POST", "/demo/ticket", Origin.NEEDED), guarded(self._ticket)),
            (_door("POST", "/demo/desk", Origin.NEEDED), guarded(self._desk_link)),
            (_door("GET", "/demo/desk", Origin.FREE), guarded(spared(self._desk))),
            (_door("GET", _SOCKET, Origin.NEEDED), self._sip),
        ):
            hang(app.router, door, handler)
        add_assets(app, STATIC)
        return app

    @web.middleware
    async def _only_here(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Another name may be a stranger's that leads to this machine (DNS rebinding)."""
        if request.host != f"{HOST}:{self._port}":
            raise refusal(web.HTTPForbidden, "not_here", f"open {self.address}")
        return await handler(request)

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return page(STATIC / "demo_call.html")

    async def _cast(self, _request: web.Request) -> web.StreamResponse:
        cast = [
            {"key": one.key, "user": one.user, "secret": one.secret, "number": one.number}
            for one in self._callers.values()
        ]
        return web.json_response(
            {
                "callers": cast,
                "domain": self._softphone.domain,
                "socket": _SOCKET,
                "dialled": DIALLED,
                "agent": self._agent["login"],
            }
        )

    async def _call(self, request: web.Request) -> web.StreamResponse:
        user = request.match_info["user"]
        if user not in self._callers:
            raise refusal(web.HTTPNotFound, "no_caller", "there is no such caller")
        return web.json_response({"call": await self._watch.of(user)})

    async def _ticket(self, request: web.Request) -> web.StreamResponse:
        user = await self._wanted_user(request)
        return web.json_response({"ticket": self._tickets.issue(user, "")})

    async def _wanted_user(self, request: web.Request) -> str:
        try:
            user = json.loads(await request.read())["user"]
        except (ValueError, KeyError, TypeError):
            user = None
        if not isinstance(user, str) or user not in self._callers:
            raise refusal(web.HTTPBadRequest, "bad_request", "expected a caller as user")
        return user

    async def _desk_link(self, _request: web.Request) -> web.StreamResponse:
        """Good once, for half a minute."""
        once = self._tickets.issue(self._agent["login"], "")
        return web.json_response({"address": f"/demo/desk?once={once}"})

    async def _desk(self, request: web.Request) -> web.StreamResponse:
        """Cookies are a host's, whatever the port: the server's own cookie, set from here."""
        seat = self._tickets.redeem(request.query.get("once", ""))
        if seat is None or seat.login != self._agent["login"]:
            raise refusal(
                web.HTTPForbidden, "used_up", f"this link is used up: open {self.address}"
            )
        async with ClientSession(timeout=ClientTimeout(total=DEADLINE_S)) as http:
            try:
                cookie = await log_in(http, self._server_url, self._agent)
            except (ClientError, TimeoutError):
                raise unavailable(Unavailable("the server does not answer")) from None
        return web.Response(
            status=303, headers={"Location": f"{self._server_url}/", "Set-Cookie": cookie}
        )

    async def _sip(self, request: web.Request) -> web.StreamResponse:
        seat = self._tickets.redeem(request.query.get("ticket", ""))
        if seat is None or seat.login not in self._callers:
            raise refusal(web.HTTPUnauthorized, "ticket_refused", "the ticket is not valid")
        # Looks at each frame: only this caller may be its sender.
        phone = PhoneSocket(seat, self._counters)
        await phone.open(request)
        if len(self._open) >= _MAX_PHONES:
            phone.drop(PhoneCode.TOO_MANY, "too many phones open")
        self._open.add(phone)
        try:
            return await phone.run(request, self._connect)
        finally:
            self._open.discard(phone)

    async def _connect(self) -> ClientWebSocketResponse:
        if self._softphone.asterisk_ws is None:
            raise ConnectionError("no way to Asterisk is set")
        async with asyncio.timeout(self._softphone.connect_deadline_s):
            return await self._http.ws_connect(
                self._softphone.asterisk_ws,
                protocols=("sip",),
                heartbeat=PING_EVERY_S,
                max_msg_size=MAX_MESSAGE_BYTES,
                timeout=ClientWSTimeout(ws_close=CLOSE_DEADLINE_S),
            )
