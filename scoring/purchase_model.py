"""Who buys within a horizon, and how often: trees and a regression on top of Pareto/NBD.

Trained at several past days (origins), each with what was known then and what came after; nothing
after `cut` is looked at. How far the trees are trusted is decided by the last origin alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from scoring.features.purchase_features import counts_within, features_at, histories_of, matrix_of
from scoring.models import btyd
from scoring.models.boosting import POISSON, Boosted, Boosting, Matrix, train
from scoring.models.btyd import Histories, ParetoNbd
from scoring.models.calibration import logits
from scoring.models.linear import Logistic, train_logistic

Floats = NDArray[np.float64]

MAX_ORIGINS = 12
ORIGIN_STEP_DAYS = 7
#: Fewer customers at an origin than this teach nothing.
LEAST_CUSTOMERS = 50
#: An origin needs so much history, as a share of the horizon trained for.
LEAST_HISTORY = 0.5
#: A horizon longer than this share of the history is trained for with a shorter one.
LONGEST_HORIZON = 1 / 3
#: How far the logarithm of the trees' correction is followed; the inner split decides.
TRUSTS = (0.0, 0.5, 1.0)
#: Customers to whom Pareto/NBD is fitted at each origin.
MAX_FITTED_BEFORE = 3_000
#: Rows beyond are sampled for training.
MAX_ROWS = 400_000

#: The inner split decides which.
_SHAPES = (
    Boosting(
        trees=50, side_by_side=3, depth=2, learning_rate=0.05, least_weight=30, l2=20,
        column_share=0.4, row_share=0.6,
    ),
    Boosting(
        trees=50, side_by_side=3, depth=4, learning_rate=0.1, least_weight=60, l2=20,
        column_share=0.4, row_share=0.6,
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of each customer at a day."""

    customers: pl.Series
    rows: Matrix
    names: tuple[str, ...]
    histories: Histories
    pareto: ParetoNbd
    horizon_days: int

    @property
    def expected(self) -> Floats:
        return self.pareto.expected(self.histories, self.horizon_days)

    @property
    def buys(self) -> Floats:
        """A Poisson count of this mean is above 0. Pareto/NBD's own probability ranks worse on
        real data (CDNOW .767 for .772) and lies lower."""
        return np.asarray(-np.expm1(-self.expected))


@dataclass(frozen=True, slots=True)
class _Origin:
    known: Known
    counts: Floats


@dataclass(frozen=True, slots=True)
class PurchaseModel:
    """`trust` and `buys_trust` of 0: the history was too short, or the trees were no help."""

    horizon_days: int
    trained_for_days: int
    origins: tuple[date, ...]
    trust: float
    buys_trust: float
    trees: Boosted | None = None
    buying_trees: Boosted | None = None
    buying_line: Logistic | None = None

    def expected(self, known: Known) -> Floats:
        """Purchases within the horizon."""
        base = known.expected
        if self.trees is None or not self.trust:
            return base
        found = self.trees.answers(known.rows, margin=_log(base))
        moved = np.exp(_log(base) + self.trust * (_log(found) - _log(base)))
        if self.trained_for_days < self.horizon_days:
            # What a shorter horizon teaches of the level does not hold for the longer one.
            moved *= base.sum() / max(moved.sum(), 1e-9)
        return np.asarray(moved)

    def buys(self, known: Known) -> Floats:
        """P(at least one purchase within the horizon)."""
        base = known.buys
        if self.buying_trees is None or self.buying_line is None or not self.buys_trust:
            return base
        margin = logits(base)
        trees = self.buying_trees.answers(known.rows, margin=margin)
        line = self.buying_line.answers(_flattened(known.rows), margin=margin)
        joint = (logits(trees) + logits(line)) / 2
        return np.asarray(expit(margin + self.buys_trust * (joint - margin)))


def know(
    purchases: pl.DataFrame,
    day: date,
    horizon_days: int,
    *,
    like: ParetoNbd | None = None,
    most: int = btyd.MAX_FITTED,
) -> Known:
    """All customers who bought up to `day`. `like`: the fit of another day, to start from."""
    row = features_at(purchases, day)
    plain = histories_of(row)
    traits = [_log1p(row["first_visit_amount"])]
    if "first_pieces" in row.columns:
        traits.append(_log1p(row["first_pieces"]))
    seen = Histories(plain.repeats, plain.recency, plain.age, np.column_stack(traits))
    pareto = btyd.fit(seen, start=like, most=most)
    rows, names = matrix_of(row)
    alive = pareto.alive(seen)
    monthly = pareto.expected(seen, horizon_days) * 30 / horizon_days
    added = np.column_stack((rows, alive, monthly)).astype(np.float32)
    names = (*names, "alive", "monthly_purchases")
    return Known(row["customer"], added, names, seen, pareto, horizon_days)


def origins_before(first: date, cut: date, horizon_days: int) -> tuple[int, tuple[date, ...]]:
    """The horizon that can be trained for, and the origins, the latest first."""
    history = (cut - first).days
    trained_for = max(1, min(horizon_days, int(history * LONGEST_HORIZON)))
    least = max(7, int(trained_for * LEAST_HISTORY))
    latest = cut - timedelta(days=trained_for)
    days = [latest - timedelta(days=ORIGIN_STEP_DAYS * step) for step in range(MAX_ORIGINS)]
    return trained_for, tuple(day for day in days if (day - first).days >= least)


def train_purchase_model(purchases: pl.DataFrame, cut: date, horizon_days: int) -> PurchaseModel:
    """From purchases up to `cut`; later ones are left out here."""
    known = purchases.filter(pl.col("day") <= cut)
    first = known["day"].min() if len(known) else None
    if not isinstance(first, date):
        return PurchaseModel(horizon_days, horizon_days, (), 0.0, 0.0)
    trained_for, days = origins_before(first, cut, horizon_days)
    at: dict[date, _Origin] = {}
    like: ParetoNbd | None = None
    for day in days:
        at[day] = _origin(known, day, trained_for, like)
        like = at[day].known.pareto
    at = {day: found for day, found in at.items() if len(found.counts) >= LEAST_CUSTOMERS}
    days = tuple(at)
    if not days:
        return PurchaseModel(horizon_days, trained_for, (), 0.0, 0.0)
    # The latest is judged by models of those whose outcomes had come by then.
    past = tuple(day for day in days if (days[0] - day).days >= trained_for)
    if not past:
        # Too short a history to judge by: half of what the small trees say.
        small = _fitted(
            [at[day] for day in days], _SHAPES[0], _SHAPES[0], horizon_days, trained_for
        )
        return replace(small, origins=days, trust=0.5, buys_trust=0.5)
    choice = _chosen([at[day] for day in past], at[days[0]], horizon_days, trained_for)
    model = _fitted(
        [at[day] for day in days],
        _SHAPES[choice.shape],
        _SHAPES[choice.buys_shape],
        horizon_days,
        trained_for,
    )
    return replace(model, origins=days, trust=choice.trust, buys_trust=choice.buys_trust)


def _origin(
    purchases: pl.DataFrame, day: date, horizon_days: int, like: ParetoNbd | None
) -> _Origin:
    if not len(purchases.filter(pl.col("day") <= day)):
        return _Origin(know_nothing(horizon_days), np.zeros(0))
    known = know(purchases, day, horizon_days, like=like, most=MAX_FITTED_BEFORE)
    until = day + timedelta(days=horizon_days)
    return _Origin(known, counts_within(purchases, known.customers, day, until))


def know_nothing(horizon_days: int) -> Known:
    """No customers."""
    empty = Histories.of([], [], [])
    pareto = btyd.fit(empty)
    return Known(
        pl.Series("customer", [], pl.String),
        np.zeros((0, 0), np.float32),
        (),
        empty,
        pareto,
        horizon_days,
    )


def _fitted(
    origins: Sequence[_Origin],
    shape: Boosting,
    buys_shape: Boosting,
    horizon_days: int,
    trained_for: int,
) -> PurchaseModel:
    rows = np.concatenate([each.known.rows for each in origins])
    counts = np.concatenate([each.counts for each in origins])
    expected = np.concatenate([each.known.expected for each in origins])
    buys = np.concatenate([each.known.buys for each in origins])
    if len(rows) > MAX_ROWS:
        which = np.random.default_rng(7).choice(len(rows), MAX_ROWS, replace=False)
        rows, counts, expected, buys = rows[which], counts[which], expected[which], buys[which]
    names = origins[0].known.names
    bought = (counts > 0).astype(np.float64)
    poisson = replace(shape, objective=POISSON)
    return PurchaseModel(
        horizon_days,
        trained_for,
        (),
        1.0,
        1.0,
        train(poisson, rows, counts, names=names, margin=_log(expected)),
        train(buys_shape, rows, bought, names=names, margin=logits(buys)),
        train_logistic(_flattened(rows), bought, pull=1000.0, margin=logits(buys)),
    )


@dataclass(frozen=True, slots=True)
class _Choice:
    shape: int
    trust: float
    buys_shape: int
    buys_trust: float


def _chosen(
    past: Sequence[_Origin], judged: _Origin, horizon_days: int, trained_for: int
) -> _Choice:
    """Those with the least Poisson deviance, and the least log loss."""
    known, counts = judged.known, judged.counts
    bought = (counts > 0).astype(np.float64)
    deviances: dict[tuple[int, float], float] = {}
    losses: dict[tuple[int, float], float] = {}
    for number, shape in enumerate(_SHAPES):
        trial = _fitted(past, shape, shape, horizon_days, trained_for)
        for trust in TRUSTS:
            each = replace(trial, trust=trust, buys_trust=trust)
            expected = np.maximum(each.expected(known), 1e-9)
            deviances[number, trust] = float(np.mean(expected - counts * np.log(expected)))
            chance = logits(each.buys(known))
            losses[number, trust] = float(np.mean(np.logaddexp(0, chance) - bought * chance))
    shape_trust = min(deviances, key=lambda key: deviances[key])
    buys_shape_trust = min(losses, key=lambda key: losses[key])
    return _Choice(*shape_trust, *buys_shape_trust)


def _log(expected: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(expected, 1e-6)))


def _log1p(values: pl.Series) -> Floats:
    numbers = values.cast(pl.Float64).fill_null(0.0).to_numpy()
    return np.asarray(np.log1p(np.maximum(np.nan_to_num(numbers), 0.0)))


def _flattened(rows: Matrix) -> Matrix:
    """Long tails drawn in, for a regression."""
    return np.asarray(np.sign(rows) * np.log1p(np.abs(rows)), dtype=np.float32)
