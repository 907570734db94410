"""Purchases of others: would we have known who buys next, how often, and what?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import nbinom

from scoring.evaluation.figures import (
    MODEL,
    Evaluation,
    Figure,
    Progress,
    Section,
    compared,
    silent,
)
from scoring.evaluation.next_baskets import basket_section
from scoring.evaluation.outside_files import BadTable, find_columns, open_table
from scoring.evaluation.outside_values import as_names, as_numbers, as_times
from scoring.features.purchase_features import counts_within
from scoring.models import metrics
from scoring.models.metrics import Metric, Resampling, SortedByScore
from scoring.purchase_model import Known, know, train_purchase_model

Floats = NDArray[np.float64]

_NEEDED = {
    "customer_id": (
        "customer", "cust_id", "client_id", "client", "user_id", "household_id", "member_id",
        "contact_id", "account_id", "buyer_id", "cid",
    ),
    "date": (
        "invoice_date", "order_date", "purchase_date", "transaction_date", "timestamp", "datetime",
        "transaction_timestamp", "order_purchase_timestamp", "purchased_at", "ordered_at",
        "created_at", "day", "at", "time",
    ),
}  # fmt: skip
_OPTIONAL = {
    "amount": (
        "sales_value", "dollar_value", "total", "total_amount", "sales", "revenue", "order_value",
        "spend", "value", "net_amount", "payment_value", "price_total",
    ),
    "price": ("unit_price", "price_per_unit", "item_price"),
    "quantity": ("qty", "units", "number_of_items", "number_of_cds", "pieces"),
    "product": (
        "product_id", "stock_code", "sku", "item", "item_id", "article_id", "product_code",
        "article", "material",
    ),
}  # fmt: skip

LEAST_CUSTOMERS = 30


@dataclass(frozen=True, slots=True)
class PurchaseTable:
    """`frame` has customer, day, amount and where given product and quantity, as
    `scoring.features.purchase_features` wants them."""

    frame: pl.DataFrame
    facts: Mapping[str, object]
    notes: tuple[str, ...]


def evaluate_purchases(
    path: Path,
    *,
    renames: Mapping[str, str] | None = None,
    cut: date | None = None,
    horizon_days: int | None = None,
    date_format: str | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Raises BadTable."""
    progress("reading", 0, 4)
    table = read_purchases(path, renames or {}, date_format=date_format)
    days = table.frame["day"]
    first, last = days.min(), days.max()
    assert isinstance(first, date)
    assert isinstance(last, date)
    horizon = horizon_days or default_horizon((last - first).days)
    cut = cut or last - timedelta(days=horizon)
    until = cut + timedelta(days=horizon)
    _check_window(path, first, last, cut)
    progress("training", 1, 4)
    model = train_purchase_model(table.frame, cut, horizon)
    known = know(table.frame, cut, horizon)
    if len(known.customers) < LEAST_CUSTOMERS:
        raise BadTable(
            f"{path}: only {len(known.customers)} customers bought by {cut}; "
            f"{LEAST_CUSTOMERS} are the least that say anything"
        )
    counts = counts_within(table.frame, known.customers, cut, until)
    progress("comparing", 2, 4)
    sections = [
        _buys_section(known, model.buys(known), counts),
        _count_section(known, model.expected(known), counts, (cut - first).days),
    ]
    notes = list(table.notes)
    if until > last:
        notes.append(f"the file ends on {last}, before the horizon does on {until}")
    if model.trained_for_days < horizon:
        notes.append(
            f"{(cut - first).days} days of history are short for {horizon} days: the trees were "
            f"trained for {model.trained_for_days} days and carried over"
        )
    if not model.origins:
        notes.append("the history is too short to train on: the model is Pareto/NBD alone")
    progress("next baskets", 3, 4)
    if "product" in table.frame.columns:
        sections.append(basket_section(table.frame, cut, until))
    progress("done", 4, 4)
    facts = {
        **table.facts,
        "cut": cut.isoformat(),
        "horizon_days": horizon,
        "customers_at_cut": len(known.customers),
        "bought_within_horizon": int((counts > 0).sum()),
        "training_days": [day.isoformat() for day in model.origins],
        "trust_in_trees": {"buys": model.buys_trust, "count": model.trust},
    }
    return Evaluation("purchases", str(path), facts, tuple(sections), tuple(notes))


def default_horizon(span_days: int) -> int:
    """30 days of a year; a quarter of two years; a fifth of what is shorter."""
    if span_days >= 540:
        return 90
    return 30 if span_days >= 150 else max(1, span_days // 5)


def read_purchases(
    path: Path, renames: Mapping[str, str], *, date_format: str | None = None
) -> PurchaseTable:
    """Raises BadTable."""
    table = open_table(path)
    found = find_columns(table, renames, needed=_NEEDED, optional=_OPTIONAL)
    factors = [name.strip() for name in found.get("amount", "").split("*") if name.strip()]
    factors = [table.column(name) for name in factors]
    if not factors and {"price", "quantity"} <= found.keys():
        factors = [found["quantity"], found["price"]]
    plain = {
        found[name] for name in ("customer_id", "date", "quantity", "product") if name in found
    }
    raw = table.read(sorted({*plain, *factors}))
    if not len(raw):
        raise BadTable(f"{path}: there are no rows in it")
    times, read_as = as_times(raw[found["date"]], date_format)
    columns = {
        "customer": as_names(raw[found["customer_id"]]),
        "day": times.dt.date(),
        "amount": _product([as_numbers(raw[name]) for name in factors], len(raw)),
    }
    if "quantity" in found:
        columns["quantity"] = as_numbers(raw[found["quantity"]])
    if "product" in found:
        columns["product"] = as_names(raw[found["product"]])
    whole = pl.DataFrame({name: values.rename(name) for name, values in columns.items()})
    frame, notes = _cleaned(whole, path, found, raw[found["date"]])
    facts = {
        "rows": len(raw),
        "rows_used": len(frame),
        "columns": {**found, "amount": "*".join(factors) or None},
        "dates_read": read_as,
        "from": str(frame["day"].min()),
        "until": str(frame["day"].max()),
        "customers": frame["customer"].n_unique(),
        "refunds": int((frame["amount"] < 0).sum()),
    }
    if not factors:
        notes.append("there is no column of amounts: each purchase counts as 1")
    return PurchaseTable(frame, facts, tuple(notes))


def _product(factors: Sequence[pl.Series], rows: int) -> pl.Series:
    if not factors:
        return pl.Series("amount", [1.0]).new_from_index(0, rows)
    amount = factors[0]
    for factor in factors[1:]:
        amount = amount * factor
    return amount


def _cleaned(
    whole: pl.DataFrame, path: Path, found: Mapping[str, str], dates: pl.Series
) -> tuple[pl.DataFrame, list[str]]:
    today = datetime.now(UTC).date()
    reasons: dict[str, pl.Expr] = {
        "without a customer": pl.col("customer").is_null(),
        f"whose {found['date']} cannot be read as a date": pl.col("day").is_null(),
        "dated after today": pl.col("day") > today,
        "before 1970": pl.col("day") < date(1970, 1, 1),
        "whose amount is no finite number": pl.col("amount").is_null(),
    }
    notes = []
    for words, bad in reasons.items():
        flagged = bad.fill_null(value=False)
        count = whole.select(flagged.sum()).item()
        if count:
            notes.append(f"{count:,} rows {words} were left out")
            whole = whole.filter(~flagged)
    if not len(whole):
        said = dates.cast(pl.String).drop_nulls().head(1).to_list()
        raise BadTable(
            f"{path}: no row can be used ({'; '.join(notes)}); the first date is {said[:1]}. "
            "Say how dates are written: --date-format '%d/%m/%Y %H:%M'"
        )
    twice = len(whole) - whole.n_unique()
    if twice:
        notes.append(
            f"{twice:,} rows are like an earlier one; they are kept (one day is one visit)"
        )
    return whole, notes


def _check_window(path: Path, first: date, last: date, cut: date) -> None:
    if not first <= cut < last:
        raise BadTable(
            f"{path}: the cut {cut} leaves nothing on one side; purchases go from {first} to {last}"
        )


def _buys_section(known: Known, chance: Floats, counts: Floats) -> Section:
    truth = (counts > 0).astype(np.float64)
    rows = Resampling(np.arange(len(truth)))
    recency = _named(known, "recency_days")
    forecasts = {MODEL: chance, "Pareto/NBD": known.buys}
    scores = {
        **forecasts,
        "Pareto/NBD count": known.expected,
        "RFM sum": _rfm_sum(known),
        "days since last": -recency,
    }
    share = np.full(len(truth), truth.mean())
    figures = [
        compared(
            "AUC",
            {name: SortedByScore(truth, score).auc for name, score in scores.items()},
            rows,
            higher_is_better=True,
        )
    ]
    for name, metric in (("log loss", metrics.log_loss), ("ECE", metrics.ece)):
        shown = dict(forecasts)
        if metric is metrics.log_loss:
            # Nobody knew the share of the holdout; who did would lose this much without a model.
            shown = {**forecasts, "share of all, known beforehand": share}
        figures.append(_of(name, metric, truth, shown, rows, higher_is_better=False))
    return Section("buys within the horizon", len(truth), tuple(figures))


def _count_section(known: Known, expected: Floats, counts: Floats, history_days: int) -> Section:
    rows = Resampling(np.arange(len(counts)))
    pace = _named(known, "visits") / max(history_days, 1) * known.horizon_days
    means = {MODEL: expected, "Pareto/NBD": known.expected, "own pace goes on": pace}
    medians = {
        MODEL: likely_count(known, expected),
        "Pareto/NBD": likely_count(known, known.expected),
    }
    medians["nobody buys"] = np.zeros(len(counts))
    return Section(
        "number of purchases within the horizon",
        len(counts),
        (
            _of("MAE of the expected count", metrics.mae, counts, means, rows),
            _of("MAE of the median count", metrics.mae, counts, medians, rows),
            _of("RMSE", metrics.rmse, counts, means, rows),
            _of("correlation", metrics.correlation, counts, means, rows, higher_is_better=True),
        ),
    )


def likely_count(known: Known, expected: Floats) -> Floats:
    """The median of the count, which is what an absolute error asks for: nothing of those no
    longer alive, negative binomial (shape r + x of the Pareto/NBD) of the others."""
    alive = np.clip(known.pareto.alive(known.histories), 1e-6, 1.0)
    shape = known.pareto.r + known.histories.repeats
    among_alive = np.clip((0.5 - (1 - alive)) / alive, 0.0, 1.0)
    median = nbinom.ppf(among_alive, shape, shape / (shape + expected / alive))
    return np.maximum(np.asarray(median, dtype=np.float64), 0.0)


def _of(
    name: str,
    metric: Callable[[Floats, Floats, Floats], float],
    truth: Floats,
    forecasts: Mapping[str, Floats],
    rows: Resampling,
    *,
    higher_is_better: bool = False,
) -> Figure:
    by_model: dict[str, Metric] = {
        model: partial(_weighed, metric, truth, forecast) for model, forecast in forecasts.items()
    }
    return compared(name, by_model, rows, higher_is_better=higher_is_better)


def _weighed(
    metric: Callable[[Floats, Floats, Floats], float],
    truth: Floats,
    forecast: Floats,
    weight: Floats,
) -> float:
    return metric(truth, forecast, weight)


def _named(known: Known, name: str) -> Floats:
    return known.rows[:, known.names.index(name)].astype(np.float64)


def _rfm_sum(known: Known) -> Floats:
    """Fifths of recency, frequency and spend, added up."""
    total = np.zeros(len(known.customers))
    for name, sign in (("recency_days", -1), ("visits", 1), ("spend", 1)):
        values = sign * _named(known, name)
        below = np.searchsorted(np.sort(values), values, side="left")
        total += 1 + np.minimum(4, 5 * below // max(len(values), 1))
    return total
