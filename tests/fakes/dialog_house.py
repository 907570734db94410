"""InboundCalls with everybody around it in memory, and every event it publishes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace

from calls.bus import EventBus
from calls.caller import IdentityOutcome
from calls.events import CallerIdentified, CallEvent
from calls.ports import PropensityScorer
from config.rulebook import Rulebook
from config.settings import CrmSettings, RulebookSettings
from ivr.inbound import InboundCalls
from tests.fakes.advisers import (
    FakeExperiments,
    FakeHold,
    FakeLedger,
    FakeMemories,
    FakePins,
    FakePolicies,
    FakeScorer,
    FakeWebhooks,
)
from tests.fakes.call_channel import FakeChannel
from tests.fakes.contact_directory import FakeDirectory
from tests.fakes.line_recordings import FakeRecordings
from tests.fakes.spoken_text import FakeSpeech

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass
class House:
    calls: InboundCalls
    directory: FakeDirectory
    speech: FakeSpeech
    rulebooks: SimpleNamespace
    hold: FakeHold
    bus: EventBus
    events: list[CallEvent]
    memories: FakeMemories
    scorer: FakeScorer
    ledger: FakeLedger
    pins: FakePins
    webhooks: FakeWebhooks

    async def serve(self, channel: FakeChannel) -> FakeChannel:
        await self.calls.serve(channel)
        await self.bus.drain()
        return channel

    def seen(self, *types: type) -> list[CallEvent]:
        return [event for event in self.events if isinstance(event, types)]

    def outcomes(self) -> list[tuple[IdentityOutcome, bool]]:
        return [
            (event.caller.identity.outcome, event.late)
            for event in self.events
            if isinstance(event, CallerIdentified)
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0)


@asynccontextmanager
async def dialog_house(
    rulebook: Rulebook, scorer: PropensityScorer | None = None
) -> AsyncIterator[House]:
    """`scorer` in the place of the fake one."""
    events: list[CallEvent] = []

    async def see(event: CallEvent) -> None:
        events.append(event)

    async with EventBus() as bus:
        bus.subscribe("test", see, CallEvent)
        directory, speech, hold = FakeDirectory(), FakeSpeech(), FakeHold()
        rulebooks = SimpleNamespace(current=rulebook)
        memories, fake_scorer, ledger = FakeMemories(), FakeScorer(), FakeLedger()
        pins, webhooks = FakePins(), FakeWebhooks()
        async with InboundCalls(
            directory=directory,
            rulebooks=rulebooks,
            speech=speech,
            recordings=FakeRecordings(),
            hold=hold,
            bus=bus,
            memories=memories,
            scorer=scorer or fake_scorer,
            ledger=ledger,
            policies=FakePolicies(),
            experiments=FakeExperiments(),
            pins=pins,
            webhooks=webhooks,
            crm=CrmSettings(lookup_deadline_s=0.05, late_deadline_s=5),
            rulebook=RulebookSettings(control_share=0, direct_dial=("2XX",)),
            speech_deadline_s=1.0,
            now=lambda: NOON,
        ) as calls:
            yield House(
                calls=calls,
                directory=directory,
                speech=speech,
                rulebooks=rulebooks,
                hold=hold,
                bus=bus,
                events=events,
                memories=memories,
                scorer=fake_scorer,
                ledger=ledger,
                pins=pins,
                webhooks=webhooks,
            )
