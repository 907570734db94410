"""G13: what a ringing phone waits for. G14: a million contacts at once. One thread each.

The models are of random rows, of the size that is allowed: what they say does not matter here, nor
does it change how long they take. xgboost's own `inplace_predict` answers the same rows in the same
run, by turns.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from benchmarks.scoring.goals import Row, made
from calls.caller import Caller, Identity, IdentityOutcome
from calls.contact_features import ContactFeatures
from calls.offers import CallerMemory, Propensities
from scoring.features.schema import GROUP_OF, NAMES, SCHEMA
from scoring.models.btyd import ParetoNbd
from scoring.models.metrics import Interval
from scoring.registry.card import Base, ModelCard, ModelKind
from scoring.serving.bases import base_of
from scoring.serving.model_scorer import ModelScorer
from scoring.serving.models_in_use import ModelInUse
from scoring.serving.served_model import ServedModel

OFFERS, INTENTS = 20, 8
TREES, DEPTH = 100, 4
TURNS, WARM_TURNS = 3_000, 200
CONTACTS = 1_000_000
_OFFER_NAMES = (*NAMES, *(f"offer_{n}" for n in range(10)))
_INTENT_NAMES = tuple(f"intent_{n}" for n in range(32))
_PRODUCTS = tuple(f"PRODUCT-{n:02d}" for n in range(OFFERS))
_MENU = tuple(f"intent-{n}" for n in range(INTENTS))
_PARETO = ParetoNbd(0.55, 10.6, 0.61, 11.7)
_HISTORY = ("visits", "recency_days", "tenure_days")
_CALLER = Caller(None, Identity(IdentityOutcome.NONE, "e164", 0.0))

Milliseconds = NDArray[np.float64]


def latency(data: Path) -> list[Row]:
    """In a process of one thread: xgboost takes as many as there are where it is given a margin.
    `data` is not looked at."""
    taken = {name: np.array(found) for name, found in _of_process("latency").items()}
    beside = f"inplace_predict {_said(taken['xgboost'])}"
    what = f"4 models, {OFFERS} offers, {INTENTS} intents"
    one = f"inplace_predict {_said(taken['one row, xgboost'])}"
    reasons = "with top-3 reasons of offer and churn"
    return [
        _row("G13", f"ms, p50: {what}", taken["served"], 50, "0.20", None, beside),
        _row("G13", f"ms, p99: {what}", taken["served"], 99, "0.33", 0.5, beside),
        _row("G13", "ms, p99.9", taken["served"], 99.9, "–", 5.0, beside),
        _row("G13", f"ms, p50, {reasons}", taken["with reasons"], 50, "–", None),
        _row("G13", f"ms, p99, {reasons}", taken["with reasons"], 99, "1.6", 2.0),
        _row("G13", f"ms, p99.9, {reasons}", taken["with reasons"], 99.9, "–", 5.0),
        _row("–", "ms, p99: one model, one row", taken["one row"], 99, "–", None, one),
    ]


def timed() -> dict[str, list[float]]:
    """Milliseconds of each turn, the ways by turns."""
    scoring = _Scoring()
    steps: dict[str, Callable[[CallerMemory], object]] = {
        "served": scoring.served,
        "with reasons": scoring.with_reasons,
        "xgboost": scoring.by_xgboost,
        "one row": scoring.one_row,
        "one row, xgboost": scoring.one_row_by_xgboost,
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    memories = scoring.memories(64)
    gc.collect()
    for turn in range(TURNS + WARM_TURNS):
        for name, step in steps.items():
            began = time.perf_counter_ns()
            step(memories[turn % len(memories)])
            if turn >= WARM_TURNS:
                times[name].append((time.perf_counter_ns() - began) / 1e6)
    return times


def batch(data: Path) -> list[Row]:
    """In a process of its own, so that its peak memory is its own. `data` is not looked at."""
    found = _of_process("batch")
    seconds = np.array(found["seconds"])
    what = f"s, {CONTACTS:,} contacts of {len(NAMES)} columns, {TREES} trees of depth {DEPTH}"
    spread = Interval(float(np.median(seconds)), float(seconds.min()), float(seconds.max()))
    others = f"inplace_predict {np.median(found['xgboost_seconds']):.2f} s"
    peak = float(found["peak_mb"])
    return [
        made("G14", what, spread, measured="1.7–2.3", aim=2.0, higher=False, others=others,
             verdict=f"shortest and longest of {len(seconds)} runs"),
        made("–", "MB, peak memory of that process, rows and both libraries included",
             Interval(peak, peak, peak), measured="–", aim=None, higher=False),
    ]  # fmt: skip


class _Scoring:
    """Everything that a call asks, as the server puts it together."""

    def __init__(self) -> None:
        btyd = base_of(_PARETO, _HISTORY)
        smoothed = Base(kind="smoothed", columns=(_INTENT_NAMES[0],))
        models = {
            ModelKind.CHURN: _model(ModelKind.CHURN, NAMES, "binary:logistic", btyd),
            ModelKind.PURCHASES: _model(ModelKind.PURCHASES, NAMES, "count:poisson", btyd),
            ModelKind.OFFERS: _model(ModelKind.OFFERS, _OFFER_NAMES, "binary:logistic", Base()),
            ModelKind.INTENTS: _model(
                ModelKind.INTENTS, _INTENT_NAMES, "binary:logistic", smoothed
            ),
        }
        self._used = {kind: found for kind, (found, _) in models.items()}
        self._boosters = {kind: booster for kind, (_, booster) in models.items()}
        self._offers = _rows(OFFERS, len(_OFFER_NAMES) - len(NAMES), seed=1)
        self._intents = np.abs(_rows(INTENTS, len(_INTENT_NAMES), seed=2)) / 10
        self.scorer = ModelScorer(
            past=self,
            models=self,  # type: ignore[arg-type]
            schema=SCHEMA,
            group_of=GROUP_OF,
            offer_rows=self._offer_rows,
            intent_rows=self._intent_rows,
            deadline_s=1.0,
        )
        self._past = Propensities(
            intents={("main", intent): 1 / INTENTS for intent in _MENU},
            products=dict.fromkeys(_PRODUCTS, 0.05),
        )

    def propensities_of(self, caller: Caller, memory: CallerMemory) -> Propensities:
        """Of counting: no part of the figure."""
        return self._past

    def of(self, kind: ModelKind) -> ModelInUse:
        return self._used[kind]

    def memories(self, many: int) -> list[CallerMemory]:
        rows = np.abs(_rows(many, len(NAMES), seed=3)) * 30
        return [
            CallerMemory(features=ContactFeatures(SCHEMA, tuple(map(float, row)))) for row in rows
        ]

    def served(self, memory: CallerMemory) -> Propensities:
        return self.scorer.propensities_of(_CALLER, memory)

    def with_reasons(self, memory: CallerMemory) -> None:
        found = self.served(memory)
        told = found.reasons[_PRODUCTS[0]], found.churn_reasons["en"]
        if not all(told) or set(found.models) != {*ModelKind}:
            raise RuntimeError("not all models answered: these figures would be of nothing")

    def by_xgboost(self, memory: CallerMemory) -> None:
        """The same rows and bases; nothing else of the way."""
        row = np.array(memory.features.values if memory.features else (), dtype=np.float32)[None]
        card = self._used[ModelKind.OFFERS].card
        offers = self._offer_rows(card, memory, self._past.products)
        asked = (
            (ModelKind.CHURN, row),
            (ModelKind.PURCHASES, row),
            (ModelKind.OFFERS, offers),
            (ModelKind.INTENTS, self._intents),
        )
        for kind, rows in asked:
            margin = self._used[kind].base(rows)
            self._boosters[kind].inplace_predict(rows, base_margin=margin)

    def one_row(self, memory: CallerMemory) -> None:
        row = np.array(memory.features.values if memory.features else (), dtype=np.float32)[None]
        self._used[ModelKind.CHURN].model.answers(row)

    def one_row_by_xgboost(self, memory: CallerMemory) -> None:
        row = np.array(memory.features.values if memory.features else (), dtype=np.float32)[None]
        self._boosters[ModelKind.CHURN].inplace_predict(row)

    def _offer_rows(
        self, card: ModelCard, memory: CallerMemory, shares: Mapping[str, float]
    ) -> NDArray[np.float32]:
        contact = np.array(memory.features.values if memory.features else (), dtype=np.float32)
        return np.hstack((np.broadcast_to(contact, (len(shares), len(NAMES))), self._offers))

    def _intent_rows(
        self,
        card: ModelCard,
        caller: Caller,
        memory: CallerMemory,
        menu: str,
        intents: Sequence[str],
    ) -> NDArray[np.float32]:
        return self._intents


def _model(
    kind: ModelKind, columns: tuple[str, ...], objective: str, base: Base
) -> tuple[ModelInUse, Any]:
    card = ModelCard(
        kind=kind,
        contact_schema=SCHEMA,
        columns=columns,
        objective=objective,
        base=base,
        horizon_days=30,
        trained_at=datetime.now(UTC),
    )
    booster = _booster(len(columns), objective, list(columns))
    with tempfile.TemporaryDirectory(prefix="swb-latency-") as name:
        path = Path(name) / "model.ubj"
        booster.save_model(path)
        model = ServedModel.of(path.read_bytes(), columns=columns, objective=objective)
    return ModelInUse.of(card, model, columns), booster


def _booster(columns: int, objective: str, names: list[str]) -> Any:
    """Full trees: nothing holds them back."""
    rows = _rows(20_000, columns, seed=columns)
    truth = (np.nan_to_num(rows).sum(axis=1) > 0).astype(np.float64)
    data = xgboost.QuantileDMatrix(rows, label=truth, feature_names=names, nthread=1)
    how = {
        "objective": objective,
        "max_depth": DEPTH,
        "min_child_weight": 0,
        "eta": 0.05,
        "nthread": 1,
        "tree_method": "hist",
    }
    return xgboost.train(how, data, TREES)


def _rows(many: int, columns: int, *, seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    found = random.normal(size=(many, columns)).astype(np.float32)
    found[random.random(found.shape, dtype=np.float32) < 0.1] = np.nan
    return found


def _row(
    goal: str,
    what: str,
    times: Milliseconds,
    percentile: float,
    measured: str,
    aim: float | None,
    beside: str = "",
) -> Row:
    """The interval is of a bootstrap of the turns."""
    random = np.random.default_rng(7)
    draws = [
        np.percentile(times[random.integers(len(times), size=len(times))], percentile)
        for _ in range(300)
    ]
    found = Interval(
        float(np.percentile(times, percentile)),
        float(np.percentile(draws, 2.5)),
        float(np.percentile(draws, 97.5)),
    )
    return made(goal, what, found, measured=measured, aim=aim, higher=False, others=beside)


def _said(times: Milliseconds) -> str:
    middle, late, latest = np.percentile(times, (50, 99, 99.9))
    return f"p50 {middle:.3f}, p99 {late:.3f}, p99.9 {latest:.3f}"


def scored() -> dict[str, Any]:
    """Seconds of each run over all contacts, and the peak memory of this process."""
    names = list(NAMES)
    booster = _booster(len(names), "binary:logistic", names)
    raw = bytes(booster.save_raw(raw_format="ubj"))
    model = ServedModel.of(raw, columns=NAMES, objective="binary:logistic")
    rows = np.concatenate([_rows(CONTACTS // 10, len(names), seed=seed) for seed in range(10)])
    seconds, others = [], []
    for _ in range(5):
        began = time.perf_counter()
        model.answers(rows)
        seconds.append(time.perf_counter() - began)
        began = time.perf_counter()
        booster.inplace_predict(rows)
        others.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "xgboost_seconds": others, "peak_mb": round(peak)}


def _of_process(part: str) -> dict[str, Any]:
    found = subprocess.run(
        [sys.executable, "-m", "benchmarks.scoring.latency", part],
        capture_output=True,
        check=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return dict(json.loads(found.stdout))


def main() -> int:
    sys.stdout.write(json.dumps(timed() if sys.argv[1:] == ["latency"] else scored()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
