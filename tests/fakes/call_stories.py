"""Calls told as the events they cause, in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from calls.call import Call, CallId, CallOutcome, KeyPress
from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.decision import Decision, Route
from calls.events import (
    AgentAnswered,
    AgentReleased,
    AgentRinging,
    CallArrived,
    CallbackRequested,
    CallEnded,
    CallerIdentified,
    CallEvent,
    CallQueued,
    CallRouted,
    DecisionMade,
    FieldCollected,
    MenuPresented,
    MessageRecorded,
    OfferMet,
    OptionChosen,
)
from calls.offers import OfferAnswer, OfferPlace
from calls.records import LegVia

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
AGENT = "PJSIP/agent1"
STRANGER = "+12025550150"
MARIA = Contact(ref=ContactRef("embedded", "maria"), first_name="Maria", last_name="Garcia")


class Roster:
    """Implements `calls.ports.AgentRoster` for one agent."""

    def login_of(self, interface: str) -> str | None:
        return {AGENT: "anna"}.get(interface)

    def interface_of(self, login: str) -> str | None:
        return {"anna": AGENT}.get(login)


def a_call(name: str = "1700000000.1", *, number: str = STRANGER, withheld: bool = False) -> Call:
    return Call(
        id=CallId("pbx", name),
        channel=f"PJSIP/trunk-{name}",
        from_raw=number,
        from_name="",
        withheld=withheld,
        dialled="+18005550100",
        language="en",
        arrived_at=START,
    )


class Story:
    """What one caller does; each method gives the next event, one second later."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.at = call.arrived_at

    def _next(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def arrives(self, *, fallback: bool = False) -> CallEvent:
        return CallArrived(self.call.id, self.call.arrived_at, self.call, fallback)

    def is_(self, outcome: IdentityOutcome, *, late: bool = False) -> CallEvent:
        known = outcome is IdentityOutcome.UNIQUE
        silent = outcome in (IdentityOutcome.WITHHELD, IdentityOutcome.INTERNAL)
        caller = Caller(
            number=None if silent else self.call.from_raw,
            identity=Identity(outcome, "e164", 1.0 if known else 0.0),
            contact=MARIA if known else None,
        )
        return CallerIdentified(self.call.id, self._next(), caller, late)

    def decided(self, lead: str = "always", language: str = "en") -> CallEvent:
        decision = Decision(
            rulebook_version="r1",
            language=language,
            route=Route("menu", "main"),
            menu="main",
            greeting=None,
            lead=lead,
        )
        return DecisionMade(self.call.id, self._next(), decision)

    def presses(self, digits: str, intent: str = "support") -> CallEvent:
        key = KeyPress("main", digits, "match", intent)
        return OptionChosen(self.call.id, self._next(), key)

    def hears(self, menu: str) -> CallEvent:
        return MenuPresented(self.call.id, self._next(), menu)

    def types(self, field: str, digits: str) -> CallEvent:
        return FieldCollected(self.call.id, self._next(), field, digits)

    def leaves(self, what: str, recording: str, queue: str | None = None) -> CallEvent:
        return MessageRecorded(self.call.id, self._next(), what, recording, 4.5, queue)

    def asks_to_be_called(self, number: str = STRANGER) -> CallEvent:
        return CallbackRequested(self.call.id, self._next(), number, "support", position=3)

    def is_sent_to(self, kind: str, target: str | None = None) -> CallEvent:
        return CallRouted(self.call.id, self._next(), kind, target)

    def meets(self, offer: str, place: OfferPlace, answer: OfferAnswer) -> CallEvent:
        return OfferMet(self.call.id, self._next(), offer, place, answer)

    def queued(self, queue: str = "support") -> CallEvent:
        return CallQueued(self.call.id, self._next(), queue, 5, "hold")

    def rings(self, interface: str = AGENT, *, via: LegVia = LegVia.QUEUE) -> CallEvent:
        return AgentRinging(self.call.id, self._next(), "support", interface, via=via)

    def answered(self, interface: str = AGENT, *, via: LegVia = LegVia.QUEUE) -> CallEvent:
        at = self._next()
        return AgentAnswered(self.call.id, at, "support", interface, ring_s=1.0, via=via)

    def released(self, interface: str = AGENT) -> CallEvent:
        return AgentReleased(self.call.id, self._next(), "support", interface)

    def ends(self, outcome: CallOutcome = CallOutcome.ANSWERED) -> CallEvent:
        return CallEnded(self.call.id, self._next(), outcome)

    def whole(self, identity: IdentityOutcome, *, lead: str = "always") -> list[CallEvent]:
        """An answered call from arrival to end."""
        return [
            self.arrives(),
            self.is_(identity),
            self.decided(lead),
            self.hears("main"),
            self.presses("1"),
            self.queued(),
            self.rings(),
            self.answered(),
            self.released(),
            self.ends(),
        ]
