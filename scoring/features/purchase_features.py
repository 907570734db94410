"""One row of numbers per customer from all purchases up to a day, in one pass. Pure; needs polars.

The same words mean the same as in `scoring.segmenting.purchases`: days after the cut are left
out, several purchases on one day are one visit, a return (amount below zero) lowers the spend and
is no visit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scoring.models.btyd import Histories

#: Columns of a purchases frame; the last three may be missing.
CUSTOMER, DAY, AMOUNT = "customer", "day", "amount"
PRODUCT, QUANTITY, CATEGORY = "product", "quantity", "category"

HALF_LIVES_DAYS = (7, 30, 90, 365)
#: Categories that get a share of their own; the largest ones.
MAX_CATEGORIES = 20
#: Amounts beyond are a typing error or an overflow; they are cut off here.
MAX_AMOUNT = 1e12


def features_at(
    purchases: pl.DataFrame | pl.LazyFrame,
    cut: date,
    *,
    categories: Sequence[str] = (),
) -> pl.DataFrame:
    """By customer with at least one visit up to `cut`, sorted: what is known then. `categories`
    are those named at training; ask `largest_categories`."""
    known, parts = _parts(purchases, cut)
    if CATEGORY in known.collect_schema().names() and categories:
        parts.append(_shares(known, cut, categories))
    row = parts[0]
    for part in parts[1:]:
        row = row.join(part, on=CUSTOMER, how="left")
    return row.sort(CUSTOMER).collect()


def numbers_at(
    purchases: pl.DataFrame | pl.LazyFrame, customers: pl.Series, cut: date
) -> pl.DataFrame:
    """Like `features_at` for each of `customers`, in their order, also those without a visit; null
    is not known."""
    _, parts = _parts(purchases, cut)
    row = pl.LazyFrame({CUSTOMER: customers})
    for part in parts:
        row = row.join(part, on=CUSTOMER, how="left", maintain_order="left")
    return row.collect()


def _parts(
    purchases: pl.DataFrame | pl.LazyFrame, cut: date
) -> tuple[pl.LazyFrame, list[pl.LazyFrame]]:
    """What was bought by then, and the columns made of it."""
    known = purchases.lazy().filter(pl.col(DAY) <= cut).with_columns(_amount())
    visits = _visits(known).collect()
    parts = [_rhythm(visits, cut), _money(known, cut)]
    columns = known.collect_schema().names()
    if PRODUCT in columns or QUANTITY in columns:
        parts.append(_goods(known, columns))
    return known, parts


def counts_within(
    purchases: pl.DataFrame | pl.LazyFrame, customers: pl.Series, after: date, until: date
) -> NDArray[np.float64]:
    """Visits with `after` < day <= `until`, of each of `customers`."""
    window = purchases.lazy().filter(pl.col(DAY) > after, pl.col(DAY) <= until)
    bought = window.with_columns(_amount()).filter(pl.col(AMOUNT) >= 0)
    counted = bought.group_by(CUSTOMER).agg(pl.col(DAY).n_unique().alias("n"))
    asked = pl.LazyFrame({CUSTOMER: customers})
    found = asked.join(counted, on=CUSTOMER, how="left", maintain_order="left").collect()
    return found["n"].fill_null(0).to_numpy().astype(np.float64)


def histories_of(row: pl.DataFrame) -> Histories:
    """For Pareto/NBD, in days, from what `features_at` gave."""
    first = row["tenure_days"].to_numpy()
    return Histories.of(row["visits"].to_numpy() - 1, first - row["recency_days"].to_numpy(), first)


def matrix_of(row: pl.DataFrame) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Everything but the customer, and the names."""
    numbers = row.drop(CUSTOMER)
    return numbers.to_numpy().astype(np.float32), tuple(numbers.columns)


def largest_categories(purchases: pl.DataFrame | pl.LazyFrame, cut: date) -> tuple[str, ...]:
    """Those bought most often up to `cut`."""
    counted = (
        purchases.lazy()
        .filter(pl.col(DAY) <= cut, pl.col(CATEGORY).is_not_null())
        .group_by(CATEGORY)
        .len()
        .sort(["len", CATEGORY], descending=[True, False])
        .head(MAX_CATEGORIES)
        .collect()
    )
    return tuple(str(name) for name in counted[CATEGORY])


def finite(name: str) -> pl.Expr:
    """Null for what is no number, infinity too."""
    number = pl.col(name).cast(pl.Float64)
    return pl.when(number.is_finite()).then(number).alias(name)


def _amount() -> pl.Expr:
    return finite(AMOUNT).clip(-MAX_AMOUNT, MAX_AMOUNT).fill_null(0.0)


def _visits(known: pl.LazyFrame) -> pl.LazyFrame:
    """One row per customer and day."""
    bought = known.filter(pl.col(AMOUNT) >= 0)
    return bought.group_by(CUSTOMER, DAY).agg(pl.col(AMOUNT).sum()).sort(CUSTOMER, DAY)


def _decayed(values: pl.Expr, age: pl.Expr, half_life: int) -> pl.Expr:
    weight = (age * (-math.log(2) / half_life)).exp()
    return (values * weight).sum()


def _rhythm(visits: pl.DataFrame, cut: date) -> pl.LazyFrame:
    age = (pl.lit(cut) - pl.col(DAY)).dt.total_days()
    gap = pl.col(DAY).diff().dt.total_days()
    recency, tenure = age.min(), age.max()
    mean_gap = pl.when(pl.len() > 1).then((tenure - recency) / (pl.len() - 1))
    row = (
        visits.lazy()
        .group_by(CUSTOMER)
        .agg(
            pl.len().alias("visits"),
            recency.alias("recency_days"),
            tenure.alias("tenure_days"),
            mean_gap.alias("mean_gap_days"),
            gap.median().alias("median_gap_days"),
            gap.std().alias("gap_spread_days"),
            gap.max().alias("longest_gap_days"),
            gap.last().alias("last_gap_days"),
            pl.col(AMOUNT).mean().alias("mean_visit_amount"),
            pl.col(AMOUNT).max().alias("largest_visit_amount"),
            pl.col(AMOUNT).last().alias("last_visit_amount"),
            pl.col(AMOUNT).first().alias("first_visit_amount"),
            *(
                _decayed(pl.lit(1.0), age, days).alias(f"visits_decayed_{days}d")
                for days in HALF_LIVES_DAYS
            ),
        )
    )
    return row.with_columns(
        (pl.col("recency_days") / pl.col("mean_gap_days").clip(1.0)).alias("recency_by_gap"),
        (pl.col("visits") / (pl.col("tenure_days") + 30)).alias("visits_per_day"),
    )


def _money(known: pl.LazyFrame, cut: date) -> pl.LazyFrame:
    age = (pl.lit(cut) - pl.col(DAY)).dt.total_days()
    amount = pl.col(AMOUNT)
    returned = amount.filter(amount < 0)
    row = known.group_by(CUSTOMER).agg(
        amount.sum().alias("spend"),
        returned.len().alias("returns"),
        (-returned.sum()).alias("returned"),
        *(_decayed(amount, age, days).alias(f"spend_decayed_{days}d") for days in HALF_LIVES_DAYS),
    )
    bought = pl.col("spend") + pl.col("returned")
    return row.with_columns(
        (pl.col("returned") / bought.clip(1e-9)).clip(0, 10).alias("returned_share")
    )


def _goods(known: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    counted = [pl.len().alias("lines")]
    if PRODUCT in columns:
        unnamed = pl.col(PRODUCT).is_null().any().cast(pl.UInt32)
        counted.append((pl.col(PRODUCT).n_unique() - unnamed).alias("products"))
    if QUANTITY in columns:
        pieces = finite(QUANTITY)
        counted += [pieces.sum().alias("pieces"), pieces.mean().alias("pieces_per_line")]
        on_first_day = pieces.filter(pl.col(DAY) == pl.col(DAY).min())
        counted.append(on_first_day.first().alias("first_pieces"))
    return known.filter(pl.col(AMOUNT) >= 0).group_by(CUSTOMER).agg(*counted)


def _shares(known: pl.LazyFrame, cut: date, categories: Sequence[str]) -> pl.LazyFrame:
    age = (pl.lit(cut) - pl.col(DAY)).dt.total_days()
    bought = known.filter(pl.col(AMOUNT) >= 0)
    of = [(number, pl.col(CATEGORY) == name) for number, name in enumerate(categories)]
    return bought.group_by(CUSTOMER).agg(
        *(which.mean().fill_null(0.0).alias(f"category_{number}_share") for number, which in of),
        *(age.filter(which).min().alias(f"category_{number}_days") for number, which in of),
    )
