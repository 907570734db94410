"""What a caller chooses in a menu: one model of (caller, intent), on top of counted choices.

Calls are replayed one after the other; each row holds what the server knew as the phone rang.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from calls.call_moment import CallMoment
from config.call_moments import MomentOf, servers_moment
from scoring.decay import Decayed
from scoring.features.intent_rows import (
    INTENT_COLUMNS,
    INTENT_GROUP_OF,
    NAMED_INTENTS,
    OWN_SHARE,
    ChoicesSeen,
    intent_rows,
)
from scoring.features.moment import cells_of
from scoring.features.moment_shares import narrowed
from scoring.features.purchase_features import AMOUNT, CUSTOMER
from scoring.features.schema import SCHEMA
from scoring.house_choices import LEAST
from scoring.models.boosting import LOGISTIC, Boosted, Boosting, Trainer, train
from scoring.models.metrics import Resampling, groups_of
from scoring.registry.card import Base, Measured, ModelCard, ModelKind, Window
from scoring.serving.bases import BaseMargin
from scoring.training.buying import VIP_SHARE, HeldOut
from scoring.training.gate import Champion, judge
from scoring.training.in_use import InUse
from scoring.training.judged import (
    LEAST_IN_SLICE,
    ROUNDS,
    Judged,
    joined,
    log_losses,
    mean_of,
    numbers_of,
)
from scoring.training.kept import Trained, importance
from scoring.training.past import Past, Progress
from scoring.training.replay import Ringing, replayed
from scoring.training.too_little import TooLittle

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Matrix = NDArray[np.float32]

#: Choices to learn from before the first test.
LEAST_CHOICES = 200
MASKED_SHARE = 0.15
MONOTONE: Mapping[str, int] = MappingProxyType({"own_weight": 1, "house_share": 1})
SHAPE = Boosting(
    trees=100,
    depth=4,
    learning_rate=0.06,
    least_weight=20,
    l2=10,
    column_share=0.7,
    row_share=0.7,
    monotone=MONOTONE,
)
BASE = Base(kind="smoothed", columns=(OWN_SHARE,))
#: Test blocks of so large a share of all choices each, from the end.
_SHARE, _BLOCKS = 0.15, 2
_DAY = timedelta(days=1)
_OWN_AT, _HOUSE_AT = INTENT_COLUMNS.index(OWN_SHARE), INTENT_COLUMNS.index("house_share")

_MODEL, _CHAMPION = "model", "champion"
#: The chance of what nobody expected.
_LEAST = 1e-4

_Counts = dict[str, dict[str, Decayed]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One visit to a menu, and which of its `rows` was chosen (-1: none of them)."""

    rows: Matrix
    chosen: int
    who: str
    at: datetime
    is_known: bool
    is_cold: bool
    is_vip: bool


@dataclass(slots=True)
class Choices:
    """Counts as the server keeps them: of everybody, of each contact and of each cell of moments,
    by menu and intent."""

    house: _Counts = field(default_factory=dict)
    own: dict[str, _Counts] = field(default_factory=dict)
    cells: dict[str, _Counts] = field(default_factory=dict)

    def seen(
        self, who: str | None, menu: str, at: datetime, moment: CallMoment
    ) -> tuple[list[str], ChoicesSeen]:
        """The intents that the server would order, and what it would know of them."""
        counts = _seen(self.house, menu, at)
        total = sum(counts.values())
        house = {name: each / total for name, each in counts.items()} if total >= LEAST else {}
        mine = self.own.get(who, {}).get(menu, {}) if who is not None else {}
        names = sorted({*mine, *house})
        shares: Mapping[str, float] = house
        for cell in cells_of(moment, is_known=who is not None):
            shares = narrowed(shares, _seen(self.cells.get(cell, {}), menu, at))
        return names, ChoicesSeen(
            house=house,
            own={name: each.seen_from(at) for name, each in mine.items()},
            days_ago={name: max(0.0, (at - each.at) / _DAY) for name, each in mine.items()},
            moment=shares,
            is_known=who is not None,
        )

    def add(
        self, who: str | None, menu: str, intent: str, at: datetime, moment: CallMoment
    ) -> None:
        cells = cells_of(moment, is_known=who is not None)
        places = [self.house, *(self.cells.setdefault(cell, {}) for cell in cells)]
        if who is not None:
            places.append(self.own.setdefault(who, {}))
        for counts in places:
            mine = counts.setdefault(menu, {})
            new = Decayed(1.0, at)
            mine[intent] = mine[intent].joined(new) if intent in mine else new


def _seen(counts: _Counts, menu: str, at: datetime) -> dict[str, float]:
    return {name: each.seen_from(at) for name, each in counts.get(menu, {}).items()}


def asked_of(
    past: Past, moment_of: MomentOf = servers_moment
) -> tuple[list[Asked], Choices, dict[str, int]]:
    """All visits to menus that ended with a choice, the oldest first; the counts after the last
    call; and the intents that have columns of their own."""
    counted = Counter(
        step.intent for call in past.calls for step in call.choices if _counts(step.outcome)
    )
    ranked = sorted((each for each in counted if each), key=lambda name: (-counted[name], name))
    named = {intent: place for place, intent in enumerate(ranked[:NAMED_INTENTS])}
    random = np.random.default_rng(7)
    choices, found, vips = Choices(), list[Asked](), _vips(past)
    for ring in replayed(past):
        call = ring.call
        moment = moment_of(call.dialled, call.arrived_at, call.area)
        masked = random.random() < MASKED_SHARE
        found += _of_call(ring, moment, choices, named, vips, masked=masked)
    return found, choices, named


def _of_call(
    ring: Ringing,
    moment: CallMoment,
    choices: Choices,
    named: Mapping[str, int],
    vips: Collection[str],
    *,
    masked: bool,
) -> list[Asked]:
    call = ring.call
    real = str(call.contact) if call.contact is not None else None
    shown = None if masked else real
    found = []
    steps = [
        (step.menu, step.intent) for step in call.choices if step.intent and _counts(step.outcome)
    ]
    for menu, intent in steps:
        names, seen = choices.seen(shown, menu, call.arrived_at, moment)
        if not names:
            continue
        found.append(
            Asked(
                intent_rows(names, seen, ring.features if shown else None, moment, named),
                names.index(intent) if intent in names else -1,
                real or str(call.call_id),
                call.arrived_at,
                shown is not None,
                shown is not None and not seen.own,
                shown is not None and real in vips,
            )
        )
    for menu, intent in steps:
        choices.add(real, menu, intent, call.arrived_at, moment)
    return found


def _vips(past: Past) -> Collection[str]:
    """Who spent most, of those who bought at all; for a slice of the figures alone."""
    spent = past.purchases.group_by(CUSTOMER).agg(pl.col(AMOUNT).sum()).sort(AMOUNT, CUSTOMER)
    return frozenset(spent[CUSTOMER].tail(int(len(spent) * VIP_SHARE)))


def _counts(outcome: str) -> bool:
    return outcome == "match"


def train_choosing(
    past: Past,
    in_use: InUse | None,
    *,
    held_out: HeldOut,
    now: datetime,
    progress: Progress,
    trainer: Trainer = train,
    moment_of: MomentOf = servers_moment,
) -> Trained:
    """Raises TooLittle."""
    asked, _, named = asked_of(past, moment_of)
    sizes = [1 - _SHARE * number for number in range(_BLOCKS + 1)]
    ends = [int(len(asked) * share) for share in sizes]
    if ends[-1] < LEAST_CHOICES:
        least = int(LEAST_CHOICES / sizes[-1]) + 1
        raise TooLittle(
            f"{len(asked)} choices in menus by {len({each.who for each in asked}):,} callers: at "
            f"least {least} are needed; counting past choices stays"
        )
    parts, places = [], list[Mapping[str, Floats]]()
    for number in range(_BLOCKS):
        since, until = ends[number + 1], ends[number]
        model = _fit(asked[:since], trainer)
        part, found = _tested(model, asked[since:until], number, in_use, held_out)
        parts.append(part)
        places.append(found)
        progress(number + 1, _BLOCKS + 1)
    judged = joined(parts)
    ranks = {name: np.concatenate([each[name] for each in places]) for name in places[0]}
    last = asked[-1].at.astimezone(UTC).date()
    verdict, gains = judge(
        judged,
        log_losses,
        until=last,
        champion=Champion(in_use.card.version, in_use.until) if in_use else None,
    )
    model = _fit(asked, trainer)
    progress(_BLOCKS + 1, _BLOCKS + 1)
    rows = np.concatenate([each.rows for each in asked])
    card = ModelCard(
        kind=ModelKind.INTENTS,
        contact_schema=SCHEMA,
        columns=INTENT_COLUMNS,
        objective=LOGISTIC,
        base=BASE,
        trained_at=now,
        window=Window(since=asked[0].at, until=datetime.combine(last, time.max, UTC)),
        rows=len(rows),
        contacts=len({each.who for each in asked}),
        metrics=_figures(judged, judged.ours, ranks[_MODEL]),
        baselines={
            name: _figures(judged, each, ranks[name]) for name, each in judged.others.items()
        },
        slices={
            name: _figures(judged.kept(which), judged.ours[which], ranks[_MODEL][which])
            for name, which in judged.slices.items()
            if which.sum() >= LEAST_IN_SLICE
        },
        decision=verdict,
        champion=in_use.card.version if in_use else None,
        importance=importance(model.booster, rows, INTENT_COLUMNS, INTENT_GROUP_OF),
        extra={
            "named": dict(named),
            "gains": {name: [each.value, each.low, each.high] for name, each in gains.items()},
        },
    )
    return Trained(card, model.booster)


def _fit(asked: list[Asked], trainer: Trainer) -> Boosted:
    rows = np.concatenate([each.rows for each in asked])
    truth = np.concatenate([np.arange(len(each.rows)) == each.chosen for each in asked])
    chosen, margin = truth.astype(np.float64), _margin(rows)
    return trainer(SHAPE, rows, chosen, names=INTENT_COLUMNS, margin=margin)


def _margin(rows: Matrix) -> Floats:
    """As it is served (`scoring.serving.bases`)."""
    found = BaseMargin(
        BASE,
        columns=INTENT_COLUMNS,
        kind=ModelKind.INTENTS,
        objective=LOGISTIC,
        horizon_days=None,
    )(rows)
    assert found is not None
    return found


def _tested(
    model: Boosted, asked: list[Asked], number: int, in_use: InUse | None, held_out: HeldOut
) -> tuple[Judged, Mapping[str, Floats]]:
    """One row for each visit: the chance that was given to what was then chosen; and by forecast
    where that stood, from 1."""
    rows = np.concatenate([each.rows for each in asked])
    scores = {
        _MODEL: model.answers(rows, margin=_margin(rows)),
        "past_choices": rows[:, _OWN_AT].astype(np.float64),
        "static_order": rows[:, _HOUSE_AT].astype(np.float64),
    }
    if in_use is not None and in_use.until <= asked[0].at.astimezone(UTC).date():
        theirs = in_use.answers(rows, INTENT_COLUMNS)
        if theirs is not None:
            scores[_CHAMPION] = theirs
    ends = np.cumsum([len(each.rows) for each in asked])
    chances, ranks = {}, {}
    for name, each in scores.items():
        of_visits = np.split(each, ends[:-1])
        told = [_of_visit(part, one.chosen) for part, one in zip(of_visits, asked, strict=True)]
        chances[name] = np.array([chance for chance, _ in told])
        ranks[name] = np.array([float(place) for _, place in told])
    known = np.array([each.is_known for each in asked])
    ours, champion = chances.pop(_MODEL), chances.pop(_CHAMPION, None)
    ranks.pop(_CHAMPION, None)
    judged = Judged(
        truth=np.ones(len(asked)),
        ours=ours,
        who=numbers_of([each.who for each in asked]),
        block=np.full(len(asked), number),
        others=chances,
        slices={
            "known": known,
            "unknown": ~known,
            "cold": np.array([each.is_cold for each in asked]),
            "vip": np.array([each.is_vip for each in asked]),
            "hold_out": np.array([each.is_known and held_out(each.who) for each in asked]),
        },
        champion=champion,
    )
    return judged, ranks


def _of_visit(scores: Floats, chosen: int) -> tuple[float, int]:
    """Equal scores keep the intents' order; what was not among them comes after all."""
    if chosen < 0:
        return _LEAST, len(scores) + 1
    share = float(scores[chosen]) / max(float(scores.sum()), 1e-12)
    order = np.argsort(-scores, kind="stable")
    return max(share, _LEAST), int(np.flatnonzero(order == chosen)[0]) + 1


def _figures(judged: Judged, forecast: Floats, ranks: Floats) -> dict[str, Measured]:
    draws = Resampling(groups_of(judged.who), rounds=ROUNDS)
    measures = {
        "top_1": (ranks == 1).astype(np.float64),
        "mean_position": ranks,
        "log_loss": log_losses(judged.truth, forecast),
    }
    found = {}
    for name, values in measures.items():
        each = draws.interval(mean_of(values))
        found[name] = Measured(value=each.value, low=each.low, high=each.high)
    return found
