"""Products we choose to propose: how often, where, and what came of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from calls.contact_features import ContactFeatures


class OfferPlace(enum.StrEnum):
    """Where a caller meets an offer."""

    MENU = "menu"
    HOLD = "hold"
    AGENT = "agent"


class OfferAnswer(enum.StrEnum):
    """What became of an offer; the later in this list, the more is known."""

    #: An agent saw it and did not say it.
    NOT_RAISED = "not_raised"
    #: Kept free for a call that has not heard it yet; gone with the call.
    CLAIMED = "claimed"
    HEARD = "heard"
    REFUSED = "refused"
    ACCEPTED = "accepted"

    @property
    def was_met(self) -> bool:
        """The caller heard it."""
        return self not in (OfferAnswer.NOT_RAISED, OfferAnswer.CLAIMED)


@dataclass(frozen=True, slots=True)
class OfferCap:
    """At most `heard` times in any `per_days` times 24 hours, whatever the place; silent for
    `after_refusal_days` after a no."""

    heard: int
    per_days: int
    after_refusal_days: int = 90


@dataclass(frozen=True, slots=True)
class OfferMetBefore:
    """In one earlier call; `place` None: an older version did not write it down."""

    place: OfferPlace | None
    #: heard, refused or accepted
    answer: OfferAnswer
    #: Since it was heard.
    days_ago: float


@dataclass(frozen=True, slots=True)
class OfferHistory:
    """What one contact met of one offer. Days are 24 hours, counted back from the question."""

    #: Ages in days of each hearing, newest first; claims of other live calls count as 0.
    heard_days_ago: tuple[float, ...] = ()
    refused_days_ago: float | None = None
    accepted_days_ago: float | None = None
    #: Newest first.
    met: tuple[OfferMetBefore, ...] = ()

    def heard_within(self, cap: OfferCap) -> int:
        return sum(age < cap.per_days for age in self.heard_days_ago)

    def refusal_of(self, cap: OfferCap) -> str | None:
        """Why this offer must not be made now, or None."""
        refused = self.refused_days_ago
        if refused is not None and refused < cap.after_refusal_days:
            return f"refused {refused:.0f} days ago, silent for {cap.after_refusal_days}"
        heard = self.heard_within(cap)
        if heard >= cap.heard:
            return f"heard {heard} times in {cap.per_days} days, the cap is {cap.heard}"
        return None


@dataclass(frozen=True, slots=True)
class CallerMemory:
    """What earlier calls of this contact left behind; empty for a stranger."""

    #: By menu and intent: the digit that the caller last pressed for it.
    digits: Mapping[tuple[str, str], str] = field(default_factory=lambda: MappingProxyType({}))
    #: By menu and intent: how often it was chosen, older choices counting less.
    choices: Mapping[tuple[str, str], float] = field(default_factory=lambda: MappingProxyType({}))
    #: By menu and intent: days (of 24 hours) since it was last chosen.
    chosen_days_ago: Mapping[tuple[str, str], float] = field(
        default_factory=lambda: MappingProxyType({})
    )
    #: By offer.
    offers: Mapping[str, OfferHistory] = field(default_factory=lambda: MappingProxyType({}))
    #: The agent (login) who talked with this contact last.
    last_agent: str | None = None
    #: All that is known of them as numbers, seen from now.
    features: ContactFeatures | None = None
    #: False where it could not be read in time: there may be more than is here.
    is_read: bool = True


NO_MEMORY = CallerMemory()
MEMORY_MISSED = CallerMemory(is_read=False)


@dataclass(frozen=True, slots=True)
class Propensities:
    """Calibrated probabilities for one caller; what is not named is not known."""

    #: By menu and intent, of those who enter the menu.
    intents: Mapping[tuple[str, str], float] = field(default_factory=lambda: MappingProxyType({}))
    #: By product code: of buying it for the first time within `scoring.horizon_days`, asked or not;
    #: that, whatever computed it.
    products: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    #: By product code: why, for people.
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    #: What computed them.
    model: str = "none"
    #: Probability that the contact buys nothing within the horizon.
    churn: float | None = None
    #: Which third of the house's customers that is: `low`, `middle` or `high`.
    churn_level: str | None = None
    #: Days ahead that the churn is of.
    horizon_days: int | None = None
    #: Purchases within the horizon.
    expected_purchases: float | None = None
    #: By kind of model: the version that answered.
    models: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: The reasons of products by language of the reader (`en`, `zh`), where they can be told so.
    reasons_in: Mapping[str, Mapping[str, tuple[str, ...]]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    #: By language: why the churn is so high or low.
    churn_reasons: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    #: By menu and intent: why, for people; of strangers.
    intent_reasons: Mapping[tuple[str, str], str] = field(
        default_factory=lambda: MappingProxyType({})
    )


NO_PROPENSITIES = Propensities()
