"""Shares of what is bought together, small numbers drawn towards everybody's."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.association_counts import (
    ANYTHING,
    KEPT,
    LEAST_TOGETHER,
    MAX_OWNED,
    STRENGTH,
    Association,
    AssociationCounts,
)

pytestmark = pytest.mark.unit


def counted(baskets: list[set[str]]) -> dict[tuple[str, str], Association]:
    counts = AssociationCounts()
    for basket in baskets:
        counts.add(frozenset(basket))
    return {(each.given, each.product): each for each in counts.associations()}


def test_a_share_lies_between_the_owners_and_everybody() -> None:
    found = counted([{"laptop", "bag"}] * 30 + [{"laptop"}] * 10 + [{"bag"}] * 10 + [{"pen"}] * 50)
    assert found[ANYTHING, "bag"] == Association(ANYTHING, "bag", 0.4, 100)
    share = found["laptop", "bag"].share
    assert share == pytest.approx((30 + STRENGTH * 0.4) / (40 + STRENGTH))
    assert 0.4 < share < 30 / 40
    assert found["laptop", "bag"].owners == 40


def test_few_together_say_nothing() -> None:
    together = [{"a", "b"}] * (LEAST_TOGETHER - 1)
    assert ("a", "b") not in counted([*together, *[{"a"}] * 20])
    assert ("a", "b") in counted([*together, {"a", "b"}])


def test_people_who_bought_nothing_are_not_buyers() -> None:
    assert counted([set(), {"a"}, {"b"}])[ANYTHING, "a"].share == 0.5
    assert counted([set()]) == {}


def test_a_trader_s_basket_counts_for_no_pair() -> None:
    everything = {f"p{n}" for n in range(MAX_OWNED + 1)}
    found = counted([everything] * 5)
    assert {given for given, _ in found} == {ANYTHING}


def test_the_likeliest_are_kept_and_come_first() -> None:
    baskets = [{"hub", f"p{n:02}"} for n in range(KEPT + 9) for _ in range(3 + n)]
    counts = AssociationCounts()
    for basket in baskets:
        counts.add(frozenset(basket))
    ofhub = [each for each in counts.associations() if each.given == "hub"]
    assert len(ofhub) == KEPT
    assert all(one.share >= other.share for one, other in pairwise(ofhub))
    assert "p00" not in {each.product for each in ofhub}


def test_pairs_in_memory_are_bounded() -> None:
    counts = AssociationCounts(max_pairs=100)
    for n in range(200):
        counts.add(frozenset({"a", "b", f"only{n}"}))
    found = {(each.given, each.product) for each in counts.associations()}
    assert ("a", "b") in found
    assert len(counts._together) <= 100


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=40))
def test_shares_are_probabilities(baskets: list[set[str]]) -> None:
    for each in counted(baskets).values():
        assert 0 <= each.share <= 1
        assert each.owners >= 1
