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


class Pairing:
    """Arm and control, one of each, by turns; only who waits for one of the other is kept."""

    def __init__(self) -> None:
        self._waiting: list[bool] = []
        self._of_arm = False

    def of(self, seen: Iterable[Seen]) -> Sequence[tuple[bool, bool]]:
        """The pairs that these callers complete: whether arm's and control's were bad."""
        pairs: list[tuple[bool, bool]] = []
        waiting = self._waiting
        for one in seen:
            if waiting and one.is_arm != self._of_arm:
                other = waiting.pop(0)
                pairs.append((one.is_bad, other) if one.is_arm else (other, one.is_bad))
                continue
            self._of_arm = one.is_arm
            waiting.append(one.is_bad)
            del waiting[:-MOST_WAITING]
        return pairs


class Harm:
    """Told caller by caller, in the order that it came to be known; however many there are, it
    keeps a few numbers."""

    def __init__(self, *, alpha: float) -> None:
        self._limit = 1 / alpha
        self._pairing = Pairing()
        self._pairs, self._bad = 0, 0.0
        self._grown = np.zeros(len(_SIZES))
        self._most = 0.0

    def add(self, seen: Iterable[Seen]) -> None:
        pairs = self._pairing.of(seen)
        if not pairs:
            return
        bad = np.array(pairs, dtype=np.float64)
        grown = _grown(bad, pairs=self._pairs, known=self._bad, before=self._grown)
        self._most = max(self._most, float(_log_evidence(grown).max()))
        self._pairs, self._bad = self._pairs + len(pairs), self._bad + float(bad.sum())
        self._grown = grown[-1]

    @property
    def evidence(self) -> Evidence:
        return Evidence(float(np.exp(self._most)), self._pairs, self._limit)


def evidence_of_harm(seen: Iterable[Seen], *, alpha: float) -> Evidence:
    """Of all at once."""
    harm = Harm(alpha=alpha)
    harm.add(seen)
    return harm.evidence


def _grown(
    bad: Floats, *, pairs: int = 0, known: float = 0.0, before: Floats | None = None
) -> Floats:
    """After each pair, by size of harm: the logarithm of all factors so far. `bad` has a column for
    the arm and one for the control; `pairs`, `known` (how many of them were bad) and `before` are
    of those that came earlier."""
    # What is supposed of a pair was learned of those before it only.
    seen = (pairs + np.arange(len(bad))) * 2
    bad_before = known + np.concatenate(([0.0], bad.sum(axis=1).cumsum()[:-1]))
    pooled = (bad_before + 0.5) / (seen + 2.0)
    logit = np.log(pooled / (1 - pooled))[:, None]
    of_arm = 1 / (1 + np.exp(-(logit + _SIZES / 2)))
    of_control = 1 / (1 + np.exp(-(logit - _SIZES / 2)))
    mean = (of_arm + of_control) / 2
    factors = _likelier(bad[:, :1], of_arm, mean) + _likelier(bad[:, 1:], of_control, mean)
    if before is not None:
        factors[0] += before
    return np.asarray(factors.cumsum(axis=0))


def _log_evidence(grown: Floats) -> Floats:
    # Far beyond any limit; keeps exp() in its bounds.
    grown = np.minimum(grown, 600.0)
    return np.asarray(np.logaddexp.reduce(grown, axis=1) - np.log(len(_SIZES)))


def _likelier(bad: Floats, supposed: Floats, mean: Floats) -> Floats:
    return np.where(bad > 0, np.log(supposed / mean), np.log((1 - supposed) / (1 - mean)))
