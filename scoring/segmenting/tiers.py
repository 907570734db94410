"""What a contact is worth: tiers by the cumulative share of twelve months' decayed spend.

vip         among those who together bring the first 80 % of the value, but never more than
            20 % x `vip_capacity` of all contacts: what service can really treat as special
important   the rest of those who bring the first 80 %
ordinary    everybody else who spends
no_value    took back as much as they paid, or bought nothing for a year
potential   bought nothing yet
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calls.caller import ContactRef
from calls.segments import Tier
from scoring.segmenting.purchases import Summary

FIRST_SHARE = 0.8
TOP_SHARE = 0.2
#: Whoever held a tier is ranked as if worth so much more, so that nobody flips at the edge.
HYSTERESIS = 1.1


def rank_tiers(
    population: Sequence[Summary],
    *,
    vip_capacity: float,
    held: Mapping[ContactRef, Tier] | None = None,
) -> dict[ContactRef, Tier]:
    """`vip_capacity` is 0 to 1; `held` the tiers of the last run."""
    held = held or {}
    tiers = {summary.contact: _without_value(summary) for summary in population}
    worth = {
        summary.contact: summary.value
        * (HYSTERESIS if held.get(summary.contact) is Tier.VIP else 1.0)
        for summary in population
        if summary.value > 0
    }
    most_vips = int(len(population) * TOP_SHARE * vip_capacity)
    total = sum(worth.values())
    before = 0.0
    ranked = sorted(worth.items(), key=lambda item: (-item[1], str(item[0])))
    for place, (contact, value) in enumerate(ranked):
        if before < FIRST_SHARE * total:
            tiers[contact] = Tier.VIP if place < most_vips else Tier.IMPORTANT
        else:
            tiers[contact] = Tier.ORDINARY
        before += value
    return tiers


def _without_value(summary: Summary) -> Tier:
    return Tier.NO_VALUE if summary.visits else Tier.POTENTIAL
