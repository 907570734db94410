"""What a contact is worth: tiers by the cumulative share of twelve months' decayed value.

vip         among those who together bring the first 80 % of the value, but never more than
            20 % x `vip_capacity` of all contacts: what service can really treat as special
important   the rest of those who bring the first 80 %
ordinary    everybody else who brings anything
no_value    costs as much as it brings, took back as much as they paid, or bought nothing for a year
potential   bought nothing yet

Value is the margin where the CRM tells the cost of every purchase of the year, else the spend.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from calls.caller import ContactRef
from calls.segments import Tier
from scoring.segmenting.purchases import Summary

FIRST_SHARE = 0.8
TOP_SHARE = 0.2
#: Whoever held a tier is looked at as if worth so much more at its lower edge, so that nobody
#: flips there.
HYSTERESIS = 1.1

MARGIN, SPEND = "margin", "spend"


def value_by(population: Sequence[Summary]) -> str:
    """MARGIN where every contact who bought within the year has one, else SPEND for all: a margin
    and a spend cannot be ranked in one list."""
    bought = [summary for summary in population if summary.value or summary.margin is not None]
    known = bool(bought) and all(summary.margin is not None for summary in bought)
    return MARGIN if known else SPEND


def worth_of(summary: Summary, by: str) -> float:
    return (summary.margin or 0.0) if by == MARGIN else summary.value


def pareto_share(worths: Sequence[float]) -> float | None:
    """0 to 1: what the top TOP_SHARE of those who bring anything hold of all they bring; None where
    nobody does. Computed, never assumed."""
    bringing = sorted((worth for worth in worths if worth > 0), reverse=True)
    if not bringing:
        return None
    return math.fsum(bringing[: math.ceil(len(bringing) * TOP_SHARE)]) / math.fsum(bringing)


def rank_tiers(
    population: Sequence[Summary],
    *,
    vip_capacity: float,
    held: Mapping[ContactRef, Tier] | None = None,
) -> dict[ContactRef, Tier]:
    """`vip_capacity` is 0 to 1; `held` the tiers of the last run."""
    held, by = held or {}, value_by(population)
    worth = {summary.contact: worth_of(summary, by) for summary in population}
    tiers = {summary.contact: _without_value(summary, by) for summary in population}
    ranked = sorted(
        (contact for contact, value in worth.items() if value > 0),
        key=lambda contact: (-worth[contact], str(contact)),
    )
    edge = _edge([worth[contact] for contact in ranked])
    above = []
    for contact in ranked:
        was_above = held.get(contact) in (Tier.VIP, Tier.IMPORTANT)
        is_above = worth[contact] * (HYSTERESIS if was_above else 1.0) >= edge
        tiers[contact] = Tier.IMPORTANT if is_above else Tier.ORDINARY
        if is_above:
            above.append(contact)

    def rank(contact: ContactRef) -> float:
        return worth[contact] * (HYSTERESIS if held.get(contact) is Tier.VIP else 1.0)

    above.sort(key=lambda contact: (-rank(contact), str(contact)))
    for contact in above[: int(len(population) * TOP_SHARE * vip_capacity)]:
        tiers[contact] = Tier.VIP
    return tiers


def _edge(descending: Sequence[float]) -> float:
    """Worth of the last of those who together bring the first FIRST_SHARE."""
    total, before = math.fsum(descending), 0.0
    for value in descending:
        before += value
        if before >= FIRST_SHARE * total:
            return value
    return math.inf


def _without_value(summary: Summary, by: str) -> Tier:
    cost_us = worth_of(summary, by) < 0 or summary.spend < 0
    return Tier.NO_VALUE if summary.visits or cost_us else Tier.POTENTIAL
