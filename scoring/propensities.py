"""What a caller may want, by counting: their own past choices, and what owners of the same buy;
of a stranger, what strangers choose on that number, from that area, at that hour.

A product's chance is that of buying it for the first time within the horizon, as that of a trained
model is: a rule on `propensity` means the same whichever answers.

The honest baseline: no model is trained. What comes later must beat it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from calls.call_moment import CallMoment
from calls.caller import Caller
from calls.offers import NO_PROPENSITIES, CallerMemory, Propensities
from scoring.association_counts import ANYTHING, MAX_ASKED, Association
from scoring.associations import Associations
from scoring.buying_rates import chance_within
from scoring.decay import smoothed
from scoring.features.moment import cells_of
from scoring.house_choices import HouseChoices
from scoring.lazily import Lazily

MODEL = "past-choices-1"
#: How many own choices outweigh what everybody chooses.
PRIOR_STRENGTH = 2.0
#: As `scoring.horizon_days` without a setting.
HORIZON_DAYS = 30
_NO_REASONS: Mapping[tuple[str, str], str] = MappingProxyType({})


class PastChoices:
    """Implements `calls.ports.PropensityScorer`, from memory."""

    def __init__(
        self, *, house: HouseChoices, associations: Associations, horizon_days: int = HORIZON_DAYS
    ) -> None:
        self._house = house
        self._associations = associations
        self._horizon_days = horizon_days

    def propensities_of(
        self, caller: Caller, memory: CallerMemory, moment: CallMoment
    ) -> Propensities:
        """Products that the contact owns already are left out: who buys again is not counted."""
        why: Mapping[tuple[str, str], str] = _NO_REASONS
        if caller.contact is None:
            intents, why = self._of_strangers(moment)
        else:
            intents = intents_of(memory.choices, self._house.shares())
        likeliest = self._products(caller)
        if not intents and not likeliest:
            return NO_PROPENSITIES
        return Propensities(
            intents=intents,
            products={
                product: chance_within(found.rate, self._horizon_days)
                for product, found in likeliest.items()
            },
            reasons=Lazily(likeliest, lambda product: (reason_for(likeliest[product]),)),
            model=MODEL,
            reasons_in={"zh": Lazily(likeliest, lambda name: (reason_zh(likeliest[name]),))},
            intent_reasons=why,
        )

    def _of_strangers(
        self, moment: CallMoment
    ) -> tuple[dict[tuple[str, str], float], Mapping[tuple[str, str], str]]:
        """What strangers choose at such a moment; where none were counted, what all choose."""
        cells, counted = cells_of(moment, is_known=False), self._house.moments
        menus = {**self._house.shares(), **counted.at(cells)}
        intents = {
            (menu, intent): share for menu in sorted(menus) for intent, share in menus[menu].items()
        }
        return intents, Lazily(intents, lambda key: counted.why(cells, *key))

    def _products(self, caller: Caller) -> Mapping[str, Association]:
        owned = caller.contact.owns if caller.contact else frozenset()
        likeliest = {each.product: each for each in self._associations.given(ANYTHING)}
        for product in sorted(owned)[:MAX_ASKED]:
            _keep_likelier(likeliest, self._associations.given(product))
        return {product: each for product, each in likeliest.items() if product not in owned}


def _keep_likelier(likeliest: dict[str, Association], others: Iterable[Association]) -> None:
    for each in others:
        before = likeliest.get(each.product)
        if before is None or each.share > before.share:
            likeliest[each.product] = each


def intents_of(
    choices: Mapping[tuple[str, str], float], house: Mapping[str, Mapping[str, float]]
) -> dict[tuple[str, str], float]:
    """By menu and intent: own choices smoothed by the house's shares."""
    own: dict[str, dict[str, float]] = {}
    for (menu, intent), count in choices.items():
        own.setdefault(menu, {})[intent] = count
    return {
        (menu, intent): probability
        for menu in sorted({*own, *house})
        for intent, probability in smoothed(
            own.get(menu, {}), house.get(menu, {}), PRIOR_STRENGTH
        ).items()
    }


def reason_for(found: Association) -> str:
    """`42 of 100 who bought LAPTOP also bought WARRANTY-3Y (137 counted)`"""
    of_hundred = round(found.share * 100)
    if found.given == ANYTHING:
        return f"{of_hundred} of 100 customers bought {found.product} ({found.owners} counted)"
    return (
        f"{of_hundred} of 100 who bought {found.given} also bought {found.product} "
        f"({found.owners} counted)"
    )


def reason_zh(found: Association) -> str:
    of_hundred = round(found.share * 100)
    if found.given == ANYTHING:
        return f"每100位客户中有{of_hundred}位买过{found.product}（统计{found.owners}位）"
    return (
        f"每100位买过{found.given}的客户中有{of_hundred}位也买了{found.product}"
        f"（统计{found.owners}位）"
    )
