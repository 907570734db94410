"""Does an arm do harm? Asked after every caller, and still right: an always-valid test. Pure.

Callers of the arm and of the control arm are compared in pairs, in the order they came. For each
pair the evidence is multiplied by how much likelier what happened is if the arm does harm than if
it does not (the e-variables of Turner, Ly and Grunwald, 2024, for two proportions; a mixture over
sizes of harm, as in a mixture SPRT). Where the arm is as good as the control or better, the
expected factor is at most 1 whatever both rates are: with a, b the rates that are supposed, m their
mean, and p, q the true ones, it is (1 + (p-m)d)(1 - (q-m)d) with d = (a-m)/(m(1-m)), which grows
with p, falls with q, and is 1 - ((p-m)d)^2 where they are equal. So the evidence ever reaches
1/alpha with a probability of at most alpha (Ville 1939), however often one looks; for any number
of callers, not only many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Of an arm that does no harm, over its whole life: the chance to be stopped, all guardrails
#: together. Shared out evenly.
ALPHA = 0.05
#: Harm that is supposed, as the odds' logarithm between arm and control.
_SIZES = np.array([0.15, 0.3, 0.6, 1.2, 2.4])
#: Callers kept waiting for one of the other arm: older ones are let go, whatever became of them,
#: for rates change with the hour.
MOST_WAITING = 50

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """One caller's outcome; `is_bad` is what a guardrail counts."""

    is_arm: bool
    is_bad: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """`value` is the most there ever was: 1 is none, and `limit` stops the arm."""

    value: float
    pairs: int
    limit: float

    @property
    def stops(self) -> bool:
        return self.value >= self.limit


def paired(seen: Iterable[Seen]) -> Sequence[tuple[bool, bool]]:
    """Arm and control, one of each, by turns."""
    pairs: list[tuple[bool, bool]] = []
    waiting: list[bool] = []
    of_arm = False
    for one in seen:
        if waiting and one.is_arm != of_arm:
            other = waiting.pop(0)
            pairs.append((one.is_bad, other) if one.is_arm else (other, one.is_bad))
            continue
        of_arm = one.is_arm
        waiting.append(one.is_bad)
        del waiting[:-MOST_WAITING]
    return pairs


def evidence_of_harm(seen: Iterable[Seen], *, alpha: float) -> Evidence:
    """`seen` in the order it came to be known."""
    limit = 1 / alpha
    pairs = paired(seen)
    if not pairs:
        return Evidence(1.0, 0, limit)
    bad = np.array(pairs, dtype=np.float64)
    return Evidence(float(np.exp(_log_evidence(bad).max(initial=0.0))), len(pairs), limit)


def _log_evidence(bad: Floats) -> Floats:
    """After each pair; `bad` has a column for the arm and one for the control."""
    # What is supposed of a pair was learned of those before it only.
    before = np.arange(len(bad)) * 2
    known = np.concatenate(([0.0], bad.sum(axis=1).cumsum()[:-1]))
    pooled = (known + 0.5) / (before + 2.0)
    logit = np.log(pooled / (1 - pooled))[:, None]
    of_arm = 1 / (1 + np.exp(-(logit + _SIZES / 2)))
    of_control = 1 / (1 + np.exp(-(logit - _SIZES / 2)))
    mean = (of_arm + of_control) / 2
    factors = _likelier(bad[:, :1], of_arm, mean) + _likelier(bad[:, 1:], of_control, mean)
    # Far beyond any limit; keeps exp() in its bounds.
    grown = np.minimum(factors.cumsum(axis=0), 600.0)
    return np.asarray(np.logaddexp.reduce(grown, axis=1) - np.log(len(_SIZES)))


def _likelier(bad: Floats, supposed: Floats, mean: Floats) -> Floats:
    return np.where(bad > 0, np.log(supposed / mean), np.log((1 - supposed) / (1 - mean)))
