"""Segments of a whole population: pure, from summaries to what a call sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from calls.caller import ContactRef
from calls.segments import Segments, Tier
from scoring.segmenting.behaviour import BehaviourScale
from scoring.segmenting.churn import NOT_WARNED, Told
from scoring.segmenting.lifecycle import Standing, stage_of
from scoring.segmenting.loyalty import loyalty_of
from scoring.segmenting.purchases import Summary
from scoring.segmenting.rfm import Rfm, RfmScale
from scoring.segmenting.tiers import rank_tiers


def segment_population(
    population: Sequence[Summary],
    *,
    vip_capacity: float,
    held: Mapping[ContactRef, Segments] | None = None,
    warned: Mapping[ContactRef, Told] | None = None,
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
        warning = warned.get(contact, NOT_WARNED)
        reasons, reasons_zh = _reasons(standing, summary, scale)
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
                reasons=reasons,
                reasons_zh=reasons_zh,
                behaviour=behaviours.behaviour(summary, before.behaviour if before else None),
                price_band=behaviours.price_band(summary, before.price_band if before else None),
                main_category=summary.main_category,
                loyalty=loyalty_of(summary, standing.stage),
                churn_warning=warning.en,
                churn_warning_zh=warning.zh,
            ),
        )


def held_rfm(before: Segments | None) -> Rfm | None:
    """Of a contact who bought nothing by then there is nothing to keep."""
    if before is None or before.days_since_last is None:
        return None
    return Rfm(before.recency, before.frequency, before.monetary)


def _reasons(
    standing: Standing, summary: Summary, scale: RfmScale
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """In English and in Chinese."""
    told = [(standing.because, standing.because_zh)]
    if summary.visits:
        spent = f"spent {summary.spend_12m:,.2f} in 12 months"
        spent_zh = f"近12个月消费{summary.spend_12m:,.2f}"
        below = int(100 * scale.share_below(summary.spend_12m))
        if summary.spend_12m > 0 and below >= 50:
            spent += f", more than {below} % of buyers"
            spent_zh += f"，超过{below}%的购买者"
        span, span_zh = _span(summary)
        times = "order" if summary.visits == 1 else "orders"
        told.append((spent, spent_zh))
        told.append((f"{summary.visits} {times} in {span}", f"{span_zh}内购买{summary.visits}次"))
    if left_out := summary.unreadable:
        many = "purchase" if left_out == 1 else "purchases"
        zh = f"{left_out}笔金额无法读取的购买未计入"
        told.append((f"{left_out} {many} without a readable amount left out", zh))
    return tuple(en for en, _ in told), tuple(zh for _, zh in told)


def _span(summary: Summary) -> tuple[str, str]:
    days = summary.days_since_first or 0
    if days < 2 * 365:
        return f"{days} days", f"{days}天"
    return f"{days // 365} years", f"{days // 365}年"
