"""Who buys nothing within the horizon, and how often the others buy: trees on Pareto/NBD.

The same rows at the same past days for both; see `scoring.training.origins` for which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.drift.population_shift import references_of
from scoring.features.frames import rows_at
from scoring.features.purchase_features import CUSTOMER, counts_within
from scoring.features.schema import GROUP_OF, NAMES, SCHEMA
from scoring.models import btyd
from scoring.models.boosting import LOGISTIC, POISSON, Boosted, Boosting, Trainer, train
from scoring.models.btyd import Histories, ParetoNbd
from scoring.registry.card import Base, ModelCard, ModelKind, Window
from scoring.serving.bases import BaseMargin, base_of
from scoring.training.gate import Champion, judge
from scoring.training.in_use import InUse
from scoring.training.judged import (
    Judged,
    calibrated,
    chance_figures,
    count_figures,
    joined,
    log_losses,
    poisson_losses,
    reliability,
    slice_figures,
)
from scoring.training.kept import Trained, importance
from scoring.training.origins import Plan, plan_of
from scoring.training.past import Past, Progress
from scoring.training.personal import personal_count, rfm_sums, shares_by_sum
from scoring.training.too_little import TooLittle

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

#: Fewer customers at a past day teach nothing.
LEAST_CUSTOMERS = 50
#: Fewer of either outcome, of all days learned at.
LEAST_OF_EACH = 30
MAX_ROWS = 400_000
VIP_SHARE = 0.2
_HISTORY = ("visits", "recency_days", "tenure_days")
_PLACES = [NAMES.index(name) for name in _HISTORY]
_SPEND = NAMES.index("spend_decayed_365d")
_VISITS = NAMES.index("visits")
#: More purchases of late never raise the risk of losing somebody, who hangs up is none the safer.
_LESS_CHURN = ("visits_decayed_30d", "visits_decayed_90d", "offers_accepted_decayed_90d")
_MORE_CHURN = ("hang_ups_decayed_90d", "offers_refused_decayed_90d")
CHURN_MONOTONE: Mapping[str, int] = MappingProxyType(
    {**dict.fromkeys(_LESS_CHURN, -1), **dict.fromkeys(_MORE_CHURN, 1)}
)
PURCHASES_MONOTONE: Mapping[str, int] = MappingProxyType(
    {name: -sign for name, sign in CHURN_MONOTONE.items()}
)
_COUNTING = ("pareto_nbd", "personal_frequency", "rfm_sum")

HeldOut = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """All customers on one day: what was known then, and the visits of the horizon after it."""

    customers: pl.Series
    rows: Matrix
    counts: Floats

    def histories(self) -> Histories:
        seen = self.rows[:, _PLACES].astype(np.float64)
        return Histories.of(seen[:, 0] - 1, seen[:, 2] - seen[:, 1], seen[:, 2])


def seen_at(past: Past, calls: pl.DataFrame, day: date, horizon_days: int) -> Seen:
    """Nothing after `day` is in the rows, nothing up to it in the counts."""
    row = rows_at(past.purchases, calls, day, past.matters).filter(pl.col("visits") > 0)
    until = day + timedelta(days=horizon_days)
    customers = row[CUSTOMER]
    counts = counts_within(past.purchases, customers, day, until)
    return Seen(customers, row.select(NAMES).to_numpy().astype(np.float32), counts)


class Buying:
    """Reads the days of a plan once, and trains both kinds on them. Raises TooLittle."""

    def __init__(
        self,
        past: Past,
        horizon_days: int,
        *,
        held_out: HeldOut,
        progress: Progress,
        trainer: Trainer = train,
    ) -> None:
        self._past = past
        self._calls = past.calls_frame()
        self._held_out = held_out
        self._plan: Plan = plan_of(past.first, past.until, horizon_days)
        self._progress = progress
        self._trainer = trainer
        self._seen: dict[date, Seen] = {}
        self._steps = 2 * (len(self._plan.blocks) + 1)
        self._done = 0
        final = [self._at(day) for day in self._plan.final]
        people = max((len(each.counts) for each in final), default=0)
        bought = sum(int((each.counts > 0).sum()) for each in final)
        rows = sum(len(each.counts) for each in final)
        if people < LEAST_CUSTOMERS or min(bought, rows - bought) < LEAST_OF_EACH:
            raise TooLittle(
                f"{len(past.purchases):,} purchases by {people:,} contacts: at least "
                f"{LEAST_CUSTOMERS} contacts are needed, and {LEAST_OF_EACH} who bought again "
                f"within {horizon_days} days and as many who did not; counting stays"
            )

    def train(self, kind: ModelKind, in_use: InUse | None, *, now: datetime) -> Trained:
        parts = []
        for number, block in enumerate(self._plan.blocks):
            learned = [self._at(day) for day in block.learned]
            tested = self._at(block.tested)
            if not len(tested.counts) or not sum(len(each.counts) for each in learned):
                continue
            parts.append(
                self._tested(
                    kind,
                    learned=learned,
                    tested=tested,
                    number=number,
                    day=block.tested,
                    in_use=in_use,
                )
            )
            self._step()
        judged = joined(parts)
        is_churn = kind is ModelKind.CHURN
        platt = None
        if is_churn:
            judged, platt = calibrated(judged)
        figures = chance_figures if is_churn else count_figures
        verdict, gains = judge(
            judged,
            log_losses if is_churn else poisson_losses,
            until=self._past.until,
            champion=Champion(in_use.card.version, in_use.until) if in_use else None,
        )
        learned = [self._at(day) for day in self._plan.final]
        pareto = self._pareto(learned[0])
        rows, counts = _stacked(learned)
        model, base = _fitted(
            kind, rows, counts, pareto, self._plan.horizon_days, trainer=self._trainer
        )
        self._step()
        until = datetime.combine(self._past.until, time.max, UTC)
        first = datetime.combine(self._past.first or self._past.until, time.min, UTC)
        card = ModelCard(
            kind=kind,
            contact_schema=SCHEMA,
            columns=NAMES,
            objective=LOGISTIC if is_churn else POISSON,
            base=base,
            horizon_days=self._plan.horizon_days,
            trained_at=now,
            window=Window(since=first, until=until),
            rows=len(rows),
            contacts=max(len(each.counts) for each in learned),
            metrics=figures(judged, judged.ours),
            baselines={name: figures(judged, each) for name, each in judged.others.items()},
            slices=slice_figures(judged, figures),
            calibration=platt,
            reliability=reliability(judged) if is_churn else (),
            decision=verdict,
            champion=in_use.card.version if in_use else None,
            importance=importance(model.booster, rows, NAMES, GROUP_OF),
            extra={
                "tested_on": [block.tested.isoformat() for block in self._plan.blocks],
                "embargo_days": self._plan.horizon_days,
                # The latest day: what the next months are held against.
                "references": references_of(learned[0].rows, NAMES),
                "gains": {name: [gain.value, gain.low, gain.high] for name, gain in gains.items()},
            },
        )
        return Trained(card, model.booster)

    def _tested(
        self,
        kind: ModelKind,
        *,
        learned: list[Seen],
        tested: Seen,
        number: int,
        day: date,
        in_use: InUse | None,
    ) -> Judged:
        horizon = self._plan.horizon_days
        pareto = self._pareto(learned[0])
        rows, counts = _stacked(learned)
        model, base = _fitted(kind, rows, counts, pareto, horizon, trainer=self._trainer)
        margin = _margin(kind, base, tested.rows, horizon)
        expected = pareto.expected(tested.histories(), horizon)
        sums = np.concatenate([rfm_sums(each.rows) for each in learned])
        outcome = (counts == 0).astype(np.float64) if kind is ModelKind.CHURN else counts
        by_sum = shares_by_sum(sums, outcome)[rfm_sums(tested.rows)]
        own = personal_count(tested.rows, horizon)
        is_churn = kind is ModelKind.CHURN
        forecasts = (np.exp(-expected), np.exp(-own), by_sum) if is_churn else (
            expected, own, by_sum
        )  # fmt: skip
        spend = tested.rows[:, _SPEND]
        is_new_to_it = in_use is not None and in_use.until <= day
        return Judged(
            truth=(tested.counts == 0).astype(np.float64) if is_churn else tested.counts,
            ours=model.answers(tested.rows, margin=margin),
            who=self._numbers(tested.customers),
            block=np.full(len(tested.counts), number),
            others=dict(zip(_COUNTING, forecasts, strict=True)),
            slices={
                "known": tested.rows[:, _VISITS] > 1,
                "cold": tested.rows[:, _VISITS] <= 1,
                "vip": spend >= np.quantile(spend, 1 - VIP_SHARE),
                "hold_out": np.array([self._held_out(each) for each in tested.customers]),
            },
            champion=in_use.answers(tested.rows, NAMES) if in_use and is_new_to_it else None,
        )

    def _pareto(self, latest: Seen) -> ParetoNbd:
        return btyd.fit(latest.histories())

    def _numbers(self, customers: pl.Series) -> NDArray[np.int64]:
        """The same for a contact in all blocks."""
        known: pl.Series = self._past.purchases[CUSTOMER].unique().sort()
        return np.asarray(known.search_sorted(customers).to_numpy(), dtype=np.int64)

    def _at(self, day: date) -> Seen:
        if day not in self._seen:
            found = seen_at(self._past, self._calls, day, self._plan.horizon_days)
            self._seen[day] = found
        return self._seen[day]

    def _step(self) -> None:
        self._done += 1
        self._progress(self._done, max(self._done, self._steps))


def _stacked(learned: list[Seen]) -> tuple[Matrix, Floats]:
    rows = np.concatenate([each.rows for each in learned])
    counts = np.concatenate([each.counts for each in learned])
    if len(rows) > MAX_ROWS:
        which = np.random.default_rng(7).choice(len(rows), MAX_ROWS, replace=False)
        rows, counts = rows[which], counts[which]
    return rows, counts


def _margin(kind: ModelKind, base: Base, rows: Matrix, horizon_days: int) -> Floats:
    found = BaseMargin(
        base,
        columns=NAMES,
        kind=kind,
        objective=LOGISTIC if kind is ModelKind.CHURN else POISSON,
        horizon_days=horizon_days,
    )(rows)
    assert found is not None
    return found


def _fitted(
    kind: ModelKind,
    rows: Matrix,
    counts: Floats,
    pareto: ParetoNbd,
    horizon_days: int,
    *,
    trainer: Trainer,
) -> tuple[Boosted, Base]:
    is_churn = kind is ModelKind.CHURN
    base = base_of(pareto, _HISTORY)
    shape = Boosting(
        objective=LOGISTIC if is_churn else POISSON,
        trees=50,
        side_by_side=3,
        depth=2,
        learning_rate=0.05,
        least_weight=30,
        l2=20,
        column_share=0.4,
        row_share=0.6,
        monotone=CHURN_MONOTONE if is_churn else PURCHASES_MONOTONE,
    )
    truth = (counts == 0).astype(np.float64) if is_churn else counts
    margin = _margin(kind, base, rows, horizon_days)
    return trainer(shape, rows, truth, names=NAMES, margin=margin), base
