"""Which product is proposed in this call, if any, and why every other one is not. Pure.

The best is the one with the highest propensity times value. Its cap is kept by the ledger, which
may still refuse it: then the call is decided again without it.
"""

from __future__ import annotations

from dataclasses import dataclass

from calls.decision import OfferConsidered
from config.conditions import Seen, seen_as
from config.facts import PROPENSITY
from config.rulebook import Offer
from ivr.saying import PresentedWith, said

#: Propensity of a product for which none is known, when offers are compared: about what a stranger
#: to it takes of cold offers. A rule on `propensity` is not met by it.
PRIOR = 0.02


@dataclass(frozen=True, slots=True)
class OffersWeighed:
    chosen: Offer | None
    considered: tuple[OfferConsidered, ...]


def weigh(with_: PresentedWith, *, silenced: str | None) -> OffersWeighed:
    """`silenced` says why this caller hears no offer at all, whatever the rulebook offers."""
    offers = with_.rulebook.offers.values()
    blocked = _blocked(with_, silenced) if offers else None
    owns = with_.facts.fetch("caller.owns")
    reasons = {
        offer.name: (blocked,) if blocked else _refusals(offer, with_, owns) for offer in offers
    }
    eligible = [offer for offer in offers if not reasons[offer.name]]
    best = None
    # Texts are filled in for the best ones only: it is the dearest question.
    for offer in sorted(eligible, key=lambda offer: worth(offer, with_), reverse=True):
        if any(text and said(text, with_) for text in (offer.menu, offer.hold, offer.agent)):
            best = offer
            break
        reasons[offer.name] = ("nothing of it can be said to this caller",)
    considered = tuple(
        _considered(offer, with_, reasons[offer.name], best=best) for offer in offers
    )
    return OffersWeighed(best, considered)


def worth(offer: Offer, with_: PresentedWith) -> float:
    known = with_.known.propensities.products.get(offer.product)
    return (PRIOR if known is None else known) * offer.value


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
    share = with_.known.propensities.products.get(offer.product)
    # Compared as it is, said in round.
    words = seen_as(PROPENSITY, None if share is None else float(_round(share)))[1]
    seen[PROPENSITY] = (share, words)
    return seen


def _considered(
    offer: Offer, with_: PresentedWith, refusals: tuple[str, ...], *, best: Offer | None
) -> OfferConsidered:
    propensities = with_.known.propensities
    propensity = propensities.products.get(offer.product)
    if offer is not best:
        reasons = refusals or (f"worth {_round(worth(offer, with_))}, less than {_name(best)}",)
        return OfferConsidered(offer.name, False, reasons, propensity)
    known = "unknown, taken as" if propensity is None else "of"
    share = PRIOR if propensity is None else propensity
    why = [f"worth most: propensity {known} {_round(share)} times value {offer.value:g}"]
    if offer.when is not None:
        why.insert(0, offer.when.judge(_seen(offer, with_))[1])
    why += propensities.reasons.get(offer.product, ())
    agent = said(offer.agent, with_) if offer.agent is not None else None
    return OfferConsidered(offer.name, True, tuple(why), propensity, agent)


def _round(value: float) -> str:
    """Two digits that count: more of a guess says nothing."""
    return f"{float(f'{value:.2g}'):g}"


def _name(offer: Offer | None) -> str:
    return offer.name if offer else "any"
