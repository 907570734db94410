"""Counts in which older events weigh less come out the same, however they are put together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.decay import HALF_LIFE, Decayed, smoothed

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ages = st.lists(st.floats(0, 2_000), min_size=1, max_size=30)


def one(days_ago: float) -> Decayed:
    return Decayed(1.0, NOW - timedelta(days=days_ago))


def folded(days: list[float]) -> Decayed:
    total = one(days[0])
    for each in days[1:]:
        total = total.joined(one(each))
    return total


@given(days=ages)
def test_folding_one_by_one_equals_recomputing(days: list[float]) -> None:
    whole = sum(0.5 ** (timedelta(days=each) / HALF_LIFE) for each in days)
    assert folded(days).seen_from(NOW) == pytest.approx(whole, rel=1e-9)


@given(days=ages, data=st.data())
def test_the_order_of_news_does_not_matter(days: list[float], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(days))
    there, back = folded(days), folded(list(shuffled))
    assert there.at == back.at == NOW - timedelta(days=min(days))
    assert there.weight == pytest.approx(back.weight, rel=1e-9)


def test_half_is_left_after_a_half_life() -> None:
    assert one(90).seen_from(NOW) == pytest.approx(0.5)
    assert one(180).seen_from(NOW) == pytest.approx(0.25)


def test_an_event_of_tomorrow_is_not_more_than_one() -> None:
    assert one(-1).seen_from(NOW) == 1.0


counts = st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1e6), max_size=5)


@given(
    choices=counts,
    house=counts.filter(lambda each: sum(each.values()) > 1e-3),
    strength=st.floats(0.1, 100),
)
def test_smoothed_choices_are_probabilities(
    choices: dict[str, float], house: dict[str, float], strength: float
) -> None:
    total = sum(house.values())
    prior = {name: count / total for name, count in house.items()}
    found = smoothed(choices, prior, strength)
    assert set(found) == {*choices, *prior}
    assert all(0 <= each <= 1 for each in found.values())
    assert sum(found.values()) == pytest.approx(1)


def test_who_chose_nothing_is_like_everybody() -> None:
    assert smoothed({}, {"a": 0.75, "b": 0.25}, 2.0) == {"a": 0.75, "b": 0.25}
    assert smoothed({}, {}, 0.0) == {}


def test_own_choices_outweigh_the_house_with_their_number() -> None:
    prior = {"a": 0.9, "b": 0.1}
    assert smoothed({"b": 1.0}, prior, 2.0)["b"] == pytest.approx(0.4)
    assert smoothed({"b": 8.0}, prior, 2.0)["b"] == pytest.approx(0.82)


def test_what_the_prior_leaves_out_stays_for_names_nobody_chose() -> None:
    assert smoothed({"a": 2.0}, {}, 2.0) == {"a": 0.5}
