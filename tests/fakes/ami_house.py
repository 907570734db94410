"""The whole AMI side, its bus and journal, on a fake Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import SecretStr

from ami_bridge.ami_client import AmiTiming
from ami_bridge.bridge import AmiBridge
from calls import events
from calls.bus import EventBus
from calls.call import Call, CallId
from config.settings import AmiSettings
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.call_journal import MemoryJournal


class House:
    """A bridge, its bus and journal, and all that was told on the bus."""

    def __init__(
        self,
        fake: FakeAmi,
        *,
        system: str = "pbx",
        bus: EventBus | None = None,
        resync_every_s: float = 60.0,
        queue_size: int = 10_000,
    ) -> None:
        self.fake = fake
        self.bus = bus or EventBus()
        self.journal = MemoryJournal(self.bus)
        self.told: list[object] = []
        self._changed = asyncio.Event()
        self.bus.subscribe("told", self._tell, object)
        self.bridge = AmiBridge(
            settings=AmiSettings(
                port=fake.port,
                system=system,
                secret=SecretStr("s3cret"),
                ping_every_s=0.2,
                ping_deadline_s=1.0,
                resync_every_s=resync_every_s,
            ),
            journal=self.journal,
            bus=self.bus,
            timing=AmiTiming(retry_s=(0.02, 0.05), action_s=30.0),
            settle_s=0.05,
            queue_size=queue_size,
        )

    async def _tell(self, event: object) -> None:
        self.told.append(event)
        self._changed.set()

    async def until(self, condition: Callable[[], bool], within_s: float = 30.0) -> None:
        """Looked at after each event on the bus."""
        async with asyncio.timeout(within_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_in_step(self, times: int = 1) -> None:
        await self.until(lambda: len(self.of(events.AmiRestored)) >= times)

    def of(self, kind: type) -> list[object]:
        return [event for event in self.told if isinstance(event, kind)]

    def ends(self) -> dict[str, events.CallEnded]:
        ended = [event for event in self.told if isinstance(event, events.CallEnded)]
        by_id = {event.call_id.linkedid: event for event in ended}
        assert len(by_id) == len(ended), "a call ended twice"
        return by_id

    async def call(self, uid: str) -> CallId:
        """A caller who came through a dialog of ours and is on the way to a queue."""
        call_id = CallId("pbx", uid)
        self.fake.new_channel(uid, uid, f"PJSIP/trunk-{uid}")
        await self.journal.open_call(a_call(call_id))
        self.bridge.tracker.dialog_started(call_id)
        self.bridge.tracker.dialog_ended(call_id, hung_up=False, queued=True)
        return call_id

    def join(self, uid: str) -> None:
        self.fake.waiting.append((uid, "support", 0))
        self.fake.event("QueueCallerJoin", Uniqueid=uid, Linkedid=uid, Queue="support")


def a_call(call_id: CallId) -> Call:
    return Call(call_id, "PJSIP/t", "+1202", "", False, "+1800", "en", datetime.now(UTC))
