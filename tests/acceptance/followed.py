"""An AMI side on the real Asterisk, and what it told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from ami_bridge.bridge import AmiBridge
from ami_bridge.placing import Placing
from calls import events
from calls.bus import EventBus
from calls.call import CallOutcome
from config.settings import AmiSettings
from switchboard.demo.private_pbx import PrivatePbx
from tests.fakes.call_journal import MemoryJournal
from tests.waiting import wait_until


class Followed:
    """A bridge on the real Asterisk, and what it told."""

    def __init__(
        self,
        pbx: PrivatePbx,
        journal: MemoryJournal | None = None,
        *,
        port: int = 0,
        username: str = "",
        placing: Placing | None = None,
        resync_every_s: float = 60.0,
    ) -> None:
        self.bus = EventBus()
        self.journal = journal or MemoryJournal()
        self.bus.subscribe("journal", self.journal.close, events.CallEnded)
        self.told: list[object] = []
        self.bus.subscribe("told", self._tell, object)
        self._changed = asyncio.Event()
        self.bridge = AmiBridge(
            settings=AmiSettings(
                port=port or pbx.ami_port,
                username=username or pbx.ami_username,
                secret=SecretStr(pbx.ami_secret),
                resync_every_s=resync_every_s,
            ),
            journal=self.journal,
            bus=self.bus,
            placing=placing,
            settle_s=0.3,
        )

    async def _tell(self, event: object) -> None:
        self.told.append(event)
        self._changed.set()

    async def until(self, condition: Callable[[], bool], within_s: float = 15.0) -> None:
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_told(self, kind: type, times: int = 1, within_s: float = 30.0) -> None:
        """Of AmiLost, AmiRestored and the like."""
        await self.until(lambda: self.count(kind) >= times, within_s)

    def count(self, kind: type) -> int:
        return sum(isinstance(event, kind) for event in self.told)

    async def until_in_step(self) -> None:
        await wait_until(lambda: self.bridge.is_connected, 30)

    def of(self, kind: type) -> list[events.CallEvent]:
        return [e for e in self.told if isinstance(e, kind) and isinstance(e, events.CallEvent)]

    def of_callers(self, kind: type, numbers: Collection[str]) -> list[Any]:
        """Of these alone: calls of other tests, that nobody followed, are told of as we connect."""
        ours = {i for i, call in self.journal.opened.items() if call.from_raw in numbers}
        return [event for event in self.of(kind) if event.call_id in ours]

    def is_answered(self, number: str) -> bool:
        ours = {i for i, call in self.journal.opened.items() if call.from_raw == number}
        return any(event.call_id in ours for event in self.of(events.AgentAnswered))

    def outcome_of(self, number: str) -> CallOutcome | None:
        [call_id] = [i for i, call in self.journal.opened.items() if call.from_raw == number]
        ended = [e for e in self.of(events.CallEnded) if e.call_id == call_id]
        assert len(ended) <= 1
        return ended[0].outcome if ended else None  # type: ignore[attr-defined]  # CallEnded


@asynccontextmanager
async def following(followed: Followed) -> AsyncIterator[Followed]:
    async with followed.bus, followed.bridge:
        await followed.until_in_step()
        yield followed
