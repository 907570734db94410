"""Calls that are over, as what learns from them is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from calls.call import CallId, CallOutcome, Direction
from calls.caller import ContactRef
from calls.offers import OfferAnswer, OfferPlace


@dataclass(frozen=True, slots=True)
class PastChoice:
    """A visit to a menu that ended: `outcome` is match, invalid, timeout or failure."""

    menu: str
    digits: str
    outcome: str
    intent: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PastOffer:
    """An offer that was met. When is known to the call's day only: `at` is the call's arrival."""

    offer: str
    place: OfferPlace
    answer: OfferAnswer
    at: datetime


@dataclass(frozen=True, slots=True)
class PastConsidered:
    """One candidate of the decision. `probability`: of being selected, where that was logged."""

    offer: str
    chosen: bool
    propensity: float | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class PastCallTold:
    """Nothing in here is known before the call ends but who called, when, on what number and from
    which area."""

    call_id: CallId
    #: None for strangers.
    contact: ContactRef | None
    arrived_at: datetime
    ended_at: datetime
    dialled: str
    direction: Direction
    outcome: CallOutcome
    choices: tuple[PastChoice, ...] = ()
    #: In queues, until the first answer or in vain; None for who never queued.
    wait_s: float | None = None
    offers: tuple[PastOffer, ...] = ()
    considered: tuple[PastConsidered, ...] = ()
    #: `personal`, or `control` for callers who heard the static menu.
    arm: str | None = None
    #: By experiment: the arm.
    arms: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: How the offer was chosen, where that was logged.
    policy: str | None = None
    model: str | None = None
    #: By kind: the version of each trained model that the decision was made with.
    models: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    rulebook_version: str | None = None
    #: Country and area code of the caller's number (`config.number_area`), and no more of it; empty
    #: where it is withheld or unknown.
    area: str = ""

    @property
    def answers(self) -> dict[str, OfferAnswer]:
        """By offer that was met: the last that is known. An agent asked the caller, so their word
        stands over keys."""
        known: dict[str, PastOffer] = {}
        for met in self.offers:
            if met.answer.was_met:
                old = known.get(met.offer)
                known[met.offer] = met if old is None else max(old, met, key=_knows)
        return {name: met.answer for name, met in known.items()}


def _knows(met: PastOffer) -> tuple[bool, int]:
    return met.place is OfferPlace.AGENT, [*OfferAnswer].index(met.answer)
