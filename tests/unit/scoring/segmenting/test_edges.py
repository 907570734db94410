"""Nobody flips back and forth at an edge, whatever small changes a night brings."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.caller import ContactRef
from calls.segments import PriceBand, Segments, Tier
from scoring.segmenting.behaviour import BehaviourScale
from scoring.segmenting.purchases import Summary
from scoring.segmenting.rfm import Rfm, RfmScale
from scoring.segmenting.segments import segment_population
from scoring.segmenting.thirds import Thirds
from scoring.segmenting.tiers import MARGIN, SPEND, pareto_share, rank_tiers, value_by

pytestmark = pytest.mark.unit

NUDGES = st.lists(st.floats(0.96, 1.04), min_size=2, max_size=12)


def ref(name: int) -> ContactRef:
    return ContactRef("embedded", f"C-{name:03}")


def people(*values: float) -> list[Summary]:
    return [Summary(ref(n), visits=1, value=value) for n, value in enumerate(values)]


def changes(seen: list[object]) -> int:
    return sum(one != other for one, other in pairwise(seen))


@given(NUDGES)
def test_at_the_edge_of_important_one_change_at_most(nudges: list[float]) -> None:
    # Without C-001 the first 80 % end at 10: it wiggles right there.
    others = [10.0] * 40 + [1.0] * 100
    held: dict[ContactRef, Tier] = {}
    seen: list[object] = []
    for nudge in nudges:
        held = rank_tiers(people(*others, 10.0 * nudge), vip_capacity=0.05, held=held)
        seen.append(held[ref(140)] in (Tier.VIP, Tier.IMPORTANT))
    assert changes(seen) <= 1


def test_without_what_was_held_it_would_flip() -> None:
    others = [10.0] * 40 + [1.0] * 100
    plain = [
        rank_tiers(people(*others, 10.0 * nudge), vip_capacity=0.05)[ref(140)]
        for nudge in (0.97, 1.03, 0.97)
    ]
    assert changes(list(plain)) == 2


@given(NUDGES)
def test_at_the_last_vip_seat_nobody_is_replaced_by_a_nudge(nudges: list[float]) -> None:
    held: dict[ContactRef, Tier] = {}
    vips: list[object] = []
    for nudge in nudges:
        held = rank_tiers(people(100.0 * nudge, 100.0, *[1.0] * 3), vip_capacity=1.0, held=held)
        vips.append(frozenset(who for who, tier in held.items() if tier is Tier.VIP))
    assert changes(vips) == 0


@given(NUDGES, st.floats(1.0, 1e6))
def test_fifths_and_thirds_do_not_flip(nudges: list[float], edge: float) -> None:
    crowd = [Summary(ref(n), visits=1, days_since_last=1, spend_12m=edge * n) for n in range(1, 51)]
    scale, thirds = RfmScale(crowd), Thirds(edge * n for n in range(1, 51))
    score: Rfm | None = None
    third: int | None = None
    scores: list[object] = []
    found: list[object] = []
    for nudge in nudges:
        who = Summary(ref(0), visits=1, days_since_last=1, spend_12m=11 * edge * nudge)
        score = scale.rate(who, score)
        third = thirds.of(17 * edge * nudge, third)
        scores.append(score.monetary)
        found.append(third)
    assert changes(scores) <= 1
    assert changes(found) <= 1


@given(st.lists(st.floats(-1e4, 1e6), min_size=1, max_size=60), st.floats(0.05, 1.0))
def test_a_night_without_news_changes_nothing(values: list[float], capacity: float) -> None:
    population = [
        Summary(
            ref(n), visits=1 + n % 4, days_since_first=500, days_since_last=n,
            usual_gap_days=n % 7 + 1, usual_amount=abs(value), value=value, spend_12m=value,
        )
        for n, value in enumerate(values)
    ]  # fmt: skip
    first = dict(segment_population(population, vip_capacity=capacity))
    assert dict(segment_population(population, vip_capacity=capacity, held=first)) == first


def test_who_is_far_beyond_the_edge_moves_at_once() -> None:
    crowd = [10.0] * 50 + [1.0] * 100
    held = {ref(150): Tier.IMPORTANT}
    assert rank_tiers(people(*crowd, 8.0), vip_capacity=0.05, held=held)[ref(150)] is Tier.ORDINARY


def test_where_all_are_equal_all_stand_together() -> None:
    tiers = rank_tiers(people(*[7.0] * 10), vip_capacity=0.5)
    assert sorted(tiers.values()) == [Tier.IMPORTANT] * 9 + [Tier.VIP]
    alike = [Summary(ref(n), visits=2, usual_amount=5.0) for n in range(9)]
    assert {BehaviourScale(alike).price_band(one) for one in alike} == {PriceBand.MIDDLE}


def test_what_the_top_fifth_holds_is_computed() -> None:
    assert pareto_share([80.0, 5.0, 5.0, 5.0, 5.0]) == pytest.approx(0.8)
    assert pareto_share([1.0] * 10) == pytest.approx(0.2)
    # Who brings nothing holds no place among those who do.
    assert pareto_share([80.0, 5.0, 5.0, 5.0, 5.0, 0.0, -3.0]) == pytest.approx(0.8)
    assert pareto_share([]) is None
    assert pareto_share([0.0, -1.0]) is None


def test_margin_counts_where_every_cost_is_told() -> None:
    told = [
        Summary(ref(0), visits=1, value=100, margin=-5),
        Summary(ref(1), visits=1, value=50, margin=20),
    ]
    assert value_by(told) == MARGIN
    tiers = rank_tiers(told, vip_capacity=1.0)
    assert (tiers[ref(0)], tiers[ref(1)]) == (Tier.NO_VALUE, Tier.IMPORTANT)
    assert value_by([*told, Summary(ref(2), visits=1, value=9)]) == SPEND
    assert value_by([]) == SPEND


def test_random_nights_with_news_for_others_only() -> None:
    """Of fifty nights in which everybody else wiggles, hardly any moves a tier."""
    dice = random.Random(4)
    values = [dice.lognormvariate(3, 1) for _ in range(200)]
    held: dict[ContactRef, Tier] = {}
    moved = plain_moved = 0
    plain: dict[ContactRef, Tier] = {}
    for _ in range(50):
        tonight = people(*(value * dice.uniform(0.98, 1.02) for value in values))
        now = rank_tiers(tonight, vip_capacity=0.2, held=held)
        bare = rank_tiers(tonight, vip_capacity=0.2)
        moved += sum(held.get(who, tier) is not tier for who, tier in now.items())
        plain_moved += sum(plain.get(who, tier) is not tier for who, tier in bare.items())
        held, plain = now, bare
    assert moved * 10 < plain_moved


def test_a_contact_is_known_by_all_its_classes() -> None:
    [(_, segments)] = segment_population(
        [Summary(ref(0), visits=1, days_since_first=5, days_since_last=5, usual_amount=3.0)],
        vip_capacity=1.0,
    )
    assert isinstance(segments, Segments)
    assert (segments.behaviour, segments.price_band, segments.loyalty) == (
        None,
        PriceBand.MIDDLE,
        "newcomer",
    )
