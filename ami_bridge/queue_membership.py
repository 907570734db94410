"""Makes agents members of Asterisk's queues, and takes them out again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.queue_members import QueueMembers
from calls.agents import QueueMember
from calls.errors import Misconfigured, Unavailable

#: What apps/app_queue.c (22.10.1) `manager_add_queue_member` and `manager_remove_queue_member` say.
_THERE = "Already there"
_NO_QUEUE = "No such queue"
_NOTHING_TO_REMOVE = ("Not there", _NO_QUEUE, "Member not dynamic")


class AmiQueueMembership:
    """Implements `calls.ports.QueueMembership` by QueueAdd and QueueRemove (they need the right to
    write `agent`, as QueuePause does). Members of queues.conf and of a database cannot be removed
    so: Asterisk itself refuses."""

    def __init__(
        self, *, client: AmiClient, members: QueueMembers, in_step: Callable[[], bool]
    ) -> None:
        self._client = client
        self._members = members
        self._in_step = in_step

    @property
    def is_ready(self) -> bool:
        return self._in_step()

    def members_of(self, queue: str) -> Sequence[QueueMember]:
        return [
            QueueMember(queue, seen.interface, seen.name, seen.state_interface)
            for seen in self._members.in_queue(queue)
        ]

    async def add(self, member: QueueMember, *, paused: bool, reason: str) -> bool:
        headers = [
            ("Queue", member.queue),
            ("Interface", member.interface),
            ("Penalty", str(member.penalty)),
            ("Paused", "true" if paused else "false"),
        ]
        for key, value in (
            ("Reason", reason),
            ("MemberName", member.name),
            ("StateInterface", member.state_interface),
        ):
            if value:
                headers.append((key, value))
        try:
            await self._client.ask("QueueAdd", headers)
        except ActionRefused as refused:
            if _THERE in str(refused):
                return False
            if _NO_QUEUE in str(refused):
                raise Misconfigured(f"Asterisk has no queue {member.queue!r}") from refused
            raise Unavailable(str(refused)) from refused
        return True

    async def remove(self, queue: str, interface: str) -> bool:
        try:
            await self._client.ask("QueueRemove", [("Queue", queue), ("Interface", interface)])
        except ActionRefused as refused:
            if any(said in str(refused) for said in _NOTHING_TO_REMOVE):
                return False
            raise Unavailable(str(refused)) from refused
        return True
