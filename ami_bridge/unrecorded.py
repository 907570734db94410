"""The journal of who only watches."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from calls.call import Call, CallId
from calls.events import CallRemembered


class Unrecorded:
    """Implements `calls.ports.CallJournal`: another process keeps it."""

    async def open_call(self, call: Call, *, fallback: bool = False) -> None:
        return None

    async def open_calls(self, system: str) -> Sequence[CallId]:
        return ()

    async def open_placed(self, system: str) -> Collection[CallId]:
        return ()

    async def talked_with(self, call_id: CallId) -> CallRemembered | None:
        return None
