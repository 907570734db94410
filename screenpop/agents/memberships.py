"""Agents as members of Asterisk's queues: put in when they come to work, taken out when they leave.

Only what we put in do we take out, so each of it is written down before Asterisk is asked. Who is a
member already, by queues.conf, a database, a feature code or another program, is left alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.agents import Agent, AgentState, QueueMember
from calls.errors import Misconfigured, Unavailable
from calls.ports import QueueMembership
from config.queue_settings import QueueSettings
from screenpop.agents.agent_tables import agent_sessions
from screenpop.agents.agents import Agents
from screenpop.agents.membership_tables import queue_memberships
from screenpop.delivery.token_tables import agent_tokens
from storage.database import Database
from storage.transient import is_outage

log = logging.getLogger(__name__)

#: How often it is looked whether somebody has left.
CHECK_S = 2.0
#: How long after a failure they are tried to be put in again.
AGAIN_S = 15.0
#: So many are told again at each look, however many come back at once.
_AT_ONCE = 200
_LOWEST = 10


class Place(NamedTuple):
    queue: str
    interface: str


class Memberships:
    """In the queues of one Asterisk (`system`). `join` is what `Agents` is given; enter it after
    them."""

    def __init__(
        self,
        *,
        database: Database,
        queues: QueueMembership,
        system: str,
        settings: QueueSettings,
        agents: Agents,
        clock: Callable[[], float] = time.monotonic,
        check_s: float = CHECK_S,
    ) -> None:
        self._database = database
        self._queues = queues
        self._system = system
        self._settings = settings
        self._agents = agents
        self._clock = clock
        self._check_s = check_s
        #: Whose each place is that we gave away.
        self._ours: dict[Place, str] = {}
        self._left_at: dict[str, float] = {}
        #: Of whom Asterisk is to be told again, and when.
        self._owed: dict[str, float] = {}
        #: Warned of once.
        self._warned: set[str] = set()
        #: What is written down and what Asterisk has change together.
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        async with self._database.read() as connection:
            of_this = queue_memberships.c.system == self._system
            rows = (await connection.execute(sa.select(queue_memberships).where(of_this))).all()
        self._ours = {Place(row.queue, row.interface): row.login for row in rows}
        # Asterisk may have been started anew while we were away.
        self._owed |= dict.fromkeys(self._agents.who_chose(), 0.0)
        self._task = asyncio.create_task(self._keep(), name="screenpop:memberships")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def seated(self, login: str) -> None:
        """Somebody opened a desktop; what they chose before may count again."""
        if self._chose_to_be_there(login):
            self._owed[login] = 0.0

    async def join(self, agent: Agent, reason: str) -> None:
        """Into each of their queues where nobody made them a member, paused where there is a
        `reason`. Nothing for who is not at work; what cannot be done now is done later."""
        if self._settings.membership == "leave" or not self._chose_to_be_there(agent.login):
            return
        try:
            async with self._turn:
                await self._join(agent, reason)
        except Unavailable as error:
            self._owed[agent.login] = self._clock() + AGAIN_S
            self._warn(str(error))

    async def _join(self, agent: Agent, reason: str) -> None:
        if not self._queues.is_ready:
            raise Unavailable("the AMI is away")
        if not await self._at_work([agent.login]):
            return
        wanted = [member for queue in agent.queues for member in self._missing(agent, queue)]
        new = {_place(member) for member in wanted} - self._ours.keys()
        await self._write_down(agent.login, new)
        left = [_place(member) for member in wanted if not await self._add(member, reason)]
        await self._strike_out([place for place in left if place in new])

    async def settle(self) -> None:
        """Takes out who has left for long enough, and who no longer serves the queue. Raises
        Unavailable."""
        async with self._turn:
            now, gone = self._clock(), []
            at_work = await self._at_work(set(self._ours.values()))
            for login in set(self._ours.values()):
                if login in at_work:
                    self._left_at.pop(login, None)
                else:
                    self._left_at.setdefault(login, now)
            for place, login in self._ours.items():
                agent, left_at = self._agents.find(login), self._left_at.get(login, now)
                is_over = now - left_at >= self._settings.membership_grace_s
                if is_over or agent is None or place not in places_of(agent):
                    gone.append(place)
            for place in gone:
                await self._queues.remove(place.queue, place.interface)
            await self._strike_out(gone)
            for place in gone:
                # Somebody else's phone by now, perhaps, who was thought to be there already.
                self.seated(self._agents.login_of(place.interface) or "")
            self._left_at = {k: v for k, v in self._left_at.items() if k in self._ours.values()}

    async def _keep(self) -> None:
        while True:
            try:
                if self._queues.is_ready:
                    self._tell_owed()
                    if self._ours:
                        await self.settle()
            except Unavailable as error:
                self._warn(str(error))
            except Exception:
                log.exception("memberships: could not be looked at")
            await asyncio.sleep(self._check_s)

    def _tell_owed(self) -> None:
        due = [login for login, at in self._owed.items() if at <= self._clock()]
        for login in due[:_AT_ONCE]:
            del self._owed[login]
            self._agents.wish(login)

    def _warn(self, said: str) -> None:
        if said not in self._warned:
            self._warned.add(said)
            log.warning("memberships: %s", said)

    async def _at_work(self, logins: Collection[str]) -> set[str]:
        """Who chose to be there and has a log-in or a program's token that lasts."""
        present = [login for login in logins if self._chose_to_be_there(login)]
        if not present:
            return set()
        sessions = sa.select(agent_sessions.c.login).where(
            agent_sessions.c.login.in_(present), agent_sessions.c.expires_at > datetime.now(UTC)
        )
        tokens = sa.select(agent_tokens.c.login).where(agent_tokens.c.login.in_(present))
        try:
            async with self._database.read() as connection:
                return set((await connection.execute(sessions.union(tokens))).scalars())
        except Exception as error:
            raise _named(error) from error

    def _chose_to_be_there(self, login: str) -> bool:
        chosen = self._agents.chosen_of(login)
        return chosen.at is not None and chosen.state is not AgentState.OFFLINE

    def _missing(self, agent: Agent, queue: str) -> Sequence[QueueMember]:
        """None where one of their interfaces is in the queue by somebody else: a phone has several
        names (Local/102@agents, PJSIP/102), and is rung once."""
        theirs = set(agent.interfaces)
        there = {
            member.interface
            for member in self._queues.members_of(queue)
            if theirs & {member.interface, member.state_interface}
        }
        if any(Place(queue, interface) not in self._ours for interface in there):
            return ()
        penalty = self._penalty(agent, queue)
        members = (
            QueueMember(queue, interface, agent.name, state_interface, penalty)
            for interface, state_interface in phones_of(agent)
        )
        return [member for member in members if member.interface not in there]

    def _penalty(self, agent: Agent, queue: str) -> int:
        wanted = self._settings.penalty_skills.get(queue)
        if wanted is None:
            return 0
        return _LOWEST - next((s.level for s in agent.skills if s.name == wanted), 0)

    async def _add(self, member: QueueMember, reason: str) -> bool:
        """Whether they are in by us now."""
        try:
            return await self._queues.add(member, paused=bool(reason), reason=reason)
        except Misconfigured as error:
            self._warn(f"{error}, which agents are said to serve")
            return False

    async def _write_down(self, login: str, places: Collection[Place]) -> None:
        now = datetime.now(UTC)
        who = {"system": self._system, "login": login, "added_at": now}
        rows = [{**place._asdict(), **who} for place in places]

        async def write(connection: AsyncConnection) -> None:
            insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
            await connection.execute(insert(queue_memberships).on_conflict_do_nothing(), rows)

        if rows:
            await self._write(write)
            self._ours |= dict.fromkeys(places, login)

    async def _strike_out(self, places: Sequence[Place]) -> None:
        async def write(connection: AsyncConnection) -> None:
            for queue, interface in places:
                await connection.execute(
                    sa.delete(queue_memberships).where(
                        queue_memberships.c.system == self._system,
                        queue_memberships.c.queue == queue,
                        queue_memberships.c.interface == interface,
                    )
                )

        if places:
            await self._write(write)
            for place in places:
                self._ours.pop(place, None)

    async def _write(self, write: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        try:
            await self._database.writer.write(write)
        except Exception as error:
            raise _named(error) from error


def phones_of(agent: Agent) -> Sequence[tuple[str, str]]:
    """Interface and state interface of each member that the agent is. Where Local channels ring
    them (FreePBX), the first of the other interfaces is the phone behind, and no member itself."""
    locals_ = [one for one in agent.interfaces if one.startswith("Local/")]
    phones = [one for one in agent.interfaces if not one.startswith("Local/")]
    if locals_:
        return [(one, phones[0] if phones else "") for one in locals_]
    return [(one, one) for one in phones]


def places_of(agent: Agent) -> set[Place]:
    return {Place(queue, interface) for queue in agent.queues for interface, _ in phones_of(agent)}


def _place(member: QueueMember) -> Place:
    return Place(member.queue, member.interface)


def _named(error: Exception) -> Exception:
    return Unavailable("the database does not answer") if is_outage(error) else error
