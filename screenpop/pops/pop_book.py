"""Which pops are open, and the last few that closed; in memory, bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from calls.call import CallId
from screenpop.desk.protocol import PopSnapshot
from screenpop.pops.pop import Pop

#: Closed pops an agent still sees in the list after a reload.
RECENT_CLOSED = 10
#: Pops one agent may have open, wrap-ups owed included.
MAX_OPEN_PER_AGENT = 20


class PopBook:
    def __init__(self) -> None:
        self._open: dict[str, Pop] = {}
        self._by_call: dict[CallId, dict[str, Pop]] = {}
        self._by_agent: dict[str, dict[str, Pop]] = {}
        self._recent: dict[str, deque[Pop]] = {}

    def add(self, pop: Pop) -> None:
        self._open[pop.pop_id] = pop
        self._by_call.setdefault(pop.call_id, {})[pop.agent] = pop
        self._by_agent.setdefault(pop.agent, {})[pop.pop_id] = pop

    def retire(self, pop: Pop) -> None:
        """Closed: only the agent's own list still has it."""
        self._open.pop(pop.pop_id, None)
        self._by_agent.get(pop.agent, {}).pop(pop.pop_id, None)
        of_call = self._by_call.get(pop.call_id, {})
        if of_call.get(pop.agent) is pop:
            del of_call[pop.agent]
        if not of_call:
            self._by_call.pop(pop.call_id, None)
        self._recent.setdefault(pop.agent, deque(maxlen=RECENT_CLOSED)).append(pop)

    def of_call(self, call_id: CallId) -> Sequence[Pop]:
        return tuple(self._by_call.get(call_id, {}).values())

    def shown_of(self, call_id: CallId) -> Sequence[Pop]:
        """Open ones, and those that agents still see in their lists."""
        closed = (pop for recent in self._recent.values() for pop in recent)
        return (*self.of_call(call_id), *(pop for pop in closed if pop.call_id == call_id))

    def all_shown(self) -> Sequence[Pop]:
        return (*self._open.values(), *(pop for recent in self._recent.values() for pop in recent))

    def find(self, call_id: CallId, agent: str | None) -> Pop | None:
        """The open pop of this agent for this call."""
        return self._by_call.get(call_id, {}).get(agent) if agent else None

    def own(self, agent: str, pop_id: str) -> Pop | None:
        """An open pop, where it is this agent's."""
        pop = self._open.get(pop_id)
        return pop if pop is not None and pop.agent == agent else None

    def of_agent(self, agent: str) -> Sequence[Pop]:
        """Open ones, the oldest first."""
        return tuple(self._by_agent.get(agent, {}).values())

    def all_open(self) -> Sequence[Pop]:
        return tuple(self._open.values())

    def overdue(self, agent: str) -> Pop | None:
        """The pop that must close before this agent can have another."""
        mine = self._by_agent.get(agent, {})
        return next(iter(mine.values())) if len(mine) >= MAX_OPEN_PER_AGENT else None

    def snapshot(self, agent: str) -> tuple[PopSnapshot, ...]:
        """Oldest offer first."""
        pops = [*self._by_agent.get(agent, {}).values(), *self._recent.get(agent, ())]
        return tuple(pop.snapshot() for pop in sorted(pops, key=lambda pop: pop.offered_at))
