"""Adding, changing and listing agents: what `switchboard agents add|reset|list` does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.agents import Agent, AgentState, softphone_interface
from calls.errors import Misconfigured
from screenpop.agents.agent_tables import agent_sessions, agents
from screenpop.agents.agents import agent_of
from screenpop.agents.passwords import Passwords
from screenpop.agents.softphones import new_secret
from storage.database import Database

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
#: As Asterisk names a queue member, e.g. PJSIP/agent1 or Local/100@agents.
_INTERFACE = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_.@/+-]{1,100}")
#: As `CallQueued` names it; see the dialplan's SWB_QUEUE.
_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_ROLES = ("agent", "supervisor")
#: Of the desktop.
_LANGUAGES = ("en", "zh")
_LONGEST_NAME = 120
MIN_PASSWORD = 8


async def add_agent(
    database: Database, agent: Agent, password: str, *, passwords: Passwords | None = None
) -> None:
    """Adds the agent, or changes the one with this login (whose log-ins then end).

    With `softphone` their phone in the browser rings them too, before their other interfaces; its
    secret is made here and stays when the agent is changed. Without, there is none any more.
    Raises Misconfigured, naming the value, for a login, name, interface, queue, language, role or
    password that cannot be, and for an interface that rings somebody else already.
    """
    if agent.softphone:
        own = softphone_interface(agent.login)
        agent = replace(agent, interfaces=tuple(dict.fromkeys((own, *agent.interfaces))))
    _check(agent)
    _check_password(password)
    password_hash = await (passwords or Passwords()).hash(password)
    secret = new_secret() if agent.softphone else None

    async def write(connection: AsyncConnection) -> None:
        await _refuse_shared_interface(connection, agent)
        values = {
            "name": agent.name,
            "password_hash": password_hash,
            "interfaces": list(agent.interfaces),
            "queues": list(agent.queues),
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
        await _end_log_ins(connection, agent.login)

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
        await _end_log_ins(connection, login)
        return agent_of(row)

    return await database.writer.write(write)


async def list_agents(database: Database) -> Sequence[Agent]:
    """By login."""
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(agents).order_by(agents.c.login))).mappings()
        return [agent_of(row) for row in rows]


async def _end_log_ins(connection: AsyncConnection, login: str) -> None:
    await connection.execute(sa.delete(agent_sessions).where(agent_sessions.c.login == login))


def _check(agent: Agent) -> None:
    if not _LOGIN.fullmatch(agent.login):
        raise Misconfigured(
            f"login {agent.login!r}: use small letters, digits, dot, dash, underscore; at most 40"
        )
    for interface in agent.interfaces:
        if not _INTERFACE.fullmatch(interface):
            raise Misconfigured(f"interface {interface!r}: expected e.g. PJSIP/agent1")
    for queue in agent.queues:
        if not _QUEUE.fullmatch(queue):
            raise Misconfigured(
                f"queue {queue!r}: use letters, digits, dash, underscore; at most 40"
            )
    if not agent.name.strip() or len(agent.name) > _LONGEST_NAME or not agent.name.isprintable():
        raise Misconfigured(f"name: 1 to {_LONGEST_NAME} printable characters")
    if agent.language not in _LANGUAGES:
        raise Misconfigured(f"language {agent.language!r}: use one of {', '.join(_LANGUAGES)}")
    if agent.role not in _ROLES:
        raise Misconfigured(f"role {agent.role!r}: use one of {', '.join(_ROLES)}")


def _check_password(password: str) -> None:
    if len(password) < MIN_PASSWORD:
        raise Misconfigured(f"password: at least {MIN_PASSWORD} characters")


async def _refuse_shared_interface(connection: AsyncConnection, agent: Agent) -> None:
    """One interface rings one person: otherwise pops would reach the wrong one."""
    others = sa.select(agents.c.login, agents.c.interfaces).where(agents.c.login != agent.login)
    for login, interfaces in await connection.execute(others):
        for interface in set(interfaces) & set(agent.interfaces):
            raise Misconfigured(f"interface {interface!r} rings {login!r} already")
