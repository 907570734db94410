"""Forecasts of past test blocks beside what came, and the figures of a card made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from scoring.models.calibration import fit_platt, logits
from scoring.models.metrics import (
    Interval,
    Resampling,
    SortedByScore,
    correlation,
    ece,
    groups_of,
    rmse,
)
from scoring.registry.card import Measured, Platt, Reliable

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
#: A loss of each row: the mean of it is what the gate compares.
Loss = Callable[[Floats, Floats], Floats]

ROUNDS = 200
#: Fewer rows of a slice say nothing.
LEAST_IN_SLICE = 30
_LEAST_OF_EACH = 20
_BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """`block` is 0 for the latest; `who` numbers the contacts, for resampling. `others` are the
    baselines' forecasts of the same rows, `slices` which rows each slice holds."""

    truth: Floats
    ours: Floats
    who: NDArray[np.int64]
    block: NDArray[np.int64]
    others: Mapping[str, Floats]
    slices: Mapping[str, Bools] = field(default_factory=lambda: MappingProxyType({}))
    #: Of the version in use, on blocks that it had not seen; NaN elsewhere.
    champion: Floats | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def kept(self, which: Bools) -> Judged:
        return replace(
            self,
            truth=self.truth[which],
            ours=self.ours[which],
            who=self.who[which],
            block=self.block[which],
            others={name: each[which] for name, each in self.others.items()},
            slices={name: each[which] for name, each in self.slices.items()},
            champion=None if self.champion is None else self.champion[which],
        )


def joined(parts: list[Judged]) -> Judged:
    """Of several blocks; each has the same baselines and slices."""
    first = parts[0]
    champions = [part.champion for part in parts]
    return Judged(
        truth=np.concatenate([part.truth for part in parts]),
        ours=np.concatenate([part.ours for part in parts]),
        who=np.concatenate([part.who for part in parts]),
        block=np.concatenate([part.block for part in parts]),
        others={
            name: np.concatenate([part.others[name] for part in parts]) for name in first.others
        },
        slices={
            name: np.concatenate([part.slices[name] for part in parts]) for name in first.slices
        },
        champion=None
        if all(each is None for each in champions)
        else np.concatenate(
            [
                np.full(len(part), np.nan) if each is None else each
                for part, each in zip(parts, champions, strict=True)
            ]
        ),
    )


def log_losses(truth: Floats, chance: Floats) -> Floats:
    margin = logits(chance)
    return np.asarray(np.logaddexp(0.0, margin) - truth * margin)


def poisson_losses(truth: Floats, expected: Floats) -> Floats:
    """Half of the Poisson deviance, but for what does not depend on the forecast."""
    sure = np.maximum(expected, 1e-6)
    return np.asarray(sure - truth * np.log(sure))


def resampling(judged: Judged) -> Resampling:
    return Resampling(groups_of(judged.who), rounds=ROUNDS)


def gain_over(judged: Judged, other: Floats, loss: Loss) -> Interval:
    """How much smaller our loss is, by contacts drawn anew; above 0 is better."""
    gains = loss(judged.truth, other) - loss(judged.truth, judged.ours)
    return resampling(judged).interval(
        lambda weight: float(weight @ gains) / max(float(weight.sum()), 1e-9)
    )


def calibrated(judged: Judged) -> tuple[Judged, Platt | None]:
    """Fitted on older blocks, kept only if it lowers the log loss of the next one: a stale
    calibration is worse than none. What is kept is fitted on all blocks."""
    older, newest = judged.block > 0, judged.block == 0
    truth = judged.truth[older]
    if min(truth.sum(), len(truth) - truth.sum()) < _LEAST_OF_EACH or not newest.any():
        return judged, None
    fitted = fit_platt(truth, judged.ours[older])
    moved = fitted(judged.ours[newest])
    before = log_losses(judged.truth[newest], judged.ours[newest]).mean()
    if not log_losses(judged.truth[newest], moved).mean() < before:
        return judged, None
    whole = fit_platt(judged.truth, judged.ours)
    ours = judged.ours.copy()
    ours[newest] = moved
    return replace(judged, ours=ours), Platt(a=whole.slope, b=whole.constant)


def lifted(platt: Platt | None, by: float) -> Platt:
    """The calibration of margins to which `by` is added first."""
    if platt is None:
        return Platt(a=1.0, b=by)
    return Platt(a=platt.a, b=platt.b + platt.a * by)


def chance_figures(
    judged: Judged, forecast: Floats, *, rounds: int = ROUNDS
) -> dict[str, Measured]:
    """Of a probability: log_loss, auc, ece."""
    draws = Resampling(groups_of(judged.who), rounds=rounds)
    losses = log_losses(judged.truth, forecast)
    ranked = SortedByScore(judged.truth, forecast)
    return _finite(
        {
            "auc": draws.interval(ranked.auc),
            "log_loss": draws.interval(lambda weight: _mean(losses, weight)),
            "ece": draws.interval(lambda weight: ece(judged.truth, forecast, weight)),
        }
    )


def count_figures(judged: Judged, forecast: Floats, *, rounds: int = ROUNDS) -> dict[str, Measured]:
    """Of an expected count: deviance, mae, rmse, correlation."""
    draws = Resampling(groups_of(judged.who), rounds=rounds)
    losses = poisson_losses(judged.truth, forecast)
    apart = np.abs(judged.truth - forecast)
    return _finite(
        {
            "mae": draws.interval(lambda weight: _mean(apart, weight)),
            "rmse": draws.interval(lambda weight: rmse(judged.truth, forecast, weight)),
            "correlation": draws.interval(
                lambda weight: correlation(judged.truth, forecast, weight)
            ),
            "poisson_loss": draws.interval(lambda weight: _mean(losses, weight)),
        }
    )


def reliability(judged: Judged) -> tuple[Reliable, ...]:
    """Rows in ten groups of like forecasts."""
    if not len(judged):
        return ()
    order = np.argsort(judged.ours, kind="stable")
    return tuple(
        Reliable(
            forecast=float(judged.ours[part].mean()),
            came=float(judged.truth[part].mean()),
            rows=len(part),
        )
        for part in np.array_split(order, _BINS)
        if len(part)
    )


def slice_figures(
    judged: Judged, figures: Callable[..., dict[str, Measured]]
) -> dict[str, dict[str, Measured]]:
    found = {}
    for name, which in judged.slices.items():
        if which.sum() >= LEAST_IN_SLICE:
            part = judged.kept(which)
            found[name] = figures(part, part.ours, rounds=ROUNDS // 2)
    return found


def numbers_of(who: list[str]) -> NDArray[np.int64]:
    """For `Judged.who`: the same for a contact wherever it stands."""
    known: dict[str, int] = {}
    for name in who:
        if name not in known:
            digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=7)
            known[name] = int.from_bytes(digest.digest(), "big")
    return np.array([known[name] for name in who], dtype=np.int64)


def mean_of(values: Floats) -> Callable[[Floats], float]:
    return lambda weight: _mean(values, weight)


def _mean(values: Floats, weight: Floats) -> float:
    return float(weight @ values) / max(float(weight.sum()), 1e-9)


def _finite(found: Mapping[str, Interval]) -> dict[str, Measured]:
    """Figures of rows that say nothing (one outcome only) are left out."""
    return {
        name: Measured(
            value=each.value,
            low=each.low if np.isfinite(each.low) else None,
            high=each.high if np.isfinite(each.high) else None,
        )
        for name, each in found.items()
        if np.isfinite(each.value)
    }
