"""Recordings of lines that a test mutes."""

from __future__ import annotations

import asyncio

from calls.call import Call, CallId
from calls.recordings import Silencer


class FakeRecordings:
    """Implements `calls.recordings.LineRecordings`; `refusal` and `stop_refusal` are raised where
    they are set."""

    def __init__(self) -> None:
        self.refusal: Exception | None = None
        self.stop_refusal: Exception | None = None
        self._silent: set[tuple[CallId, Silencer]] = set()
        #: What was asked, in order.
        self.asked: list[str] = []
        #: Cleared: a mute is not answered yet.
        self.answers = asyncio.Event()
        self.answers.set()
        #: Cleared: what is to be recorded again is not yet.
        self.hears = asyncio.Event()
        self.hears.set()

    @property
    def muted(self) -> set[CallId]:
        return {call_id for call_id, _ in self._silent}

    async def mute(self, call: Call, by: Silencer) -> None:
        self.asked.append("mute")
        await self.answers.wait()
        if self.refusal is not None:
            raise self.refusal
        self._silent.add((call.id, by))

    def unmute(self, call: Call, by: Silencer) -> None:
        self.asked.append("unmute")
        self._silent.discard((call.id, by))

    async def unmuted(self, call_id: CallId) -> None:
        await self.hears.wait()

    async def stop(self, call: Call) -> None:
        self.asked.append("stop")
        if self.stop_refusal is not None:
            raise self.stop_refusal
