"""What is known of a call besides who calls: memory, probabilities, and what came up in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from calls.offer_choice import AS_EVER
from calls.offers import NO_MEMORY, NO_PROPENSITIES, CallerMemory, Propensities
from calls.ports import OfferPolicy
from ivr.ordering import estimated_seconds

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Known:
    """Grows during a call; every decision of the call takes it as it is by then."""

    memory: CallerMemory = NO_MEMORY
    propensities: Propensities = NO_PROPENSITIES
    #: Digits by field.
    typed: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    #: Values by webhook and name.
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _NOTHING)
    pin_ok: bool = False
    #: By offer: why the ledger would not have it.
    refused_offers: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    #: Share of known callers who hear the plain menu, to compare with.
    control_share: float = 0.05
    #: Chooses among the offers that may be made.
    policy: OfferPolicy = AS_EVER
    #: Experiments and arms that have ended before their time.
    stopped_arms: Set[tuple[str, str]] = frozenset()
    #: False: in no experiment, as in an example.
    takes_part: bool = True
    #: By experiment: an arm that is supposed, not drawn.
    arms: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    #: Seconds of listening for a text in a language (`SpokenText.seconds`).
    seconds: Callable[[str, str], float] = estimated_seconds

    def with_typed(self, field: str, digits: str) -> Known:
        return replace(self, typed={**self.typed, field: digits})

    def with_answers(self, webhook: str, values: Mapping[str, Any]) -> Known:
        return replace(self, answers={**self.answers, webhook: dict(values)})

    def with_pin_ok(self) -> Known:
        return replace(self, pin_ok=True)

    def without_offer(self, offer: str, why: str) -> Known:
        return replace(self, refused_offers={**self.refused_offers, offer: why})


NOTHING_KNOWN = Known()
