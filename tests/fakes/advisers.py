"""Everybody a dialog asks about its caller, in memory: what they know is set by the test."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from calls.call import CallId
from calls.call_moment import CallMoment
from calls.caller import Caller, ContactRef
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.errors import Unavailable
from calls.offer_choice import StaticChoice
from calls.offers import (
    MEMORY_MISSED,
    NO_MEMORY,
    NO_PROPENSITIES,
    CallerMemory,
    OfferCap,
    Propensities,
)
from calls.ports import OfferPolicy, WebhookAnswer


@dataclass
class FakeMemories:
    """Implements `calls.ports.CallerMemories`; while `gate` is closed it answers nobody, and
    so many questions as `misses` are answered too late."""

    known: dict[ContactRef, CallerMemory] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    misses: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def memory_of(self, contact: ContactRef, *, deadline: Deadline) -> CallerMemory:
        await self.gate.wait()
        if self.misses > 0:
            self.misses -= 1
            return MEMORY_MISSED
        return self.known.get(contact, NO_MEMORY)


@dataclass
class FakeScorer:
    """Implements `calls.ports.PropensityScorer`."""

    propensities: Propensities = NO_PROPENSITIES
    asked: list[tuple[Caller, CallerMemory]] = field(default_factory=list)
    moments: list[CallMoment] = field(default_factory=list)

    def propensities_of(
        self, caller: Caller, memory: CallerMemory, moment: CallMoment
    ) -> Propensities:
        self.asked.append((caller, memory))
        self.moments.append(moment)
        return self.propensities


@dataclass
class FakeLedger:
    """Implements `calls.ports.OfferLedger`: refuses what is in `refused`, by the offer's name."""

    refused: dict[str, str] = field(default_factory=dict)
    fault: Exception | None = None
    slow: bool = False
    claims: list[tuple[ContactRef, str]] = field(default_factory=list)

    async def claim(
        self, contact: ContactRef, call_id: CallId, offer: str, cap: OfferCap, *, deadline: Deadline
    ) -> str | None:
        self.claims.append((contact, offer))
        if self.fault is not None:
            raise self.fault
        if self.slow:
            await asyncio.Event().wait()
        return self.refused.get(offer)


@dataclass
class FakePolicies:
    """Implements `calls.ports.OfferPolicies`."""

    current: OfferPolicy = field(default_factory=StaticChoice)


@dataclass
class FakeExperiments:
    """Implements `calls.experiments.StoppedArms`."""

    stopped: set[tuple[str, str]] = field(default_factory=set)


@dataclass
class FakePins:
    """Implements `calls.ports.PinCheck`."""

    pins: dict[ContactRef, str] = field(default_factory=dict)
    fault: Exception | None = None

    async def check(self, contact: ContactRef, pin: str, *, deadline: Deadline) -> bool:
        if self.fault is not None:
            raise self.fault
        return self.pins.get(contact) == pin


@dataclass
class FakeWebhooks:
    """Implements `calls.ports.Webhooks`: a webhook without an answer here is unavailable."""

    answers: dict[str, dict[str, str | int | float | bool]] = field(default_factory=dict)
    asked: list[tuple[str, str, Mapping[str, object]]] = field(default_factory=list)

    async def ask(
        self, webhook: str, url: str, body: Mapping[str, object], *, deadline: Deadline
    ) -> WebhookAnswer:
        self.asked.append((webhook, url, body))
        if webhook not in self.answers:
            raise Unavailable(f"webhook {webhook} is away")
        return WebhookAnswer(self.answers[webhook])


@dataclass
class FakeHold:
    """Implements `ivr.inbound.WaitingMusic`."""

    prepared: list[tuple[HoldEntryPlanned, ...]] = field(default_factory=list)
    replanned: list[tuple[HoldEntryPlanned, ...]] = field(default_factory=list)

    async def prepare(
        self,
        call_id: CallId,
        entries: Sequence[HoldEntryPlanned],
        language: str,
        *,
        deadline: Deadline,
    ) -> str | None:
        self.prepared.append(tuple(entries))
        return f"hold-{call_id.linkedid}" if entries else None

    async def replan(
        self, call_id: CallId, entries: Sequence[HoldEntryPlanned], language: str
    ) -> None:
        self.replanned.append(tuple(entries))
