"""What an evaluation says: each figure of our model beside its baselines, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from scoring.models.metrics import Interval, Metric, Resampling

MODEL = "model"


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric. `others` are the baselines by name; `gain` is how much better the model is than
    the best of them (above 0 is better, whichever way the metric counts), paired by contact."""

    name: str
    higher_is_better: bool
    model: Interval
    others: Mapping[str, Interval]
    best_other: str | None
    gain: Interval | None

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `no difference` where the interval of the gain holds 0."""
        if self.gain is None:
            return "nothing to compare with"
        if self.gain.low > 0:
            return "better"
        return "worse" if self.gain.high < 0 else "no difference"


@dataclass(frozen=True, slots=True)
class Section:
    """Figures of the same rows."""

    title: str
    rows: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`facts` are what was read and how, in the order to show; `notes` what to be aware of."""

    kind: str
    file: str
    facts: Mapping[str, object]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = field(default=())


#: Told what is being done, how much of it, and how much there is.
Progress = Callable[[str, int, int], None]


def silent(_what: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def compared(
    name: str,
    metrics: Mapping[str, Metric],
    resampling: Resampling,
    *,
    higher_is_better: bool,
) -> Figure:
    """`metrics` by model; ours is `MODEL`."""
    ours = resampling.interval(metrics[MODEL])
    others = {
        other: resampling.interval(metric) for other, metric in metrics.items() if other != MODEL
    }
    known = {other: found.value for other, found in others.items() if found.value == found.value}
    if not known:
        return Figure(name, higher_is_better, ours, others, None, None)
    best = (max if higher_is_better else min)(known, key=lambda other: known[other])
    first, second = (MODEL, best) if higher_is_better else (best, MODEL)
    gain = resampling.difference(metrics[first], metrics[second])
    return Figure(name, higher_is_better, ours, others, best, gain)
