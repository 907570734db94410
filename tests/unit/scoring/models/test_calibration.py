"""A calibrator is taken only where the next block says so."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from scoring.models import calibration
from scoring.models.calibration import accepted, fit_isotonic, fit_platt, fit_shift, unchanged
from scoring.models.metrics import ece, log_loss

pytestmark = pytest.mark.unit


def block(seed: int, *, off: float = 0.0, rows: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    margin = random.normal(-0.5, 1.5, rows)
    truth = (random.random(rows) < expit(margin)).astype(float)
    return truth, expit(margin + off)


def test_a_level_that_is_off_is_put_right() -> None:
    truth, chance = block(1, off=1.2)
    assert fit_shift(truth, chance).by == pytest.approx(-1.2, abs=0.15)


def test_a_calibrator_that_helps_the_next_block_is_taken() -> None:
    found = accepted(block(1, off=1.5), block(2, off=1.5))
    truth, chance = block(3, off=1.5)
    assert log_loss(truth, found(chance)) < log_loss(truth, chance)
    assert ece(truth, found(chance)) < 0.03


def test_a_stale_calibrator_is_refused() -> None:
    assert accepted(block(1, off=1.5), block(2, off=0.0)) is unchanged


def test_too_few_outcomes_calibrate_nothing() -> None:
    truth, chance = block(1, off=1.5, rows=30)
    assert accepted((truth, chance), block(2, off=1.5)) is unchanged


def test_isotonic_steps_never_fall() -> None:
    truth, chance = block(4)
    found = fit_isotonic(truth, chance)(np.linspace(0, 1, 200))
    assert (np.diff(found) >= 0).all()
    assert ((found > 0) & (found < 1)).all()


def test_platt_finds_the_line() -> None:
    truth, chance = block(5)
    steep = expit(2 * calibration.logits(chance))
    assert fit_platt(truth, steep).slope == pytest.approx(0.5, abs=0.06)
