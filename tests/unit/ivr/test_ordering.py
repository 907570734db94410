"""No order of options is shorter to listen to than ours."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.ordering import (
    LEAST,
    estimated_seconds,
    expected_seconds,
    filled_up,
    shortest_wait,
)

pytestmark = pytest.mark.unit

probability = st.floats(0, 1)
seconds = st.floats(0.1, 30)
options = st.lists(st.tuples(probability, seconds), max_size=6)


@given(options)
def test_no_permutation_is_better(options: list[tuple[float, float]]) -> None:
    ours = expected_seconds(shortest_wait(options, lambda o: o[0], lambda o: o[1]))
    best = min(expected_seconds(other) for other in itertools.permutations(options))
    assert ours <= best or math.isclose(ours, best, rel_tol=1e-9)


@given(st.lists(st.tuples(st.just(0.25), st.just(2.0), st.integers()), max_size=8))
def test_equals_keep_their_order(options: list[tuple[float, float, int]]) -> None:
    assert shortest_wait(options, lambda o: o[0], lambda o: o[1]) == options


def test_expected_seconds_by_hand() -> None:
    assert expected_seconds([(0.75, 2.0), (0.25, 4.0)]) == 0.75 * 2 + 0.25 * 6
    assert expected_seconds([(0.25, 4.0), (0.75, 2.0)]) == 0.25 * 4 + 0.75 * 6
    # Half of the callers want nothing of it: they do not count.
    assert expected_seconds([(0.25, 2.0), (0.25, 4.0)]) == (2 + 6) / 2
    assert expected_seconds([]) == 0
    assert expected_seconds([(0.0, 3.0)]) == 0


def test_what_is_not_known_shares_what_is_left() -> None:
    assert filled_up(["a", "b", "c"], {"a": 0.5}) == {"a": 0.5, "b": 0.25, "c": 0.25}
    assert filled_up(["a", "b"], {"a": 1.0, "other": 0.3}) == {"a": 1.0, "b": LEAST}
    assert filled_up(["a", "b"], {"other": 1.0}) is None
    assert filled_up([], {"a": 1.0}) is None


def test_a_longer_sentence_takes_longer() -> None:
    short, long = "For an invoice", "For an invoice or a payment, or to change your address"
    assert 0 < estimated_seconds(short, "en") < estimated_seconds(long, "en") < 10
    assert estimated_seconds("账单", "zh") < estimated_seconds("账单和付款", "zh")
