"""One offer out of those that may be made to a caller: the question and the answer. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from calls.segments import Segments

#: Propensity of a product for which none is known, when offers are compared: about as many of those
#: without it buy one product of a shop in a month. A rule on `propensity` is not met by it.
PRIOR = 0.002

#: The steps of the ladder. `static` is what is done before anything was learned.
STATIC, BEST_SINGLE, THOMPSON, PERSONAL = "static", "best_single", "thompson", "personal"


@dataclass(frozen=True, slots=True)
class OfferCandidate:
    """An offer that this caller may hear. `value` is above 0, in a unit that all share."""

    offer: str
    value: float = 1.0
    propensity: float | None = None

    @property
    def worth(self) -> float:
        share = self.propensity
        return (PRIOR if share is None or not math.isfinite(share) else share) * self.value


@dataclass(frozen=True, slots=True)
class OfferChoice:
    """`chosen` is None where there was no candidate. `probabilities` hold every candidate and sum
    to 1; `scores` are what the policy compared, in the offers' unit of value."""

    policy: str
    chosen: str | None
    probabilities: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    scores: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    #: For people: why the chosen one; empty where its worth says so. In English and in Chinese.
    because: tuple[str, ...] = ()
    because_zh: tuple[str, ...] = ()


class StaticChoice:
    """Implements `calls.ports.OfferPolicy`: the highest propensity times value, always."""

    def choose(
        self,
        candidates: Sequence[OfferCandidate],
        *,
        segments: Segments | None,
        draw: float,
        policy: str | None = None,
    ) -> OfferChoice:
        return surely(STATIC, {one.offer: one.worth for one in candidates})


#: While nothing is learned.
AS_EVER = StaticChoice()


def surely(
    policy: str,
    scores: Mapping[str, float],
    because: tuple[str, ...] = (),
    because_zh: tuple[str, ...] = (),
) -> OfferChoice:
    """The highest score; of equals the first one."""
    if not scores:
        return OfferChoice(policy, None)
    chosen = max(scores, key=scores.__getitem__)
    certain = {name: float(name == chosen) for name in scores}
    return OfferChoice(policy, chosen, certain, scores, because, because_zh)
