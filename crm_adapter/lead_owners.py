"""Whose a lead or a task is: the first word of the owner chain that names an agent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.follow_up import AGENT, CALLS_QUEUE, DEFAULT, LAST_ACTIVE, QUEUE, RECORD_OWNER
from calls.ports import AgentBook
from crm_adapter.call_state import CallState
from crm_adapter.call_tables import call_legs, calls, leads


class NoAgents:
    """Implements `calls.ports.AgentBook` where nobody is at a desk."""

    def login_named(self, text: str) -> str | None:
        return None

    def logins_in(self, queue: str) -> Sequence[str]:
        return ()

    def language_of(self, login: str) -> str | None:
        return None


class Owners:
    """`default` is the log-in that the word `default` stands for."""

    def __init__(self, *, agents: AgentBook, tenant: str, default: str | None = None) -> None:
        self._agents = agents
        self._tenant = tenant
        self._default = default

    async def of(
        self,
        connection: AsyncConnection,
        call: CallState,
        chain: Sequence[str],
        *,
        given: Counter[str] | None = None,
    ) -> str | None:
        """None where no word names an agent that there is. `given` counts what is handed out in
        this transaction and not yet in the tables."""
        for word in chain:
            owner = await self._named(connection, call, word, given)
            if owner is not None:
                if given is not None:
                    given[owner] += 1
                return owner
        return None

    async def _named(
        self,
        connection: AsyncConnection,
        call: CallState,
        word: str,
        given: Counter[str] | None,
    ) -> str | None:
        named = self._agents.login_named
        if word == RECORD_OWNER:
            owner = call.contact_owner or await self._last_lead_owner(connection, call)
            return named(owner) if owner else None
        if word == LAST_ACTIVE:
            return await self._last_active(connection, call)
        if word == DEFAULT:
            return named(self._default) if self._default else None
        if word.startswith(AGENT):
            return named(word.removeprefix(AGENT))
        queue = call.queue if word == CALLS_QUEUE else word.removeprefix(QUEUE)
        return await self._least_loaded(connection, queue, given) if queue else None

    async def _last_lead_owner(self, connection: AsyncConnection, call: CallState) -> str | None:
        """Of the number's newest lead that had one."""
        owner: str | None = await connection.scalar(
            select(leads.c.owner)
            .where(
                leads.c.tenant == self._tenant,
                leads.c.number == call.number,
                leads.c.owner.is_not(None),
            )
            .order_by(leads.c.created_at.desc())
            .limit(1)
        )
        return owner

    async def _last_active(self, connection: AsyncConnection, call: CallState) -> str | None:
        """Who talks or talked with them in this call, else in the number's newest one."""
        for leg in reversed(call.legs):
            if leg.answered_at is not None and self._agents.login_named(leg.agent):
                return self._agents.login_named(leg.agent)
        same_call = and_(
            call_legs.c.system == calls.c.system, call_legs.c.linkedid == calls.c.linkedid
        )
        found = await connection.scalar(
            select(call_legs.c.agent)
            .join(calls, same_call)
            .where(
                calls.c.number == call.number,
                calls.c.answered_at.is_not(None),
                call_legs.c.answered_at.is_not(None),
            )
            .order_by(calls.c.answered_at.desc(), call_legs.c.answered_at.desc())
            .limit(1)
        )
        return self._agents.login_named(found) if found else None

    async def _least_loaded(
        self, connection: AsyncConnection, queue: str, given: Counter[str] | None
    ) -> str | None:
        """The agent of the queue with the fewest open leads; by name where several have as few."""
        logins = self._agents.logins_in(queue)
        if not logins:
            return None
        counted = await connection.execute(
            select(leads.c.owner, func.count())
            .where(leads.c.owner.in_(logins), leads.c.closed_at.is_(None))
            .group_by(leads.c.owner)
        )
        load = Counter({row[0]: row[1] for row in counted}) + (given or Counter())
        return min(logins, key=lambda login: (load[login], login))
