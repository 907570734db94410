"""Between the socket's reader and the tracker: bounded, and what matters least is shed first."""

from __future__ import annotations

import asyncio
from collections import deque

from ami_bridge.ami_events import AmiEvent, Rank


class EventQueue:
    """At most `size` events wait, or `size * 4` where all of them must not be shed.

    `shed` counts what was left out: once it grows, the live view may be wrong and only a resync
    mends it.
    """

    def __init__(self, size: int = 10_000) -> None:
        self.size = size
        self.shed = 0
        self._events: deque[AmiEvent] = deque()
        self._of_rank = dict.fromkeys(Rank, 0)
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: AmiEvent) -> bool:
        """False where even events that must not be shed overflow: the connection is then worth
        more broken than kept, as the resync after it knows the truth."""
        if len(self._events) >= self.size and not self._make_room(event.rank):
            if event.rank is not Rank.VITAL:
                self.shed += 1
                return True
            if len(self._events) >= self.size * 4:
                self.shed += 1
                return False
        self._events.append(event)
        self._of_rank[event.rank] += 1
        self._some.set()
        return True

    def _make_room(self, rank: Rank) -> bool:
        """Leaves out everything below `rank`, lowest first; one pass frees many places."""
        for lowest in Rank:
            if lowest >= rank:
                return False
            if freed := self._of_rank[lowest]:
                self._events = deque(event for event in self._events if event.rank != lowest)
                self._of_rank[lowest] = 0
                self.shed += freed
                return True
        return False

    async def wait(self) -> None:
        """Returns when an event waits."""
        await self._some.wait()

    def pop(self) -> AmiEvent | None:
        """The oldest event, or None."""
        if not self._events:
            self._some.clear()
            return None
        event = self._events.popleft()
        self._of_rank[event.rank] -= 1
        return event
