"""Metrics against what a loop would count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.models import metrics
from scoring.models.metrics import Resampling, SortedByScore

pytestmark = pytest.mark.unit

rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=40
)


def split(drawn: list[tuple[bool, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth, score, weight = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    return truth, score, weight


@given(rows)
def test_auc_is_the_chance_that_a_positive_stands_above_a_negative(
    drawn: list[tuple[bool, int, int]],
) -> None:
    truth, score, weight = split(drawn)
    above = total = 0.0
    for here, mine, a in zip(truth, score, weight, strict=True):
        for there, theirs, b in zip(truth, score, weight, strict=True):
            if here and not there:
                total += a * b
                above += a * b * ((mine > theirs) + (mine == theirs) / 2)
    found = metrics.auc(truth, score, weight)
    assert np.isnan(found) if not total else found == pytest.approx(above / total)


@given(rows)
def test_a_weight_of_two_is_the_row_twice(drawn: list[tuple[bool, int, int]]) -> None:
    truth, score, weight = split(drawn)
    again = weight.astype(int)
    if not again.sum():
        return
    repeated = np.repeat(truth, again), np.repeat(score, again) / 5
    for metric in (metrics.log_loss, metrics.ece, metrics.mae, metrics.rmse, metrics.gain_at):
        once = metric(truth, score / 5, weight)
        assert once == pytest.approx(metric(*repeated), nan_ok=True)


def test_ece_of_forecasts_that_come_true_is_nothing() -> None:
    truth = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    assert metrics.ece(truth, np.repeat([0.25, 0.75], 4)) == pytest.approx(0)
    assert metrics.ece(truth, np.full(8, 0.9)) == pytest.approx(0.4)


def test_gain_and_alift_of_a_perfect_and_of_no_order() -> None:
    truth = np.repeat([1.0, 0.0], [20, 80])
    assert metrics.gain_at(truth, truth, share=0.1) == pytest.approx(0.5)
    assert metrics.gain_at(truth, np.zeros(100)) == pytest.approx(0.5)
    assert metrics.alift(truth, truth) == pytest.approx(0.9)
    assert metrics.alift(truth, np.zeros(100)) == pytest.approx(0.5)


def test_ndcg_of_the_best_order_is_one() -> None:
    relevant = np.array([1.0, 0, 1, 0])
    assert metrics.ndcg_at(relevant, np.array([0, 2, 1, 3]), 2) == pytest.approx(1)
    assert metrics.ndcg_at(relevant, np.array([1, 0, 2, 3]), 2) == pytest.approx(
        (1 / np.log2(3)) / (1 + 1 / np.log2(3))
    )
    assert np.isnan(metrics.ndcg_at(np.zeros(4), np.arange(4), 2))


def test_the_interval_of_a_mean_is_as_wide_as_the_textbook_says() -> None:
    values = np.random.default_rng(0).normal(5, 2, 2_000)
    found = Resampling(np.arange(2_000)).interval(lambda weight: float(weight @ values / 2_000))
    half = 1.96 * 2 / np.sqrt(2_000)
    assert found.low == pytest.approx(found.value - half, abs=0.02)
    assert found.high == pytest.approx(found.value + half, abs=0.02)


def test_rows_of_one_contact_are_drawn_together() -> None:
    contacts = np.repeat(np.arange(20), 50)
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 20), 50)

    def mean(weight: np.ndarray) -> float:
        return float(weight @ values / weight.sum())

    by_contact = Resampling(metrics.groups_of(contacts)).interval(mean)
    by_row = Resampling(np.arange(1_000)).interval(mean)
    assert by_contact.high - by_contact.low > 4 * (by_row.high - by_row.low)


def test_models_are_compared_on_the_same_draws() -> None:
    truth = np.random.default_rng(1).random(500).round()
    score = SortedByScore(truth, np.random.default_rng(2).random(500))
    same = Resampling(np.arange(500)).difference(score.auc, score.auc)
    assert (same.value, same.low, same.high) == (0, 0, 0)


@pytest.mark.parametrize("at_once", [1, 700, 10**6])
def test_sums_are_of_the_same_draws_as_a_metric_a_round(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_MOST_AT_ONCE", at_once)
    random = np.random.default_rng(8)
    groups, columns = random.integers(0, 200, 500), random.random((500, 2))
    groups[:200] = np.arange(200)
    resampling = Resampling(groups, rounds=50)
    seen: list[float] = []

    def noted(weight: np.ndarray) -> float:
        seen.append(float(weight @ columns[:, 0] / (weight @ columns[:, 1])))
        return seen[-1]

    resampling.interval(noted)
    sums = resampling.sums(columns)
    *drawn, _of_all = seen
    assert list(sums[:, 0] / sums[:, 1]) == pytest.approx(drawn)
