"""Tokens for programs that act for an agent: made once by a command, good until revoked."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Misconfigured
from screenpop.agents.agent_tables import agents
from screenpop.agents.log_in import hashed, outage_named
from screenpop.delivery.token_tables import agent_tokens
from storage.audit_chain import Entry
from storage.database import Database

#: So that people, and programs that look for secrets in files, see what it is.
PREFIX = "swb_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")


class Tokens:
    """What a server asks about them."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def living(self, hashes: Collection[str]) -> dict[str, str]:
        """Of these tokens (see `log_in.hashed`) those not revoked, and whose they are."""
        question = sa.select(agent_tokens.c.token_hash, agent_tokens.c.login).where(
            agent_tokens.c.token_hash.in_(hashes)
        )
        with outage_named():
            async with self._database.read() as connection:
                return {row.token_hash: row.login for row in await connection.execute(question)}


@dataclass(frozen=True, slots=True)
class TokenListed:
    login: str
    name: str
    created_at: datetime


async def make_token(database: Database, login: str, name: str) -> str:
    """The token, told this once. Raises Misconfigured for a login that nobody has, and for a name
    that cannot be or that a token of this agent has already."""
    if not _NAME.fullmatch(name):
        raise Misconfigured(f"name {name!r}: 1 to 40 letters, digits, dots, dashes or underscores")
    token = PREFIX + secrets.token_urlsafe(32)

    async def write(connection: AsyncConnection) -> None:
        known = sa.select(agents.c.login).where(agents.c.login == login)
        if await connection.scalar(known) is None:
            raise Misconfigured(f"there is no agent {login!r}; see switchboard agents list")
        same = sa.select(agent_tokens.c.name).where(*_named(login, name))
        if await connection.scalar(same) is not None:
            raise Misconfigured(
                f"{login} has a token {name!r} already: revoke it, or give this one another --name"
            )
        await connection.execute(
            sa.insert(agent_tokens).values(
                token_hash=hashed(token), login=login, name=name, created_at=datetime.now(UTC)
            )
        )
        await database.audit.append(connection, _told("token.made", login, name))

    await database.writer.write(write)
    return token


async def list_tokens(database: Database, login: str | None = None) -> Sequence[TokenListed]:
    """By login and name; the tokens themselves are not known."""
    question = sa.select(agent_tokens.c.login, agent_tokens.c.name, agent_tokens.c.created_at)
    if login is not None:
        question = question.where(agent_tokens.c.login == login)
    async with database.read() as connection:
        rows = await connection.execute(
            question.order_by(agent_tokens.c.login, agent_tokens.c.name)
        )
        return [TokenListed(row.login, row.name, row.created_at) for row in rows]


async def revoke_token(database: Database, login: str, name: str) -> None:
    """Raises Misconfigured where there is none."""
    statement = sa.delete(agent_tokens).where(*_named(login, name))

    async def write(connection: AsyncConnection) -> None:
        if not (await connection.execute(statement)).rowcount:
            raise Misconfigured(
                f"{login} has no token {name!r}; see switchboard agents token --list"
            )
        await database.audit.append(connection, _told("token.revoked", login, name))

    await database.writer.write(write)


def _told(action: str, login: str, name: str) -> Entry:
    return Entry(action=action, subject=login, details={"token": name})


def _named(login: str, name: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (agent_tokens.c.login == login, agent_tokens.c.name == name)
