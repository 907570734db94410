"""Which product is proposed in this call, if any, and why every other one is not. Pure.

Who may hear what is decided here; which one of these it is, the policy says (`calls.ports`). The
cap is kept by the ledger, which may still refuse the chosen one: then the call is decided again
without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from calls.chance import chance
from calls.decision import OfferConsidered, OfferStanding
from calls.offer_choice import PRIOR, OfferCandidate, OfferChoice
from calls.offers import OfferHistory
from calls.segments import Segments
from config.conditions import Seen, seen_as
from config.facts import PROPENSITY
from config.rulebook import Offer
from ivr.saying import PresentedWith, said

#: Another word here would draw other offers for the same calls.
_SALT = "switchboard-offer-1"
_NO_OFFER = OfferChoice("none", None)


@dataclass(frozen=True, slots=True)
class OffersWeighed:
    chosen: Offer | None
    considered: tuple[OfferConsidered, ...]
    #: What chose; `none` where there was nothing to choose from.
    policy: str


@dataclass(frozen=True, slots=True)
class Chooser:
    """Whom an offer is chosen for: `call` alone makes the chance, so a call that is decided again
    meets the same. `policy` is what an experiment wishes for."""

    call: str
    segments: Segments | None = None
    policy: str | None = None


def weigh(with_: PresentedWith, chooser: Chooser, *, silenced: str | None) -> OffersWeighed:
    """`silenced` says why this caller hears no offer at all, whatever the rulebook offers."""
    offers = with_.rulebook.offers.values()
    blocked = _blocked(with_, silenced) if offers else None
    owns = with_.facts.fetch("caller.owns")
    reasons = {
        offer.name: (blocked,) if blocked else _refusals(offer, with_, owns) for offer in offers
    }
    choice = _choice(with_, chooser, reasons)
    considered = tuple(_considered(offer, with_, reasons[offer.name], choice) for offer in offers)
    chosen = with_.rulebook.offers[choice.chosen] if choice.chosen is not None else None
    return OffersWeighed(chosen, considered, choice.policy if chosen else _NO_OFFER.policy)


def _choice(
    with_: PresentedWith, chooser: Chooser, reasons: dict[str, tuple[str, ...]]
) -> OfferChoice:
    """Among those without a reason against them. What turns out to have no text for this caller
    gets one, and is no candidate then: probabilities are of what could really be heard."""
    offers = with_.rulebook.offers
    draw = chance(_SALT, chooser.call)
    texts = _Sayable(with_)
    while candidates := [
        OfferCandidate(name, offers[name].value, _propensity(offers[name], with_))
        for name, against in reasons.items()
        if not against
    ]:
        choice = with_.known.policy.choose(
            candidates, segments=chooser.segments, draw=draw, policy=chooser.policy
        )
        # Texts are filled in for those only that had a chance: it is the dearest question.
        mute = [name for name, p in choice.probabilities.items() if p > 0 and not texts.has(name)]
        if not mute:
            return choice
        reasons |= dict.fromkeys(mute, ("nothing of it can be said to this caller",))
    return _NO_OFFER


@dataclass(slots=True)
class _Sayable:
    with_: PresentedWith
    found: dict[str, bool] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        if name not in self.found:
            offer = self.with_.rulebook.offers[name]
            texts = (offer.menu, offer.hold, offer.agent)
            self.found[name] = any(text and said(text, self.with_) for text in texts)
        return self.found[name]


def _propensity(offer: Offer, with_: PresentedWith) -> float | None:
    return with_.known.propensities.products.get(offer.product)


def _blocked(with_: PresentedWith, silenced: str | None) -> str | None:
    fetch = with_.facts.fetch
    if silenced is not None:
        return silenced
    if not fetch("caller.known"):
        return "the caller is not known"
    if not with_.facts.may_be_personal:
        return "it is not sure enough who calls"
    if complaints := fetch("caller.open_complaints"):
        return f"caller.open_complaints is {complaints}: nothing is offered meanwhile"
    return None


def _refusals(offer: Offer, with_: PresentedWith, owns: frozenset[str]) -> tuple[str, ...]:
    name, known = offer.name, with_.known
    found = []
    if offer.product in owns:
        found.append(f"the caller has {offer.product} already")
    seen = _seen(offer, with_)
    if offer.when is not None:
        matched, because = offer.when.judge(seen)
        if not matched:
            found.append(f"not meant for this caller: {because}")
    if offer.never is not None:
        matched, because = offer.never.judge(seen)
        if matched:
            found.append(f"never where {because}")
    history = known.memory.offers.get(name)
    if history is not None and (capped := history.refusal_of(offer.cap)):
        found.append(capped)
    if name in known.refused_offers:
        found.append(known.refused_offers[name])
    return tuple(found)


def _seen(offer: Offer, with_: PresentedWith) -> Seen:
    """With its own `propensity`: another one for each offer, and no fact of the call."""
    seen = with_.facts.seen
    share = _propensity(offer, with_)
    # Compared as it is, said in round.
    words = seen_as(PROPENSITY, None if share is None else float(_round(share)))[1]
    seen[PROPENSITY] = (share, words)
    return seen


def _considered(
    offer: Offer, with_: PresentedWith, refusals: tuple[str, ...], choice: OfferChoice
) -> OfferConsidered:
    name, propensity = offer.name, _propensity(offer, with_)
    probability, score = choice.probabilities.get(name), choice.scores.get(name)
    if name != choice.chosen:
        reasons = refusals or _not_chosen(choice, name)
        return OfferConsidered(
            name, False, reasons, propensity, probability=probability, score=score
        )
    why = list(choice.because) or [_worth_most(offer, propensity)]
    why_zh = list(choice.because_zh) or [_worth_most_zh(offer, propensity)]
    if offer.when is not None:
        met = offer.when.judge(_seen(offer, with_))[1]
        why.insert(0, met)
        why_zh.insert(0, f"符合条件：{met}")
    told = with_.known.propensities
    why += told.reasons.get(offer.product, ())
    why_zh += told.reasons_in.get("zh", {}).get(offer.product, ())
    agent = said(offer.agent, with_) if offer.agent is not None else None
    return OfferConsidered(
        name,
        True,
        tuple(why),
        propensity,
        agent,
        probability,
        score,
        tuple(why_zh),
        _standing(offer, with_),
    )


def _standing(offer: Offer, with_: PresentedWith) -> OfferStanding | None:
    memory, cap = with_.known.memory, offer.cap
    if not memory.is_read:
        return None
    history = memory.offers.get(offer.name, OfferHistory())
    left = max(0, cap.heard - history.heard_within(cap))
    return OfferStanding(history.met, left, cap.heard, cap.per_days)


def _not_chosen(choice: OfferChoice, name: str) -> tuple[str, ...]:
    worth, probability = _round(choice.scores.get(name, 0.0)), choice.probabilities.get(name, 0.0)
    if probability > 0:
        share = _round(100 * probability)
        return (f"worth {worth}; not drawn this time, at a chance of {share} in 100",)
    return (f"worth {worth}, less than {choice.chosen}",)


def _worth_most(offer: Offer, propensity: float | None) -> str:
    known = "unknown, taken as" if propensity is None else "of"
    share = PRIOR if propensity is None else propensity
    return f"worth most: propensity {known} {_round(share)} times value {offer.value:g}"


def _worth_most_zh(offer: Offer, propensity: float | None) -> str:
    known = "未知，按" if propensity is None else ""
    share = PRIOR if propensity is None else propensity
    counted = "计" if propensity is None else ""
    return f"价值最高：接受倾向{known}{_round(share)}{counted}，乘以价值{offer.value:g}"


def _round(value: float) -> str:
    """Two digits that count: more of a guess says nothing."""
    return f"{float(f'{value:.2g}'):g}"
