"""G13: what a ringing phone waits for. G14: a million contacts at once. One thread each.

The models are of random rows, of the size that is allowed: what they say does not matter here, nor
does it change how long they take. xgboost's own `inplace_predict` answers the same rows in the same
run, by turns.
"""

from __future__ import annotations

import json
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
from benchmarks.scoring.turns import by_turns, first_in_line, of_process, read_ways, said, timed_row
from calls.call_moment import CallMoment
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
CONTACTS = 1_000_000
_OFFER_NAMES = (*NAMES, *(f"offer_{n}" for n in range(10)))
_INTENT_NAMES = tuple(f"intent_{n}" for n in range(32))
_PRODUCTS = tuple(f"PRODUCT-{n:02d}" for n in range(OFFERS))
_MENU = tuple(f"intent-{n}" for n in range(INTENTS))
PARETO = ParetoNbd(0.55, 10.6, 0.61, 11.7)
HISTORY = ("visits", "recency_days", "tenure_days")
_HERE = "benchmarks.scoring.latency"
_MOMENT = CallMoment(datetime(2026, 3, 2, 9, tzinfo=UTC))
_CALLER = Caller(None, Identity(IdentityOutcome.NONE, "e164", 0.0))


def latency(data: Path) -> list[Row]:
    """In a process of one thread: xgboost takes as many as there are where it is given a margin.
    `data` is not looked at."""
    ways = read_ways(of_process(_HERE, "latency"))
    what = f"4 models, {OFFERS} offers, {INTENTS} intents"
    reasons = f"{what}, with top-3 reasons of offer and churn"
    rows = []
    for way, times in ways.items():
        one = f"inplace_predict {said(times['one row, xgboost'])}"
        for name, told, before, aims, beside in (
            ("served", what, ("0.20", "0.33"), (0.5, 5.0), said(times["xgboost"])),
            ("with reasons", reasons, ("–", "1.6"), (2.0, 5.0), ""),
        ):
            others = f"inplace_predict {beside}" if beside else ""
            rows += [
                timed_row("G13", f"{way}, p50: {told}", times[name], 50, before[0], None, others),
                timed_row(
                    "G13", f"{way}, p99: {told}", times[name], 99, before[1], aims[0], others
                ),
                timed_row("G13", f"{way}, p99.9: {told}", times[name], 99.9, "–", aims[1]),
            ]
        rows.append(
            timed_row("–", f"{way}, p99: one model, one row", times["one row"], 99, "–", None, one)
        )
    return rows


def timed() -> dict[str, Any]:
    """Milliseconds of each turn by the clock and of this process, the ways by turns."""
    scoring = _Scoring()
    memories = scoring.memories(64)
    ways: dict[str, Callable[[CallerMemory], object]] = {
        "served": scoring.served,
        "with reasons": scoring.with_reasons,
        "xgboost": scoring.by_xgboost,
        "one row": scoring.one_row,
        "one row, xgboost": scoring.one_row_by_xgboost,
    }

    def step(way: Callable[[CallerMemory], object]) -> Callable[[int], object]:
        return lambda turn: way(memories[turn % len(memories)])

    steps = {name: step(way) for name, way in ways.items()}
    return {"first_in_line": first_in_line(), **by_turns(steps)}


def batch(data: Path) -> list[Row]:
    """In a process of its own, so that its peak memory is its own. `data` is not looked at."""
    found = of_process(_HERE, "batch")
    what = f"{CONTACTS:,} contacts of {len(NAMES)} columns, {TREES} trees of depth {DEPTH}"
    rows = []
    for way, key in (("s", "seconds"), ("s of processor time", "cpu_seconds")):
        seconds = np.array(found[key])
        spread = Interval(float(np.median(seconds)), float(seconds.min()), float(seconds.max()))
        rows.append(
            made("G14", f"{way}: {what}", spread, measured="1.7–2.3", aim=2.0, higher=False,
                 verdict=f"shortest and longest of {len(seconds)} runs")
        )  # fmt: skip
    peak = float(found["peak_mb"])
    told = "MB, peak memory of that process, rows and library included"
    kept = Interval(peak, peak, peak)
    return [*rows, made("–", told, kept, measured="–", aim=None, higher=False)]


class _Scoring:
    """Everything that a call asks, as the server puts it together."""

    def __init__(self) -> None:
        btyd = base_of(PARETO, HISTORY)
        smoothed = Base(kind="smoothed", columns=(_INTENT_NAMES[0],))
        models = {
            ModelKind.CHURN: model_of(ModelKind.CHURN, NAMES, "binary:logistic", btyd),
            ModelKind.PURCHASES: model_of(ModelKind.PURCHASES, NAMES, "count:poisson", btyd),
            ModelKind.OFFERS: model_of(ModelKind.OFFERS, _OFFER_NAMES, "binary:logistic", Base()),
            ModelKind.INTENTS: model_of(
                ModelKind.INTENTS, _INTENT_NAMES, "binary:logistic", smoothed
            ),
        }
        self._used = {kind: found for kind, (found, _) in models.items()}
        self._boosters = {kind: booster for kind, (_, booster) in models.items()}
        self._offers = made_rows(OFFERS, len(_OFFER_NAMES) - len(NAMES), seed=1)
        intents = np.abs(made_rows(INTENTS, len(_INTENT_NAMES), seed=2)) / 10
        self._intents = intents.astype(np.float32)
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

    def propensities_of(
        self, caller: Caller, memory: CallerMemory, moment: CallMoment
    ) -> Propensities:
        """Of counting: no part of the figure."""
        return self._past

    def of(self, kind: ModelKind) -> ModelInUse:
        return self._used[kind]

    def memories(self, many: int) -> list[CallerMemory]:
        rows = np.abs(made_rows(many, len(NAMES), seed=3)) * 30
        return [
            CallerMemory(features=ContactFeatures(SCHEMA, tuple(map(float, row)))) for row in rows
        ]

    def served(self, memory: CallerMemory) -> Propensities:
        return self.scorer.propensities_of(_CALLER, memory, _MOMENT)

    def with_reasons(self, memory: CallerMemory) -> None:
        found = self.served(memory)
        told = found.reasons[_PRODUCTS[0]], found.churn_reasons["en"]
        if not all(told) or set(found.models) != {*ModelKind}:
            raise RuntimeError("not all models answered: these figures would be of nothing")

    def by_xgboost(self, memory: CallerMemory) -> None:
        """The same rows and bases; nothing else of the way."""
        row = np.array(memory.features.values if memory.features else (), dtype=np.float32)[None]
        offers = self._offer_rows(None, memory, self._past.products)
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
        self, told: object, memory: CallerMemory, chances: Mapping[str, float]
    ) -> NDArray[np.float32]:
        contact = np.array(memory.features.values if memory.features else (), dtype=np.float32)
        return np.hstack((np.broadcast_to(contact, (len(chances), len(NAMES))), self._offers))

    def _intent_rows(
        self,
        told: object,
        caller: Caller,
        memory: CallerMemory,
        moment: CallMoment,
        *,
        menu: str,
        intents: Sequence[str],
    ) -> NDArray[np.float32]:
        return self._intents


def model_of(
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
    rows = made_rows(20_000, columns, seed=columns)
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


def made_rows(many: int, columns: int, *, seed: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    found = random.normal(size=(many, columns)).astype(np.float32)
    found[random.random(found.shape, dtype=np.float32) < 0.1] = np.nan
    return found


def scored() -> dict[str, Any]:
    """Seconds of each run over all contacts, and the peak memory of this process. So many rows are
    xgboost's `inplace_predict`; our own way is for few."""
    names = list(NAMES)
    booster = _booster(len(names), "binary:logistic", names)
    raw = bytes(booster.save_raw(raw_format="ubj"))
    model = ServedModel.of(raw, columns=NAMES, objective="binary:logistic")
    rows = np.concatenate([made_rows(CONTACTS // 10, len(names), seed=seed) for seed in range(10)])
    seconds, cpu_seconds = [], []
    for _ in range(7):
        began, used = time.perf_counter(), time.process_time()
        model.answers(rows)
        seconds.append(time.perf_counter() - began)
        cpu_seconds.append(time.process_time() - used)
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": round(_peak_mb())}


def _peak_mb() -> float:
    """Not `ru_maxrss`: that begins with what the process had that started this one."""
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def main() -> int:
    sys.stdout.write(json.dumps(timed() if sys.argv[1:] == ["latency"] else scored()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
