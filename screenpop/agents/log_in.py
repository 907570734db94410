"""Log-ins that survive a restart, and one-time tickets for the websocket.

A password, and where somebody has or must have one, a second factor; what is wanted next is told
only to who brought the right password.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import SwitchboardError, Unavailable
from config.settings import SecondFactorFor, WebSettings
from screenpop.agents.agent_admin import end_log_ins
from screenpop.agents.agent_rules import ROLES
from screenpop.agents.agent_tables import agent_sessions, agents
from screenpop.agents.notes_of_nobody import NotesOfNobody
from screenpop.agents.passwords import Passwords
from screenpop.agents.second_factor_tables import second_factors
from screenpop.agents.second_factors import Enrolment, Factor, SecondFactors, enrol
from screenpop.counters import DeskCounters
from screenpop.desk.rate_limit import RateLimit
from storage.audit_chain import Entry, Result
from storage.database import Database
from storage.transient import is_outage

MAX_PASSWORD = 256
TICKET_LIFE_S = 30.0
MAX_TICKETS = 5_000
#: In the audit log, in place of a login that nobody has.
_NOBODY = "(nobody)"


class LogInRefused(SwitchboardError):
    """Wrong login or password; which of them is not said."""


class TooManyLogIns(SwitchboardError):
    """This login or this address failed too often; wait a minute."""


class TooManyCodes(SwitchboardError):
    """Of this login, after the right password; wait five minutes."""


class CodeWanted(SwitchboardError):
    """The password is right; a code of the second factor must come with it."""


class WrongCode(SwitchboardError):
    """The password is right, the code is not, or was used before."""


class EnrolmentWanted(SwitchboardError):
    """The password is right; the role must have a second factor, and there is none."""

    def __init__(self, enrolment: Enrolment) -> None:
        super().__init__("set up a second factor first")
        self.enrolment = enrolment


#: Whom `web.second_factor` lets in with one only.
MUST_HAVE: dict[SecondFactorFor, frozenset[str]] = {
    "off": frozenset(),
    "admins": frozenset({"admin"}),
    "supervisors": frozenset({"admin", "supervisor", "auditor"}),
    "everybody": frozenset(ROLES),
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A session's token, and whose it is; with recovery codes, told this once, where a second
    factor was set up."""

    token: str
    login: str
    recovery_codes: Sequence[str] = ()


class LogIns:
    """Only failures count against the limits, none of ours: five for one login, thirty for one
    address, then one every twelve and every two seconds. Of codes after the right password five,
    then one every five minutes: there are a million of them, and three are good at any time."""

    def __init__(
        self,
        *,
        database: Database,
        counters: DeskCounters,
        settings: WebSettings,
        passwords: Passwords | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._counters = counters
        self._notes_of_nobody = NotesOfNobody(database.audit.note)
        self._life = timedelta(hours=settings.session_hours)
        self._passwords = passwords or Passwords()
        self._clock = clock
        self._must_have = MUST_HAVE[settings.second_factor]
        self._second_factors = SecondFactors(
            database=database,
            passwords=self._passwords,
            public_url=settings.public_url,
            now=now,
            clock=clock,
        )
        self._by_login = RateLimit(per_s=1 / 12, burst=5)
        self._by_address = RateLimit(per_s=1 / 2, burst=30)
        self._by_code = RateLimit(per_s=1 / 300, burst=5)

    async def log_in(
        self,
        login: str,
        password: str,
        address: str,
        *,
        code: str | None = None,
        enrolment: str | None = None,
    ) -> Opened:
        """`enrolment` is the token of one that was wanted, `code` of its secret. Raises
        LogInRefused, CodeWanted, WrongCode, EnrolmentWanted, TooManyLogIns, TooManyCodes or
        Unavailable."""
        login = login.strip().lower()[:40]
        network, now = counted_as(address), self._clock()
        # Taken before the slow check, so that many at once cannot slip by; given back on success.
        if not (self._by_address.take(network, now) and self._by_login.take(login, now)):
            self._counters.log_ins_refused.inc()
            raise TooManyLogIns("too many failed log-ins; wait a minute")
        factor: Factor | None = None
        try:
            known = await self._known_by_password(login, password, address)
            if known.has_factor:
                await self._check_code(login, code)
            elif known.role in self._must_have:
                factor = await self._proven(login, code, enrolment)
        except (CodeWanted, EnrolmentWanted, Unavailable):
            # No failure of theirs; no success either, which would forgive wrong codes of before.
            self._by_login.give_back(login)
            self._by_address.give_back(network)
            raise
        except (WrongCode, TooManyCodes):
            self._note("refused", login, address, why="code")
            raise
        self._by_login.forgive(login)
        self._by_code.forgive(login)
        self._by_address.give_back(network)
        opened = await self._open_session(login, factor)
        self._note("done", login, address)
        return opened

    def _note(self, result: Result, login: str, address: str, **told: str) -> None:
        entry = Entry(action="log_in", result=result, actor=login, origin=address, details=told)
        if login == _NOBODY:
            self._notes_of_nobody.note(entry, counted_as(address))
        else:
            self._database.audit.note(entry)

    async def vouched(self, login: str, address: str) -> Opened | None:
        """Of whom somebody else has checked who they are: neither password nor code is asked. None
        where nobody has exactly this login."""
        if await self._known(login) is None:
            self._counters.log_ins_refused.inc()
            self._note("refused", _NOBODY, address, why="openid")
            return None
        opened = await self._open_session(login)
        self._note("done", login, address, by="openid")
        return opened

    async def _known_by_password(self, login: str, password: str, address: str) -> _Known:
        known = await self._known(login)
        password_hash = known.password_hash if known else None
        if not await self._passwords.check(password_hash, password[:MAX_PASSWORD]) or not known:
            self._counters.log_ins_refused.inc()
            # What nobody is called may be a password in the wrong field.
            self._note("refused", login if known else _NOBODY, address, why="password")
            raise LogInRefused("login or password is wrong")
        return known

    async def _known(self, login: str) -> _Known | None:
        question = (
            sa.select(agents.c.password_hash, agents.c.role, second_factors.c.login)
            .outerjoin(second_factors, second_factors.c.login == agents.c.login)
            .where(agents.c.login == login)
        )
        with outage_named():
            async with self._database.read() as connection:
                row = (await connection.execute(question)).one_or_none()
        return None if row is None else _Known(row[0], row[1], row[2] is not None)

    async def _check_code(self, login: str, code: str | None) -> None:
        if code is None:
            raise CodeWanted("a code of your second factor is wanted")
        with self._a_try(login):
            if not await self._second_factors.accepts(login, code):
                self._refuse_code()

    async def _proven(self, login: str, code: str | None, token: str | None) -> Factor:
        offered = self._second_factors.offered(token or "", login)
        if offered is None or code is None:
            raise EnrolmentWanted(self._second_factors.offer(login))
        with self._a_try(login):
            factor = await self._second_factors.proven(offered, code)
            if factor is None:
                self._refuse_code()
        self._second_factors.forget(offered)
        return factor

    @contextmanager
    def _a_try(self, login: str) -> Iterator[None]:
        """Of a code; given back where nobody could check it."""
        if not self._by_code.take(login, self._clock()):
            self._counters.log_ins_refused.inc()
            raise TooManyCodes("too many wrong codes; wait five minutes")
        try:
            with outage_named():
                yield
        except Unavailable:
            self._by_code.give_back(login)
            raise

    def _refuse_code(self) -> NoReturn:
        self._counters.log_ins_refused.inc()
        raise WrongCode("this code is not right, or was used before")

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

    async def _open_session(self, login: str, factor: Factor | None = None) -> Opened:
        """With `factor` stored at once, where it was just set up: log-ins without it end."""
        token = secrets.token_urlsafe(32)
        now = datetime.now(UTC)

        async def write(connection: AsyncConnection) -> None:
            if factor is not None:
                if not await enrol(connection, login, factor):
                    raise CodeWanted("a second factor was set up meanwhile; log in with it")
                await end_log_ins(connection, login)
                entry = Entry(action="agent.second_factor_set_up", actor=login, subject=login)
                await self._database.audit.append(connection, entry)
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
        return Opened(token, login, factor.codes if factor is not None else ())


@dataclass(frozen=True, slots=True)
class _Known:
    password_hash: str
    role: str
    has_factor: bool


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
