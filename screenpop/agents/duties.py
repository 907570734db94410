"""What agents are doing, seen from their calls, beside what they chose: who rings, talks, wraps up
or let a call ring in vain; and what they will be after the call."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from calls import events
from calls.agents import AgentState
from calls.call import CallId
from calls.records import LegVia
from screenpop.agents.agents import Agents, Chosen
from screenpop.agents.day_counts import AgentDays
from screenpop.desk.protocol import Activity, AgentStatus, NextState
from screenpop.pops.call_story import epoch_ms
from screenpop.pops.pop import Pop

#: Why an agent is not ready who let a call ring in vain; the desktop has words for it.
MISSED_CALL = "missed_call"
#: Why Asterisk keeps calls from an agent whose wrap-up is not over, or will follow.
WRAP_UP = "wrap_up"

Leg = tuple[CallId, str]


class Pops(Protocol):
    """The part of `pops.Pops` that is asked here."""

    def wrapping_up(self, agent: str) -> datetime | None:
        """Since when the agent owes a wrap-up; None where none is owed."""
        ...

    def keeps_calls_away(self, agent: str) -> bool:
        """A wrap-up is owed that is not optional, or will be after the call."""
        ...


@dataclass(slots=True)
class Duty:
    """One agent's phones. Keys are a call and the interface that rings or talks in it."""

    ringing: dict[Leg, datetime] = field(default_factory=dict)
    #: Those that a queue rings: to let it ring is to miss the call.
    offered: set[Leg] = field(default_factory=set)
    talking: dict[Leg, datetime] = field(default_factory=dict)
    held: dict[Leg, datetime] = field(default_factory=dict)
    next: Chosen | None = None
    idle_since: datetime | None = None
    #: As it was told last.
    told: AgentStatus | None = None

    def forget(self, leg: Leg) -> None:
        self.ringing.pop(leg, None)
        self.offered.discard(leg)
        self.talking.pop(leg, None)
        self.held.pop(leg, None)

    def legs(self, call_id: CallId) -> set[Leg]:
        return {leg for leg in (*self.ringing, *self.talking) if leg[0] == call_id}


class Duties:
    """`handle` is to be told of an event after the pops were. Nothing here waits; `start` runs
    what writes to the database."""

    def __init__(
        self,
        *,
        agents: Agents,
        pops: Pops,
        days: AgentDays,
        missed_not_ready: bool,
        on_change: Callable[[str, AgentStatus], None],
        start: Callable[[str, Coroutine[Any, Any, None]], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._agents = agents
        self._pops = pops
        self._days = days
        self._missed_not_ready = missed_not_ready
        self._on_change = on_change
        self._start = start
        self._now = now
        self._duties: dict[str, Duty] = {}
        self._on_call: dict[CallId, set[str]] = {}

    def restore(self, pops: Iterable[Pop]) -> None:
        """Those that were open when the last process ended; the resync ends what is gone."""
        for pop in pops:
            leg = (pop.call_id, pop.interface)
            if pop.state == "claimed":
                self._of(pop.agent, pop.call_id).talking[leg] = pop.claimed_at or pop.offered_at
            elif pop.state == "offered":
                self._of(pop.agent, pop.call_id).ringing[leg] = pop.offered_at
            self.settle(pop.agent)

    def handle(self, event: events.CallEvent) -> None:
        match event:
            case events.AgentRinging():
                self._rings(event)
            case events.AgentAnswered():
                self._answered(event)
            case events.AgentMissed():
                self._missed(event)
            case events.AgentReleased(call_id, interface=interface):
                login = self._agents.login_of(interface)
                if login is not None:
                    self._of(login, call_id).forget((call_id, interface))
                    self.settle(login)
            case events.AgentHeld():
                self._held(event)
            case events.CallEnded(call_id):
                for login in self._on_call.pop(call_id, set()):
                    for leg in self._duties[login].legs(call_id):
                        self._duties[login].forget(leg)
                    self.settle(login)
            case _:
                pass

    def choose(self, login: str, state: AgentState, reason: str | None, *, now: bool) -> None:
        """What an agent chooses during a call or wrap-up comes after it, unless `now`; the state
        they are in takes an earlier choice back."""
        duty = self._duties.setdefault(login, Duty())
        chosen = Chosen(state, reason, self._now())
        duty.next = None
        if now or not self._is_busy(login):
            self._take(login, chosen)
        elif not chosen.is_as(self._agents.chosen_of(login)):
            duty.next = chosen
        self.settle(login)

    def settle(self, login: str) -> None:
        """After anything that may change what the agent is doing: applies what was to follow, keeps
        calls away or lets them in, and tells the desktops."""
        duty = self._duties.setdefault(login, Duty())
        if duty.next is not None and not self._is_busy(login):
            chosen, duty.next = duty.next, None
            self._take(login, Chosen(chosen.state, chosen.reason, self._now()))
        self._agents.keep_away(login, self._why_away(login, duty))
        status = self.status_of(login)
        if status != duty.told:
            duty.told = status
            self._on_change(login, status)

    def status_of(self, login: str) -> AgentStatus:
        duty = self._duties.get(login) or Duty()
        activity, since = self._activity(login, duty)
        after = duty.next
        return self._agents.status_of(login).model_copy(
            update={
                "activity": activity,
                "activity_since": epoch_ms(since) if since is not None else None,
                "next": NextState(state=after.state, reason=after.reason) if after else None,
                "misses": self._days.misses_of(login),
            }
        )

    def _rings(self, event: events.AgentRinging) -> None:
        # A Local channel's phone stands behind it, as for the pop.
        login = self._agents.login_of(event.interface) or (
            self._agents.login_of(event.state_interface) if event.state_interface else None
        )
        if login is None:
            return
        duty, leg = self._of(login, event.call_id), (event.call_id, event.interface)
        duty.ringing.setdefault(leg, event.at)
        if event.via is LegVia.QUEUE:
            duty.offered.add(leg)
        self.settle(login)

    def _answered(self, event: events.AgentAnswered) -> None:
        """Who else was rung for it missed nothing."""
        login = self._agents.login_of(event.interface)
        for other in tuple(self._on_call.get(event.call_id, ())):
            duty = self._duties[other]
            for leg in duty.legs(event.call_id) - duty.talking.keys():
                duty.forget(leg)
            if other != login:
                self.settle(other)
        if login is not None:
            duty = self._of(login, event.call_id)
            duty.talking.setdefault((event.call_id, event.interface), event.at)
            self.settle(login)

    def _held(self, event: events.AgentHeld) -> None:
        login = self._agents.login_of(event.interface)
        duty, leg = self._duties.get(login or ""), (event.call_id, event.interface)
        if login is None or duty is None or leg not in duty.talking:
            return
        if event.on:
            duty.held.setdefault(leg, event.at)
        else:
            duty.held.pop(leg, None)
        self.settle(login)

    def _missed(self, event: events.AgentMissed) -> None:
        leg = (event.call_id, event.interface)
        for login in tuple(self._on_call.get(event.call_id, ())):
            duty = self._duties[login]
            if leg not in duty.ringing:
                continue
            in_vain = event.in_vain and leg in duty.offered
            duty.forget(leg)
            if in_vain and not duty.talking and not duty.legs(event.call_id):
                self._let_it_ring(login, event.at)
            self.settle(login)

    def _let_it_ring(self, login: str, at: datetime) -> None:
        chosen = self._agents.chosen_of(login)
        if self._missed_not_ready and chosen.at and chosen.state is AgentState.AVAILABLE:
            self._take(login, Chosen(AgentState.NOT_READY, MISSED_CALL, at))

    def _take(self, login: str, chosen: Chosen) -> None:
        self._agents.take(login, chosen)
        self._start(login, self._agents.store(login, chosen))

    def _is_busy(self, login: str) -> bool:
        duty = self._duties.get(login)
        return bool(duty and duty.talking) or self._pops.keeps_calls_away(login)

    def _why_away(self, login: str, duty: Duty) -> str | None:
        """Told while the call goes on: told at its end, the next call would be sooner."""
        if duty.next is not None and duty.next.state is not AgentState.AVAILABLE:
            return duty.next.reason or duty.next.state.value
        return WRAP_UP if self._pops.keeps_calls_away(login) else None

    def _activity(self, login: str, duty: Duty) -> tuple[Activity, datetime | None]:
        if duty.talking:
            if duty.talking.keys() == duty.held.keys():
                return "hold", min(duty.held.values())
            return "on_call", min(duty.talking.values())
        if duty.ringing:
            return "ringing", min(duty.ringing.values())
        wrapping_up = self._pops.wrapping_up(login)
        if wrapping_up is not None:
            return "wrapup", wrapping_up
        chosen = self._agents.chosen_of(login)
        if chosen.state is AgentState.NOT_READY and chosen.reason == MISSED_CALL:
            return "missed", chosen.at
        if duty.told is None or duty.told.activity != "idle":
            duty.idle_since = self._now()
        return "idle", duty.idle_since

    def _of(self, login: str, call_id: CallId) -> Duty:
        self._on_call.setdefault(call_id, set()).add(login)
        return self._duties.setdefault(login, Duty())
