"""The calls of now, from the menu to the end, as the bus tells of them."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from calls import events
from calls.call import Call, CallId
from supervisor.console.board import Stage

#: The oldest is forgotten first: more than these are not followed.
MAX_LIVE = 5_000
KEPT_ENDED = 20


@dataclass(slots=True)
class LiveCall:
    """Times are milliseconds since 1970. `ringing` and `talking`: interfaces, each since when."""

    call: Call
    stage: Stage
    since: float
    fallback: bool = False
    number: str | None = None
    name: str | None = None
    tier: str | None = None
    menu: str | None = None
    chosen: str | None = None
    queue: str | None = None
    queued_at: float | None = None
    ringing: dict[str, float] = field(default_factory=dict)
    talking: dict[str, float] = field(default_factory=dict)
    #: Since when an agent has its recording paused.
    paused_at: float | None = None

    @property
    def waits(self) -> bool:
        return self.stage in ("queue", "ringing") and self.queued_at is not None

    def to(self, stage: Stage, at: float) -> None:
        if stage != self.stage:
            self.stage, self.since = stage, at


@dataclass(frozen=True, slots=True)
class EndedCall:
    live: LiveCall
    ended_at: float
    outcome: str


class LiveCalls:
    """`handle` is the bus's handler; `on_change` is called after each event that changed a row.
    A call whose end is shed is told again by the AMI's resync, and forgotten then."""

    def __init__(self, *, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._calls: OrderedDict[CallId, LiveCall] = OrderedDict()
        self._ended: deque[EndedCall] = deque(maxlen=KEPT_ENDED)

    def __len__(self) -> int:
        return len(self._calls)

    def live(self) -> Iterable[LiveCall]:
        """In the order of arrival."""
        return self._calls.values()

    def ended(self) -> Iterable[EndedCall]:
        """The newest first."""
        return reversed(self._ended)

    async def handle(self, event: events.CallEvent) -> None:
        at = event.at.timestamp() * 1000
        match event:
            case events.CallArrived():
                if event.call_id not in self._calls:
                    stage: Stage = "placed" if event.call.is_placed else "menu"
                    self._add(LiveCall(event.call, stage, at, fallback=event.fallback))
            case events.CallRemembered():
                self._remember(event, at)
            case events.CallEnded():
                self._end(event, at)
            case _:
                live = self._calls.get(event.call_id)
                if live is None or not _apply(live, event, at):
                    return
        self._on_change()

    def _add(self, live: LiveCall) -> None:
        self._calls[live.call.id] = live
        if len(self._calls) > MAX_LIVE:
            self._calls.popitem(last=False)

    def _remember(self, event: events.CallRemembered, at: float) -> None:
        live = LiveCall(event.call, "menu", at, queue=event.queue)
        if event.queued_at is not None:
            live.queued_at = live.since = event.queued_at.timestamp() * 1000
            live.stage = "queue"
        if event.keys:
            last = event.keys[-1]
            live.menu, live.chosen = last.menu, last.intent or last.outcome
        self._add(live)

    def _end(self, event: events.CallEnded, at: float) -> None:
        live = self._calls.pop(event.call_id, None)
        if live is not None:
            self._ended.append(EndedCall(live, at, event.outcome.value))


def _apply(live: LiveCall, event: events.CallEvent, at: float) -> bool:
    """False for what no row shows."""
    match event:
        case events.CallerIdentified():
            caller = event.caller
            live.number = caller.number
            live.name = caller.contact.name if caller.contact is not None else None
            live.tier = caller.segments.tier.value if caller.segments is not None else None
        case events.MenuPresented():
            live.menu = event.menu
            live.to("menu", at)
        case events.OptionChosen():
            live.menu, live.chosen = event.key.menu, event.key.intent or event.key.outcome
        case events.CallQueued():
            live.queue, live.queued_at = event.queue, at
            live.ringing.clear()
            live.to("queue", at)
        case events.QueueGivenUp():
            live.queued_at = None
            live.to("menu", at)
        case events.CallRouted():
            live.queued_at = None
            live.to("outside", at)
        case _:
            return _apply_agent(live, event, at)
    return True


def _apply_agent(live: LiveCall, event: events.CallEvent, at: float) -> bool:
    match event:
        case events.AgentRinging():
            live.ringing[event.interface] = at
            live.queue = event.queue or live.queue
            if not live.talking:
                live.to("ringing", at)
        case events.AgentMissed():
            live.ringing.pop(event.interface, None)
            if not live.ringing and not live.talking:
                live.to("queue" if live.queued_at is not None else "outside", at)
        case events.AgentAnswered():
            live.ringing.clear()
            live.queued_at = None
            live.queue = event.queue or live.queue
            live.talking[event.interface] = at
            live.to("talking", at)
        case events.AgentReleased():
            live.talking.pop(event.interface, None)
            if not live.talking and live.stage == "talking":
                live.to("outside", at)
        case events.RecordingPaused():
            live.paused_at = at if event.on else None
        case _:
            return False
    return True
