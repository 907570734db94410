"""An agent who is tried first, as a realtime queue of one member: `sales~anna` is Anna alone, for a
caller of the queue `sales`.

So Asterisk's own queue rings her, with all its events, and knows when she is busy; then the
dialplan calls `sales`. Asterisk asks for these queues through res_config_curl.c (Asterisk 20 to
22): a POST with a form, answered by one form-encoded line per row; an empty body: there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlencode

from aiohttp import web

from ami_bridge import dialplan
from ami_bridge.ami_events import MemberSeen
from calls.doors import Asker, Door, Param, Reply, hang
from calls.ports import AgentRoster

#: Nobody is waited for who cannot take the call now (app_queue.c `parse_empty_options`).
_BUSY = "paused,inuse,unavailable,invalid,unknown,wrapup"
_QUEUE = {
    "strategy": "ringall",
    # The dialplan's Queue() says how long.
    "timeout": "600",
    "timeoutpriority": "app",
    "ringinuse": "no",
    "joinempty": f"{_BUSY},ringing",
    # Without `ringing`: that is our own call.
    "leavewhenempty": _BUSY,
    "setinterfacevar": "yes",
}


def _door(path: str, what: str, *form: Param) -> Door:
    row = Reply("A form-encoded row; empty where there is none.", kind="text/plain")
    long = Reply("No form of Asterisk's is so long.", kind="text/plain")
    replies = {200: row, 413: long}
    by = frozenset({Asker.PBX})
    return Door("POST", f"/pbx/{path}", by=by, what=what, form=form, replies=replies)


QUEUES = _door("queues/{shape:single|multi}", "A queue of one agent.", Param("name", "QUEUE~LOGIN"))
MEMBERS = _door(
    "queue_members/{shape:single|multi}", "Its member.", Param("queue_name", "QUEUE~LOGIN")
)
# What Asterisk changes it may keep; the next question is answered by us again.
UPDATE = _door("{family:queues|queue_members}/update", "Changes nothing here.")
REQUIRE = _door("{family:queues|queue_members}/require", "Which columns Asterisk wants.")
DOORS = (QUEUES, MEMBERS, UPDATE, REQUIRE)


class Members(Protocol):
    """The part of `queue_members.QueueMembers` that is asked here."""

    def find(self, interface: str, queue: str) -> MemberSeen | None: ...


def add_routes(app: web.Application, *, roster: AgentRoster, members: Members) -> None:
    routes = QueueRoutes(roster=roster, members=members)
    hang(app.router, QUEUES, routes.queues)
    hang(app.router, MEMBERS, routes.members)
    hang(app.router, UPDATE, routes.one)
    hang(app.router, REQUIRE, routes.zero)


class QueueRoutes:
    def __init__(self, *, roster: AgentRoster, members: Members) -> None:
        self._roster = roster
        self._members = members

    async def queues(self, request: web.Request) -> web.Response:
        """`multi` asks for all of them (`name LIKE`): none, as each is made when it is named."""
        name = await _field(request, "name")
        return _row({"name": name, **_QUEUE} if self._interface(name) else {})

    async def members(self, request: web.Request) -> web.Response:
        name = await _field(request, "queue_name")
        interface = self._interface(name)
        if interface is None:
            return _row({})
        known = self._members.find(interface, dialplan.real_queue(name))
        row = {"uniqueid": name, "queue_name": name, "interface": interface, "penalty": "0"}
        if known is not None:
            row |= {"membername": known.name or interface, "paused": str(int(known.paused))}
            row |= {"state_interface": known.state_interface} if known.state_interface else {}
        return _row(row)

    async def one(self, request: web.Request) -> web.Response:
        return web.Response(text="1")

    async def zero(self, request: web.Request) -> web.Response:
        return web.Response(text="0")

    def _interface(self, name: str) -> str | None:
        queue, parts, login = name.partition(dialplan.TRIES)
        if not (parts and dialplan.QUEUE_NAME.fullmatch(queue) and dialplan.LOGIN.fullmatch(login)):
            return None
        return self._roster.interface_of(login)


async def _field(request: web.Request, name: str) -> str:
    value = (await request.post()).get(name, "")
    return value if isinstance(value, str) else ""


def _row(row: Mapping[str, str]) -> web.Response:
    return web.Response(text=f"{urlencode(row)}\n" if row else "")
