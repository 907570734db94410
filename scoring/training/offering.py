"""Which offers a contact takes: one model of (contact, offer), on top of what counting says.

Judged on offers that callers heard where enough were; before that, on what was bought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from scoring.features.offer_rows import (
    ASSOCIATION,
    OFFER_COLUMNS,
    OFFER_GROUP_OF,
)
from scoring.features.schema import NAMES, SCHEMA
from scoring.models.boosting import LOGISTIC, Boosted, Boosting, Trainer, train
from scoring.models.calibration import level, logits
from scoring.registry.card import Base, ModelCard, ModelKind, Window
from scoring.serving.bases import BaseMargin
from scoring.training.baskets import Baskets
from scoring.training.buying import VIP_SHARE, HeldOut
from scoring.training.gate import Champion, judge
from scoring.training.heard import Heard
from scoring.training.in_use import InUse
from scoring.training.judged import (
    Judged,
    calibrated,
    chance_figures,
    joined,
    lifted,
    log_losses,
    numbers_of,
    reliability,
    slice_figures,
)
from scoring.training.kept import Trained, importance
from scoring.training.offer_sets import OfferSet, bought_set, stacked, visits_in
from scoring.training.origins import Plan, plan_of
from scoring.training.past import Past, Progress
from scoring.training.too_little import TooLittle

Floats = NDArray[np.float64]
Matrix = NDArray[np.float32]

#: Offers taken, of all days learned at.
LEAST_TAKEN = 100
MONOTONE: Mapping[str, int] = MappingProxyType(
    {
        "category_share": 1,
        "recent_share": 1,
        "offers_accepted_decayed_90d": 1,
        "offers_refused_decayed_90d": -1,
    }
)
SHAPE = Boosting(
    trees=120,
    depth=4,
    learning_rate=0.06,
    least_weight=30,
    l2=10,
    column_share=0.6,
    row_share=0.7,
    monotone=MONOTONE,
)
BASE = Base(kind="smoothed", columns=(ASSOCIATION,))
_SPEND = NAMES.index("spend_decayed_365d")
_ASSOCIATION_AT = OFFER_COLUMNS.index(ASSOCIATION)
_POPULARITY_AT = OFFER_COLUMNS.index("popularity_share")


@dataclass(frozen=True, slots=True)
class _Fitted:
    """`level`: what is added to the logit of the counted chance, learned where the model is judged;
    `popular_level` the same for the share of all buyers. `served_level` makes the answers what
    is bought within the horizon, whatever the model is judged on."""

    trees: Boosted
    level: float
    popular_level: float
    served_level: float

    def answers(self, rows: Matrix) -> Floats:
        return self.trees.answers(rows, margin=_margin(rows, _ASSOCIATION_AT) + self.level)

    def counting(self, rows: Matrix) -> Floats:
        return np.asarray(expit(_margin(rows, _ASSOCIATION_AT) + self.level))

    def popular(self, rows: Matrix) -> Floats:
        return np.asarray(expit(_margin(rows, _POPULARITY_AT) + self.popular_level))


class Offering:
    """`product_of`: by offer of the rulebook, its product. Raises TooLittle."""

    def __init__(
        self,
        past: Past,
        horizon_days: int,
        *,
        product_of: Mapping[str, str],
        held_out: HeldOut,
        progress: Progress,
        trainer: Trainer = train,
    ) -> None:
        self._past = past
        self._calls = past.calls_frame()
        self._held_out = held_out
        self._progress = progress
        self._trainer = trainer
        self._plan: Plan = plan_of(past.first, past.until, horizon_days)
        self._baskets = Baskets(
            past.purchases, product_of.values(), horizon_days=self._plan.horizon_days
        )
        self._heard = Heard.of(past, self._baskets, product_of)
        self._sets: dict[tuple[date, bool], OfferSet] = {}
        self._final = self._learned(self._plan.final)
        taken = int(self._final.truth.sum())
        if taken < LEAST_TAKEN:
            raise TooLittle(
                f"{taken} first purchases of a product within {horizon_days} days by "
                f"{len(set(self._final.who)):,} contacts: at least {LEAST_TAKEN} are needed; "
                "counting what is bought together stays"
            )

    def train(self, in_use: InUse | None, *, now: datetime) -> Trained:
        judged, labels = self._judged(in_use)
        judged, platt = calibrated(judged)
        verdict, gains = judge(
            judged,
            log_losses,
            until=self._past.until,
            champion=Champion(in_use.card.version, in_use.until) if in_use else None,
        )
        heard = self._heard.all if labels == "heard" else None
        fitted = _fit(self._final, heard, self._trainer)
        rows = stacked([self._final, *([heard] if heard else [])])
        shelf = self._baskets.shelf_at(self._past.until)
        until = datetime.combine(self._past.until, time.max, UTC)
        first = datetime.combine(self._past.first or self._past.until, time.min, UTC)
        card = ModelCard(
            kind=ModelKind.OFFERS,
            contact_schema=SCHEMA,
            columns=OFFER_COLUMNS,
            objective=LOGISTIC,
            base=BASE,
            horizon_days=self._plan.horizon_days,
            trained_at=now,
            window=Window(since=first, until=until),
            rows=len(rows),
            contacts=len(set(rows.who)),
            metrics=chance_figures(judged, judged.ours),
            baselines={name: chance_figures(judged, each) for name, each in judged.others.items()},
            slices=slice_figures(judged, chance_figures),
            # A calibration of what was accepted is none of what is bought.
            calibration=lifted(None if heard else platt, fitted.served_level),
            reliability=reliability(judged),
            decision=verdict,
            champion=in_use.card.version if in_use else None,
            importance=importance(fitted.trees.booster, rows.rows, OFFER_COLUMNS, OFFER_GROUP_OF),
            extra={
                "labels": labels,
                "heard": len(self._heard.all),
                "accepted": int(self._heard.all.truth.sum()),
                "products": dict(shelf.catalogue.as_json()),
                "embargo_days": self._plan.horizon_days,
                "gains": {name: [each.value, each.low, each.high] for name, each in gains.items()},
            },
        )
        return Trained(card, fitted.trees.booster)

    def _judged(self, in_use: InUse | None) -> tuple[Judged, str]:
        parts = []
        blocks = self._heard.blocks()
        for number, (day, before, block) in enumerate(blocks):
            # What was bought is learned from where its horizon was over.
            days = tuple(each for each in self._plan.final if self._over(each) <= day)
            fitted = _fit(self._learned(days), before, self._trainer)
            parts.append(self._tested(fitted, block, number, day, in_use, heard=before))
            self._progress(number + 1, len(blocks) + 1)
        if parts:
            return joined(parts), "heard"
        for number, each in enumerate(self._plan.blocks):
            fitted = _fit(self._learned(each.learned), None, self._trainer)
            tested = self._set(each.tested, sampled=False)
            if len(tested):
                parts.append(self._tested(fitted, tested, number, each.tested, in_use))
            self._progress(number + 1, len(self._plan.blocks) + 1)
        return joined(parts), "bought"

    def _tested(
        self,
        fitted: _Fitted,
        tested: OfferSet,
        number: int,
        day: date,
        in_use: InUse | None,
        *,
        heard: OfferSet | None = None,
    ) -> Judged:
        """`heard`: what was heard before, where `tested` was heard too."""
        visits = visits_in(tested.rows)
        spend = tested.rows[:, _SPEND]
        rich = np.nanquantile(spend, 1 - VIP_SHARE) if np.isfinite(spend).any() else np.inf
        is_new_to_it = in_use is not None and in_use.until <= day
        return Judged(
            truth=tested.truth,
            ours=fitted.answers(tested.rows),
            who=numbers_of(tested.who),
            block=np.full(len(tested), number),
            others={
                "counting": fitted.counting(tested.rows),
                "popularity": fitted.popular(tested.rows),
            },
            slices={
                "known": visits > 1,
                "unknown": tested.masked,
                "cold": visits <= 1,
                "vip": spend >= rich,
                "hold_out": np.array(
                    [
                        not masked and self._held_out(name)
                        for name, masked in zip(tested.who, tested.masked, strict=True)
                    ],
                    dtype=bool,
                ),
            },
            champion=_champion(in_use, tested, heard) if in_use and is_new_to_it else None,
        )

    def _over(self, day: date) -> date:
        return date.fromordinal(day.toordinal() + self._plan.horizon_days)

    def _learned(self, days: tuple[date, ...]) -> OfferSet:
        return stacked([self._set(day, sampled=True) for day in days])

    def _set(self, day: date, *, sampled: bool) -> OfferSet:
        key = (day, sampled)
        if key not in self._sets:
            self._sets[key] = bought_set(
                self._past,
                self._calls,
                self._baskets,
                day,
                self._plan.horizon_days,
                sampled=sampled,
            )
        return self._sets[key]


def _fit(bought: OfferSet, heard: OfferSet | None, trainer: Trainer) -> _Fitted:
    """What is bought unasked and what is accepted when asked have levels of their own, and one
    model of who differs how: each counts as much as the other."""
    levels = list[list[float]]()
    for part in [bought, *([heard] if heard is not None else [])]:
        levels.append(
            [
                level(part.truth, _margin(part.rows, place), part.weight)
                for place in (_ASSOCIATION_AT, _POPULARITY_AT)
            ]
        )
    whole = stacked([bought, *([heard] if heard is not None else [])])
    margin = _margin(whole.rows, _ASSOCIATION_AT)
    margin[: len(bought)] += levels[0][0]
    weight = whole.weight.copy()
    if heard is not None:
        margin[len(bought) :] += levels[1][0]
        total = float(weight[: len(bought)].sum())
        weight[: len(bought)] *= min(1.0, len(heard) / max(total, 1.0))
    trees = trainer(
        SHAPE, whole.rows, whole.truth, names=OFFER_COLUMNS, margin=margin, weight=weight
    )
    served = levels[0][0]
    if heard is not None:
        answers = trees.answers(bought.rows, margin=_margin(bought.rows, _ASSOCIATION_AT))
        served = level(bought.truth, logits(answers), bought.weight)
    return _Fitted(trees, levels[-1][0], levels[-1][1], served)


def _champion(in_use: InUse, tested: OfferSet, heard: OfferSet | None) -> Floats | None:
    """It answers what is bought: where offers are judged that were heard, it is given the level of
    those heard before, as the new one is."""
    found = in_use.answers(tested.rows, OFFER_COLUMNS)
    before = in_use.answers(heard.rows, OFFER_COLUMNS) if heard is not None else None
    if found is None or heard is None or before is None:
        return found
    by = level(heard.truth, logits(before), heard.weight)
    return np.asarray(expit(logits(found) + by))


def _margin(rows: Matrix, place: int) -> Floats:
    """As it is served (`scoring.serving.bases`)."""
    found = BaseMargin(
        Base(kind="smoothed", columns=(OFFER_COLUMNS[place],)),
        columns=OFFER_COLUMNS,
        kind=ModelKind.OFFERS,
        objective=LOGISTIC,
        horizon_days=None,
    )(rows)
    assert found is not None
    return found
