"""The second factor of whoever has one: enrolled, checked, taken away."""

from __future__ import annotations

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Misconfigured
from screenpop.agents.agent_admin import end_log_ins
from screenpop.agents.agent_tables import agents
from screenpop.agents.one_time_codes import (
    MARK,
    address_of,
    as_typed,
    is_recovery_code,
    new_recovery_codes,
    new_secret,
    step_of,
)
from screenpop.agents.passwords import Passwords
from screenpop.agents.second_factor_tables import recovery_codes, second_factors
from storage.audit_chain import Entry
from storage.database import Database

log = logging.getLogger(__name__)

ENROLMENT_LIFE_S = 600.0
MAX_ENROLMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A secret that counts as soon as a code of it comes with `token`."""

    token: str
    secret: str
    uri: str


@dataclass(frozen=True, slots=True)
class Factor:
    """What is stored for an agent, once the codes are hashed."""

    secret: str
    last_step: int
    #: Told once; `hashes` by mark are kept.
    codes: Sequence[str]
    hashes: dict[str, str]


@dataclass(frozen=True, slots=True)
class FactorState:
    enrolled_at: datetime
    #: False: left out of a backup that was restored.
    has_secret: bool
    recovery_left: int


class SecondFactors:
    def __init__(
        self,
        *,
        database: Database,
        passwords: Passwords,
        public_url: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._public_url = public_url
        self._now = now
        self._clock = clock
        #: By token: whose, what, until when.
        self._offered: OrderedDict[str, tuple[str, Enrolment, float]] = OrderedDict()

    def offer(self, login: str) -> Enrolment:
        """Each time another secret: whoever saw an earlier one must not know this one."""
        secret = new_secret()
        uri = address_of(secret, login, self._public_url)
        offered = Enrolment(secrets.token_urlsafe(24), secret, uri)
        self._offered[offered.token] = (login, offered, self._clock() + ENROLMENT_LIFE_S)
        if len(self._offered) > MAX_ENROLMENTS:
            self._offered.popitem(last=False)
        return offered

    def offered(self, token: str, login: str) -> Enrolment | None:
        whose, enrolment, until = self._offered.get(token, ("", None, 0.0))
        return enrolment if whose == login and self._clock() < until else None

    async def proven(self, enrolment: Enrolment, code: str) -> Factor | None:
        """To be stored (`enrol`), where the code shows that the app has the secret."""
        step = step_of(enrolment.secret, as_typed(code), self._now(), after=0)
        return None if step is None else await made(enrolment.secret, step, self._passwords)

    def forget(self, enrolment: Enrolment) -> None:
        self._offered.pop(enrolment.token, None)

    async def accepts(self, login: str, code: str) -> bool:
        """Whether the code is good, which it is once."""
        code = as_typed(code)
        if is_recovery_code(code):
            return await self._accepts_recovery(login, code)
        question = sa.select(second_factors.c.secret, second_factors.c.last_step).where(
            second_factors.c.login == login
        )
        async with self._database.read() as connection:
            row = (await connection.execute(question)).one_or_none()
        if row is None or row.secret is None:
            return False
        step = step_of(row.secret, code, self._now(), after=row.last_step)
        if step is None:
            return False
        # Of two who bring the same code at the same moment one is first.
        use = (
            sa.update(second_factors)
            .where(
                second_factors.c.login == login,
                second_factors.c.secret == row.secret,
                second_factors.c.last_step < step,
            )
            .values(last_step=step)
        )
        return await self._one_row(use)

    async def _accepts_recovery(self, login: str, code: str) -> bool:
        here = (recovery_codes.c.login == login) & (recovery_codes.c.mark == code[:MARK])
        async with self._database.read() as connection:
            known = await connection.scalar(sa.select(recovery_codes.c.code_hash).where(here))
        if not await self._passwords.check(known, code[MARK:]):
            return False
        use = sa.delete(recovery_codes).where(here, recovery_codes.c.code_hash == known)
        used = await self._one_row(use, Entry(action="agent.recovery_code_used", actor=login))
        if used:
            log.warning("audit: log-in of %s by a recovery code, which is used up now", login)
        return used

    async def _one_row(self, change: sa.Update | sa.Delete, *entries: Entry) -> bool:
        """Whether it was there; `entries` are for the audit log then."""

        async def write(connection: AsyncConnection) -> bool:
            found = (await connection.execute(change)).rowcount == 1
            if found:
                await self._database.audit.append(connection, *entries)
            return found

        return await self._database.writer.write(write)


async def made(secret: str, last_step: int, passwords: Passwords) -> Factor:
    codes = new_recovery_codes()
    typed = [as_typed(code) for code in codes]
    hashes = {code[:MARK]: await passwords.hash(code[MARK:]) for code in typed}
    return Factor(secret, last_step, codes, hashes)


async def enrol(connection: AsyncConnection, login: str, factor: Factor) -> bool:
    """False, and nothing written, where they have one already."""
    known = sa.select(second_factors.c.login).where(second_factors.c.login == login)
    if await connection.scalar(known) is not None:
        return False
    await connection.execute(
        sa.insert(second_factors).values(
            login=login,
            secret=factor.secret,
            enrolled_at=datetime.now(UTC),
            last_step=factor.last_step,
        )
    )
    await connection.execute(
        sa.insert(recovery_codes),
        [
            {"login": login, "mark": mark, "code_hash": code_hash}
            for mark, code_hash in factor.hashes.items()
        ],
    )
    return True


async def add_second_factor(
    database: Database,
    login: str,
    *,
    public_url: str | None = None,
    passwords: Passwords | None = None,
) -> tuple[str, Sequence[str]]:
    """A new one in place of any before: what the app reads, and the recovery codes. Their log-ins
    end. Raises Misconfigured for a login that nobody has."""
    factor = await made(new_secret(), 0, passwords or Passwords())

    async def write(connection: AsyncConnection) -> None:
        await _drop(connection, login)
        await enrol(connection, login, factor)
        await end_log_ins(connection, login)
        entry = Entry(action="agent.second_factor_added", subject=login)
        await database.audit.append(connection, entry)

    await database.writer.write(write)
    return address_of(factor.secret, login, public_url), factor.codes


async def remove_second_factor(database: Database, login: str) -> bool:
    """False where they had none. Their log-ins end. Raises Misconfigured for a login that nobody
    has."""

    async def write(connection: AsyncConnection) -> bool:
        had = await _drop(connection, login)
        if had:
            await end_log_ins(connection, login)
            entry = Entry(action="agent.second_factor_removed", subject=login)
            await database.audit.append(connection, entry)
        return had

    return await database.writer.write(write)


async def second_factor_of(database: Database, login: str) -> FactorState | None:
    """Raises Misconfigured for a login that nobody has."""
    question = sa.select(second_factors).where(second_factors.c.login == login)
    count = sa.select(sa.func.count()).where(recovery_codes.c.login == login)
    async with database.read() as connection:
        await _check_known(connection, login)
        row = (await connection.execute(question)).one_or_none()
        if row is None:
            return None
        left = await connection.scalar(count)
    return FactorState(row.enrolled_at, row.secret is not None, left or 0)


async def _drop(connection: AsyncConnection, login: str) -> bool:
    await _check_known(connection, login)
    await connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.login == login))
    gone = sa.delete(second_factors).where(second_factors.c.login == login)
    return (await connection.execute(gone)).rowcount > 0


async def _check_known(connection: AsyncConnection, login: str) -> None:
    known = sa.select(agents.c.login).where(agents.c.login == login)
    if await connection.scalar(known) is None:
        raise Misconfigured(f"no agent logs in as {login!r}")
