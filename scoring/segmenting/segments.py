"""Segments of a whole population: pure, from summaries to what a call sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from calls.caller import ContactRef
from calls.segments import Segments, Tier
from scoring.segmenting.behaviour import BehaviourScale
from scoring.segmenting.lifecycle import stage_of
from scoring.segmenting.loyalty import loyalty_of
from scoring.segmenting.purchases import Summary
from scoring.segmenting.rfm import Rfm, RfmScale
from scoring.segmenting.tiers import rank_tiers


def segment_population(
    population: Sequence[Summary],
    *,
    vip_capacity: float,
    held: Mapping[ContactRef, Segments] | None = None,
    warned: Mapping[ContactRef, str] | None = None,
) -> Iterator[tuple[ContactRef, Segments]]:
    """`held` is what the last run said: who is near an edge stays where they were. `warned` are
    the warnings that stand, by contact."""
    held, warned = held or {}, warned or {}
    scale, behaviours = RfmScale(population), BehaviourScale(population)
    held_tiers: dict[ContactRef, Tier] = {who: segments.tier for who, segments in held.items()}
    tiers = rank_tiers(population, vip_capacity=vip_capacity, held=held_tiers)
    for summary in population:
        contact, standing = summary.contact, stage_of(summary)
        before = held.get(contact)
        rfm = scale.rate(summary, held_rfm(before))
        warning = warned.get(contact)
        yield (
            contact,
            Segments(
                tier=tiers[contact],
                lifecycle=standing.stage,
                recency=rfm.recency,
                frequency=rfm.frequency,
                monetary=rfm.monetary,
                days_since_last=summary.days_since_last,
                usual_gap_days=summary.usual_gap_days,
                spend_12m=round(summary.spend_12m, 2),
                reasons=_reasons(standing.because, summary, scale),
                behaviour=behaviours.behaviour(summary, before.behaviour if before else None),
                price_band=behaviours.price_band(summary, before.price_band if before else None),
                main_category=summary.main_category,
                loyalty=loyalty_of(summary, standing.stage),
                churn_warning=warning,
            ),
        )


def held_rfm(before: Segments | None) -> Rfm | None:
    """Of a contact who bought nothing by then there is nothing to keep."""
    if before is None or before.days_since_last is None:
        return None
    return Rfm(before.recency, before.frequency, before.monetary)


def _reasons(standing: str, summary: Summary, scale: RfmScale) -> tuple[str, ...]:
    unreadable: tuple[str, ...] = ()
    if summary.unreadable:
        many = "purchase" if summary.unreadable == 1 else "purchases"
        unreadable = (f"{summary.unreadable} {many} without a readable amount left out",)
    if not summary.visits:
        return (standing, *unreadable)
    spent = f"spent {summary.spend_12m:,.2f} in 12 months"
    below = int(100 * scale.share_below(summary.spend_12m))
    if summary.spend_12m > 0 and below >= 50:
        spent += f", more than {below} % of buyers"
    times = "order" if summary.visits == 1 else "orders"
    return (standing, spent, f"{summary.visits} {times} in {_span(summary)}", *unreadable)


def _span(summary: Summary) -> str:
    days = summary.days_since_first or 0
    return f"{days} days" if days < 2 * 365 else f"{days // 365} years"
