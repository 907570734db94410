"""Who asks: by the cookie of a log-in, by a ticket issued in one, or by a program's token."""

from __future__ import annotations

from aiohttp import web

from calls.agents import Agent
from calls.errors import Unavailable
from screenpop.agents.agents import Agents
from screenpop.agents.log_in import LogIns, Seat, Tickets, hashed
from screenpop.delivery.tokens import Tokens
from screenpop.desk.answers import refusal, unavailable

COOKIE = "switchboard_session"
#: Who was let in, for the handlers behind a door.
AGENT = web.RequestKey("agent", Agent)
SEAT = web.RequestKey("seat", Seat)
_BEARER = "bearer "
_MAX_TOKEN = 200


class Admission:
    """Raises refusals (401, 503) to be answered as they are."""

    def __init__(
        self, *, agents: Agents, log_ins: LogIns, tickets: Tickets, tokens: Tokens
    ) -> None:
        self._agents = agents
        self._log_ins = log_ins
        self._tickets = tickets
        self._tokens = tokens

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
        token = request.cookies.get(COOKIE, "")
        return await self.called(await self._log_ins.login_of(token) if token else None)

    async def program(self, request: web.Request) -> tuple[Agent, Seat]:
        """By a token, or by the desktop's cookie where none is sent."""
        token, by_token = _credential(request)
        book = self._tokens if by_token else self._log_ins
        session = hashed(token)
        agent = await self.called((await book.living({session})).get(session) if token else None)
        return agent, Seat(agent.login, session)

    async def called(self, login: str | None) -> Agent:
        """Read from the database only where nobody here is called so yet."""
        agent = self._agents.find(login) if login else None
        if agent is None and login:
            # Added on the command line since we started.
            await self._agents.reload()
            agent = self._agents.find(login)
        if agent is None:
            raise refusal(web.HTTPUnauthorized, "not_logged_in", "log in first")
        return agent


def _credential(request: web.Request) -> tuple[str, bool]:
    """What says who asks, and whether it is a program's token."""
    header = request.headers.get("Authorization", "")
    if header:
        is_bearer = header[: len(_BEARER)].lower() == _BEARER
        return (header[len(_BEARER) :].strip()[:_MAX_TOKEN] if is_bearer else "", True)
    return request.cookies.get(COOKIE, "")[:_MAX_TOKEN], False
