"""Many agents at once, from a file: all of it or nothing, and only what differs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.agents import Agent
from config.problems import Problem, ProblemsFound
from screenpop.agents.agent_admin import change_told, differing, end_log_ins, write_agent
from screenpop.agents.agent_file import WantedAgent
from screenpop.agents.agent_rules import problems_of
from screenpop.agents.agent_tables import agents
from screenpop.agents.agents import agent_of
from screenpop.agents.passwords import Passwords
from storage.audit_chain import Entry
from storage.database import Database


@dataclass(frozen=True, slots=True)
class ChangedAgent:
    agent: Agent
    #: What differs, `password` among it; None: they are new.
    what: tuple[str, ...] | None
    password_hash: str = field(repr=False)

    @property
    def logs_in_anew(self) -> bool:
        return self.what is not None and "password" in self.what


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Of agents who stay as they are there is only the count."""

    changes: tuple[ChangedAgent, ...]
    unchanged: int
    #: By login, for new agents whose password the file does not say.
    made: Mapping[str, str] = field(repr=False)

    @property
    def added(self) -> tuple[Agent, ...]:
        return tuple(one.agent for one in self.changes if one.what is None)


async def plan_import(
    database: Database,
    wanted: Sequence[WantedAgent],
    problems: Sequence[Problem] = (),
    *,
    passwords: Passwords | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportPlan:
    """What would be written. Agents whom the file does not name stay.

    Raises ProblemsFound with every problem, `problems` among them.
    """
    passwords = passwords or Passwords()
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(agents))).mappings().all()
    known = {row["login"]: agent_of(row) for row in rows}
    hashes = {row["login"]: row["password_hash"] for row in rows}
    after = [one.change.applied_to(known.get(one.login) or _new(one)) for one in wanted]
    found = [*problems, *_problems(wanted, after), *_shared(known, wanted, after)]
    if found:
        raise ProblemsFound(sorted(found))
    changes: list[ChangedAgent] = []
    made: dict[str, str] = {}
    for done, (one, agent) in enumerate(zip(wanted, after, strict=True)):
        progress(done, len(wanted))
        before, password_hash, password = known.get(one.login), hashes.get(one.login), one.password
        if before is None and password is None:
            password = made[one.login] = secrets.token_urlsafe(9)
        what = () if before is None else differing(before, agent)
        if password is not None and not (
            password_hash is not None and await passwords.check(password_hash, password)
        ):
            password_hash = await passwords.hash(password)
            what = (*what, "password")
        if what and password_hash is not None:
            told = None if before is None else what
            changes.append(ChangedAgent(agent, told, password_hash))
    return ImportPlan(tuple(changes), len(wanted) - len(changes), made)


async def write_import(database: Database, plan: ImportPlan) -> None:
    """In one transaction. Only log-ins of those whose password changed end."""

    async def write(connection: AsyncConnection) -> None:
        for change in plan.changes:
            await write_agent(connection, change.agent, change.password_hash)
            if change.logs_in_anew:
                await end_log_ins(connection, change.agent.login)
        await database.audit.append(connection, *map(_told, plan.changes))

    if plan.changes:
        await database.writer.write(write)


def _new(wanted: WantedAgent) -> Agent:
    return Agent(login=wanted.login, name="", interfaces=())


def _told(change: ChangedAgent) -> Entry:
    agent = change.agent
    if change.what is None:
        return Entry(action="agent.added", subject=agent.login, details={"role": agent.role})
    return change_told(agent, change.what)


def _problems(wanted: Sequence[WantedAgent], after: Sequence[Agent]) -> Iterator[Problem]:
    for one, agent in zip(wanted, after, strict=True):
        for said in problems_of(agent):
            yield Problem.at(one.place, said)
        if not agent.interfaces and agent.role == "agent":
            yield Problem.at(one.place, "name what rings them: interfaces, or softphone yes")


def _shared(
    known: Mapping[str, Agent], wanted: Sequence[WantedAgent], after: Sequence[Agent]
) -> Iterator[Problem]:
    """One interface rings one person, when all is written: in one file two may change places."""
    named = {one.login for one in wanted}
    taken = {
        interface: login
        for login, agent in known.items()
        if login not in named
        for interface in agent.interfaces
    }
    for one, agent in zip(wanted, after, strict=True):
        for interface in agent.interfaces:
            other = taken.setdefault(interface, agent.login)
            if other != agent.login:
                yield Problem.at(one.place, f"interface {interface!r} rings {other!r} too")
