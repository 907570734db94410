"""What a policy would have earned, from offers that were chosen at random with known chances.

Self-normalised inverse propensity (Swaminathan and Joachims 2015) and doubly robust (Dudik,
Langford, Li 2011). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from scoring.models.metrics import Interval, Resampling

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

#: Where nothing is known of how the chances came about: rarer choices than this weigh no more than
#: this; else one row decides.
LEAST_PROBABILITY = 0.01


@dataclass(frozen=True, slots=True)
class Logged:
    """By row: the arm that was shown, how likely it was, what came of it; `rewards` is what a
    model of the outcome says of every arm. What was less likely than `least` weighs no more than
    that."""

    arms: Whole
    probabilities: Floats
    outcomes: Floats
    rewards: Floats
    least: float = LEAST_PROBABILITY


@dataclass(frozen=True, slots=True)
class Comparison:
    """`policy` and `single` by SNIPS and DR; `gain` is the policy less the best single arm."""

    policy: dict[str, Interval]
    single: dict[str, Interval]
    gain: dict[str, Interval]

    @property
    def deploys(self) -> bool:
        """Only where both estimates say that it is better, at their lower bounds."""
        return all(each.low > 0 for each in self.gain.values())


def compare(logged: Logged, chosen: Whole, single: int, resampling: Resampling) -> Comparison:
    """`chosen`: the policy's arm by row; `single`: the arm to beat."""
    alone = np.full(len(chosen), single)
    policy, one, gain = {}, {}, {}
    for name, value in (("SNIPS", snips), ("DR", doubly_robust)):
        of_policy, of_single = partial(value, logged, chosen), partial(value, logged, alone)
        policy[name] = resampling.interval(of_policy)
        one[name] = resampling.interval(of_single)
        gain[name] = resampling.difference(of_policy, of_single)
    return Comparison(policy, one, gain)


@dataclass(frozen=True, slots=True)
class Ratio:
    """An estimate: by row what is summed up above and below, for any weights."""

    above: Floats
    below: Floats

    def value(self, weight: Floats) -> float:
        """NaN where nothing is below."""
        total = float(weight @ self.below)
        return float(weight @ self.above) / total if total else float("nan")


def snips(logged: Logged, chosen: Whole, weight: Floats) -> float:
    """NaN where the policy never agrees with what was shown."""
    return snips_of(logged, chosen).value(weight)


def doubly_robust(logged: Logged, chosen: Whole, weight: Floats) -> float:
    """The model's word for the chosen arm, put right where that arm was shown."""
    return doubly_robust_of(logged, chosen).value(weight)


def snips_of(logged: Logged, chosen: Whole) -> Ratio:
    importance = _importance(logged, chosen)
    return Ratio(importance * logged.outcomes, importance)


def doubly_robust_of(logged: Logged, chosen: Whole) -> Ratio:
    rows = np.arange(len(chosen))
    said = logged.rewards[rows, chosen]
    of_shown = logged.rewards[rows, logged.arms]
    put_right = _importance(logged, chosen) * (logged.outcomes - of_shown)
    return Ratio(said + put_right, np.ones(len(chosen)))


def _importance(logged: Logged, chosen: Whole) -> Floats:
    chance = np.maximum(logged.probabilities, logged.least)
    return np.asarray((chosen == logged.arms) / chance)
