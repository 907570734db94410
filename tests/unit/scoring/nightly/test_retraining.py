"""Which models the night trains again, and which it leaves alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from scoring.drift.findings import Finding, Level
from scoring.nightly.retraining import OLD, YOUNG, kinds_due
from scoring.registry.card import ModelKind
from scoring.registry.registry import ModelRegistry
from tests.unit.scoring.serving.random_models import TRAINED_AT, booster_of, card_of

pytestmark = pytest.mark.unit

CHURN = ModelKind.CHURN
OTHERS = {kind for kind in ModelKind if kind is not CHURN}


def finding(model: str, level: Level) -> Finding:
    return Finding(model, "psi", "spend", level, 0.4, 0.0, 500, "moved", "")


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    registry = ModelRegistry(tmp_path / "models")
    registry.add(card_of(trained_at=TRAINED_AT), booster_of(1))
    return registry


def test_what_was_never_trained_is_due(tmp_path: Path, registry: ModelRegistry) -> None:
    assert set(kinds_due(ModelRegistry(tmp_path / "none"), (), TRAINED_AT)) == set(ModelKind)
    assert set(kinds_due(registry, (), TRAINED_AT)) == OTHERS


@pytest.mark.parametrize("days", [0, 8, OLD.days - 1])
def test_a_young_model_that_does_not_drift_stays(registry: ModelRegistry, days: int) -> None:
    steady = [finding("churn", level) for level in Level if level is not Level.RETRAIN]
    others = [finding("offers", Level.RETRAIN)]
    found = kinds_due(registry, [*steady, *others], TRAINED_AT + timedelta(days=days))
    assert CHURN not in found


def test_an_old_model_is_due_whatever_is_measured(registry: ModelRegistry) -> None:
    found = kinds_due(registry, (), TRAINED_AT + OLD)
    assert found[CHURN] == "the last one was 30 days old"
    # A clock that was set back by years.
    assert CHURN in kinds_due(registry, (), TRAINED_AT - OLD)


@pytest.mark.parametrize("model", ["churn", ""])
def test_drift_is_a_reason_once_there_is_something_new_to_learn(
    registry: ModelRegistry, model: str
) -> None:
    drifts = [finding(model, Level.RETRAIN), finding(model, Level.RETRAIN)]
    assert kinds_due(registry, drifts, TRAINED_AT + YOUNG)[CHURN] == "drift of psi"
    assert CHURN not in kinds_due(registry, drifts, TRAINED_AT + YOUNG - timedelta(hours=1))


def test_a_version_that_nobody_promoted_counts(registry: ModelRegistry) -> None:
    later = TRAINED_AT + OLD
    registry.add(card_of(trained_at=later), booster_of(2))
    assert CHURN not in kinds_due(registry, (), later + timedelta(days=1))
