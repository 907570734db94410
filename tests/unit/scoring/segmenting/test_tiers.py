"""Shares of value that can be added up on paper."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.caller import ContactRef
from calls.segments import Tier
from scoring.segmenting.purchases import Summary
from scoring.segmenting.segments import segment_population
from scoring.segmenting.tiers import rank_tiers

pytestmark = pytest.mark.unit


def ref(name: int) -> ContactRef:
    return ContactRef("embedded", f"C-{name:03}")


def population(*values: float) -> list[Summary]:
    return [Summary(ref(n), visits=1, value=value) for n, value in enumerate(values)]


def test_the_first_eighty_percent_of_value() -> None:
    # 50 + 30 are the first 80; 20 % x 100 % of ten contacts are two.
    tiers = rank_tiers(population(50, 30, 10, 5, 5, 0, 0, 0, 0, 0), vip_capacity=1.0)
    assert [tiers[ref(n)] for n in range(6)] == [
        Tier.VIP,
        Tier.VIP,
        Tier.ORDINARY,
        Tier.ORDINARY,
        Tier.ORDINARY,
        Tier.NO_VALUE,
    ]


def test_capacity_limits_the_vips_and_the_others_are_important() -> None:
    tiers = rank_tiers(population(50, 30, 10, 5, 5, 0, 0, 0, 0, 0), vip_capacity=0.5)
    assert [tiers[ref(n)] for n in range(3)] == [Tier.VIP, Tier.IMPORTANT, Tier.ORDINARY]


def test_a_large_capacity_does_not_make_small_buyers_vips() -> None:
    tiers = rank_tiers(population(90, 4, 3, 2, 1, *[0.0] * 20), vip_capacity=1.0)
    assert [tier for tier in tiers.values() if tier is Tier.VIP] == [Tier.VIP]


def test_nothing_bought_is_potential_and_more_returned_than_paid_is_no_value() -> None:
    prospect = Summary(ref(7))
    tiers = rank_tiers([*population(10, -3), prospect], vip_capacity=1.0)
    assert tiers[ref(7)] is Tier.POTENTIAL
    assert tiers[ref(1)] is Tier.NO_VALUE


def test_a_vip_of_yesterday_stays_within_ten_percent() -> None:
    people = population(100, 95, *[1.0] * 3)  # one vip seat
    assert rank_tiers(people, vip_capacity=1.0)[ref(0)] is Tier.VIP
    held = rank_tiers(people, vip_capacity=1.0, held={ref(1): Tier.VIP})
    assert (held[ref(1)], held[ref(0)]) == (Tier.VIP, Tier.IMPORTANT)
    far = population(100, 80, *[1.0] * 3)
    assert rank_tiers(far, vip_capacity=1.0, held={ref(1): Tier.VIP})[ref(0)] is Tier.VIP


@given(
    st.lists(st.floats(-1e5, 1e6), max_size=80),
    st.floats(0.05, 1.0),
    st.sets(st.integers(0, 79)),
)
def test_never_more_vips_than_capacity(values: list[float], capacity: float, old: set[int]) -> None:
    held = {ref(n): Tier.VIP for n in old}
    tiers = rank_tiers(population(*values), vip_capacity=capacity, held=held)
    vips = sum(tier is Tier.VIP for tier in tiers.values())
    assert vips <= len(values) * 0.2 * capacity
    assert len(tiers) == len(values)


def test_reasons_are_sentences_with_values() -> None:
    rich = Summary(
        ref(0), visits=12, days_since_first=900, days_since_last=143, usual_gap_days=31,
        spend=2500.0, spend_12m=1234.5, value=1000.0,
    )  # fmt: skip
    [(contact, segments), *_] = segment_population([rich, *population(1, 2)], vip_capacity=1.0)
    assert contact == ref(0)
    assert segments.reasons == (
        "last order 143 days ago, usual gap 31",
        "spent 1,234.50 in 12 months, more than 66 % of buyers",
        "12 orders in 2 years",
    )
