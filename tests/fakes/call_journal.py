"""A journal in memory: rows are opened by `open_call` and closed by CallEnded on the bus."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from calls.bus import EventBus
from calls.call import Call, CallId
from calls.events import CallEnded, CallRemembered


class MemoryJournal:
    """Like the real one: opening twice changes nothing, a closed call stays closed."""

    def __init__(self, bus: EventBus | None = None) -> None:
        self.opened: dict[CallId, Call] = {}
        self.fallback: set[CallId] = set()
        self.closed: dict[CallId, CallEnded] = {}
        self.failing = False
        if bus is not None:
            bus.subscribe("journal", self.close, CallEnded)

    async def open_call(self, call: Call, *, fallback: bool = False) -> None:
        if self.failing:
            raise OSError("the disk is full")
        self.opened.setdefault(call.id, call)
        if fallback and call.id not in self.closed:
            self.fallback.add(call.id)

    async def open_calls(self, system: str) -> Sequence[CallId]:
        if self.failing:
            raise OSError("the disk is full")
        return [
            call_id
            for call_id in self.opened
            if call_id not in self.closed and call_id.system == system
        ]

    async def open_placed(self, system: str) -> Collection[CallId]:
        return {one for one in await self.open_calls(system) if self.opened[one].is_placed}

    async def talked_with(self, call_id: CallId) -> CallRemembered | None:
        call = self.opened.get(call_id)
        if call is None or call_id in self.closed or call_id in self.fallback or call.is_placed:
            return None
        return CallRemembered(call_id, datetime.now(UTC), call)

    async def close(self, event: CallEnded) -> None:
        self.closed.setdefault(event.call_id, event)
