"""Of the next basket's products: how many are among the ten that we would have named."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.basket_model import NAMES, BasketHistory, Candidates, best_of, train_baskets
from scoring.evaluation.figures import MODEL, Figure, Section, compared
from scoring.models.metrics import Resampling

Floats = NDArray[np.float64]

K = 10
#: Customers asked about; more make no figure better.
MAX_ASKED = 4_000
#: Days before the cut whose next baskets are learned from.
TAUGHT_AT = 3


def basket_section(purchases: pl.DataFrame, cut: date, until: date) -> Section:
    history = BasketHistory(purchases)
    baskets = history.next_baskets(cut, until)
    customers = sorted(baskets)
    if len(customers) > MAX_ASKED:
        chosen = np.random.default_rng(7).choice(customers, MAX_ASKED, replace=False)
        customers = sorted(chosen.tolist())
    if not customers:
        return Section("next basket", 0, ())
    found = history.candidates(cut, customers)
    window = max((until - cut).days, 7)
    earlier = [cut - timedelta(days=window + step * window // 2) for step in range(TAUGHT_AT)]
    model = train_baskets(history, earlier, window)
    scores = {
        "own products by decayed count, then popular": _column(found, "own_60d")
        + 1e-3 * _column(found, "late_share"),
        "own products by count, then popular": _column(found, "own_visits")
        + 1e-3 * _column(found, "late_share"),
        "bought most of late": _column(found, "late_share"),
    }
    ours = scores["own products by decayed count, then popular"]
    scores = {MODEL: ours if model is None else model.answers(found.rows), **scores}
    wanted = [baskets[customer] for customer in customers]
    figures = tuple(
        _figure(name, {model: _hits(found, score, wanted, of) for model, score in scores.items()})
        for name, of in ((f"recall@{K}", "basket"), (f"precision@{K}", "named"))
    )
    return Section("next basket", len(customers), figures)


def _column(found: Candidates, name: str) -> Floats:
    return found.rows[:, NAMES.index(name)].astype(np.float64)


def _hits(found: Candidates, scores: Floats, wanted: list[set[int]], of: str) -> Floats:
    """By customer."""
    shares = [
        len(basket.intersection(named.tolist())) / (len(basket) if of == "basket" else K)
        for named, basket in zip(best_of(found, scores, K), wanted, strict=True)
    ]
    return np.array(shares)


def _figure(name: str, shares: Mapping[str, Floats]) -> Figure:
    rows = Resampling(np.arange(len(shares[MODEL])))
    metrics = {model: partial(_mean, found) for model, found in shares.items()}
    return compared(name, metrics, rows, higher_is_better=True)


def _mean(found: Floats, weight: Floats) -> float:
    return float(weight @ found / weight.sum())
