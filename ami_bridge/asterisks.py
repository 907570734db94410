"""The Asterisks that one desk follows, as if they were one: what is about a call goes to the one
that has it, what is about an agent's phones to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from ami_bridge.ami_events import MemberSeen
from ami_bridge.bridge import AmiBridge
from ami_bridge.pauses import Pauses
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome
from calls.clocks import Clock
from calls.errors import Unavailable
from calls.ports import (
    Asked,
    AskingEnd,
    QueueExits,
    QueueMembership,
    QueuePlace,
    Transfers,
    TransferTarget,
)
from calls.recordings import LineRecordings, Silencer

T = TypeVar("T")


class Asterisks:
    """At least one bridge, each of another system. They are entered by whoever made them.
    `login_of` says whose an interface is. Implements `calls.ports.QueuePlaces` and
    `agi_server.DialogWatcher`."""

    def __init__(
        self, bridges: Sequence[AmiBridge], *, login_of: Callable[[str], str | None]
    ) -> None:
        self.bridges = tuple(bridges)
        self.by_system: Mapping[str, AmiBridge] = {b.tracker.system: b for b in bridges}
        self.queue_control = Pauses(
            {system: b.queue_control for system, b in self.by_system.items()}, login_of=login_of
        )
        self.exits: QueueExits = ExitsWhereTheyWait(
            {system: b.exits for system, b in self.by_system.items()}
        )
        self.recordings: LineRecordings = RecordingsWhereTheyAre(
            {system: b.recordings for system, b in self.by_system.items()}
        )
        self.transfers: Transfers = TransfersWhereTheyTalk(
            {system: b.transfers for system, b in self.by_system.items()}
        )

    @property
    def memberships(self) -> Mapping[str, QueueMembership]:
        """By system: each has members of its own."""
        return {system: bridge.membership for system, bridge in self.by_system.items()}

    def subscribe(self, bus: EventBus) -> None:
        """Before the bus runs."""
        if len(self.bridges) > 1:
            self.queue_control.subscribe(bus)

    def place_of(self, call_id: CallId) -> QueuePlace | None:
        bridge = self.by_system.get(call_id.system)
        return bridge.places.place_of(call_id) if bridge is not None else None

    def dialog_started(self, call_id: CallId, now: Clock | None = None) -> None:
        bridge = self.by_system.get(call_id.system)
        if bridge is not None:
            bridge.tracker.dialog_started(call_id, now)

    def dialog_ended(
        self,
        call_id: CallId,
        *,
        hung_up: bool,
        queued: bool,
        left_for: CallOutcome | None = None,
    ) -> None:
        bridge = self.by_system.get(call_id.system)
        if bridge is not None:
            bridge.tracker.dialog_ended(call_id, hung_up=hung_up, queued=queued, left_for=left_for)

    def members(self) -> Sequence[MemberSeen] | None:
        """Of the queues of every Asterisk that is heard now; None where none is."""
        heard = [bridge for bridge in self.bridges if bridge.is_connected]
        return [seen for bridge in heard for seen in bridge.members.all()] if heard else None

    def find(self, interface: str, queue: str) -> MemberSeen | None:
        """As `QueueMembers.find`: the member in `queue` of any Asterisk, rather a paused one."""
        found = (bridge.members.find(interface, queue) for bridge in self.bridges)
        members = sorted(
            (member for member in found if member is not None),
            key=lambda member: (member.queue != queue, not member.paused),
        )
        return next(iter(members), None)


class ExitsWhereTheyWait:
    """Implements `calls.ports.QueueExits` by those of each Asterisk, by system."""

    def __init__(self, by_system: Mapping[str, QueueExits]) -> None:
        self._by_system = by_system

    async def allow_exit(self, call_id: CallId) -> None:
        await self._of(call_id).allow_exit(call_id)

    async def forbid_exit(self, call_id: CallId) -> None:
        await self._of(call_id).forbid_exit(call_id)

    def place_given_up(self, call_id: CallId) -> QueuePlace | None:
        exits = self._by_system.get(call_id.system)
        return exits.place_given_up(call_id) if exits is not None else None

    def _of(self, call_id: CallId) -> QueueExits:
        """Raises Unavailable."""
        return _one_of(self._by_system, call_id)


class RecordingsWhereTheyAre:
    """Implements `calls.recordings.LineRecordings` by those of each Asterisk, by system."""

    def __init__(self, by_system: Mapping[str, LineRecordings]) -> None:
        self._by_system = by_system

    async def mute(self, call: Call, by: Silencer) -> None:
        await _one_of(self._by_system, call.id).mute(call, by)

    def unmute(self, call: Call, by: Silencer) -> None:
        recordings = self._by_system.get(call.id.system)
        if recordings is not None:
            recordings.unmute(call, by)

    async def unmuted(self, call_id: CallId) -> None:
        recordings = self._by_system.get(call_id.system)
        if recordings is not None:
            await recordings.unmuted(call_id)

    async def stop(self, call: Call) -> None:
        await _one_of(self._by_system, call.id).stop(call)


class TransfersWhereTheyTalk:
    """Implements `calls.ports.Transfers` by those of each Asterisk, by system."""

    def __init__(self, by_system: Mapping[str, Transfers]) -> None:
        self._by_system = by_system

    async def give(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        await self._of(call_id).give(call_id, interface, target)

    async def ask(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        await self._of(call_id).ask(call_id, interface, target)

    async def asked(self, call_id: CallId) -> Asked:
        return await self._of(call_id).asked(call_id)

    async def end_asking(self, call_id: CallId, interface: str, how: AskingEnd) -> None:
        await self._of(call_id).end_asking(call_id, interface, how)

    def _of(self, call_id: CallId) -> Transfers:
        """Raises Unavailable."""
        return _one_of(self._by_system, call_id)


def _one_of(by_system: Mapping[str, T], call_id: CallId) -> T:
    if (found := by_system.get(call_id.system)) is None:
        raise Unavailable(f"no Asterisk {call_id.system!r} is followed here")
    return found
