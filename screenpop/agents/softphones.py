"""The secrets of the agents' phones in the browser: made by us, told to Asterisk and to the agent's
own page, and to nobody else."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import sqlalchemy as sa

from calls.agents import Softphone
from screenpop.agents.agent_tables import agents
from storage.database import Database


def new_secret() -> str:
    """192 random bits, in letters that mean nothing in SIP and in Asterisk's files."""
    return secrets.token_hex(24)


async def softphones(database: Database) -> Sequence[Softphone]:
    """Of all agents who have one, by login."""
    question = _QUESTION.where(agents.c.sip_secret.is_not(None)).order_by(agents.c.login)
    async with database.read() as connection:
        return [Softphone(*row) for row in await connection.execute(question)]


async def softphone_of(database: Database, login: str) -> Softphone | None:
    question = _QUESTION.where(agents.c.login == login, agents.c.sip_secret.is_not(None))
    async with database.read() as connection:
        row = (await connection.execute(question)).one_or_none()
    return None if row is None else Softphone(*row)


_QUESTION = sa.select(agents.c.login, agents.c.name, agents.c.sip_secret)
