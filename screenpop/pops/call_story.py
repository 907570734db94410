"""What is known of one call so far, and how it becomes the content of a pop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from calls.call import Call, CallId, KeyPress, MenuPath
from calls.caller import (
    Caller,
    Candidate,
    Case,
    Contact,
    ContactRef,
    IdentityOutcome,
    Order,
    Purchase,
)
from calls.decision import ChurnOutlook, Decision, OfferStanding, PopWish, SegmentMet
from calls.offers import OfferAnswer, OfferPlace
from calls.segments import Segments
from screenpop.pops import content
from screenpop.pops.content import clean, clean_lines, safe_url

MAX_CANDIDATES = 20
MAX_PURCHASES = 5
MAX_ORDERS = 8
MAX_CASES = 8
MAX_NOTES = 10
MAX_OWN_SEGMENTS = 10
MAX_RULE_NOTE = 500
MAX_REASONS = 8
MAX_OFFERED_BEFORE = 5


@dataclass(slots=True)
class CallStory:
    """Grows with the call's events; bounded, whatever the caller does."""

    call_id: CallId
    call: Call | None = None
    caller: Caller | None = None
    decision: Decision | None = None
    #: What the rulebook says of the agent's screen; outlives a restart, the decision does not.
    wish: PopWish = field(default_factory=PopWish)
    #: The caller is spoken to in it. Until that is decided the channel's stands for it, which is
    #: Asterisk's own for every number.
    language: str | None = None
    #: Offers the caller said no to in this call.
    refused: set[str] = field(default_factory=set)
    #: By offer and place: what was met of it; by offer: what an agent says of it.
    met: dict[str, dict[OfferPlace, OfferAnswer]] = field(default_factory=dict)
    said: dict[str, content.OfferSaidShown] = field(default_factory=dict)
    #: Agents whose phones rang without a pop.
    not_shown_to: set[str] = field(default_factory=set)
    path: MenuPath = field(default_factory=MenuPath)
    queue: str | None = None
    queued_at: datetime | None = None
    transferred_from: str | None = None
    notes: list[str] = field(default_factory=list)
    #: What the last agent had noted when it was handed on.
    handed: str = ""
    #: The agent's choice among several candidates.
    selected: str | None = None
    #: What agents planned.
    follow_ups: tuple[content.FollowUpShown, ...] = ()

    def press(self, key: KeyPress) -> None:
        self.path.add(key)

    def meet(self, offer: str, place: OfferPlace, answer: OfferAnswer) -> None:
        known = self.met.setdefault(offer, {})
        known[place] = max(known.get(place, answer), answer, key=[*OfferAnswer].index)
        if answer is OfferAnswer.REFUSED:
            self.refused.add(offer)

    def hand_on(self, agent: str, note: str) -> bool:
        """The agent gives the call away, or asks somebody first and writes on meanwhile; True where
        that is news."""
        note, again = clean_lines(note), self.transferred_from == agent
        if again and note == self.handed:
            return False
        if again and self.handed and self.handed in self.notes:
            self.notes.remove(self.handed)
        self.transferred_from, self.handed = agent, note
        self.add_note(note)
        return True

    def add_note(self, text: str) -> None:
        if text and len(self.notes) < MAX_NOTES:
            self.notes.append(clean_lines(text))

    def has_candidate(self, ref: str) -> bool:
        return self.caller is not None and any(
            str(candidate.ref) == ref for candidate in self.caller.identity.candidates
        )

    def chosen(self) -> ContactRef | None:
        """Of the candidates, the one that is selected."""
        candidates = self.caller.identity.candidates if self.caller else ()
        return next((one.ref for one in candidates if str(one.ref) == self.selected), None)

    def as_content(self, today: date) -> content.PopContent:
        """`today` decides how many days an order is late."""
        caller = self.caller
        contact = caller.contact if caller else None
        return content.PopContent(
            call=self._call(),
            note=self._rule_note(),
            offer=self._offer(),
            match=self._match(),
            contact=_contact(contact, today) if contact else None,
            segments=_segments(caller.segments, self.decision)
            if caller and caller.segments
            else None,
            decision=_decision(self.decision) if self.decision else None,
            lead=self._lead(),
            degraded=tuple(clean(text) for text in (caller.degraded if caller else ())),
            churn=_churn(self.decision.churn) if self.decision and self.decision.churn else None,
            follow_ups=self.follow_ups,
        )

    def _call(self) -> content.CallShown:
        call = self.call
        return content.CallShown(
            id=str(self.call_id),
            queue=self.queue,
            dialled=clean(call.dialled, 80) if call else "",
            number=self._number(),
            network_name=(clean(call.from_name) or None) if call and not call.withheld else None,
            withheld=call.withheld if call else False,
            attestation=call.attestation if call else None,
            language=clean(self.language or (call.language if call else "en"), 20),
            arrived_at=epoch_ms(call.arrived_at) if call else None,
            queued_at=epoch_ms(self.queued_at) if self.queued_at else None,
            keys=tuple(_key(step) for step in self.path.steps),
            transferred_from=self.transferred_from,
            notes=tuple(self.notes),
        )

    def _rule_note(self) -> str | None:
        return clean_lines(self.wish.note, MAX_RULE_NOTE) or None if self.wish.note else None

    def _offer(self) -> content.OfferShown | None:
        """None after a no: who refused it in the menu is not asked again."""
        chosen = self.decision.offer if self.decision else None
        if chosen is None or chosen.offer in self.refused:
            return None
        return content.OfferShown(
            name=clean(chosen.offer),
            say=clean(chosen.agent, MAX_RULE_NOTE) or None if chosen.agent else None,
            reasons=_lines(chosen.reasons),
            reasons_zh=_lines(chosen.reasons_zh),
            heard=tuple(
                content.OfferHeardShown(place=place.value, answer=answer.value)
                for place, answer in self.met.get(chosen.offer, {}).items()
            ),
            before=_before(chosen.standing) if chosen.standing else (),
            cap=_cap(chosen.standing) if chosen.standing else None,
            said=self.said.get(chosen.offer),
        )

    def _number(self) -> str | None:
        """Never a withheld number, even where the network leaked one."""
        if self.call is not None and self.call.withheld:
            return None
        if self.caller is not None and self.caller.number:
            return clean(self.caller.number, 80)
        return (clean(self.call.from_raw, 80) or None) if self.call else None

    def _match(self) -> content.MatchShown:
        if self.caller is None:
            return content.MatchShown(
                outcome="pending", method="", confidence=0.0, candidates=(), selected=None
            )
        identity = self.caller.identity
        return content.MatchShown(
            outcome=identity.outcome.value,
            method=clean(identity.method, 40),
            confidence=identity.confidence,
            candidates=tuple(_candidate(c) for c in identity.candidates[:MAX_CANDIDATES]),
            selected=self.selected,
        )

    def _lead(self) -> content.LeadShown | None:
        caller = self.caller
        if caller is None or caller.number is None:
            return None
        if caller.identity.outcome is not IdentityOutcome.NONE:
            return None
        name = clean(self.call.from_name) if self.call else ""
        return content.LeadShown(number=clean(caller.number, 80), name=name or None)


def epoch_ms(at: datetime) -> float:
    return at.timestamp() * 1000


def from_epoch_ms(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _key(step: KeyPress) -> content.KeyShown:
    return content.KeyShown(
        menu=clean(step.menu, 80),
        digits=clean(step.digits, 40),
        outcome=clean(step.outcome, 20),
        intent=clean(step.intent, 80) if step.intent else None,
    )


def _candidate(candidate: Candidate) -> content.CandidateShown:
    return content.CandidateShown(
        ref=clean(str(candidate.ref)),
        name=clean(candidate.name),
        company=clean(candidate.company) if candidate.company else None,
        url=safe_url(candidate.url),
    )


def _contact(contact: Contact, today: date) -> content.ContactShown:
    orders = sorted(contact.orders, key=lambda order: not order.is_open)
    cases = sorted(contact.cases, key=lambda case: not case.is_open)
    return content.ContactShown(
        ref=clean(str(contact.ref)),
        name=clean(contact.name),
        company=clean(contact.company) if contact.company else None,
        language=clean(contact.language, 20) if contact.language else None,
        url=safe_url(contact.url),
        owner=clean(contact.owner) if contact.owner else None,
        purchases=tuple(_purchase(p) for p in contact.purchases[:MAX_PURCHASES]),
        orders=tuple(_order(order, today) for order in orders[:MAX_ORDERS]),
        cases=tuple(_case(case) for case in cases[:MAX_CASES]),
    )


def _purchase(purchase: Purchase) -> content.PurchaseShown:
    return content.PurchaseShown(
        product_name=clean(purchase.product_name),
        at=epoch_ms(purchase.at),
        amount=str(purchase.amount),
        currency=clean(purchase.currency, 10),
        quantity=purchase.quantity,
    )


def _order(order: Order, today: date) -> content.OrderShown:
    late = (today - order.due_on).days if order.is_open and order.due_on else 0
    return content.OrderShown(
        id=clean(order.id, 80),
        product_name=clean(order.product_name),
        status=clean(order.status, 40),
        is_open=order.is_open,
        due_on=order.due_on.isoformat() if order.due_on else None,
        late_days=max(0, late),
    )


def _case(case: Case) -> content.CaseShown:
    return content.CaseShown(
        id=clean(case.id, 80),
        subject=clean(case.subject),
        case_kind=clean(case.kind, 40),
        is_open=case.is_open,
        opened_at=epoch_ms(case.opened_at),
    )


def _segments(segments: Segments, decision: Decision | None) -> content.SegmentsShown:
    behaviour, band, loyalty = segments.behaviour, segments.price_band, segments.loyalty
    category, warning = segments.main_category, segments.churn_warning
    own = decision.segments[:MAX_OWN_SEGMENTS] if decision else ()
    return content.SegmentsShown(
        tier=segments.tier.value,
        lifecycle=segments.lifecycle.value,
        spend_12m=segments.spend_12m,
        days_since_last=segments.days_since_last,
        reasons=_lines(segments.reasons),
        behaviour=behaviour.value if behaviour else None,
        price_band=band.value if band else None,
        main_category=clean(category, 80) or None if category else None,
        loyalty=loyalty.value if loyalty else None,
        churn_warning=clean(warning, 300) or None if warning else None,
        own=tuple(_own_segment(one) for one in own),
        reasons_zh=_lines(segments.reasons_zh),
        churn_warning_zh=clean(segments.churn_warning_zh or "", 300) or None,
    )


def _before(standing: OfferStanding) -> tuple[content.OfferBeforeShown, ...]:
    return tuple(
        content.OfferBeforeShown(
            place=met.place.value if met.place else None,
            answer=met.answer.value,
            days_ago=int(met.days_ago),
        )
        for met in standing.before[:MAX_OFFERED_BEFORE]
    )


def _cap(standing: OfferStanding) -> content.OfferCapShown:
    return content.OfferCapShown(left=standing.left, most=standing.most, days=standing.days)


def _churn(churn: ChurnOutlook) -> content.ChurnShown | None:
    """None for what makes no sense: a pop is never held up by it."""
    if not 0 <= churn.risk <= 1 or churn.level not in ("low", "middle", "high"):
        return None
    return content.ChurnShown(
        risk=churn.risk,
        level=churn.level,
        horizon_days=churn.horizon_days,
        reasons=_lines(churn.reasons.get("en", ())),
        reasons_zh=_lines(churn.reasons.get("zh", ())),
    )


def _lines(told: Sequence[str]) -> tuple[str, ...]:
    return tuple(clean(one) for one in told[:MAX_REASONS])


def _own_segment(met: SegmentMet) -> content.OwnSegmentShown:
    titles = (
        content.TitleShown(language=clean(language, 20), text=clean(text, 80))
        for language, text in met.titles.items()
    )
    return content.OwnSegmentShown(name=clean(met.name, 80), titles=tuple(titles))


def _decision(decision: Decision) -> content.DecisionShown:
    return content.DecisionShown(
        rulebook_version=decision.rulebook_version,
        menu=decision.menu,
        rule=decision.route.rule,
        priority=decision.route.priority,
        recording=decision.recording.answer if decision.recording else None,
    )
