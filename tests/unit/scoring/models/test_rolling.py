"""Forecasts of a stream: nothing of the future is looked at, and retraining pays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.models import metrics, rolling
from scoring.models.linear import train_logistic

pytestmark = pytest.mark.unit


def drifting(rows: int = 2_400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    table = random.normal(size=(rows, 3)).astype(np.float32)
    turned = np.where(np.arange(rows) < rows * 0.7, 1.0, -1.0)
    chance = 1 / (1 + np.exp(-(2 * turned * table[:, 0] - 0.5)))
    return table, (random.random(rows) < chance).astype(float)


def test_retraining_follows_a_world_that_turns() -> None:
    table, truth = drifting()
    ahead = truth[1_800:]
    rolled = rolling.rolled(table, truth, 1_800, 100)
    frozen = rolling.frozen(table, truth, 1_800)
    assert metrics.auc(ahead, frozen) < 0.5
    assert metrics.auc(ahead, rolled) > metrics.auc(ahead, frozen) + 0.15


def test_what_comes_later_changes_no_forecast() -> None:
    table, truth = drifting()
    changed = truth.copy()
    changed[2_000:] = 1 - changed[2_000:]
    before = rolling.rolled(table, truth, 1_800, 200)
    after = rolling.rolled(table, changed, 1_800, 200)
    assert (before[:200] == after[:200]).all()
    assert (before[400:] != after[400:]).any()


def test_a_forecast_waits_for_outcomes_as_long_as_they_take() -> None:
    table, truth = drifting()
    changed = truth.copy()
    changed[1_700:1_800] = 1 - changed[1_700:1_800]
    before = rolling.rolled(table, truth, 1_800, 100, embargo=100)
    after = rolling.rolled(table, changed, 1_800, 100, embargo=100)
    assert (before[:100] == after[:100]).all()


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 10))
def test_lagged_rates_are_shares_of_what_was_known(outcomes: list[bool], late: int) -> None:
    truth = np.array(outcomes, dtype=float)
    known = np.maximum(np.arange(len(truth)) - late, 0)
    rates = rolling.lagged_rates(truth, known)
    assert ((rates > 0) & (rates < 1)).all()
    changed = truth.copy()
    changed[-1 - late :] = 1 - changed[-1 - late :]
    assert (rolling.lagged_rates(changed, known)[-1] == rates[-1]).all()


def test_a_regression_needs_no_clean_columns() -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(500, 3)).astype(np.float32)
    truth = (table[:, 0] > 0).astype(float)
    table[::7, 0] = np.nan
    table[::11, 1] = np.inf
    table[:, 2] = 5.0
    model = train_logistic(table, truth, pull=1.0)
    assert np.isfinite(model.answers(table)).all()
    assert metrics.auc(truth, model.answers(table)) > 0.9
