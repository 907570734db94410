"""Who answers: the agents, what they chose to be, and which interface rings whom."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa

from calls import events
from calls.agents import Agent, AgentState, Skill
from calls.errors import Unavailable
from calls.ports import QueueControl
from screenpop.agents.agent_tables import agents
from screenpop.desk.protocol import AgentStatus
from screenpop.pops.call_story import epoch_ms
from storage.database import Database
from storage.transient import is_outage

log = logging.getLogger(__name__)

MAX_WISHES = 2_000


@dataclass(frozen=True, slots=True)
class Chosen:
    """`at` is None where the agent never chose: then Asterisk is left alone."""

    state: AgentState = AgentState.OFFLINE
    reason: str | None = None
    at: datetime | None = None

    def is_as(self, other: Chosen) -> bool:
        return (self.state, self.reason) == (other.state, other.reason)

    def status(self) -> AgentStatus:
        since = epoch_ms(self.at) if self.at else None
        return AgentStatus(state=self.state, reason=self.reason, since=since)


Join = Callable[[Agent, str], Awaitable[None]]


class Agents:
    """Implements `calls.ports.AgentRoster` and `AgentBook`, from memory; `reload` after agents were
    added.

    What an agent chose is stored, told to Asterisk, and told again whenever the AMI is back:
    Asterisk forgets pauses of static members when it restarts.
    """

    def __init__(
        self,
        *,
        database: Database,
        queue_control: QueueControl,
        join: Join | None = None,
    ) -> None:
        """`join` makes an agent a member of their queues, paused for a reason or not."""
        self._database = database
        self._queue_control = queue_control
        self._join = join
        self._agents: dict[str, Agent] = {}
        self._chosen: dict[str, Chosen] = {}
        #: Why calls are kept from agents whatever they chose; None: they are no more.
        self._away: dict[str, str | None] = {}
        self._login_of: dict[str, str] = {}
        self._wishes: asyncio.Queue[str] = asyncio.Queue(MAX_WISHES)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.reload()
        self._task = asyncio.create_task(self._tell_asterisk(), name="screenpop:agent-states")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def reload(self) -> None:
        async with self._database.read() as connection:
            rows = (await connection.execute(sa.select(agents))).mappings().all()
        before, self._agents = self._agents, {row["login"]: agent_of(row) for row in rows}
        # A choice made here is newer than its row, which may still be on the way to the disk.
        stored = {row["login"]: chosen_of(row) for row in rows}
        self._chosen = stored | {k: v for k, v in self._chosen.items() if k in stored}
        self._login_of = {
            _one_name(interface): agent.login
            for agent in self._agents.values()
            for interface in agent.interfaces
        }
        for login in self.who_chose():
            if login in before and before[login] != self._agents[login]:
                self.wish(login)

    def login_of(self, interface: str) -> str | None:
        return self._login_of.get(_one_name(interface))

    def interface_of(self, login: str) -> str | None:
        agent = self._agents.get(login)
        return next(iter(agent.interfaces), None) if agent is not None else None

    def login_named(self, text: str) -> str | None:
        """Implements `calls.ports.AgentBook`."""
        if text in self._agents:
            return text
        wanted = text.strip().casefold()
        found = [a.login for a in self._agents.values() if a.name.casefold() == wanted]
        return found[0] if len(found) == 1 else None

    def queues(self) -> Sequence[str]:
        """Those that anybody belongs to."""
        return sorted({queue for agent in self._agents.values() for queue in agent.queues})

    def logins_in(self, queue: str) -> Sequence[str]:
        return sorted(a.login for a in self._agents.values() if queue in a.queues)

    def language_of(self, login: str) -> str | None:
        agent = self._agents.get(login)
        return agent.language if agent is not None else None

    def everybody(self) -> Sequence[Agent]:
        """By login."""
        return [self._agents[login] for login in sorted(self._agents)]

    def find(self, login: str) -> Agent | None:
        return self._agents.get(login)

    def status_of(self, login: str) -> AgentStatus:
        """What was chosen; `Duties` adds what the agent is doing."""
        return self.chosen_of(login).status()

    def chosen_of(self, login: str) -> Chosen:
        return self._chosen.get(login, Chosen())

    def who_chose(self) -> Iterator[str]:
        """Those who ever chose a state."""
        return (login for login, chosen in self._chosen.items() if chosen.at is not None)

    def take(self, login: str, chosen: Chosen) -> None:
        """Told to Asterisk; to be stored by `store`."""
        self._chosen[login] = chosen
        self.wish(login)

    def keep_away(self, login: str, reason: str | None) -> None:
        """Whether Asterisk keeps calls from this agent, whatever they chose, and why; None: it does
        not."""
        if self._away.get(login) != reason:
            self._away[login] = reason
            self.wish(login)

    async def store(self, login: str, chosen: Chosen) -> None:
        """Raises Unavailable where it could not be stored."""
        statement = (
            sa.update(agents)
            .where(agents.c.login == login)
            .values(state=chosen.state.value, state_reason=chosen.reason, state_at=chosen.at)
        )
        try:
            await self._database.writer.write(lambda connection: connection.execute(statement))
        except Exception as error:
            if not is_outage(error):
                raise
            raise Unavailable("the database does not answer") from error

    async def on_ami_restored(self, event: events.AmiRestored) -> None:
        """The bus's handler."""
        self.wish_all()

    def wish_all(self) -> None:
        """Asterisk may know none of it."""
        for login, chosen in self._chosen.items():
            if chosen.at is not None or login in self._away:
                self.wish(login)

    def wish(self, login: str) -> None:
        """Asterisk is to be told what this agent is."""
        try:
            self._wishes.put_nowait(login)
        except asyncio.QueueFull:
            log.error("agents: too many state changes wait for Asterisk")

    async def _tell_asterisk(self) -> None:
        """Always the newest choice: an older one that still waits is told as the newest, twice."""
        while True:
            login = await self._wishes.get()
            try:
                await self._set_paused(login)
            except Unavailable:
                log.warning("agents: AMI away, state of one agent is told when it is back")
            except Exception:
                log.exception("agents: Asterisk could not be told a state")

    async def _set_paused(self, login: str) -> None:
        agent = self._agents.get(login)
        if agent is None:
            return
        chosen, reason = self.chosen_of(login), self._away.get(login) or ""
        if chosen.at is not None and chosen.state is not AgentState.AVAILABLE:
            reason = chosen.reason or chosen.state.value
        if self._join is not None:
            await self._join(agent, reason)
        away: Unavailable | None = None
        for interface in agent.interfaces:
            try:
                await self._queue_control.set_paused(interface, paused=bool(reason), reason=reason)
            except Unavailable as error:
                # Another Asterisk may have taken it, and is to know of the other phones too.
                away = error
        if away is not None:
            raise away


def _one_name(interface: str) -> str:
    """A Local channel's options are no part of its name, by which Asterisk tells of it."""
    return interface.removesuffix("/n") if interface.startswith("Local/") else interface


def agent_of(row: Mapping[Any, Any]) -> Agent:
    return Agent(
        login=row["login"],
        name=row["name"],
        interfaces=tuple(row["interfaces"]),
        queues=tuple(row["queues"]),
        language=row["language"],
        role=row["role"],
        softphone=row["sip_secret"] is not None,
        skills=tuple(Skill(name, level) for name, level in sorted((row["skills"] or {}).items())),
    )


def chosen_of(row: Mapping[Any, Any]) -> Chosen:
    return Chosen(AgentState(row["state"]), row["state_reason"], row["state_at"])
