"""Shares of what is bought together, small numbers drawn towards everybody's."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
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
from scoring.buying_rates import WINDOW_DAYS, chance_in_other_days, chance_within

pytestmark = pytest.mark.unit


TODAY = date(2026, 3, 1)
WEEKS = 90
LONG_AGO = TODAY - timedelta(days=700)


def counted(baskets: Iterable[Iterable[str]]) -> dict[tuple[str, str], Association]:
    """Everything was bought long ago."""
    return told([dict.fromkeys(basket, LONG_AGO) for basket in baskets])


def told(histories: list[dict[str, date]]) -> dict[tuple[str, str], Association]:
    counts = AssociationCounts(TODAY)
    for firsts in histories:
        counts.add(firsts)
    return {(each.given, each.product): each for each in counts.associations()}


def test_a_share_lies_between_the_owners_and_everybody() -> None:
    found = counted([{"laptop", "bag"}] * 30 + [{"laptop"}] * 10 + [{"bag"}] * 10 + [{"pen"}] * 50)
    assert (found[ANYTHING, "bag"].share, found[ANYTHING, "bag"].owners) == (0.4, 100)
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
    counts = AssociationCounts(TODAY)
    for basket in baskets:
        counts.add(dict.fromkeys(basket, LONG_AGO))
    ofhub = [each for each in counts.associations() if each.given == "hub"]
    assert len(ofhub) == KEPT
    assert all(one.share >= other.share for one, other in pairwise(ofhub))
    assert "p00" not in {each.product for each in ofhub}


def test_pairs_in_memory_are_bounded() -> None:
    counts = AssociationCounts(TODAY, max_pairs=100)
    for n in range(200):
        counts.add(dict.fromkeys(("a", "b", f"only{n}"), LONG_AGO))
    found = {(each.given, each.product) for each in counts.associations()}
    assert ("a", "b") in found
    assert len(counts._together) <= 100


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=40))
def test_shares_are_probabilities(baskets: list[set[str]]) -> None:
    for each in counted(baskets).values():
        assert 0 <= each.share <= 1
        assert each.owners >= 1
        assert each.rate > 0


def of_customers(many: int, owned: str, *, buys: int, product: str) -> list[dict[str, date]]:
    """Customers of long ago, `buys` of whom bought the product in the last weeks."""
    return [
        {owned: LONG_AGO, **({product: TODAY - timedelta(days=WEEKS)} if n < buys else {})}
        for n in range(many)
    ]


def test_a_chance_is_of_the_horizon_not_of_ever_owning_it() -> None:
    """Nine of ten laptop owners have a bag, and all but a few bought it long ago."""
    old = [dict.fromkeys(("laptop", "bag"), LONG_AGO)] * 800
    found = told([*old, *of_customers(200, "laptop", buys=20, product="bag")])
    assert found["laptop", "bag"].share == pytest.approx(0.82, abs=0.01)
    # Of 200 who had none 20 bought one in the window: a tenth.
    rate = found["laptop", "bag"].rate
    assert chance_within(rate, WINDOW_DAYS) == pytest.approx(0.105, abs=0.015)
    assert chance_within(rate, WINDOW_DAYS / 10) == pytest.approx(0.011, abs=0.002)


def test_who_owns_what_goes_with_it_gets_more_and_all_together_what_is_bought() -> None:
    found = told(
        [
            *of_customers(300, "laptop", buys=60, product="bag"),
            *of_customers(700, "pen", buys=20, product="bag"),
        ]
    )
    laptop, other = found["laptop", "bag"].rate, found[ANYTHING, "bag"].rate
    assert laptop > 1.5 * other
    mean = (240 * laptop + 680 * max(other, found["pen", "bag"].rate)) / 920
    # Bags are sold since they were first bought.
    assert mean == pytest.approx(80 / (920 * WEEKS), rel=0.05)


def test_a_product_sold_since_last_month_is_not_thought_slow() -> None:
    new = [{"laptop": LONG_AGO, "case": TODAY - timedelta(days=20)}] * 30
    found = told([*new, *[{"laptop": LONG_AGO}] * 300])
    assert chance_within(found[ANYTHING, "case"].rate, 20) == pytest.approx(0.09, abs=0.03)


def test_the_first_purchase_of_all_makes_a_customer_and_is_nobody_s_new_product() -> None:
    found = told([{"laptop": TODAY - timedelta(days=n)} for n in range(300)])
    assert chance_within(found[ANYTHING, "laptop"].rate, 30) < 0.005


def test_what_is_dated_in_the_future_is_left_out() -> None:
    later = TODAY + timedelta(days=1)
    assert told([{"laptop": later}]) == {}
    assert told([{"laptop": later, "bag": LONG_AGO}]).keys() == {(ANYTHING, "bag")}


@given(st.floats(1e-6, 0.999), st.integers(1, 365), st.integers(1, 365))
def test_a_chance_in_other_days_goes_there_and_back(chance: float, days: int, wanted: int) -> None:
    there = chance_in_other_days(chance, days=days, wanted=wanted)
    assert (there >= chance) == (wanted >= days) or there == pytest.approx(chance)
    if there < 1 - 1e-9:
        back = chance_in_other_days(there, days=wanted, wanted=days)
        assert back == pytest.approx(chance, rel=1e-5)
