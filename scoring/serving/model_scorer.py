"""What a caller may want, by whatever trained models there are; the rest by counting.

Answers from memory while the phone rings, each part with a fallback of its own: no model, a model
that is late, or an answer that is none leave what counting says, or nothing, never an error.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from prometheus_client import CollectorRegistry, Counter

from calls.call_moment import CallMoment
from calls.caller import Caller
from calls.offers import CallerMemory, Propensities
from calls.ports import PropensityScorer
from scoring.buying_rates import chance_in_other_days
from scoring.lazily import Lazily
from scoring.propensities import HORIZON_DAYS
from scoring.registry.card import ModelKind
from scoring.serving.churn_level import level_of
from scoring.serving.models_in_use import ModelInUse, ModelsInUse
from scoring.serving.patience import Patience
from scoring.serving.reason_words import LANGUAGES
from scoring.serving.reasons import RowReasons
from scoring.serving.served_model import Floats, Matrix

log = logging.getLogger(__name__)

MODEL = "models-1"
DEADLINE_S = 0.005
#: Products scored for one caller; those that counting finds likeliest.
MAX_PRODUCTS = 60
#: Nobody buys so often.
_MOST_PURCHASES = 10_000.0
#: Of a column: beyond, float32 knows only infinity.
_FARTHEST = 1e30
_ALL, _DEFAULT = "", "en"
_OUTCOMES = ("used", "late", "not_a_number", "failed")

#: By product: sentences.
Told = Mapping[str, tuple[str, ...]]


class OfferRows(Protocol):
    """Rows of (contact, offer), one for each product; `chances` are what counting finds for it
    within the card's horizon. `told` is `ModelInUse.told`, here and below."""

    def __call__(self, told: Any, memory: CallerMemory, chances: Mapping[str, float]) -> Matrix: ...


class IntentRows(Protocol):
    """Rows of (caller, intent) of one menu."""

    def __call__(
        self,
        told: Any,
        caller: Caller,
        memory: CallerMemory,
        moment: CallMoment,
        *,
        menu: str,
        intents: Sequence[str],
    ) -> Matrix: ...


class ModelCounters:
    """What `/metrics` says of each kind of model."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.answers = Counter(
            "switchboard_model_answers",
            "Answers of models: used, late, not_a_number or failed (then counting answers)",
            ["kind", "outcome"],
            registry=registry or CollectorRegistry(),
        )
        self._each = {
            (kind, outcome): self.answers.labels(str(kind), outcome)
            for kind in ModelKind
            for outcome in _OUTCOMES
        }

    def add(self, kind: ModelKind, outcome: str) -> None:
        self._each[kind, outcome].inc()


@dataclass(slots=True)
class _Asked:
    """One question; `found` grows part by part: the fields that models answered."""

    caller: Caller
    memory: CallerMemory
    moment: CallMoment
    past: Propensities
    found: dict[str, Any]
    models: dict[str, str]
    #: What bases expect of the contact's row, shared by its models.
    expected: dict[str, Floats]
    #: The contact's row, None for who has none.
    row: Matrix | None
    began: float


class ModelScorer:
    """Implements `calls.ports.PropensityScorer`. `past` answers where no model does, its chances of
    products within `horizon_days`; those of a model of another horizon are brought to that one."""

    def __init__(
        self,
        *,
        past: PropensityScorer,
        models: ModelsInUse,
        schema: str,
        group_of: Mapping[str, str],
        offer_rows: OfferRows | None = None,
        intent_rows: IntentRows | None = None,
        counters: ModelCounters | None = None,
        horizon_days: int = HORIZON_DAYS,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._past = past
        self._models = models
        self._schema = schema
        self._group_of = group_of
        self._offer_rows = offer_rows
        self._intent_rows = intent_rows
        self._counters = counters or ModelCounters()
        self._horizon_days = horizon_days
        self._deadline_s = deadline_s
        self._clock = clock
        self._patience = Patience(limit_s=deadline_s)
        self._told: set[str] = set()
        self._parts = {
            ModelKind.INTENTS: self._intents,
            ModelKind.OFFERS: self._offers,
            ModelKind.CHURN: self._churn,
            ModelKind.PURCHASES: self._purchases,
        }

    def propensities_of(
        self, caller: Caller, memory: CallerMemory, moment: CallMoment
    ) -> Propensities:
        asked = _Asked(
            caller,
            memory,
            moment,
            self._past.propensities_of(caller, memory, moment),
            {},
            {},
            {},
            self._row(memory),
            self._clock(),
        )
        for kind, part in self._parts.items():
            used = self._models.of(kind)
            if used is None or not self._patience.allows(used.card.version):
                continue
            began = self._clock()
            if began - asked.began > self._deadline_s:
                self._counters.add(kind, "late")
                continue
            outcome = self._answered(kind, part, used, asked)
            took = self._clock() - began
            self._patience.took(used.card.version, took)
            if outcome is not None:
                self._counters.add(kind, outcome)
        if not asked.models:
            return asked.past
        return replace(asked.past, models=asked.models, **asked.found)

    def _answered(
        self,
        kind: ModelKind,
        part: Callable[[ModelInUse, _Asked], dict[str, Any] | None],
        used: ModelInUse,
        asked: _Asked,
    ) -> str | None:
        """None where the model had nothing to say of this caller."""
        try:
            found = part(used, asked)
        except NotANumber:
            self._tell_once(f"scoring: {kind} {used.card.version} answered with what is no number")
            return "not_a_number"
        except Exception:  # noqa: BLE001 -- a caller waits, and counting has answered already
            self._tell_once(f"scoring: {kind} {used.card.version} failed", trace=True)
            return "failed"
        if found is None:
            return None
        asked.found |= found
        asked.models[str(kind)] = used.card.version
        return "used"

    def _row(self, memory: CallerMemory) -> Matrix | None:
        features = memory.features
        if features is None or features.schema != self._schema:
            return None
        values = np.array(features.values, dtype=np.float64)
        return np.minimum(np.maximum(values, -_FARTHEST), _FARTHEST).astype(np.float32)

    def _churn(self, used: ModelInUse, asked: _Asked) -> dict[str, Any] | None:
        if asked.row is None:
            return None
        row = used.own(asked.row)
        (churn,) = checked(used.answers(row[None], asked.expected), most=1.0)
        why = self._why(used, {_ALL: row})
        reasons = Lazily(LANGUAGES, lambda language: why[language][_ALL])
        return {
            "churn": churn,
            "churn_level": level_of(churn, used.card.reliability),
            "horizon_days": used.card.horizon_days,
            "churn_reasons": reasons,
        }

    def _purchases(self, used: ModelInUse, asked: _Asked) -> dict[str, Any] | None:
        if asked.row is None:
            return None
        row = used.own(asked.row)
        (expected,) = checked(used.answers(row[None], asked.expected), most=_MOST_PURCHASES)
        return {"expected_purchases": expected}

    def _offers(self, used: ModelInUse, asked: _Asked) -> dict[str, Any] | None:
        products = list(_likeliest(asked.past.products))
        if self._offer_rows is None or not products:
            return None
        ours, theirs = self._horizon_days, used.card.horizon_days or self._horizon_days
        past = asked.past.products
        counted = {product: past[product] for product in products}
        if ours != theirs:
            counted = _in_other_days(counted, days=ours, wanted=theirs)
        rows = used.own(self._offer_rows(used.told, asked.memory, counted))
        found = dict(zip(products, checked(used.answers(rows), most=1.0), strict=True))
        if ours != theirs:
            found = _in_other_days(found, days=theirs, wanted=ours)
        found = {**past, **found}
        why = self._why(used, dict(zip(products, rows, strict=True)))
        return {"products": found, "reasons": why[_DEFAULT], "reasons_in": why, "model": MODEL}

    def _intents(self, used: ModelInUse, asked: _Asked) -> dict[str, Any] | None:
        if self._intent_rows is None or not asked.past.intents:
            return None
        found: dict[tuple[str, str], float] = {}
        for menu, intents in _menus(asked.past.intents).items():
            made = self._intent_rows(
                used.told, asked.caller, asked.memory, asked.moment, menu=menu, intents=intents
            )
            shares = checked(used.answers(used.own(made)), most=1.0)
            total = max(math.fsum(shares), 1e-12)
            for intent, share in zip(intents, shares, strict=True):
                found[menu, intent] = share / total
        return {"intents": found, "model": MODEL}

    def _why(self, used: ModelInUse, rows: Mapping[str, Matrix]) -> dict[str, Told]:
        """By language and what was asked; what nobody looks at is never made."""
        made = Lazily(rows, lambda key: RowReasons(used, rows[key], self._group_of))
        return {language: self._lazily(used, made, language) for language in LANGUAGES}

    def _lazily(self, used: ModelInUse, made: Mapping[str, RowReasons], language: str) -> Told:
        def find(key: str) -> tuple[str, ...]:
            try:
                return made[key].told(language)
            except Exception:  # noqa: BLE001 -- a call goes on without reasons
                self._tell_once(f"scoring: reasons of {used.card.version} failed", trace=True)
                return ()

        return Lazily(made, find)

    def _tell_once(self, words: str, *, trace: bool = False) -> None:
        """A fault that each call has is told once."""
        if words not in self._told:
            self._told.add(words)
            log.warning(words, exc_info=trace)


class NotANumber(ArithmeticError):
    """NaN, or beyond what such an answer can be."""


def checked(answers: Floats, *, most: float) -> list[float]:
    """So few are looked at sooner as plain numbers."""
    found: list[float] = answers.tolist()
    for each in found:
        # NaN is neither above nor below anything.
        if not 0 <= each <= most:
            raise NotANumber
    return found


def _in_other_days(chances: Mapping[str, float], *, days: float, wanted: float) -> dict[str, float]:
    return {
        product: chance_in_other_days(chance, days=days, wanted=wanted)
        for product, chance in chances.items()
    }


def _likeliest(products: Mapping[str, float]) -> Iterable[str]:
    if len(products) <= MAX_PRODUCTS:
        return products
    known = ((share, name) for name, share in products.items() if math.isfinite(share))
    return [name for _, name in sorted(known, reverse=True)[:MAX_PRODUCTS]]


def _menus(intents: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for menu, intent in intents:
        found.setdefault(menu, []).append(intent)
    return found
