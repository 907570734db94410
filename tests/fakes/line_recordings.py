"""Recordings of lines that a test mutes."""

from __future__ import annotations

from calls.call import Call, CallId
from calls.errors import Unavailable


class FakeRecordings:
    """Implements `calls.ports.LineRecordings`; `away` refuses."""

    def __init__(self) -> None:
        self.away = False
        self.muted: set[CallId] = set()
        #: What was asked, in order.
        self.asked: list[str] = []

    async def mute(self, call: Call) -> None:
        self.asked.append("mute")
        if self.away:
            raise Unavailable("away, as the test says")
        self.muted.add(call.id)

    def unmute(self, call: Call) -> None:
        self.asked.append("unmute")
        self.muted.discard(call.id)
