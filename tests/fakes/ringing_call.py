"""One call as the bus tells of it, event by event, for whoever listens to the bus."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from calls import events
from calls.call import Call, CallId, CallOutcome, KeyPress
from calls.caller import (
    Caller,
    Candidate,
    Case,
    Contact,
    ContactRef,
    Identity,
    IdentityOutcome,
    Order,
    Purchase,
)
from calls.decision import Decision, OfferConsidered, OfferStanding, PopWish, Route
from calls.offers import OfferAnswer, OfferMetBefore, OfferPlace
from calls.segments import LifecycleStage, Segments, Tier

_numbers = itertools.count(1)


def now() -> datetime:
    return datetime.now(UTC)


def victoria(*, number: str = "+12025550102", name: str | None = None) -> Caller:
    """A VIP with history."""
    ref = ContactRef("embedded", "c-102")
    at = datetime(2026, 3, 2, tzinfo=UTC)
    contact = Contact(
        ref=ref,
        first_name=name or "Victoria",
        last_name="" if name else "Stone",
        company="Stone & Daughters",
        language="en",
        url="https://crm.example/contacts/102",
        owner="Grace Hall",
        purchases=(
            Purchase("ESP-9", "Espresso machine Nine", "coffee", at, Decimal("1249.00"), "USD"),
            Purchase("GRD-2", "Grinder Two", "coffee", at, Decimal("389.50"), "USD", 2),
            Purchase("BEAN-1", "House blend, 5 kg", "beans", at, Decimal("94.00"), "USD", 3),
        ),
        orders=(
            Order("O-7731", "Steam wand kit", "shipped", at, now().date() - timedelta(3), True),
            Order("O-7540", "Grinder Two", "delivered", at, None, False),
        ),
        cases=(Case("K-311", "Pressure drops after ten minutes", "complaint", True, at),),
        owns=frozenset({"ESP-9", "GRD-2", "BEAN-1"}),
    )
    segments = Segments(
        tier=Tier.VIP,
        lifecycle=LifecycleStage.AT_RISK,
        recency=2,
        frequency=5,
        monetary=5,
        days_since_last=96,
        usual_gap_days=31,
        spend_12m=4821.4,
        reasons=("among the top 5 % by spend", "usually buys every 31 days, last 96 days ago"),
    )
    identity = Identity(IdentityOutcome.UNIQUE, "e164", 0.97)
    return Caller(number, identity, contact, segments)


def household(number: str = "+12025550103") -> Caller:
    """Two people share the number."""
    candidates = tuple(
        Candidate(ContactRef("embedded", f"c-{n}"), name, None, f"https://crm.example/{n}")
        for n, name in ((201, "Jonas Weber"), (202, "Mira Weber"))
    )
    return Caller(number, Identity(IdentityOutcome.MULTIPLE, "e164", 0.5, candidates))


def stranger(number: str = "+12025550150") -> Caller:
    return Caller(number, Identity(IdentityOutcome.NONE, "e164", 0.0))


def withheld_caller() -> Caller:
    return Caller(None, Identity(IdentityOutcome.WITHHELD, "withheld", 1.0))


def offering(*offers: str, pop: PopWish = PopWish()) -> Decision:  # noqa: B008 -- frozen
    return Decision(
        rulebook_version="v1",
        language="en",
        route=Route("queue", "support", priority=10, rule="vip first"),
        menu="main",
        greeting="Hello",
        offers=tuple(
            OfferConsidered(
                offer,
                True,
                ("owns no kettle yet",),
                agent=f"Mention the {offer}.",
                standing=OfferStanding(
                    before=(
                        OfferMetBefore(OfferPlace.HOLD, OfferAnswer.HEARD, 12.4),
                        OfferMetBefore(OfferPlace.AGENT, OfferAnswer.REFUSED, 120.0),
                    ),
                    left=2,
                    most=3,
                    days=30,
                ),
            )
            for offer in offers
        ),
        pop=pop,
    )


class RingingCall:
    """Each method gives the next event; `at` is now unless told."""

    def __init__(
        self, *, number: str = "+12025550102", name: str = "V STONE", withheld: bool = False
    ) -> None:
        self.id = CallId("pbx", f"{next(_numbers)}.{id(self)}")
        self.call = Call(
            id=self.id,
            channel="PJSIP/trunk-00000001",
            from_raw=number,
            from_name=name,
            withheld=withheld,
            dialled="+18005550100",
            language="en",
            arrived_at=now() - timedelta(seconds=42),
            attestation="A",
        )

    def arrived(self) -> events.CallArrived:
        return events.CallArrived(self.id, self.call.arrived_at, self.call)

    def identified(self, caller: Caller, *, late: bool = False) -> events.CallerIdentified:
        return events.CallerIdentified(self.id, now(), caller, late)

    def decided(
        self, *offers: str, shown: bool = True, note: str | None = None
    ) -> events.DecisionMade:
        decision = offering(*offers, pop=PopWish(shown, note))
        return events.DecisionMade(self.id, now(), decision)

    def refused(self, offer: str) -> events.OfferMet:
        return events.OfferMet(self.id, now(), offer, OfferPlace.MENU, OfferAnswer.REFUSED)

    def pressed(
        self, digits: str, intent: str | None, outcome: str = "match", menu: str = "main"
    ) -> events.OptionChosen:
        return events.OptionChosen(self.id, now(), KeyPress(menu, digits, outcome, intent))

    def queued(self, queue: str = "support") -> events.CallQueued:
        return events.CallQueued(self.id, now() - timedelta(seconds=18), queue, 10)

    def ringing(self, interface: str, queue: str = "support") -> events.AgentRinging:
        return events.AgentRinging(self.id, now(), queue, interface)

    def answered(self, interface: str, queue: str = "support") -> events.AgentAnswered:
        return events.AgentAnswered(self.id, now(), queue, interface, 2.0, 20.0)

    def held(self, interface: str, *, on: bool = True) -> events.AgentHeld:
        return events.AgentHeld(self.id, now(), interface, on)

    def missed(
        self, interface: str, queue: str = "support", *, in_vain: bool = True
    ) -> events.AgentMissed:
        return events.AgentMissed(self.id, now(), queue, interface, in_vain)

    def released(
        self, interface: str, *, talk_s: float = 65.0, transferred: bool = False
    ) -> events.AgentReleased:
        return events.AgentReleased(self.id, now(), "support", interface, talk_s, transferred)

    def ended(self, outcome: CallOutcome = CallOutcome.ANSWERED) -> events.CallEnded:
        return events.CallEnded(self.id, now(), outcome)

    def until_ringing(self, caller: Caller, *interfaces: str) -> list[events.CallEvent]:
        return [
            self.arrived(),
            self.identified(caller),
            self.queued(),
            *(self.ringing(interface) for interface in interfaces),
        ]
