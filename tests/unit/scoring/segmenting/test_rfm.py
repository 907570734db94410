"""Fifths on a table small enough to count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.caller import ContactRef
from scoring.segmenting.purchases import Summary
from scoring.segmenting.rfm import Rfm, RfmScale

pytestmark = pytest.mark.unit


def buyer(name: int, *, visits: int = 1, days: int = 10, spend: float = 10.0) -> Summary:
    return Summary(
        ContactRef("embedded", str(name)),
        visits=visits,
        days_since_first=days,
        days_since_last=days,
        spend_12m=spend,
    )


def test_ten_buyers_fall_into_five_pairs() -> None:
    buyers = [buyer(n, visits=n, days=100 - n, spend=n * 10) for n in range(1, 11)]
    scale = RfmScale(buyers)
    assert [scale.rate(b).frequency for b in buyers] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert scale.rate(buyers[0]) == Rfm(1, 1, 1)
    assert scale.rate(buyers[9]) == Rfm(5, 5, 5)


def test_equal_values_share_the_fifth_of_the_first_of_them() -> None:
    buyers = [buyer(n, visits=1) for n in range(8)] + [buyer(8, visits=2), buyer(9, visits=3)]
    scale = RfmScale(buyers)
    assert {scale.rate(b).frequency for b in buyers[:8]} == {1}
    assert scale.rate(buyers[8]).frequency == 5


def test_fewer_days_are_better() -> None:
    scale = RfmScale([buyer(1, days=1), buyer(2, days=300)])
    assert scale.rate(buyer(1, days=1)).recency > scale.rate(buyer(2, days=300)).recency


def test_who_bought_nothing_is_not_in_the_scale() -> None:
    prospect = Summary(ContactRef("embedded", "p"))
    scale = RfmScale([prospect, buyer(1)])
    assert scale.rate(prospect) == Rfm(1, 1, 1)
    assert scale.share_below(1_000) == 1.0
    assert RfmScale([prospect]).share_below(5) == 0.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_more_money_is_never_a_lower_fifth(spends: list[float]) -> None:
    buyers = [buyer(n, spend=spend) for n, spend in enumerate(spends)]
    scale = RfmScale(buyers)
    ordered = sorted(buyers, key=lambda b: b.spend_12m)
    fifths = [scale.rate(b).monetary for b in ordered]
    assert fifths == sorted(fifths)
    assert set(fifths) <= {1, 2, 3, 4, 5}
