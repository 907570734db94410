"""What one choice of offers earns a call above another, and how sure that is at any level. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from scoring.models.metrics import Resampling
from scoring.models.off_policy import Logged, Ratio, doubly_robust_of, snips_of

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

#: What is told where no look is spent.
PLAIN = 0.05


@dataclass(frozen=True, slots=True)
class Estimated:
    """`spread` is the standard deviation of what whole contacts drawn anew give, `freedom` how many
    independent things it was found from: tails are as thick as Student's with so many."""

    value: float
    spread: float
    freedom: int

    def bounds(self, alpha: float) -> tuple[float, float]:
        """Both ends of the interval that misses the truth with the chance `alpha`. Quantiles of a
        few hundred draws end at 1 in 200; a look may ask for 1 in 100,000."""
        reach = -float(stdtrit(max(self.freedom, 1), alpha / 2)) * self.spread
        return self.value - reach, self.value + reach

    def told(self, alpha: float) -> dict[str, float | None]:
        """NaN is no JSON."""
        low, high = self.bounds(alpha)
        found = {"value": self.value, "low": low, "high": high}
        return {name: float(one) if np.isfinite(one) else None for name, one in found.items()}


@dataclass(frozen=True, slots=True)
class Compared:
    ours: Estimated
    theirs: Estimated
    gain: Estimated

    def told(self, alpha: float) -> Mapping[str, Any]:
        return {
            "personal": self.ours.told(PLAIN),
            "best_single": self.theirs.told(PLAIN),
            "gain": self.gain.told(alpha),
        }


def compared(
    logged: Logged, ours: Whole, theirs: Whole, resampling: Resampling, freedom: int
) -> Mapping[str, Compared]:
    """By SNIPS and DR. `ours` and `theirs` are the arms chosen, by row."""
    ratios = [
        of(logged, chosen) for of in (snips_of, doubly_robust_of) for chosen in (ours, theirs)
    ]
    sums = resampling.sums(np.column_stack([part for one in ratios for part in _parts(one)]))
    drawn = [_divided(sums[:, 2 * place], sums[:, 2 * place + 1]) for place in range(len(ratios))]
    freedom = min(freedom, len(sums) - 1)
    values = [one.value(np.ones(len(ours))) for one in ratios]
    found = {}
    for place, name in ((0, "SNIPS"), (2, "DR")):
        found[name] = Compared(
            _estimated(values[place], drawn[place], freedom),
            _estimated(values[place + 1], drawn[place + 1], freedom),
            _estimated(values[place] - values[place + 1], drawn[place] - drawn[place + 1], freedom),
        )
    return found


def _parts(ratio: Ratio) -> tuple[Floats, Floats]:
    return ratio.above, ratio.below


def _divided(above: Floats, below: Floats) -> Floats:
    nothing: Floats = np.full(len(above), np.nan)
    return np.asarray(np.divide(above, below, out=nothing, where=below != 0))


def _estimated(value: float, drawn: Floats, freedom: int) -> Estimated:
    """A spread of NaN, and so no bound, where even one draw had no answer: so few rows say it."""
    spread = float(np.std(drawn, ddof=1)) if len(drawn) > 1 else float("nan")
    return Estimated(value, spread, freedom)
