"""What their colleagues are doing, told to the agents who want to know just now: whoever is about
to give a call away, not everybody all day."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from calls.agents import Agent
from screenpop.agents.agents import Agents
from screenpop.desk.protocol import AgentStatus, Colleague, Presence, ServerMessage

#: How long one wish to know lasts.
WATCHED_S = 60.0
#: What changes meanwhile is told together.
GATHER_S = 0.1


class Presences:
    """Nothing here waits; `tell` sends an agent a frame."""

    def __init__(
        self,
        *,
        agents: Agents,
        status_of: Callable[[str], AgentStatus],
        tell: Callable[[str, ServerMessage], None],
        watched_s: float = WATCHED_S,
    ) -> None:
        self._agents = agents
        self._status_of = status_of
        self._tell = tell
        self._watched_s = watched_s
        #: Until when, by the loop's clock.
        self._watching: dict[str, float] = {}
        self._newcomers: set[str] = set()
        self._changed: set[str] = set()
        self._due: asyncio.TimerHandle | None = None

    def watch(self, login: str) -> None:
        loop = asyncio.get_running_loop()
        self._watching[login] = loop.time() + self._watched_s
        self._newcomers.add(login)
        self._soon(loop)

    def changed(self, login: str) -> None:
        if self._watching:
            self._changed.add(login)
            self._soon(asyncio.get_running_loop())

    def close(self) -> None:
        self._watching.clear()
        if self._due is not None:
            self._due.cancel()

    def _soon(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._due is None:
            self._due = loop.call_later(GATHER_S, self._flush)

    def _flush(self) -> None:
        self._due = None
        now = asyncio.get_running_loop().time()
        self._watching = {login: until for login, until in self._watching.items() if until > now}
        newcomers, self._newcomers = self._newcomers, set()
        changed, self._changed = self._changed, set()
        if newcomers:
            whole = self._frame(self._agents.everybody(), queues=self._agents.queues())
            for login in newcomers:
                self._tell(login, whole)
        agents = (self._agents.find(login) for login in sorted(changed))
        found = [agent for agent in agents if agent is not None and agent.interfaces]
        old = self._watching.keys() - newcomers
        if found and old:
            news = self._frame(found)
            for login in old:
                self._tell(login, news)

    def _frame(self, agents: Iterable[Agent], *, queues: Iterable[str] | None = None) -> Presence:
        return Presence(
            ts=time.time() * 1000,
            whole=queues is not None,
            agents=tuple(self._colleague(agent) for agent in agents if agent.interfaces),
            queues=tuple(queues or ()),
        )

    def _colleague(self, agent: Agent) -> Colleague:
        status = self._status_of(agent.login)
        state = status.state if status.since is not None else None
        return Colleague(login=agent.login, name=agent.name, state=state, activity=status.activity)
