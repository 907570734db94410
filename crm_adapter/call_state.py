"""What a call's row says, and how each event changes it. Pure: no database, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, get_args

from calls import events
from calls.call import CallId, CallOutcome, Direction, KeyPress, MenuPath
from calls.caller import ContactRef, IdentityOutcome
from calls.decision import Decision
from calls.ports import AgentRoster
from calls.records import CallRecord, Leg, LegVia
from crm_adapter import collected
from crm_adapter.live.answers import REMEMBERED
from storage.storable import storable

#: Identity outcome of a call whose caller was never looked up, as in the fallback.
NOT_ASKED = "not_asked"
TYPED_KEY = "typed_key"

_BY_TRANSFER = (LegVia.BLIND_TRANSFER.value, LegVia.ATTENDED_TRANSFER.value)

LeftByCaller = (
    events.FieldCollected
    | events.MessageRecorded
    | events.CallbackRequested
    | events.CallRouted
    | events.OfferMet
    | events.OfferAnswered
)
#: Of what happened before the end another process may tell after it.
ToldLate = events.DecisionMade | events.OptionChosen | events.CallQueued
LEFT_BY_CALLER = get_args(LeftByCaller)
#: Events that may change a call after its end.
LATE = (
    events.WrapUpDone,
    events.DialogFailed,
    events.CallerIdentified,
    events.CandidateChosen,
    *LEFT_BY_CALLER,
    *get_args(ToldLate),
)


@dataclass(slots=True)
class LegState:
    """One agent's part; open while `ended_at` is None."""

    position: int
    agent: str
    interface: str
    queue: str
    rang_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    disposition: str | None = None
    note: str | None = None
    via: str | None = None

    @property
    def is_an_agents(self) -> bool:
        """Where the roster knows nobody behind it, the interface stands for the agent."""
        return self.agent != self.interface


@dataclass(slots=True)
class CallState:
    """The row of an open call with its legs. Applying the same event again changes nothing."""

    system: str
    linkedid: str
    arrived_at: datetime
    from_raw: str
    from_name: str
    withheld: bool
    dialled: str
    fallback: bool
    #: Of a call that an agent placed; None is inbound.
    direction: str | None = None
    number: str | None = None
    identity_outcome: str | None = None
    identity_method: str | None = None
    identity_confidence: float | None = None
    candidates: list[dict[str, Any]] | None = None
    contact_crm: str | None = None
    contact_id: str | None = None
    contact_name: str | None = None
    contact_owner: str | None = None
    #: Which candidate an agent said it is: agent, at, and how often that changed the contact.
    choice: dict[str, Any] | None = None
    rulebook_version: str | None = None
    lead_policy: str | None = None
    follow_up: dict[str, Any] | None = None
    menu_path: list[dict[str, Any]] | None = None
    arm: str | None = None
    typed: dict[str, str] | None = None
    recordings: list[dict[str, Any]] | None = None
    callback: dict[str, Any] | None = None
    routed: dict[str, Any] | None = None
    offers: list[dict[str, Any]] | None = None
    queue: str | None = None
    priority: int | None = None
    hold_programme: str | None = None
    queued_at: datetime | None = None
    first_queued_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
    end_estimated: bool = False
    failure: str | None = None
    lead_key: str | None = None
    legs: list[LegState] = field(default_factory=list)
    #: Set by DecisionMade, with `at` when it was made first; large, and never read back here.
    decision: dict[str, Any] | None = None
    #: Decisions of these events that a later one of them replaced: rulebook_version, decision.
    replaced: list[dict[str, Any]] = field(default_factory=list)
    #: True where the row holds a decision that `decision` replaces.
    decided_before: bool = False
    #: True where an event changed a call whose record the CRM is owed, or has, already.
    amended: bool = False

    @property
    def id(self) -> CallId:
        return CallId(self.system, self.linkedid)

    def apply(self, event: events.CallEvent, roster: AgentRoster) -> None:
        """Of an ended call only what may come late changes: its record is on its way."""
        if isinstance(event, events.WrapUpDone):
            self._wrapped_up(event)
        elif isinstance(event, LEFT_BY_CALLER):
            self._left(event)
        elif isinstance(event, events.DialogFailed):
            self.failure = self.failure or storable(event.error, 80)
        elif isinstance(event, events.CandidateChosen):
            if self._candidate_chosen(event) and self.ended_at is not None:
                self.amended = True
        elif self.ended_at is None:
            self._live_on(event, roster)
        elif isinstance(event, events.CallerIdentified) and self.identity_outcome is None:
            # A call of the fallback may be over before anybody asks who it was.
            self._identified(event)
            self.amended = True
        elif isinstance(event, ToldLate) and event.at <= self.ended_at:
            self._told_late(event)

    def _live_on(self, event: events.CallEvent, roster: AgentRoster) -> None:
        match event:
            case events.CallArrived():
                self.fallback = self.fallback or event.fallback
            case events.CallerIdentified():
                self._identified(event)
            case events.DecisionMade():
                self._decided(event.decision, event.at)
            case events.OptionChosen():
                self._chosen(event)
            case events.CallQueued():
                self.queue = storable(event.queue, 80)
                self.priority = event.priority
                self.hold_programme = event.hold_programme and storable(event.hold_programme, 80)
                self.queued_at = event.at
                self.first_queued_at = self.first_queued_at or event.at
            case events.AgentRinging():
                self._ringing(event, roster)
            case events.AgentAnswered():
                self._answered(event, roster)
            case events.AgentMissed():
                self._end_leg(event.interface, event.at, answered=False)
            case events.AgentReleased():
                self._end_leg(event.interface, event.at, answered=True)
            case events.CallEnded():
                self._ended(event)
            case _:
                pass

    def _told_late(self, event: ToldLate) -> None:
        before = (self.rulebook_version, self.menu_path, self.hold_programme, self.priority)
        match event:
            case events.DecisionMade() if self.rulebook_version is None:
                self._decided(event.decision, event.at)
            case events.OptionChosen():
                self._chosen(event)
            case events.CallQueued() if self.hold_programme is None:
                self.priority = event.priority
                self.hold_programme = event.hold_programme and storable(event.hold_programme, 80)
                self.queue = self.queue or storable(event.queue, 80)
            case _:
                pass
        if before != (self.rulebook_version, self.menu_path, self.hold_programme, self.priority):
            self.amended = True

    def _decided(self, decision: Decision, at: datetime) -> None:
        told = decision.as_json() | {"at": at.isoformat()}
        if self.decision is None:
            self.decided_before = self.rulebook_version is not None
        elif is_same(self.decision, told):
            told["at"] = self.decision["at"]
        else:
            earlier = {"rulebook_version": self.rulebook_version, "decision": self.decision}
            self.replaced.append(earlier)
        self.rulebook_version = storable(decision.rulebook_version, 80)
        self.lead_policy = storable(decision.lead, 20)
        self.follow_up = decision.follow_up.as_json() if decision.follow_up else None
        self.arm = storable(decision.arm, 20)
        self.decision = told

    def _identified(self, event: events.CallerIdentified) -> None:
        caller, identity = event.caller, event.caller.identity
        if event.late and self.identity_method == TYPED_KEY:
            return  # the number's answer came after the caller said it better
        self.number = caller.number and storable(caller.number, 20)
        self.identity_outcome = identity.outcome.value
        self.identity_method = storable(identity.method, 40)
        self.identity_confidence = identity.confidence
        self.candidates = [
            {"crm": found.ref.crm, "id": found.ref.id, "name": found.name, "company": found.company}
            for found in identity.candidates
        ]
        if caller.contact is not None and self.choice is None:
            self.contact_crm = storable(caller.contact.ref.crm, 40)
            self.contact_id = storable(caller.contact.ref.id, 120)
            self.contact_name = storable(caller.contact.name, 240)
            owner = caller.contact.owner
            self.contact_owner = storable(owner, 120) if owner else None

    def _candidate_chosen(self, event: events.CandidateChosen) -> bool:
        """An agent says which of several it is, or takes it back; whom the CRM named stays. True
        where that made it somebody else's call."""
        if not self._has_a_choice() or self._is_overtaken(event.at):
            return False
        named: dict[str, Any] | None = None
        if event.contact is not None:
            wanted = (event.contact.crm, event.contact.id)
            known = (one for one in self.candidates or () if (one["crm"], one["id"]) == wanted)
            named = next(known, None)
            if named is None:
                return False
        before = self.contact
        self.contact_crm = storable(named["crm"], 40) if named else None
        self.contact_id = storable(named["id"], 120) if named else None
        self.contact_name = storable(named["name"], 240) if named else None
        changed = self.contact != before
        if changed:
            self.contact_owner = None
        self.choice = {
            "agent": storable(event.agent, 80),
            "at": event.at.isoformat(),
            "times": self._choices + changed,
        }
        return changed

    def _has_a_choice(self) -> bool:
        """Several have the number, also where an earlier choice was remembered."""
        return self.identity_outcome == IdentityOutcome.MULTIPLE.value or (
            self.identity_method == REMEMBERED and len(self.candidates or ()) > 1
        )

    def _is_overtaken(self, at: datetime) -> bool:
        return self.choice is not None and at < datetime.fromisoformat(self.choice["at"])

    @property
    def _choices(self) -> int:
        return int(self.choice["times"]) if self.choice is not None else 0

    def _chosen(self, event: events.OptionChosen) -> None:
        path = self.menu_path or []
        step = {
            "at": event.at.isoformat(),
            "menu": event.key.menu,
            "digits": event.key.digits,
            "outcome": event.key.outcome,
            "intent": event.key.intent,
        }
        if step not in path and len(path) < MenuPath().limit:
            self.menu_path = [*path, step]

    def _ringing(self, event: events.AgentRinging, roster: AgentRoster) -> None:
        for leg in self.legs:
            if leg.interface == event.interface and leg.ended_at is None:
                return
            if leg.interface == event.interface and leg.rang_at == event.at:
                return
        agent = _login(roster, event.interface, event.state_interface)
        self._add_leg(agent, event, event.at)

    def _answered(self, event: events.AgentAnswered, roster: AgentRoster) -> None:
        mine = [leg for leg in self.legs if leg.interface == event.interface]
        if any(leg.answered_at == event.at for leg in mine):
            return
        live = [leg for leg in mine if leg.ended_at is None]
        agent = _login(roster, event.interface, event.state_interface)
        if not live:
            # The ringing was not seen: the AMI was away.
            live = [self._add_leg(agent, event, event.at - timedelta(seconds=event.ring_s))]
        leg = live[-1]
        if leg.answered_at is None:
            leg.answered_at = event.at
        if agent is not None and not leg.is_an_agents:
            # Only the answer told whose phone a Local channel led to.
            leg.agent = storable(agent, 80)
        self.answered_at = self.answered_at or event.at

    def _add_leg(
        self,
        agent: str | None,
        event: events.AgentRinging | events.AgentAnswered,
        rang_at: datetime,
    ) -> LegState:
        leg = LegState(
            position=len(self.legs) + 1,
            agent=storable(agent or event.interface, 80),
            interface=storable(event.interface, 120),
            queue=storable(event.queue, 80),
            rang_at=rang_at,
            via=event.via.value,
        )
        self.legs.append(leg)
        return leg

    def _end_leg(self, interface: str, at: datetime, *, answered: bool) -> None:
        mine = [leg for leg in self.legs if leg.interface == interface]
        if any(leg.ended_at == at for leg in mine):
            return  # told again, and the agent may be in the call again
        for leg in reversed(mine):
            if leg.ended_at is None and (leg.answered_at is not None) == answered:
                leg.ended_at = at
                return

    def _left(self, event: LeftByCaller) -> None:
        before = self._collected()
        match event:
            case events.FieldCollected():
                again = self.ended_at is None
                self.typed = collected.with_field(self.typed, event, again=again)
            case events.MessageRecorded():
                self.recordings = collected.with_recording(self.recordings, event)
            case events.CallbackRequested():
                self.callback = self.callback or collected.callback(event)
            case events.CallRouted():
                if self.ended_at is None or self.routed is None:
                    self.routed = collected.routed(event)
            case events.OfferMet():
                self.offers = collected.with_offer(self.offers, event)
            case events.OfferAnswered():
                self.offers = collected.with_answer(self.offers, event)
        changed = before != self._collected()
        if changed and self.outcome is not None:
            # Who ends a message by ringing off is told of after the end.
            self.amended = True
            self._refine_outcome()

    @property
    def left_word(self) -> bool:
        """Said what they wanted, if not to an agent."""
        spoke = any(one["what"] != "call" for one in self.recordings or ())
        return spoke or self.callback is not None

    def _collected(self) -> tuple[object, ...]:
        return (self.typed, self.recordings, self.callback, self.routed, self.offers)

    def _refine_outcome(self) -> None:
        if self.outcome is not None:
            self.outcome = collected.refined(
                self.outcome, callback=self.callback, routed=self.routed
            )

    def _wrapped_up(self, event: events.WrapUpDone) -> None:
        """On the agent's newest part of the call; the first words about it stand."""
        mine = [leg for leg in self.legs if event.agent == leg.agent and leg.answered_at]
        mine = mine or [leg for leg in self.legs if leg.interface == event.interface]
        if not mine or mine[-1].disposition is not None:
            return
        mine[-1].disposition = storable(event.disposition, 80)
        mine[-1].note = storable(event.note, 4000) or None
        self.amended = self.ended_at is not None

    @property
    def answers(self) -> int:
        """How often an agent answered: each time the CRM is told."""
        return sum(leg.answered_at is not None for leg in self.legs)

    @property
    def revision(self) -> int:
        """Of the record as it stands: 1 at the first answer, more with each that follows, with the
        end, and with all that comes late."""
        told = self.answers + (self.ended_at is not None)
        if not self.amended:
            return max(1, told)
        late = sum(leg.disposition is not None for leg in self.legs)
        late += len(self.typed or ()) + len(self.recordings or ())
        late += (self.callback is not None) + (self.routed is not None)
        late += collected.weight_of_offers(self.offers) + self._choices
        return told + late + (self.identity_outcome is not None)

    def _ended(self, event: events.CallEnded) -> None:
        # An estimate, or the clock of another machine, may lie before the arrival.
        self.ended_at = max(event.at, self.arrived_at)
        self.outcome = event.outcome.value
        is_seen = event.outcome is not CallOutcome.LOST_SYNC
        if self.direction is not None and self.answered_at is not None and is_seen:
            # Who began to follow it in the middle need not have seen the answer.
            self.outcome = CallOutcome.ANSWERED.value
        self._refine_outcome()
        self.end_estimated = event.estimated
        for leg in self.legs:
            leg.ended_at = leg.ended_at or self.ended_at

    @property
    def contact(self) -> ContactRef | None:
        if self.contact_crm is None or self.contact_id is None:
            return None
        return ContactRef(self.contact_crm, self.contact_id)

    @property
    def number_shown(self) -> str | None:
        """E.164, else as the network gave it, of a call to the outside as it was dialled; None
        where it is withheld, and in the house."""
        if self.direction == Direction.INTERNAL.value:
            return None
        if self.direction is not None:
            return self.number or self.from_raw or self.dialled or None
        return self.number or (None if self.withheld else self.from_raw or None)

    def menu_steps(self) -> tuple[KeyPress, ...]:
        return key_presses(self.menu_path)

    def record(self) -> CallRecord:
        """What the CRM is told. Only of a call that was answered, or has ended."""
        if self.outcome is None and not self.answers:
            raise ValueError("the call was not answered and has not ended")
        return CallRecord(
            call_id=self.id,
            arrived_at=self.arrived_at,
            number=self.number_shown,
            dialled=self.dialled,
            contact=self.contact,
            identity_outcome=self.identity_outcome or NOT_ASKED,
            outcome=CallOutcome(self.outcome or CallOutcome.ANSWERED),
            queue=self.queue,
            answered_at=self.answered_at,
            ended_at=self.ended_at,
            end_estimated=self.end_estimated,
            fallback=self.fallback,
            rulebook_version=self.rulebook_version,
            menu_path=self.menu_steps(),
            legs=tuple(_leg(leg) for leg in self.legs),
            typed=dict(self.typed or {}),
            recordings=collected.kept_recordings(self.recordings),
            routed=self._route_taken(),
            revision=self.revision,
            direction=Direction(self.direction or Direction.INBOUND),
            caller_name=self.contact_name or self.from_name or None,
            wait_s=self._wait_s(),
            offers=collected.offers_given(self.offers),
            arm=self.arm,
        )

    def _route_taken(self) -> tuple[str, str | None] | None:
        """A transfer that one of our own agents took did not lead out of the house."""
        route = collected.route_taken(self.routed)
        if route is not None and route[0] == "transfer":
            taken = [leg for leg in self.legs if leg.via in _BY_TRANSFER and leg.answered_at]
            if taken and taken[-1].is_an_agents:
                return None
        return route

    def _wait_s(self) -> int:
        until = self.answered_at or self.ended_at
        since = self.first_queued_at or self.queued_at
        if since is None or until is None:
            return 0
        return max(0, round((until - since).total_seconds()))


def _login(roster: AgentRoster, interface: str, phone: str | None) -> str | None:
    return roster.login_of(interface) or (roster.login_of(phone) if phone else None)


def is_same(decision: dict[str, Any], later: dict[str, Any]) -> bool:
    """But for the menus that the caller has come to since, whether they are recorded, and when it
    was told."""
    ignored = {"menus": None, "recording": None, "at": None}
    return decision | ignored == later | ignored


def key_presses(path: list[dict[str, Any]] | None) -> tuple[KeyPress, ...]:
    """Of a row's `menu_path`."""
    return tuple(
        KeyPress(step["menu"], step["digits"], step["outcome"], step["intent"])
        for step in path or []
    )


def _leg(leg: LegState) -> Leg:
    return Leg(
        agent=leg.agent,
        interface=leg.interface,
        rang_at=leg.rang_at,
        answered_at=leg.answered_at,
        ended_at=leg.ended_at,
        disposition=leg.disposition,
        note=leg.note,
        via=LegVia(leg.via or LegVia.QUEUE),
    )
