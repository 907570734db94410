"""Callers to try a rulebook with: every kind of identity, none of them real."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from calls.call import Call, CallId
from calls.caller import (
    Appointment,
    Caller,
    Candidate,
    Case,
    Contact,
    ContactRef,
    Identity,
    IdentityOutcome,
    Order,
)
from calls.money import Money
from calls.segments import LifecycleStage, Segments, Tier

_NUMBER = "+12025550123"


@dataclass(frozen=True, slots=True)
class SampleCaller:
    """`who` completes "what would ... meet"."""

    who: str
    caller: Caller
    withheld: bool = False

    def call(self, dialled: str, at: datetime) -> Call:
        return Call(
            id=CallId("sample", "0"),
            channel="sample",
            from_raw="" if self.withheld else _NUMBER,
            from_name="",
            withheld=self.withheld,
            dialled=dialled,
            language="en",
            arrived_at=at,
        )


def sample_callers(now: datetime) -> tuple[SampleCaller, ...]:
    """The same for the same `now` (aware)."""
    return (
        SampleCaller("a stranger", _nobody(IdentityOutcome.NONE)),
        SampleCaller("a caller who hides the number", _hidden(), withheld=True),
        SampleCaller("a caller the CRM did not find in time", _nobody(IdentityOutcome.TIMEOUT)),
        SampleCaller("one of several people with this number", _one_of_several()),
        SampleCaller("a customer without orders", _known(_contact("1"), Tier.ORDINARY)),
        SampleCaller("a customer with a late order", _known(_late(now), Tier.IMPORTANT)),
        SampleCaller("a VIP", _known(_contact("3"), Tier.VIP)),
        SampleCaller("a customer with a complaint", _known(_complaining(now), Tier.IMPORTANT)),
        SampleCaller("a customer who speaks Mandarin", _known(_contact("5", "zh"), Tier.ORDINARY)),
    )


def _nobody(outcome: IdentityOutcome) -> Caller:
    return Caller(_NUMBER, Identity(outcome, "sample", 0.0))


def _hidden() -> Caller:
    return Caller(None, Identity(IdentityOutcome.WITHHELD, "withheld", 1.0))


def _one_of_several() -> Caller:
    candidates = tuple(
        Candidate(ContactRef("sample", str(number)), f"Sample {number}") for number in (1, 2)
    )
    return Caller(_NUMBER, Identity(IdentityOutcome.MULTIPLE, "sample", 0.5, candidates))


def _known(contact: Contact, tier: Tier) -> Caller:
    segments = Segments(
        tier=tier,
        lifecycle=LifecycleStage.ACTIVE,
        recency=4,
        frequency=4,
        monetary=4,
        spend_12m=1200.0,
        days_since_last=12,
        usual_gap_days=30,
    )
    return Caller(_NUMBER, Identity(IdentityOutcome.UNIQUE, "sample", 0.95), contact, segments)


def _contact(
    id_: str,
    language: str = "en",
    *,
    orders: tuple[Order, ...] = (),
    cases: tuple[Case, ...] = (),
    appointments: tuple[Appointment, ...] = (),
) -> Contact:
    return Contact(
        ref=ContactRef("sample", id_),
        first_name="小明" if language == "zh" else "Sam",
        last_name="王" if language == "zh" else "Sample",
        language=language,
        orders=orders,
        cases=cases,
        balance=Money(Decimal("-12.50"), "USD"),
        appointments=appointments,
    )


def _late(now: datetime) -> Contact:
    order = Order(
        id="O-100",
        product_name="Espresso Machine",
        status="shipped",
        placed_at=now - timedelta(days=10),
        due_on=(now - timedelta(days=4)).date(),
        is_open=True,
        number="100",
    )
    appointment = Appointment("A-1", now + timedelta(days=2), "check-up")
    return _contact("2", orders=(order,), appointments=(appointment,))


def _complaining(now: datetime) -> Contact:
    case = Case("C-1", "Broken on arrival", "complaint", True, now - timedelta(days=1))
    return _contact("4", cases=(case,))
