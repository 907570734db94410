"""No alarm where nothing changed, an alarm where something did, and sense of whatever comes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.drift.findings import Level
from scoring.drift.population_shift import (
    BadReference,
    chance_of,
    psi,
    read_references,
    reference_of,
    references_of,
    shift_of,
)

pytestmark = pytest.mark.unit


def level_of(then: np.ndarray, now: np.ndarray, *, columns: int = 1) -> Level:
    return shift_of("offers", "x", reference_of(then), now, columns=columns).level


def test_by_hand() -> None:
    reference = reference_of(np.array([0.0] * 50 + [1.0] * 50))
    now = np.array([0.0] * 80 + [1.0] * 20)
    by_hand = (0.8 - 0.5) * math.log(0.8 / 0.5) + (0.2 - 0.5) * math.log(0.2 / 0.5)
    assert psi(reference, now) == pytest.approx(by_hand)


def test_no_alarm_where_nothing_changed() -> None:
    random = np.random.default_rng(3)
    runs, cried = 300, 0
    for _ in range(runs):
        then, now = random.gamma(1, size=(2, 150))
        cried += level_of(then, now) is not Level.STEADY
    # 1 % is allowed; 300 runs of exactly that have 8 or fewer in 99 of 100 cases.
    assert cried <= 8


def test_the_bare_index_would_cry_on_so_few_rows() -> None:
    random = np.random.default_rng(3)
    indices = [
        psi(reference_of(then), now)
        for then, now in (random.gamma(1, size=(2, 150)) for _ in range(300))
    ]
    assert np.mean(np.array(indices) > 0.1) > 0.3


def test_alarm_where_it_shifted() -> None:
    random = np.random.default_rng(4)
    then = random.normal(size=2_000)
    assert level_of(then, random.normal(size=2_000) + 0.6) is Level.RETRAIN
    assert level_of(then, random.normal(size=2_000) + 0.4, columns=60) is Level.WATCH
    assert level_of(then, random.normal(size=2_000) * 3) is Level.RETRAIN


def test_what_is_not_known_any_more_is_a_shift() -> None:
    random = np.random.default_rng(5)
    then, now = random.normal(size=(2, 1_000))
    now[:400] = np.nan
    found = shift_of("offers", "open_cases", reference_of(then), now, columns=10)
    assert found.level is Level.RETRAIN
    assert found.said == (
        f"open cases has shifted (PSI {found.value:.2f}): not known of 40 % of contacts, 0.0 % at "
        "training: retrain"
    )


def test_values_never_seen_and_endless_ones_fall_into_the_last_bins() -> None:
    then = np.linspace(0, 1, 1_000)
    now = np.concatenate([then[:700], np.full(150, np.inf), np.full(150, -np.inf)])
    assert math.isfinite(psi(reference_of(then), now))
    assert level_of(then, now) is not Level.STEADY
    assert math.isfinite(psi(reference_of(now), then))


def test_nothing_to_compare_is_said_to_be_unknown() -> None:
    some, none = np.ones(500), np.array([])
    assert level_of(some, none) is Level.UNKNOWN
    assert level_of(none, some) is Level.UNKNOWN
    assert level_of(np.full(500, np.nan), np.full(500, np.nan)) is Level.STEADY
    assert level_of(np.full(500, np.nan), some) is Level.RETRAIN
    assert level_of(some, some) is Level.STEADY


numbers = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=60)


@given(numbers, numbers)
def test_never_below_zero_and_never_endless(then: list[float], now: list[float]) -> None:
    index = psi(reference_of(np.array(then)), np.array(now))
    assert math.isnan(index) if not then or not now else 0 <= index < 50
    assert 0 <= chance_of(0.0 if math.isnan(index) else index, reference_of(np.array(then)), 9) <= 1


def test_a_reference_survives_json() -> None:
    rows = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, np.inf]], dtype=np.float32)
    told = json.loads(json.dumps(references_of(rows, ["a", "b"])))
    assert read_references(told) == {
        "a": reference_of(rows[:, 0]),
        "b": reference_of(rows[:, 1]),
    }


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        "x",
        {"a": None},
        {"a": {}},
        {"a": {"edges": [2, 1], "counts": [1, 1, 1], "missing": 0}},
        {"a": {"edges": [1], "counts": [1], "missing": 0}},
        {"a": {"edges": [1], "counts": [1, -1], "missing": 0}},
        {"a": {"edges": [math.nan], "counts": [1, 1], "missing": 0}},
        {"a": {"edges": ["x"], "counts": [1, 1], "missing": 0}},
        {"a": {"edges": [1], "counts": [1, math.inf], "missing": 0}},
        {"a": {"edges": list(range(999)), "counts": [1] * 1000, "missing": 0}},
        {str(n): {} for n in range(9_999)},
    ],
)
def test_hostile_references_are_refused(told: object) -> None:
    with pytest.raises(BadReference):
        read_references(told)
