"""Who is a member of which queue and paused there, as Asterisk last said."""

from __future__ import annotations

from collections.abc import Iterable

from ami_bridge import dialplan
from ami_bridge.ami_events import AmiEvent, MemberGone, MemberSeen


class QueueMembers:
    """Fed with events and, at each resync, with the whole truth."""

    def __init__(self) -> None:
        #: By interface, then by queue.
        self._members: dict[str, dict[str, MemberSeen]] = {}

    def apply(self, event: AmiEvent) -> None:
        if isinstance(event, MemberSeen):
            self._add(event)
        elif isinstance(event, MemberGone):
            self._members.get(event.interface, {}).pop(event.queue, None)

    def replace(self, members: Iterable[MemberSeen]) -> None:
        self._members.clear()
        for member in members:
            self._add(member)

    def _add(self, member: MemberSeen) -> None:
        # A queue of our own making says of its member what we said.
        if dialplan.TRIES not in member.queue:
            self._members.setdefault(member.interface, {})[member.queue] = member

    def all(self) -> list[MemberSeen]:
        return [member for queues in self._members.values() for member in queues.values()]

    def in_queue(self, queue: str) -> list[MemberSeen]:
        return [queues[queue] for queues in self._members.values() if queue in queues]

    def find(self, interface: str, queue: str) -> MemberSeen | None:
        """The member in `queue`; else in another one, rather a paused one: who pauses, pauses."""
        queues = self._members.get(interface, {})
        others = sorted(queues.values(), key=lambda member: not member.paused)
        return queues.get(queue) or next(iter(others), None)
