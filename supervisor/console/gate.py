"""Who may see the supervisor page, and who may change something there, by the desktop's log-in."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import web

from calls.agents import Agent
from screenpop.agents.log_in import hashed
from screenpop.desk.admission import COOKIE, Admission
from screenpop.desk.answers import refusal
from screenpop.desk.origins import Origins
from supervisor.console.feed import Viewer

#: Roles that see all of the page.
LOOKS = frozenset({"supervisor", "admin", "auditor"})
#: Roles that publish rulebooks and take them back.
MOVES = LOOKS - {"auditor"}
#: Roles that have what was given up delivered once more.
RUNS = frozenset({"admin"})


class Gate:
    """Raises refusals: 401 for who is not logged in, 403 for any other role or origin."""

    def __init__(self, *, admission: Admission, origins: Origins) -> None:
        self._admission = admission
        self._origins = origins

    async def looks(self, request: web.Request) -> Agent:
        return await self._one_of(LOOKS, request)

    async def moves(self, request: web.Request) -> Agent:
        return await self._one_of(MOVES, request)

    async def runs(self, request: web.Request) -> Agent:
        return await self._one_of(RUNS, request)

    async def viewer(self, request: web.Request) -> Viewer:
        agent = await self.looks(request)
        return Viewer(agent.login, hashed(request.cookies.get(COOKIE, "")))

    async def _one_of(self, roles: Collection[str], request: web.Request) -> Agent:
        self._origins.check(request, required=False)
        agent = await self._admission.agent(request)
        if agent.role in roles:
            return agent
        if agent.role in MOVES:
            raise refusal(web.HTTPForbidden, "not_an_admin", "administrators do that")
        if agent.role in LOOKS:
            raise refusal(web.HTTPForbidden, "read_only", "auditors look, and change nothing")
        raise refusal(web.HTTPForbidden, "not_a_supervisor", "this page is for supervisors")
