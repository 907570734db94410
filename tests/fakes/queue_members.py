"""An app_queue of our own: who is a member where, as Asterisk's answers to QueueAdd tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from calls.agents import QueueMember
from calls.errors import Misconfigured, Unavailable

Place = tuple[str, str]


@dataclass
class QueuesTwin:
    """Implements `calls.ports.QueueMembership`; `static` members are those of queues.conf."""

    queues: frozenset[str] = frozenset({"support", "sales"})
    static: dict[Place, QueueMember] = field(default_factory=dict)
    dynamic: dict[Place, QueueMember] = field(default_factory=dict)
    paused: dict[Place, str] = field(default_factory=dict)
    is_ready: bool = True
    #: Every question asked, in order.
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def configure(self, *members: QueueMember) -> None:
        self.static |= {(member.queue, member.interface): member for member in members}

    def restart(self) -> None:
        self.dynamic.clear()
        self.paused.clear()

    def members_of(self, queue: str) -> Sequence[QueueMember]:
        return [m for m in (*self.static.values(), *self.dynamic.values()) if m.queue == queue]

    async def add(self, member: QueueMember, *, paused: bool, reason: str) -> bool:
        self._ask("add", member.queue, member.interface)
        if member.queue not in self.queues:
            raise Misconfigured(f"Asterisk has no queue {member.queue!r}")
        place = (member.queue, member.interface)
        if place in self.static | self.dynamic:
            return False
        self.dynamic[place] = member
        if paused:
            self.paused[place] = reason
        return True

    async def remove(self, queue: str, interface: str) -> bool:
        self._ask("remove", queue, interface)
        return self.dynamic.pop((queue, interface), None) is not None

    def _ask(self, *question: str) -> None:
        if not self.is_ready:
            raise Unavailable("AMI is away")
        action, queue, interface = question
        self.asked.append((action, queue, interface))
