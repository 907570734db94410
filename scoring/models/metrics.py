"""How good a forecast was. All take weights, so that a bootstrap counts instead of copying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: A figure of rows that count so often each.
Metric = Callable[[Floats], float]

#: Forecasts nearer to 0 or 1 than this are taken as this far away: one wrong one costs 34, not
#: infinity.
LEAST_PROBABILITY = 1e-15
ECE_BINS = 10
#: Rows drawn for one interval, of all rounds together; more rows have fewer rounds.
_MOST_DRAWN = 40_000_000
#: Drawn contacts in memory.
_MOST_AT_ONCE = 2_000_000


def auc(truth: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Probability that a positive is ranked above a negative, ties half; NaN of one class only."""
    return SortedByScore(truth, score).auc(_ones(truth, weight))


def log_loss(truth: Floats, probability: Floats, weight: Floats | None = None) -> float:
    """Natural logarithm."""
    sure = np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    losses = -(truth * np.log(sure) + (1 - truth) * np.log1p(-sure))
    return _mean(losses, weight)


def ece(
    truth: Floats, probability: Floats, weight: Floats | None = None, *, bins: int = ECE_BINS
) -> float:
    """Expected calibration error: distance of forecast and share in bins of equal width (Guo et
    al. 2017), weighed by how many fall in each."""
    weight = _ones(truth, weight)
    which = np.minimum((np.clip(probability, 0, 1) * bins).astype(np.int64), bins - 1)
    gap = np.bincount(which, weights=weight * (probability - truth), minlength=bins)
    total = float(weight.sum())
    return float(np.abs(gap).sum() / total) if total else float("nan")


def alift(truth: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Area under the cumulative gain curve (Moro, Cortez, Rita 2014): 0.5 of a coin."""
    rate = _mean(truth, weight)
    return rate / 2 + (1 - rate) * auc(truth, score, weight)


def gain_at(
    truth: Floats, score: Floats, weight: Floats | None = None, *, share: float = 0.5
) -> float:
    """Share of all positives found when the best-ranked `share` of rows is contacted."""
    return SortedByScore(truth, score).gain_at(_ones(truth, weight), share)


def mae(truth: Floats, forecast: Floats, weight: Floats | None = None) -> float:
    return _mean(np.abs(truth - forecast), weight)


def rmse(truth: Floats, forecast: Floats, weight: Floats | None = None) -> float:
    return float(np.sqrt(_mean((truth - forecast) ** 2, weight)))


def correlation(truth: Floats, forecast: Floats, weight: Floats | None = None) -> float:
    """Pearson's; NaN where one side never varies."""
    weight = _ones(truth, weight)
    here, there = truth - _mean(truth, weight), forecast - _mean(forecast, weight)
    spread = np.sqrt(float(weight @ here**2) * float(weight @ there**2))
    return float(weight @ (here * there)) / spread if spread > 0 else float("nan")


class SortedByScore:
    """Sorted once, for the many weights of a bootstrap."""

    def __init__(self, truth: Floats, score: Floats) -> None:
        self._order = np.argsort(-score, kind="stable")
        self._truth = np.asarray(truth, dtype=np.float64)[self._order]
        ranked = score[self._order]
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))

    def auc(self, weight: Floats) -> float:
        weight = weight[self._order]
        good = np.cumsum(weight * self._truth)[self._ends]
        bad = np.cumsum(weight * (1 - self._truth))[self._ends]
        if not len(good) or not good[-1] or not bad[-1]:
            return float("nan")
        found = np.diff(good, prepend=0.0)
        # Each positive is above all negatives not yet passed, and ties with those of its step.
        above = bad[-1] - bad + np.diff(bad, prepend=0.0) / 2
        return float(found @ above / (good[-1] * bad[-1]))

    def gain_at(self, weight: Floats, share: float) -> float:
        weight = weight[self._order]
        contacted = np.concatenate(([0.0], np.cumsum(weight)[self._ends]))
        good = np.concatenate(([0.0], np.cumsum(weight * self._truth)[self._ends]))
        if not good[-1]:
            return float("nan")
        return float(np.interp(share * contacted[-1], contacted, good) / good[-1])


def ndcg_at(relevant: Floats, ranked: NDArray[np.int64], k: int) -> float:
    """Of one list: `relevant` is 1 or 0 by item, `ranked` the items best first; NaN where nothing
    is relevant."""
    wanted = int(min(k, relevant.sum()))
    if not wanted:
        return float("nan")
    discounts = 1 / np.log2(np.arange(2, k + 2))
    top = ranked[:k]
    return float(relevant[top] @ discounts[: len(top)] / discounts[:wanted].sum())


@dataclass(frozen=True, slots=True)
class Interval:
    """`value` of all rows, and where 95 % of the resampled ones fell."""

    value: float
    low: float
    high: float


def groups_of(contacts: NDArray[np.generic]) -> NDArray[np.int64]:
    """Numbers 0.. by contact, for `Resampling`."""
    return np.asarray(np.unique(contacts, return_inverse=True)[1], dtype=np.int64).reshape(-1)


class Resampling:
    """Draws contacts with all their rows. The draws are the same for every metric of one
    object: differences of two models are paired."""

    def __init__(self, groups: NDArray[np.int64], *, rounds: int = 400, seed: int = 7) -> None:
        self._groups = groups
        self._rounds = int(np.clip(_MOST_DRAWN / max(len(groups), 1), 40, rounds))
        self._seed = seed

    def interval(self, metric: Metric) -> Interval:
        ones = np.ones(len(self._groups))
        if not len(self._groups):
            return Interval(float("nan"), float("nan"), float("nan"))
        drawn = np.array([metric(weight) for weight in self._weights()])
        drawn = drawn[np.isfinite(drawn)]
        value = metric(ones)
        if not len(drawn):
            return Interval(value, float("nan"), float("nan"))
        low, high = np.quantile(drawn, (0.025, 0.975))
        return Interval(value, float(low), float(high))

    def sums(self, columns: Floats) -> Floats:
        """By round what each of `columns` (rows x columns) sums up to: for figures that are made of
        sums a hundredfold quicker than a metric a round, of the very same draws."""
        rounds, count = self._rounds, columns.shape[1]
        if not len(self._groups):
            return np.zeros((rounds, count))
        of_group = np.column_stack([np.bincount(self._groups, column) for column in columns.T])
        number = len(of_group)
        random = np.random.default_rng(self._seed)
        at_once = max(1, _MOST_AT_ONCE // number)
        found = []
        for begun in range(0, rounds, at_once):
            some = min(at_once, rounds - begun)
            drawn = random.integers(0, number, (some, number))
            drawn += number * np.arange(some)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=some * number).reshape(some, number)
            found.append(counts @ of_group)
        return np.concatenate(found)

    def difference(self, ours: Metric, theirs: Metric) -> Interval:
        return self.interval(lambda weight: ours(weight) - theirs(weight))

    def _weights(self) -> Iterator[Floats]:
        random = np.random.default_rng(self._seed)
        number = int(self._groups.max()) + 1
        for _ in range(self._rounds):
            drawn = np.bincount(random.integers(0, number, number), minlength=number)
            yield drawn.astype(np.float64)[self._groups]


def _ones(truth: Floats, weight: Floats | None) -> Floats:
    return np.ones(len(truth)) if weight is None else weight


def _mean(values: Floats, weight: Floats | None) -> float:
    weight = _ones(values, weight)
    total = float(weight.sum())
    return float(weight @ values) / total if total else float("nan")
