"""Log-ins that survive a restart, and one-time tickets for the websocket."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import SwitchboardError
from screenpop.agent_tables import agent_sessions, agents
from screenpop.counters import DeskCounters
from screenpop.passwords import Passwords
from screenpop.rate_limit import RateLimit
from storage.database import Database

MAX_PASSWORD = 256
TICKET_LIFE_S = 30.0
MAX_TICKETS = 5_000


class LogInRefused(SwitchboardError):
    """Wrong login or password; which of them is not said."""


class TooManyLogIns(SwitchboardError):
    """This login or this address failed too often; wait a minute."""


class LogIns:
    """Only failures count against the limits: five for one login, thirty for one address, then one
    every twelve and every two seconds."""

    def __init__(
        self,
        *,
        database: Database,
        counters: DeskCounters,
        session_hours: int,
        passwords: Passwords | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._counters = counters
        self._life = timedelta(hours=session_hours)
        self._passwords = passwords or Passwords()
        self._clock = clock
        self._by_login = RateLimit(per_s=1 / 12, burst=5)
        self._by_address = RateLimit(per_s=1 / 2, burst=30)

    async def log_in(self, login: str, password: str, address: str) -> str:
        """The session's token. Raises LogInRefused or TooManyLogIns."""
        login = login.strip().lower()[:40]
        now = self._clock()
        # Taken before the slow check, so that many at once cannot slip by; given back on success.
        if not (self._by_address.take(address, now) and self._by_login.take(login, now)):
            self._counters.log_ins_refused.inc()
            raise TooManyLogIns("too many failed log-ins; wait a minute")
        question = sa.select(agents.c.password_hash).where(agents.c.login == login)
        async with self._database.read() as connection:
            password_hash = await connection.scalar(question)
        if not await self._passwords.check(password_hash, password[:MAX_PASSWORD]):
            self._counters.log_ins_refused.inc()
            raise LogInRefused("login or password is wrong")
        self._by_login.forgive(login)
        self._by_address.give_back(address)
        return await self._open_session(login)

    async def login_of(self, token: str) -> str | None:
        """Whose session this is, while it lasts."""
        question = sa.select(agent_sessions.c.login).where(
            agent_sessions.c.token_hash == _hashed(token),
            agent_sessions.c.expires_at > datetime.now(UTC),
        )
        async with self._database.read() as connection:
            login: str | None = await connection.scalar(question)
        return login

    async def log_out(self, token: str) -> None:
        statement = sa.delete(agent_sessions).where(agent_sessions.c.token_hash == _hashed(token))
        await self._database.writer.write(lambda connection: connection.execute(statement))

    async def _open_session(self, login: str) -> str:
        token = secrets.token_urlsafe(32)
        now = datetime.now(UTC)

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(
                sa.delete(agent_sessions).where(agent_sessions.c.expires_at < now)
            )
            await connection.execute(
                sa.insert(agent_sessions).values(
                    token_hash=_hashed(token),
                    login=login,
                    created_at=now,
                    expires_at=now + self._life,
                )
            )

        await self._database.writer.write(write)
        return token


class Tickets:
    """Good for one websocket, for half a minute. A browser cannot add headers to a websocket, and
    a cookie alone would let any page open one."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._tickets: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def issue(self, login: str) -> str:
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = (login, self._clock() + TICKET_LIFE_S)
        if len(self._tickets) > MAX_TICKETS:
            self._tickets.popitem(last=False)
        return ticket

    def redeem(self, ticket: str) -> str | None:
        """The agent it was issued to, once."""
        login, until = self._tickets.pop(ticket, ("", 0.0))
        return login if login and self._clock() < until else None


def _hashed(token: str) -> str:
    """The token is 256 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
