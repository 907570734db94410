"""Adding, changing, removing and listing agents: what `switchboard agents ...` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.agents import Agent, AgentState, Skill, softphone_interface
from calls.errors import Misconfigured
from screenpop.agents.agent_rules import password_problem, problems_of
from screenpop.agents.agent_tables import agent_sessions, agents
from screenpop.agents.agents import Chosen, agent_of, chosen_of
from screenpop.agents.passwords import Passwords
from screenpop.agents.second_factor_tables import second_factors
from screenpop.agents.softphones import new_secret
from storage.audit_chain import Entry
from storage.database import Database


@dataclass(frozen=True, slots=True)
class ListedAgent:
    agent: Agent
    chosen: Chosen
    #: A log-in of theirs lasts.
    logged_in: bool
    has_second_factor: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChange:
    """What is to be different; None: as it is."""

    name: str | None = None
    interfaces: tuple[str, ...] | None = None
    softphone: bool | None = None
    queues: tuple[str, ...] | None = None
    skills: tuple[Skill, ...] | None = None
    language: str | None = None
    role: str | None = None

    def applied_to(self, agent: Agent) -> Agent:
        """Their softphone rings them before anything else; one that is taken away no more."""
        softphone = agent.softphone if self.softphone is None else self.softphone
        interfaces = agent.interfaces if self.interfaces is None else self.interfaces
        own = softphone_interface(agent.login)
        if softphone:
            interfaces = tuple(dict.fromkeys((own, *interfaces)))
        elif agent.softphone and self.interfaces is None:
            interfaces = tuple(one for one in interfaces if one != own)
        return Agent(
            login=agent.login,
            name=agent.name if self.name is None else self.name,
            interfaces=interfaces,
            queues=agent.queues if self.queues is None else self.queues,
            language=agent.language if self.language is None else self.language,
            role=agent.role if self.role is None else self.role,
            softphone=softphone,
            skills=by_name(agent.skills if self.skills is None else self.skills),
        )


async def add_agent(
    database: Database, agent: Agent, password: str, *, passwords: Passwords | None = None
) -> bool:
    """Adds the agent, or changes the one with this login (whose log-ins then end): False.

    With `softphone` their phone in the browser rings them too, before their other interfaces; its
    secret is made here and stays when the agent is changed. Without, there is none any more.
    Raises Misconfigured, naming the value, for a login, name, interface, queue, skill, language,
    role or password that cannot be, and for an interface that rings somebody else already.
    """
    agent = AgentChange().applied_to(agent)
    _check(agent)
    _check_password(password)
    password_hash = await (passwords or Passwords()).hash(password)

    async def write(connection: AsyncConnection) -> bool:
        await _refuse_shared_interface(connection, agent)
        question = sa.select(sa.exists().where(agents.c.login == agent.login))
        was_there = (await connection.execute(question)).scalar_one()
        await write_agent(connection, agent, password_hash)
        await end_log_ins(connection, agent.login)
        action = "agent.changed" if was_there else "agent.added"
        told = {"role": agent.role} | ({"what": ["password"]} if was_there else {})
        entry = Entry(action=action, subject=agent.login, details=told)
        await database.audit.append(connection, entry)
        return not was_there

    return await database.writer.write(write)


async def change_agent(database: Database, login: str, change: AgentChange) -> Agent:
    """Whatever changes, their log-ins and their password stay.

    Raises Misconfigured as `add_agent` does, and for a login that nobody has.
    """

    async def write(connection: AsyncConnection) -> Agent:
        question = sa.select(agents).where(agents.c.login == login)
        row = (await connection.execute(question)).mappings().one_or_none()
        if row is None:
            raise Misconfigured(f"no agent logs in as {login!r}")
        changed = change.applied_to(agent_of(row))
        _check(changed)
        await _refuse_shared_interface(connection, changed)
        await write_agent(connection, changed, row["password_hash"])
        entry = change_told(changed, differing(agent_of(row), changed))
        await database.audit.append(connection, entry)
        return changed

    return await database.writer.write(write)


async def remove_agents(database: Database, logins: Sequence[str]) -> None:
    """With their log-ins and the tokens of their programs; what they did stays. All or none:
    raises Misconfigured for a login that nobody has."""

    async def write(connection: AsyncConnection) -> None:
        gone = sa.delete(agents).where(agents.c.login.in_(logins)).returning(agents.c.login)
        found = set((await connection.execute(gone)).scalars())
        if unknown := [login for login in logins if login not in found]:
            raise Misconfigured(f"no agent logs in as {unknown[0]!r}; nobody was removed")
        gone_ones = (Entry(action="agent.removed", subject=login) for login in logins)
        await database.audit.append(connection, *gone_ones)

    await database.writer.write(write)


async def reset_agent(
    database: Database, login: str, password: str, *, passwords: Passwords | None = None
) -> Agent:
    """A new password, and a new secret for their softphone where they have one; their log-ins end.

    Raises Misconfigured for a login that nobody has, and for a password that cannot be.
    """
    _check_password(password)
    password_hash = await (passwords or Passwords()).hash(password)
    secret = sa.case((agents.c.sip_secret.is_(None), None), else_=new_secret())
    statement = (
        sa.update(agents)
        .where(agents.c.login == login)
        .values(password_hash=password_hash, sip_secret=secret)
        .returning(*agents.c)
    )

    async def write(connection: AsyncConnection) -> Agent:
        row = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise Misconfigured(f"no agent logs in as {login!r}")
        await end_log_ins(connection, login)
        await database.audit.append(connection, Entry(action="agent.reset", subject=login))
        return agent_of(row)

    return await database.writer.write(write)


async def list_agents(database: Database) -> Sequence[Agent]:
    """By login."""
    return [listed.agent for listed in await listed_agents(database)]


async def listed_agents(database: Database) -> Sequence[ListedAgent]:
    """By login."""
    living = sa.select(agent_sessions.c.login).where(
        agent_sessions.c.expires_at > datetime.now(UTC)
    )
    async with database.read() as connection:
        seated = set((await connection.execute(living)).scalars())
        enrolled = set((await connection.execute(sa.select(second_factors.c.login))).scalars())
        rows = (await connection.execute(sa.select(agents).order_by(agents.c.login))).mappings()
        return [
            ListedAgent(
                agent_of(row),
                chosen_of(row),
                logged_in=row["login"] in seated,
                has_second_factor=row["login"] in enrolled,
            )
            for row in rows
        ]


async def write_agent(connection: AsyncConnection, agent: Agent, password_hash: str) -> None:
    """Adds or replaces the row; what the agent chose to be stays."""
    secret = new_secret() if agent.softphone else None
    values: dict[str, Any] = {
        "name": agent.name,
        "password_hash": password_hash,
        "interfaces": list(agent.interfaces),
        "queues": list(agent.queues),
        "skills": {skill.name: skill.level for skill in agent.skills},
        "language": agent.language,
        "role": agent.role,
    }
    kept = sa.func.coalesce(agents.c.sip_secret, secret) if agent.softphone else None
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    await connection.execute(
        insert(agents)
        .values(login=agent.login, state=AgentState.OFFLINE.value, sip_secret=secret, **values)
        .on_conflict_do_update(index_elements=["login"], set_={**values, "sip_secret": kept})
    )


async def end_log_ins(connection: AsyncConnection, login: str) -> None:
    await connection.execute(sa.delete(agent_sessions).where(agent_sessions.c.login == login))


def differing(before: Agent, after: Agent) -> tuple[str, ...]:
    names = (one.name for one in fields(Agent))
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))


def change_told(agent: Agent, what: Sequence[str]) -> Entry:
    """For the audit log: what differs, and the rights they have now."""
    told = {"role": agent.role, "what": list(what)}
    return Entry(action="agent.changed", subject=agent.login, details=told)


def by_name(skills: Sequence[Skill]) -> tuple[Skill, ...]:
    return tuple(sorted(skills, key=lambda skill: skill.name))


def _check(agent: Agent) -> None:
    for problem in problems_of(agent):
        raise Misconfigured(problem)


def _check_password(password: str) -> None:
    problem = password_problem(password)
    if problem is not None:
        raise Misconfigured(problem)


async def _refuse_shared_interface(connection: AsyncConnection, agent: Agent) -> None:
    """One interface rings one person: otherwise pops would reach the wrong one."""
    others = sa.select(agents.c.login, agents.c.interfaces).where(agents.c.login != agent.login)
    for login, interfaces in await connection.execute(others):
        for interface in set(interfaces) & set(agent.interfaces):
            raise Misconfigured(f"interface {interface!r} rings {login!r} already")
