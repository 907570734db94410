"""Who may see the supervisor page: agents of the role `supervisor`, by the desktop's log-in."""

from __future__ import annotations

from aiohttp import web

from calls.agents import Agent
from screenpop.agents.log_in import hashed
from screenpop.desk.admission import COOKIE, Admission
from screenpop.desk.answers import refusal
from screenpop.desk.origins import Origins
from supervisor.console.feed import Viewer

ROLE = "supervisor"


class Gate:
    """Raises refusals: 401 for who is not logged in, 403 for any other role or origin."""

    def __init__(self, *, admission: Admission, origins: Origins) -> None:
        self._admission = admission
        self._origins = origins

    async def supervisor(self, request: web.Request) -> Agent:
        self._origins.check(request, required=False)
        agent = await self._admission.agent(request)
        if agent.role != ROLE:
            raise refusal(web.HTTPForbidden, "not_a_supervisor", "this page is for supervisors")
        return agent

    async def viewer(self, request: web.Request) -> Viewer:
        agent = await self.supervisor(request)
        return Viewer(agent.login, hashed(request.cookies.get(COOKIE, "")))
