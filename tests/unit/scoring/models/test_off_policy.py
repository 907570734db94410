"""A policy's value from offers that were drawn at random."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.models.metrics import Resampling
from scoring.models.off_policy import Logged, compare

pytestmark = pytest.mark.unit


def shown(*, personal: bool, rows: int = 4_000) -> tuple[Logged, np.ndarray]:
    """Two arms, 70:30. Where `personal`, each suits half; else the first suits all."""
    random = np.random.default_rng(1)
    chances = np.array([0.7, 0.3])
    arms = random.choice(2, rows, p=chances)
    suited = (random.random(rows) < 0.5).astype(int)
    liked = np.where(personal, arms == suited, arms == 0)
    outcomes = (random.random(rows) < np.where(liked, 0.4, 0.1)).astype(float)
    rewards = np.full((rows, 2), 0.2)
    return Logged(arms, chances[arms], outcomes, rewards), suited


def test_a_policy_that_knows_whom_what_suits_is_deployed() -> None:
    logged, suited = shown(personal=True)
    found = compare(logged, suited, 0, Resampling(np.arange(4_000)))
    for each in found.policy.values():
        assert each.low < 0.4 < each.high
    for each in found.single.values():
        assert each.low < 0.25 < each.high
    assert found.deploys


def test_a_policy_that_only_costs_falls_back() -> None:
    logged, suited = shown(personal=False)
    found = compare(logged, suited, 0, Resampling(np.arange(4_000)))
    assert not found.deploys


def test_a_policy_never_shown_has_no_value_and_is_not_deployed() -> None:
    logged = Logged(np.zeros(50, int), np.ones(50), np.ones(50), np.full((50, 2), 0.5))
    found = compare(logged, np.ones(50, int), 0, Resampling(np.arange(50)))
    assert np.isnan(found.policy["SNIPS"].value)
    assert not found.deploys
