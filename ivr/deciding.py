"""The plan of one call, and all that makes it anew: who the caller turns out to be, what they
type, what a webhook answers, and which offer the ledger lets us make."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from calls import crash_points
from calls.bus import EventBus
from calls.call import Call
from calls.call_moment import CallMoment
from calls.caller import Caller, ContactRef, IdentityOutcome
from calls.deadlines import Deadline
from calls.decision import CallRecording, Decision, OptionShown
from calls.errors import SwitchboardError, Unavailable
from calls.events import CallerIdentified, DecisionMade
from calls.experiments import StoppedArms
from calls.offers import MEMORY_MISSED, NO_MEMORY, CallerMemory, OfferAnswer
from calls.ports import (
    CallerMemories,
    ContactDirectory,
    OfferLedger,
    OfferPolicies,
    PinCheck,
    PropensityScorer,
    SpokenText,
    Webhooks,
)
from config.actions import IDENTIFYING_FIELDS
from config.call_moments import call_moment
from config.number_area import area_of
from config.rulebook import RecordCalls, Rulebook
from config.spoken_text import Text
from ivr import rules, webhook_question
from ivr.inquiry import Inquiry
from ivr.known import Known
from ivr.offers_of_call import OffersOfCall

log = logging.getLogger(__name__)

#: Offers that one decision asks the ledger for, and how long the caller may wait for all of them.
CLAIMS_LIMIT = 3
CLAIMS_S = 0.05
#: At least so long a check of a PIN may take: argon2id alone takes a third of a second on a busy
#: machine, and what is not known in time counts as a wrong PIN.
PIN_S = 2.0

_NOT_CALLABLE = (IdentityOutcome.OWN, IdentityOutcome.INTERNAL, IdentityOutcome.WITHHELD)


class PinNotChecked(SwitchboardError):
    """The check of a PIN failed; its own error is not told, for it may hold the digits."""


@dataclass(frozen=True, slots=True)
class Advisers:
    """Everybody who is asked about a caller."""

    directory: ContactDirectory
    memories: CallerMemories
    scorer: PropensityScorer
    ledger: OfferLedger
    policies: OfferPolicies
    experiments: StoppedArms
    pins: PinCheck
    webhooks: Webhooks
    speech: SpokenText


class CallCourse:
    """Implements `ivr.plan.Course`. Decide first (`decide_for`); `plan` is there from then on."""

    def __init__(
        self,
        *,
        call: Call,
        rulebook: Rulebook,
        advisers: Advisers,
        inquiry: Inquiry,
        bus: EventBus,
        control_share: float,
        answer_s: float,
        now: Callable[[], datetime],
    ) -> None:
        """`answer_s` is how long a caller waits who has typed something."""
        self._call = call
        self._rulebook = rulebook
        self._advisers = advisers
        self._inquiry = inquiry
        self._bus = bus
        self._answer_s = answer_s
        self.now = now
        self._known = Known(
            control_share=control_share,
            policy=advisers.policies.current,
            stopped_arms=advisers.experiments.stopped,
            seconds=advisers.speech.seconds,
        )
        self._offers = OffersOfCall(ledger=advisers.ledger, call_id=call.id, bus=bus, now=now)
        self._told: Decision | None = None
        #: Of plans that were made anew since.
        self._menus: dict[str, tuple[OptionShown, ...]] = {}
        self._recording: CallRecording | None = None
        self.caller: Caller
        self.plan: rules.CallPlan

    @property
    def callable_number(self) -> str | None:
        if self._call.withheld or self._inquiry.outcome in _NOT_CALLABLE:
            return None
        return self.caller.number or self._inquiry.number_found

    @property
    def is_identified(self) -> bool:
        return self.caller.contact is not None

    def text(self, name: str) -> Text:
        """A text of this call's rulebook, or a stock one. Raises KeyError."""
        return self._rulebook.text(name)

    @property
    def record_wish(self) -> RecordCalls | None:
        """Whether the number that was called has its calls recorded."""
        return self._rulebook.number_for(self._call.dialled).record

    @property
    def memory(self) -> CallerMemory:
        return self._known.memory

    @property
    def offer_heard(self) -> str | None:
        """Heard or chosen in a menu: then not to be made again while the caller waits."""
        return self._offers.met

    async def decide_for(self, caller: Caller, *, deadline: Deadline) -> None:
        """For somebody new, as far as this call knows: nothing that was true of another person
        stays, but what was typed. DecisionMade is published."""
        contact, memory = _ref(caller), NO_MEMORY
        if contact is not None:
            memory = await self._memory_of(contact, deadline)
        moment = self._moment(caller)
        self._known = replace(
            self._known,
            memory=memory,
            propensities=self._advisers.scorer.propensities_of(caller, memory, moment),
            answers={},
            pin_ok=False,
            refused_offers={},
        )
        self.caller = caller
        await self._decide()
        crash_points.reached("dialog.decided")
        self.tell()

    async def read_memory_again(self, *, deadline: Deadline) -> None:
        """What could not be read in time, for the same caller; DecisionMade is published where
        it changes anything."""
        contact = _ref(self.caller)
        if contact is None or self.memory.is_read:
            return
        memory = await self._memory_of(contact, deadline)
        if memory.is_read:
            wishes = self._advisers.scorer.propensities_of(
                self.caller, memory, self._moment(self.caller)
            )
            self._known = replace(self._known, memory=memory, propensities=wishes)
            await self._decide()
            self.tell()

    async def typed(self, field: str, digits: str) -> bool:
        if field not in IDENTIFYING_FIELDS:
            self._known = self._known.with_typed(field, digits)
            await self._decide()
            return True
        deadline = Deadline.after(self._answer_s)
        found = await self._found_by(field, digits, deadline)
        if found is None:
            return False
        self._inquiry.overruled = True
        self._known = self._known.with_typed(field, digits)
        self._bus.publish(CallerIdentified(self._call.id, self.now(), caller=found))
        if _ref(found) == _ref(self.caller):
            self.caller = found
            await self._decide()
            self.tell()
        else:
            await self.decide_for(found, deadline=deadline)
        return True

    async def check_pin(self, pin: str) -> bool:
        assert self.caller.contact is not None
        try:
            good = await self._advisers.pins.check(
                self.caller.contact.ref, pin, deadline=Deadline.after(max(self._answer_s, PIN_S))
            )
        except Unavailable:
            good = False
        except Exception as error:  # noqa: BLE001  # raised anew, without a message of others
            raise PinNotChecked(type(error).__name__) from None
        if good:
            self._known = self._known.with_pin_ok()
            await self._decide()
        return good

    async def ask_webhook(self, name: str) -> bool:
        webhook = self._rulebook.webhooks[name]
        try:
            answer = await self._advisers.webhooks.ask(
                name,
                webhook.url,
                webhook_question.question(self._call, self.caller, self._known.typed),
                deadline=Deadline.after(webhook.deadline_s),
            )
        except Unavailable as error:
            log.warning("call %s: %s", self._call.id, error)
            return False
        values = webhook_question.declared(webhook, answer.values)
        self._known = self._known.with_answers(name, values)
        await self._decide()
        return True

    def call_recorded(self, recording: CallRecording) -> None:
        self._recording = recording
        self.tell()

    def offer_met(self, offer: str, answer: OfferAnswer) -> None:
        self._offers.met_in_menu(offer, answer)

    def tell(self) -> None:
        """Publishes the decision, where it is not the one that was told last."""
        menus = self._menus | self.plan.further_menus()
        decision = replace(self.plan.decision, menus=menus, recording=self._recording)
        if decision != self._told:
            self._told = decision
            self._bus.publish(DecisionMade(self._call.id, self.now(), decision=decision))

    def _moment(self, caller: Caller) -> CallMoment:
        area = area_of(caller.number, withheld=self._call.withheld)
        return call_moment(self._rulebook, self._call.dialled, self._call.arrived_at, area)

    async def _memory_of(self, contact: ContactRef, deadline: Deadline) -> CallerMemory:
        try:
            return await deadline.bound(
                "the memory of callers",
                self._advisers.memories.memory_of(contact, deadline=deadline),
            )
        except Unavailable:
            return MEMORY_MISSED

    async def _found_by(self, field: str, digits: str, deadline: Deadline) -> Caller | None:
        try:
            return await deadline.bound(
                "the directory",
                self._advisers.directory.identify_typed(
                    self._call, field, digits, deadline=deadline
                ),
            )
        except Unavailable:
            return None

    async def _decide(self) -> None:
        """With an offer only if the ledger lets us make it: asked a few times, then without."""
        if self._told is not None:
            self._menus |= self.plan.further_menus()
        deadline = Deadline.after(CLAIMS_S)
        contact = _ref(self.caller)
        plan = self._decided()
        for _ in range(CLAIMS_LIMIT):
            if plan.offer is None:
                break
            refused = await self._offers.refusal_of(contact, plan.offer, deadline)
            if refused is None:
                break
            self._known = self._known.without_offer(plan.offer.name, refused)
            plan = self._decided()
        else:
            if plan.offer is not None:
                plan = self._decided_without_offers("the ledger was asked often enough")
        self.plan = plan

    def _decided_without_offers(self, why: str) -> rules.CallPlan:
        for offer in self._rulebook.offers:
            if offer not in self._known.refused_offers:
                self._known = self._known.without_offer(offer, why)
        return self._decided()

    def _decided(self) -> rules.CallPlan:
        return rules.decide(self._rulebook, self._call, self.caller, self.now(), self._known)


def _ref(caller: Caller) -> ContactRef | None:
    return caller.contact.ref if caller.contact else None
