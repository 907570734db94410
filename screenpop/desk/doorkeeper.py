"""Keeps every door of a web server: nobody comes in but whom its declaration names.

A middleware: what it lets pass has its asker in the request (`admission.AGENT`, `admission.SEAT`).
"""

from __future__ import annotations

import hmac

from aiohttp import web
from aiohttp.typedefs import Handler

from calls.agents import Agent
from calls.doors import LOOKS, MOVES, Asker, Door, Origin, door_of, let_in
from calls.errors import Misconfigured
from config.neighbours import Neighbours
from config.settings import WebSettings
from screenpop.agents.log_in import Seat, hashed
from screenpop.desk.admission import AGENT, COOKIE, SEAT, Admission
from screenpop.desk.answers import Refused, refusal, spared
from screenpop.desk.origins import Origins
from screenpop.desk.static_files import guarded

#: Whether the asker may be told how the server is, behind doors of `Asker.WATCHER`.
WATCHES = web.RequestKey("watches", bool)
FORWARDED_FOR = "X-Forwarded-For"
_MAX_HOPS = 20


class Doorkeeper:
    """`admission` and `node_secret` are None where nobody logs in, and where no process asks."""

    def __init__(
        self,
        *,
        settings: WebSettings,
        neighbours: Neighbours,
        admission: Admission | None = None,
        node_secret: str | None = None,
    ) -> None:
        self._origins = Origins(settings)
        self._neighbours = neighbours
        self._admission = admission
        self._node_secret = node_secret

    def keep(self, app: web.Application) -> None:
        """To be called before the first door is hung, and after what changes who asks."""
        app.middlewares.append(self.middleware)
        app.on_startup.append(_every_door_is_declared)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        match = request.match_info
        if match.http_exception is not None:
            raise _no_such_address(match.http_exception)
        door = door_of(match.handler)
        if door is None:
            raise refusal(web.HTTPForbidden, "not_declared", "nobody may")
        await self._ask(door, request)
        with let_in(door):
            return await handler(request)

    async def _ask(self, door: Door, request: web.Request) -> None:
        """Raises refusals with the headers that every answer has."""

        async def asked(_request: web.Request) -> web.StreamResponse:
            if door.origin is not Origin.FREE:
                self._origins.check(request, required=door.origin is Origin.NEEDED)
            await self._let_in(door, request)
            return web.Response()

        await guarded(spared(asked))(request)

    async def _let_in(self, door: Door, request: web.Request) -> None:
        by = door.by
        if Asker.WATCHER in by:
            request[WATCHES] = all(self._neighbours.watches(one) for one in askers(request))
            if not request[WATCHES] and Asker.ANYBODY not in by:
                raise _too_far("web.watchers")
        elif Asker.PBX in by:
            for one in askers(request):
                if not await self._neighbours.is_asterisk(one):
                    raise _too_far("web.asterisks")
        elif by & {Asker.ANYBODY, Asker.SIGNED, Asker.PASSED_ON}:
            return
        elif Asker.NODE in by:
            self._is_a_node(request)
        elif self._admission is None:
            raise refusal(web.HTTPForbidden, "not_here", "nobody logs in at this port")
        elif Asker.TICKET in by:
            request[SEAT] = await self._admission.seat(request)
        elif Asker.PROGRAM in by:
            request[AGENT], request[SEAT] = await self._admission.program(request)
        else:
            request[AGENT] = agent = await self._admission.agent(request)
            request[SEAT] = Seat(agent.login, hashed(request.cookies[COOKIE]))
            _has_the_role(by, agent)

    def _is_a_node(self, request: web.Request) -> None:
        shown = request.headers.get("Authorization", "").encode("utf-8", "replace")
        wanted = f"Bearer {self._node_secret}".encode()
        if self._node_secret is None or not hmac.compare_digest(shown, wanted):
            raise refusal(web.HTTPForbidden, "not_a_node", "for processes of this centre alone")


def askers(request: web.Request) -> list[str]:
    """Who asks, and for whom a proxy says that it asks: all of them must be near. Whoever invents
    addresses there only shuts doors."""
    told = ",".join(request.headers.getall(FORWARDED_FOR, []))
    hops = [hop for one in told.split(",")[: _MAX_HOPS + 1] if (hop := one.strip())]
    return [request.remote or "", *hops] if len(hops) <= _MAX_HOPS else [""]


def _no_such_address(told: web.HTTPException) -> web.HTTPException:
    """As the router found; every refusal of ours is JSON."""
    if isinstance(told, web.HTTPMethodNotAllowed):
        text = Refused(error="not_allowed", message="another method").model_dump_json()
        return web.HTTPMethodNotAllowed(
            told.method, told.allowed_methods, text=text, content_type="application/json"
        )
    return refusal(web.HTTPNotFound, "not_found", "there is no such address")


def _too_far(setting: str) -> web.HTTPException:
    why = f"not for this network; {setting} says for which"
    return refusal(web.HTTPForbidden, "too_far", why)


def _has_the_role(by: frozenset[Asker], agent: Agent) -> None:
    if agent.role in by:
        return
    if agent.role in MOVES:
        raise refusal(web.HTTPForbidden, "not_an_admin", "administrators do that")
    if agent.role in LOOKS:
        raise refusal(web.HTTPForbidden, "read_only", "auditors look, and change nothing")
    raise refusal(web.HTTPForbidden, "not_a_supervisor", "this page is for supervisors")


async def _every_door_is_declared(app: web.Application) -> None:
    open_ = [str(route) for route in app.router.routes() if door_of(route.handler) is None]
    if open_:
        raise Misconfigured(f"nobody says who may ask at {', '.join(open_)}")
