"""Who asks: by the cookie of a log-in, or by a ticket issued in one."""

from __future__ import annotations

from aiohttp import web

from calls.agents import Agent
from calls.errors import Unavailable
from screenpop.agents.agents import Agents
from screenpop.agents.log_in import LogIns, Seat, Tickets
from screenpop.desk.answers import refusal, unavailable

COOKIE = "switchboard_session"


class Admission:
    """Raises refusals (401, 503) to be answered as they are."""

    def __init__(self, *, agents: Agents, log_ins: LogIns, tickets: Tickets) -> None:
        self._agents = agents
        self._log_ins = log_ins
        self._tickets = tickets

    async def seat(self, request: web.Request) -> Seat:
        """Whose websocket it is; the ticket is used up."""
        seat = self._tickets.redeem(request.query.get("ticket", ""))
        if seat is not None and self._agents.find(seat.login) is not None:
            try:
                living = await self._log_ins.living({seat.session})
            except Unavailable as away:
                raise unavailable(away) from None
            if living.get(seat.session) == seat.login:
                return seat
        raise refusal(web.HTTPUnauthorized, "ticket_refused", "the ticket is not valid")

    async def agent(self, request: web.Request) -> Agent:
        return await self.agent_of(request.cookies.get(COOKIE, ""))

    async def agent_of(self, token: str) -> Agent:
        login = await self._log_ins.login_of(token) if token else None
        agent = self._agents.find(login) if login else None
        if agent is None and login:
            # Added on the command line since we started.
            await self._agents.reload()
            agent = self._agents.find(login)
        if agent is None:
            raise refusal(web.HTTPUnauthorized, "not_logged_in", "log in first")
        return agent
