"""Log-ins that survive a restart, and one-time tickets for the websocket."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import SwitchboardError, Unavailable
from screenpop.agents.agent_tables import agent_sessions, agents
from screenpop.agents.passwords import Passwords
from screenpop.counters import DeskCounters
from screenpop.desk.rate_limit import RateLimit
from storage.database import Database
from storage.transient import is_outage

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
        """The session's token. Raises LogInRefused, TooManyLogIns or Unavailable."""
        login = login.strip().lower()[:40]
        address = counted_as(address)
        now = self._clock()
        # Taken before the slow check, so that many at once cannot slip by; given back on success.
        if not (self._by_address.take(address, now) and self._by_login.take(login, now)):
            self._counters.log_ins_refused.inc()
            raise TooManyLogIns("too many failed log-ins; wait a minute")
        question = sa.select(agents.c.password_hash).where(agents.c.login == login)
        with outage_named():
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
        return (await self.living({hashed(token)})).get(hashed(token))

    async def living(self, sessions: Collection[str]) -> dict[str, str]:
        """Of these sessions (see `hashed`) those that last still, and whose they are."""
        question = sa.select(agent_sessions.c.token_hash, agent_sessions.c.login).where(
            agent_sessions.c.token_hash.in_(sessions),
            agent_sessions.c.expires_at > datetime.now(UTC),
        )
        with outage_named():
            async with self._database.read() as connection:
                return {row.token_hash: row.login for row in await connection.execute(question)}

    async def log_out(self, token: str) -> None:
        statement = sa.delete(agent_sessions).where(agent_sessions.c.token_hash == hashed(token))
        with outage_named():
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
                    token_hash=hashed(token),
                    login=login,
                    created_at=now,
                    expires_at=now + self._life,
                )
            )

        with outage_named():
            await self._database.writer.write(write)
        return token


@dataclass(frozen=True, slots=True)
class Seat:
    """Who opens a websocket, and in which session (see `hashed`)."""

    login: str
    session: str


class Tickets:
    """Good for one websocket, for half a minute. A browser cannot add headers to a websocket, and
    a cookie alone would let any page open one. A ticket is worth no more than the session it was
    issued in: whoever redeems it asks whether that lives."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._tickets: OrderedDict[str, tuple[Seat, float]] = OrderedDict()

    def issue(self, login: str, token: str) -> str:
        ticket = secrets.token_urlsafe(24)
        seat = Seat(login, hashed(token))
        self._tickets[ticket] = (seat, self._clock() + TICKET_LIFE_S)
        if len(self._tickets) > MAX_TICKETS:
            self._tickets.popitem(last=False)
        return ticket

    def redeem(self, ticket: str) -> Seat | None:
        """Whom it was issued to, once."""
        seat, until = self._tickets.pop(ticket, (None, 0.0))
        return seat if self._clock() < until else None


@contextmanager
def outage_named() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, Unavailable) or not is_outage(error):
            raise
        raise Unavailable("the database does not answer; try again") from error


def counted_as(address: str) -> str:
    """Whoever has one IPv6 address has the 2^64 of its network (RFC 6177)."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4 or ip.ipv4_mapped:
        return address
    return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))


def hashed(token: str) -> str:
    """The token is 256 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
