"""Where each caller stands in their queue, counted from Asterisk's events.

app_queue says at which position a caller joined (a higher priority joins further in front) and who
left; the rest is a list. How long one still waits: of the calls that this queue's agents answered
last, the seconds they had waited, over the positions at which they had joined, is what one position
costs; times the position now.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ami_bridge import ami_events as ami
from ami_bridge.snapshot import Waiting
from calls.call import CallId
from calls.ports import QueuePlace

#: Answered calls that count, and how few of them say nothing.
_RECENT, _ENOUGH = 20, 3
#: Callers who have just left the queue, until an agent's answer says that they were served.
_LEAVING = 1_000


@dataclass(frozen=True, slots=True)
class _Standing:
    """`joined_at` is the position where the caller came in; 0: it was not seen."""

    uniqueid: str
    linkedid: str
    queue: str
    joined_at: int


class QueuePlaces:
    """Implements `calls.ports.QueuePlaces`. Who waits for a preferred agent alone stands nowhere
    yet. `lost` while the AMI is away, `replace` at each resync."""

    def __init__(self, *, system: str) -> None:
        self._system = system
        self._is_known = False
        self._queues: dict[str, list[_Standing]] = {}
        #: By unique id.
        self._standing: dict[str, _Standing] = {}
        #: Unique id by linked id.
        self._channel_of: dict[str, str] = {}
        self._leaving: OrderedDict[str, _Standing] = OrderedDict()
        #: Seconds waited and position joined at, by queue.
        self._served: dict[str, deque[tuple[float, int]]] = {}

    def place_of(self, call_id: CallId) -> QueuePlace | None:
        """None for who does not wait, or while the AMI is away."""
        caller = self._standing.get(self._channel_of.get(call_id.linkedid, ""))
        if caller is None or not self._is_known or call_id.system != self._system:
            return None
        position = self._queues[caller.queue].index(caller) + 1
        return QueuePlace(position, self._wait_s(caller.queue, position))

    def apply(self, event: ami.AmiEvent) -> None:
        match event:
            case ami.QueueJoined():
                self._leave(event.uniqueid)
                if not event.preferred:
                    self._join(event)
            case ami.QueueLeft() | ami.ChannelHungUp():
                self._leave(event.uniqueid)
            case ami.AgentConnected():
                self._served_by_agent(event)

    def lost(self) -> None:
        self._is_known = False

    def replace(self, waiting: Sequence[Waiting], linkedid_of: Callable[[str], str | None]) -> None:
        """All who wait, as QueueStatus lists them (apps/app_queue.c)."""
        known = self._standing
        self._queues, self._standing, self._channel_of = {}, {}, {}
        for entry in sorted(waiting, key=lambda entry: entry.position):
            if entry.preferred:
                continue
            before = known.get(entry.uniqueid)
            self._add(
                _Standing(
                    entry.uniqueid,
                    linkedid_of(entry.uniqueid) or entry.uniqueid,
                    entry.queue,
                    before.joined_at if before is not None else 0,
                ),
                entry.position,
            )
        self._is_known = True

    def _join(self, event: ami.QueueJoined) -> None:
        caller = _Standing(event.uniqueid, event.linkedid, event.queue, event.position)
        self._add(caller, event.position)

    def _add(self, caller: _Standing, position: int) -> None:
        queue = self._queues.setdefault(caller.queue, [])
        queue.insert(position - 1 if position else len(queue), caller)
        self._standing[caller.uniqueid] = caller
        self._channel_of[caller.linkedid] = caller.uniqueid

    def _leave(self, uniqueid: str) -> None:
        caller = self._standing.pop(uniqueid, None)
        if caller is None:
            return
        if self._channel_of.get(caller.linkedid) == uniqueid:
            del self._channel_of[caller.linkedid]
        queue = self._queues[caller.queue]
        queue.remove(caller)
        if not queue:
            del self._queues[caller.queue]
        self._leaving[uniqueid] = caller
        if len(self._leaving) > _LEAVING:
            self._leaving.popitem(last=False)

    def _served_by_agent(self, event: ami.AgentConnected) -> None:
        self._leave(event.uniqueid)
        caller = self._leaving.pop(event.uniqueid, None)
        if caller is not None and caller.joined_at and caller.queue == event.queue:
            served = self._served.setdefault(event.queue, deque(maxlen=_RECENT))
            served.append((event.wait_s, caller.joined_at))

    def _wait_s(self, queue: str, position: int) -> float | None:
        served = self._served.get(queue, ())
        if len(served) < _ENOUGH:
            return None
        waited_s = sum(wait_s for wait_s, _ in served)
        return waited_s / sum(joined_at for _, joined_at in served) * position
