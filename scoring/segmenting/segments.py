"""Segments of a whole population: pure, from summaries to what a call sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from calls.caller import ContactRef
from calls.segments import Segments, Tier
from scoring.segmenting.lifecycle import stage_of
from scoring.segmenting.purchases import Summary
from scoring.segmenting.rfm import RfmScale
from scoring.segmenting.tiers import rank_tiers


def segment_population(
    population: Sequence[Summary],
    *,
    vip_capacity: float,
    held: Mapping[ContactRef, Tier] | None = None,
) -> Iterator[tuple[ContactRef, Segments]]:
    """`held` are the tiers of the last run (see `scoring.segmenting.tiers.HYSTERESIS`)."""
    scale = RfmScale(population)
    tiers = rank_tiers(population, vip_capacity=vip_capacity, held=held)
    for summary in population:
        tier, standing, rfm = tiers[summary.contact], stage_of(summary), scale.rate(summary)
        yield (
            summary.contact,
            Segments(
                tier=tier,
                lifecycle=standing.stage,
                recency=rfm.recency,
                frequency=rfm.frequency,
                monetary=rfm.monetary,
                days_since_last=summary.days_since_last,
                usual_gap_days=summary.usual_gap_days,
                spend_12m=round(summary.spend_12m, 2),
                reasons=_reasons(standing.because, summary, scale),
            ),
        )


def _reasons(standing: str, summary: Summary, scale: RfmScale) -> tuple[str, ...]:
    if not summary.visits:
        return (standing,)
    spent = f"spent {summary.spend_12m:,.2f} in 12 months"
    below = int(100 * scale.share_below(summary.spend_12m))
    if summary.spend_12m > 0 and below >= 50:
        spent += f", more than {below} % of buyers"
    times = "order" if summary.visits == 1 else "orders"
    return (standing, spent, f"{summary.visits} {times} in {_span(summary)}")


def _span(summary: Summary) -> str:
    days = summary.days_since_first or 0
    return f"{days} days" if days < 2 * 365 else f"{days // 365} years"
