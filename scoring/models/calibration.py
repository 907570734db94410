"""Puts probabilities right, if the next block says so: a stale calibrator is worse than none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from scoring.models.linear import train_logistic
from scoring.models.metrics import log_loss

Floats = NDArray[np.float64]

#: Isotonic steps need more positives than this; below, two numbers are enough (Platt).
ISOTONIC_POSITIVES = 1_000
#: Fewer of either outcome say nothing of calibration.
LEAST_OF_EACH = 20


class Calibrator(Protocol):
    def __call__(self, probability: Floats) -> Floats: ...


def unchanged(probability: Floats) -> Floats:
    return probability


@dataclass(frozen=True, slots=True)
class Shift:
    """All logits moved by one number: the level changed, the order did not."""

    by: float

    def __call__(self, probability: Floats) -> Floats:
        return np.asarray(expit(logits(probability) + self.by))


@dataclass(frozen=True, slots=True)
class Platt:
    slope: float
    constant: float

    def __call__(self, probability: Floats) -> Floats:
        return np.asarray(expit(self.constant + self.slope * logits(probability)))


@dataclass(frozen=True, slots=True)
class Isotonic:
    """Between steps in proportion."""

    at: Floats
    share: Floats

    def __call__(self, probability: Floats) -> Floats:
        return np.asarray(np.interp(probability, self.at, self.share))


def logits(probability: Floats) -> Floats:
    return np.asarray(logit(np.clip(probability, 1e-6, 1 - 1e-6)))


def fit_shift(truth: Floats, probability: Floats) -> Shift:
    """So that the forecasts' mean is the share that came; drawn towards none by 20 rows."""
    low, high, margin = -5.0, 5.0, logits(probability)
    wanted = truth.sum() + 10 * (0.5 + probability.mean())
    pull = 20 * probability.mean() + 10 * (0.5 - probability.mean())
    for _ in range(40):
        middle = (low + high) / 2
        if expit(margin + middle).sum() + pull < wanted:
            low = middle
        else:
            high = middle
    return Shift((low + high) / 2)


def fit_platt(truth: Floats, probability: Floats) -> Platt:
    """Platt (1999), with his smoothed targets."""
    good = truth.sum()
    bad = len(truth) - good
    target = np.where(truth > 0, (good + 1) / (good + 2), 1 / (bad + 2))
    margin = logits(probability)
    model = train_logistic(margin[:, None].astype(np.float32), target, pull=1e-3)
    slope = float(model.weights[1] / model.spread[0])
    return Platt(slope, float(model.weights[0] - slope * model.centre[0]))


def fit_isotonic(truth: Floats, probability: Floats) -> Isotonic:
    """Pool adjacent violators."""
    order = np.argsort(probability, kind="stable")
    means: list[float] = []
    sizes: list[float] = []
    for value in truth[order]:
        means.append(float(value))
        sizes.append(1.0)
        while len(means) > 1 and means[-2] >= means[-1]:
            size = sizes[-2] + sizes[-1]
            means[-2] = (means[-2] * sizes[-2] + means[-1] * sizes[-1]) / size
            sizes[-2] = size
            del means[-1], sizes[-1]
    ends = np.cumsum(sizes).astype(np.int64)
    starts = ends - np.array(sizes, dtype=np.int64)
    ranked = probability[order]
    at = np.array([ranked[a:b].mean() for a, b in zip(starts, ends, strict=True)])
    return Isotonic(at, np.clip(np.array(means), 1e-4, 1 - 1e-4))


def accepted(fitted_on: tuple[Floats, Floats], next_block: tuple[Floats, Floats]) -> Calibrator:
    """Each pair is (truth, probability). The calibrator fitted on the first, where it lowers the
    log loss of the second; else `unchanged`."""
    truth, probability = fitted_on
    if min(truth.sum(), len(truth) - truth.sum()) < LEAST_OF_EACH:
        return unchanged
    candidates: list[Calibrator] = [fit_platt(truth, probability)]
    if truth.sum() >= ISOTONIC_POSITIVES:
        candidates.append(fit_isotonic(truth, probability))
    best: Calibrator = unchanged
    least = log_loss(*next_block)
    for candidate in candidates:
        loss = log_loss(next_block[0], candidate(next_block[1]))
        if loss < least:
            best, least = candidate, loss
    return best


def level(truth: Floats, margin: Floats, weight: Floats) -> float:
    """What has to be added to all margins for the mean forecast to be the share that came."""
    wanted = float(weight @ truth)
    low, high = -12.0, 12.0
    for _ in range(50):
        middle = (low + high) / 2
        if float(weight @ expit(margin + middle)) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
