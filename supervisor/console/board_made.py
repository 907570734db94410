"""Puts the board together from what the parts know now; asks nobody that takes time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from calls.agents import Agent, AgentState
from calls.ports import QueuePlaces
from screenpop.desk.protocol import AgentStatus
from supervisor.console.board import AgentRow, Board, CallRow, EndedRow, PartRow, QueueRow
from supervisor.console.day_figures import DayFigures, QueueToday
from supervisor.console.live_calls import EndedCall, LiveCall, LiveCalls

#: Rows of calls sent; `calls_total` counts all.
MOST_CALLS = 200
MOST_AGENTS = 500


class Part(Protocol):
    """One line of /readyz."""

    @property
    def ok(self) -> bool: ...

    @property
    def detail(self) -> str: ...

    @property
    def needed(self) -> bool: ...


class Member(Protocol):
    """An interface in one of Asterisk's queues."""

    @property
    def interface(self) -> str: ...

    @property
    def queue(self) -> str: ...

    @property
    def state_interface(self) -> str: ...

    @property
    def paused(self) -> bool: ...

    @property
    def reachable(self) -> bool: ...


class AgentsNow(Protocol):
    """`screenpop.agents.agents.Agents`."""

    def everybody(self) -> Sequence[Agent]: ...

    def login_of(self, interface: str) -> str | None: ...


class RulebookNow(Protocol):
    """`config.publishing.Rulebooks`."""

    @property
    def is_folder_good(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the board's parts come from. `members` is None while Asterisk is not heard;
    `phone_open`: the agent's page has a way to Asterisk; `mask` makes a telephone number fit to be
    shown."""

    calls: LiveCalls
    figures: DayFigures
    agents: AgentsNow
    status_of: Callable[[str], AgentStatus]
    desktops_of: Callable[[str], int]
    phone_open: Callable[[str], bool]
    members: Callable[[], Collection[Member] | None]
    places: QueuePlaces
    parts: Callable[[], Mapping[str, Part]]
    rulebook_version: Callable[[], str]
    rulebooks: RulebookNow
    mask: Callable[[str], str]
    now: Callable[[], datetime]
    service_level_s: float


@dataclass(frozen=True, slots=True)
class _Place:
    """A member of a queue."""

    paused: bool
    reachable: bool

    @property
    def is_ready(self) -> bool:
        return self.reachable and not self.paused


@dataclass(frozen=True, slots=True)
class _Busy:
    talks: bool
    call: str


def board_of(sources: Sources) -> Board:
    live = list(sources.calls.live())
    busy = _busy(live)
    figures = sources.figures
    # A supervisor without a phone is nobody who is rung.
    agents = [agent for agent in sources.agents.everybody() if agent.interfaces]
    heard = sources.members()
    phones = _phones(heard or ())
    return Board(
        ts=sources.now().timestamp() * 1000,
        calls_total=len(live),
        in_menu=sum(one.stage == "menu" for one in live),
        calls=tuple(_call(one, sources) for one in live[:MOST_CALLS]),
        ended=tuple(_ended(one, sources) for one in sources.calls.ended()),
        queues=tuple(_queues(live, busy, _places(agents, heard, sources), sources)),
        agents=tuple(_agent(one, busy, phones, sources) for one in agents[:MOST_AGENTS]),
        pops=figures.pops,
        figures_at=figures.at.timestamp() * 1000 if figures.at is not None else None,
        service_level_s=sources.service_level_s,
        parts=tuple(
            PartRow(name=name, ok=part.ok, needed=part.needed, detail=sources.mask(part.detail))
            for name, part in sources.parts().items()
        ),
        rulebook=sources.rulebook_version(),
        folder_good=sources.rulebooks.is_folder_good,
    )


def _busy(live: Iterable[LiveCall]) -> dict[str, _Busy]:
    """By interface; who talks talks, whatever else rings."""
    busy: dict[str, _Busy] = {}
    for call in live:
        id_ = str(call.call.id)
        for interface in call.ringing:
            busy.setdefault(interface, _Busy(False, id_))
        for interface in call.talking:
            busy[interface] = _Busy(True, id_)
    return busy


def _call(live: LiveCall, sources: Sources) -> CallRow:
    call = live.call
    place = sources.places.place_of(call.id) if live.waits else None
    return CallRow(
        id=str(call.id),
        arrived_at=call.arrived_at.timestamp() * 1000,
        stage=live.stage,
        since=live.since,
        number=_number(live, sources),
        name=live.name,
        tier=live.tier,
        dialled=sources.mask(call.dialled) if call.is_placed else call.dialled,
        direction=call.direction.value,
        menu=live.menu,
        chosen=live.chosen,
        queue=live.queue,
        position=place.position if place is not None else None,
        agents=tuple(
            sources.agents.login_of(interface) or interface
            for interface in (live.talking or live.ringing)
        ),
        fallback=live.fallback,
        recording_paused_at=live.paused_at,
    )


def _ended(ended: EndedCall, sources: Sources) -> EndedRow:
    live = ended.live
    return EndedRow(
        id=str(live.call.id),
        ended_at=ended.ended_at,
        number=_number(live, sources),
        name=live.name,
        queue=live.queue,
        outcome=ended.outcome,
        lasted_s=max(0.0, ended.ended_at / 1000 - live.call.arrived_at.timestamp()),
    )


def _number(live: LiveCall, sources: Sources) -> str | None:
    if live.call.withheld:
        return None
    number = live.number or live.call.from_raw
    return sources.mask(number) if number else None


def _queues(
    live: Sequence[LiveCall],
    busy: Mapping[str, _Busy],
    members: Mapping[str, Mapping[str, _Place]],
    sources: Sources,
) -> Iterable[QueueRow]:
    waiting: dict[str, list[float]] = {}
    talking: dict[str, int] = {}
    for call in live:
        if call.queue and call.waits and call.queued_at is not None:
            waiting.setdefault(call.queue, []).append(call.queued_at)
        elif call.queue and call.stage == "talking":
            talking[call.queue] = talking.get(call.queue, 0) + 1
    today = sources.figures.queues
    for name in sorted({*members, *waiting, *talking, *today}):
        of_queue = members.get(name, {})
        free = [place for interface, place in of_queue.items() if interface not in busy]
        unpaused = [place for place in free if not place.paused]
        ready = sum(place.reachable for place in unpaused)
        of_day = today.get(name, QueueToday(0, 0, 0))
        yield QueueRow(
            name=name,
            waiting=len(waiting.get(name, ())),
            longest_since=min(waiting.get(name, ()), default=None),
            talking=talking.get(name, 0),
            ready=ready,
            paused=len(free) - len(unpaused),
            busy=len(of_queue) - len(free),
            unreachable=len(unpaused) - ready,
            offered=of_day.offered,
            answered=of_day.answered,
            in_time=of_day.in_time,
        )


def _places(
    agents: Sequence[Agent], heard: Collection[Member] | None, sources: Sources
) -> dict[str, dict[str, _Place]]:
    """By queue and interface. While Asterisk is not heard, as the agents were entered and what they
    chose."""
    found: dict[str, dict[str, _Place]] = {}
    if heard is not None:
        for member in heard:
            places = found.setdefault(member.queue, {})
            place = _Place(member.paused, member.reachable)
            # Of who is a member at several Asterisks, that one counts which can ring them.
            before = places.get(member.interface, place)
            places[member.interface] = max(before, place, key=lambda one: one.is_ready)
        return found
    for agent in agents:
        is_paused = sources.status_of(agent.login).state is not AgentState.AVAILABLE
        place = _Place(is_paused, _reachable(agent, {}, sources) is not False)
        for queue in agent.queues:
            found.setdefault(queue, {})[agent.interfaces[0]] = place
    return found


def _phones(heard: Iterable[Member]) -> dict[str, bool]:
    """By interface, and by the phone behind it: whether it can ring."""
    found: dict[str, bool] = {}
    for member in heard:
        for name in {member.interface, member.state_interface}:
            found[name] = found.get(name, False) or member.reachable
    return found


def _reachable(agent: Agent, phones: Mapping[str, bool], sources: Sources) -> bool | None:
    """As Asterisk says of any phone of theirs; it says so of members of queues alone."""
    told = [phones[interface] for interface in agent.interfaces if interface in phones]
    if told:
        return any(told)
    return False if agent.softphone and not sources.phone_open(agent.login) else None


def _agent(
    agent: Agent,
    busy: Mapping[str, _Busy],
    phones: Mapping[str, bool],
    sources: Sources,
) -> AgentRow:
    status = sources.status_of(agent.login)
    engaged = [busy[interface] for interface in agent.interfaces if interface in busy]
    now = max(engaged, key=lambda one: one.talks, default=None)
    return AgentRow(
        login=agent.login,
        name=agent.name,
        state=status.state.value,
        reason=status.reason,
        since=status.since,
        doing=status.activity,
        doing_since=status.activity_since if status.activity != "idle" else None,
        call=now.call if now is not None else None,
        queues=agent.queues,
        desktops=sources.desktops_of(agent.login),
        reachable=_reachable(agent, phones, sources),
    )
