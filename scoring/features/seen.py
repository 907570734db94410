"""One purchase and one call as a contact's row counts them, whoever tells of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from calls.call import CallOutcome, Direction
from calls.offers import OfferAnswer
from calls.past_calls import PastCallTold
from calls.ports import PurchaseLine

_MATCH, _ZERO = "match", "0"
_CLASSES = {
    CallOutcome.ANSWERED: "answered",
    CallOutcome.ABANDONED_IN_MENU: "abandoned",
    CallOutcome.ABANDONED_IN_QUEUE: "abandoned",
}


@dataclass(frozen=True, slots=True)
class PurchaseSeen:
    """`day` is of UTC; `amount` below zero for a return. Numbers that are none count as nothing."""

    day: date
    amount: float
    product: str | None = None
    category: str | None = None
    quantity: float | None = None


@dataclass(frozen=True, slots=True)
class CallSeen:
    """`at` is when it arrived, `ended` one of `schema.OUTCOME_CLASSES`; never how long the talk
    was, nor what an agent wrote after the answer."""

    at: datetime
    ended: str
    #: None for who never queued.
    wait_s: float | None = None
    #: Visits to menus that the key 0 ended: to a person.
    zero_outs: int = 0
    offers_heard: int = 0
    offers_accepted: int = 0
    offers_refused: int = 0


def purchase_seen(line: PurchaseLine) -> PurchaseSeen:
    day = line.at.astimezone(UTC).date()
    return PurchaseSeen(day, line.amount, line.product, line.category, line.quantity)


def call_seen(past: PastCallTold) -> CallSeen | None:
    """None for a call that an agent placed."""
    if past.direction is not Direction.INBOUND:
        return None
    pressed = [step.digits for step in past.choices if step.outcome == _MATCH]
    return of_call(
        past.arrived_at,
        past.outcome,
        wait_s=past.wait_s,
        pressed=pressed,
        answers=past.answers.values(),
    )


def of_call(
    at: datetime,
    outcome: CallOutcome,
    *,
    wait_s: float | None,
    pressed: Sequence[str],
    answers: Iterable[OfferAnswer],
) -> CallSeen:
    """`pressed`: keys that chose something."""
    met = list(answers)
    return CallSeen(
        at=at,
        ended=_class_of(outcome, wait_s, pressed),
        wait_s=wait_s,
        zero_outs=sum(digits == _ZERO for digits in pressed),
        offers_heard=sum(answer.was_met for answer in met),
        offers_accepted=met.count(OfferAnswer.ACCEPTED),
        offers_refused=met.count(OfferAnswer.REFUSED),
    )


def _class_of(outcome: CallOutcome, wait_s: float | None, pressed: Sequence[str]) -> str:
    """Who chose something, was told it and then sent off by us has served themselves."""
    if outcome is CallOutcome.NOT_ANSWERED and wait_s is None and pressed:
        return "self_served"
    return _CLASSES.get(outcome, "other")
