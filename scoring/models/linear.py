"""Ridge logistic regression: few numbers, little variance; good company for trees. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

#: Further from the middle than so many standard deviations counts as so far.
_MOST_SPREADS = 4.0
_STEPS = 12


@dataclass(frozen=True, slots=True)
class Logistic:
    """`weights`: the constant first, then one per column."""

    weights: Floats
    centre: Floats
    spread: Floats

    def answers(self, rows: NDArray[np.float32], *, margin: Floats | None = None) -> Floats:
        """Probabilities. NaN counts as the middle of its column."""
        offset = 0.0 if margin is None else margin
        return np.asarray(expit(offset + _designed(rows, self.centre, self.spread) @ self.weights))


def train_logistic(
    rows: NDArray[np.float32],
    truth: Floats,
    *,
    pull: float = 100.0,
    margin: Floats | None = None,
    start: Logistic | None = None,
) -> Logistic:
    """`pull`: the ridge's strength. `start`: the last model, from which the way is short."""
    wide = rows.astype(np.float64)
    wide[~np.isfinite(wide)] = np.nan
    seen = np.isfinite(wide)
    counts = np.maximum(seen.sum(axis=0), 1)
    centre = np.where(seen, wide, 0.0).sum(axis=0) / counts
    spread = np.sqrt(np.where(seen, (wide - centre) ** 2, 0.0).sum(axis=0) / counts)
    spread = np.where(spread > 1e-9, spread, 1.0)
    design = _designed(rows, centre, spread)
    offset = np.zeros(len(rows)) if margin is None else margin
    ridge = np.full(design.shape[1], pull)
    ridge[0] = 1e-3
    weights = np.zeros(design.shape[1])
    if start is not None and len(start.weights) == len(weights):
        weights = start.weights.copy()
    return Logistic(_solved(design, truth, offset, ridge, weights), centre, spread)


def _solved(
    design: Floats, truth: Floats, offset: Floats, ridge: Floats, weights: Floats
) -> Floats:
    """Newton's steps, each halved until the loss falls."""
    loss = _loss(design, truth, offset, ridge, weights)
    for _ in range(_STEPS):
        chance = expit(offset + design @ weights)
        slope = design.T @ (chance - truth) + ridge * weights
        bend = (design.T * np.maximum(chance * (1 - chance), 1e-6)) @ design
        bend[np.diag_indices_from(bend)] += ridge
        step = np.linalg.solve(bend, slope)
        size = 1.0
        moved = weights - step
        found = _loss(design, truth, offset, ridge, moved)
        while found > loss and size > 1e-3:
            size /= 2
            moved = weights - size * step
            found = _loss(design, truth, offset, ridge, moved)
        if not found < loss:
            break
        gained, weights, loss = loss - found, moved, found
        if gained < 1e-6 * len(truth):
            break
    return weights


def _loss(design: Floats, truth: Floats, offset: Floats, ridge: Floats, weights: Floats) -> float:
    margin = offset + design @ weights
    return float(np.sum(np.logaddexp(0, margin) - truth * margin) + ridge @ weights**2 / 2)


def _designed(rows: NDArray[np.float32], centre: Floats, spread: Floats) -> Floats:
    moved = (rows.astype(np.float64) - centre) / spread
    moved = np.clip(np.nan_to_num(moved, posinf=0.0, neginf=0.0), -_MOST_SPREADS, _MOST_SPREADS)
    return np.column_stack((np.ones(len(rows)), moved))
