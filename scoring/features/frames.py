"""The rows of all contacts at any past moment, in a few passes over all purchases and calls. Pure;
needs polars.

They are equal to what a contact's state says (`scoring.features.state`): what models learn from is
what they are asked with.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, time

import polars as pl

from calls.caller import ContactRef
from calls.past_calls import PastCallTold
from calls.ports import ContactPurchases
from scoring.features.call_counts import MAX_WAIT_S, REPEAT_DAYS
from scoring.features.purchase_counts import (
    MAX_CATEGORIES,
    MAX_CATEGORY_NAME,
    MAX_PRODUCTS,
    MAX_QUANTITY,
    OTHER,
)
from scoring.features.purchase_features import (
    AMOUNT,
    CATEGORY,
    CUSTOMER,
    DAY,
    PRODUCT,
    QUANTITY,
    finite,
    numbers_at,
)
from scoring.features.schema import (
    CALL_HALF_LIVES,
    CALL_NAMES,
    CRM_NAMES,
    NAMES,
    OUTCOME_CLASSES,
    PURCHASE_NAMES,
    RARE_HALF_LIFE,
)
from scoring.features.seen import call_seen, purchase_seen

#: Of a frame of purchases; `product`, `category` and `quantity` may be missing.
PURCHASES: dict[str, type[pl.DataType] | pl.DataType] = {
    CUSTOMER: pl.String,
    DAY: pl.Date,
    AMOUNT: pl.Float64,
    PRODUCT: pl.String,
    CATEGORY: pl.String,
    QUANTITY: pl.Float64,
}
AT, ENDED = "at", "ended"
#: Of a frame of calls, in the order of time: as `seen.CallSeen`.
CALLS: dict[str, type[pl.DataType] | pl.DataType] = {
    CUSTOMER: pl.String,
    AT: pl.Datetime("us", "UTC"),
    ENDED: pl.String,
    "wait_s": pl.Float64,
    "zero_outs": pl.Int64,
    "offers_heard": pl.Int64,
    "offers_accepted": pl.Int64,
    "offers_refused": pl.Int64,
}
KIND, OPENED, CLOSED = "kind", "opened", "closed"
#: Of a frame of what was open: `kind` is its column of `schema.CRM_NAMES`; a row without `opened`
#: says only that such things are told of the customer.
MATTERS: dict[str, type[pl.DataType] | pl.DataType] = {
    CUSTOMER: pl.String,
    KIND: pl.String,
    OPENED: pl.Datetime("us", "UTC"),
    CLOSED: pl.Datetime("us", "UTC"),
}
_DAY_S = 86_400.0
#: Zero, not unknown, for who bought nothing or never called.
_COUNTED = (
    "visits",
    *(name for name in PURCHASE_NAMES if "decayed" in name),
    "visits_per_day",
    "spend",
    "returns",
    "returned",
    "returned_share",
    "lines",
    "products",
    "pieces",
    *(name for name in CALL_NAMES if "decayed" in name or name.startswith("last_outcome")),
    "repeat_within_7d",
)


def rows_at(
    purchases: pl.DataFrame | None,
    calls: pl.DataFrame | None,
    cut: date | datetime,
    matters: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """`customer` and `schema.NAMES` as float32, sorted, of all who bought or called by `cut` (a
    date: its last moment). NaN is not known, as what was open is without `matters`. Purchases are
    counted by the day of `cut` in UTC."""
    moment = cut if isinstance(cut, datetime) else datetime.combine(cut, time.max, UTC)
    moment = moment.astimezone(UTC)
    bought = _bought(pl.DataFrame(schema=PURCHASES) if purchases is None else purchases)
    bought = bought.filter(pl.col(DAY) <= moment.date())
    called = pl.DataFrame(schema=CALLS) if calls is None else calls
    called = called.filter(pl.col(AT) <= moment)
    people = pl.concat([bought[CUSTOMER], called[CUSTOMER].cast(bought[CUSTOMER].dtype)])
    customers = people.unique().sort()
    row = numbers_at(bought, customers, moment.date())
    row = row.with_columns(pl.col("products").clip(upper_bound=MAX_PRODUCTS))
    row = row.join(_calls_at(called, moment), on=CUSTOMER, how="left", maintain_order="left")
    open_then = _open_at(pl.DataFrame(schema=MATTERS) if matters is None else matters, moment)
    row = row.join(open_then, on=CUSTOMER, how="left", maintain_order="left")
    row = row.with_columns(pl.col(name).fill_null(0) for name in _COUNTED)
    return row.select(CUSTOMER, pl.col(NAMES).cast(pl.Float32).fill_null(math.nan))


def categories_at(purchases: pl.DataFrame, cut: date) -> pl.DataFrame:
    """`customer`, `category`, `share`, `days_since`: what `ContactFeatures.categories` says. Of
    contacts with more than 40 categories the state knows the rare ones only nearly."""
    named = purchases.lazy().filter(
        pl.col(DAY) <= cut, finite(AMOUNT).fill_null(0) >= 0, pl.col(CATEGORY) != ""
    )
    counted = named.group_by(CUSTOMER, pl.col(CATEGORY).str.slice(0, MAX_CATEGORY_NAME)).agg(
        pl.len().alias("lines"), pl.col(DAY).max().alias("last")
    )
    order = ["lines", CATEGORY]
    place = pl.int_range(pl.len()).over(CUSTOMER, order_by=pl.struct(-pl.col("lines"), CATEGORY))
    own = (pl.len().over(CUSTOMER) <= MAX_CATEGORIES) | (place < MAX_CATEGORIES - 1)
    counted = counted.with_columns(pl.col("lines").cast(pl.Int64)).with_columns(
        pl.when(own).then(pl.col(CATEGORY)).otherwise(pl.lit(OTHER)).alias(CATEGORY)
    )
    merged = counted.group_by(CUSTOMER, CATEGORY).agg(pl.col("lines").sum(), pl.col("last").max())
    return (
        merged.with_columns(
            (pl.col("lines") / pl.col("lines").sum().over(CUSTOMER)).alias("share"),
            (pl.lit(cut) - pl.col("last")).dt.total_days().cast(pl.Float64).alias("days_since"),
        )
        .sort(CUSTOMER, *order, descending=[False, True, False])
        .select(CUSTOMER, CATEGORY, "share", "days_since")
        .collect()
    )


def purchases_frame(histories: Iterable[ContactPurchases]) -> pl.DataFrame:
    """`customer` is the contact as text, `CRM:ID`."""
    rows = []
    for history in histories:
        for line in history.lines:
            seen = purchase_seen(line)
            rows.append(
                (
                    str(history.contact),
                    seen.day,
                    seen.amount,
                    seen.product or None,
                    seen.category or None,
                    seen.quantity,
                )
            )
    return pl.DataFrame(rows, schema=PURCHASES, orient="row")


def matters_frame(histories: Iterable[ContactPurchases]) -> pl.DataFrame:
    """`customer` as in `purchases_frame`."""
    rows: list[tuple[str, str, datetime | None, datetime | None]] = []
    for history in histories:
        who, told = str(history.contact), history.matters
        for kind, spans in zip(CRM_NAMES, (told.cases, told.orders, told.unpaid), strict=True):
            if spans is not None:
                rows.append((who, kind, None, None))
                rows.extend((who, kind, _utc(one.opened_at), _utc(one.closed_at)) for one in spans)
    return pl.DataFrame(rows, schema=MATTERS, orient="row")


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC)


def calls_frame(past: Iterable[PastCallTold]) -> pl.DataFrame:
    """Of calls that known contacts made; `customer` as in `purchases_frame`."""
    rows = []
    for each in past:
        seen = call_seen(each)
        if seen is not None and isinstance(each.contact, ContactRef):
            rows.append((str(each.contact), *(getattr(seen, name) for name in [*CALLS][1:])))
    return pl.DataFrame(rows, schema=CALLS, orient="row")


def _open_at(matters: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """`customer` and how many of each kind were open; null where nobody tells."""
    is_open = (pl.col(OPENED) <= moment) & (pl.col(CLOSED).is_null() | (pl.col(CLOSED) > moment))
    counts = [
        pl.when((pl.col(KIND) == kind).any())
        .then((is_open.fill_null(value=False) & (pl.col(KIND) == kind)).sum())
        .alias(kind)
        for kind in CRM_NAMES
    ]
    return matters.group_by(CUSTOMER).agg(counts)


def _bought(purchases: pl.DataFrame) -> pl.DataFrame:
    """With all columns, and quantities that are numbers."""
    absent = [
        pl.lit(None, dtype=PURCHASES[name]).alias(name)
        for name in (PRODUCT, QUANTITY)
        if name not in purchases.columns
    ]
    pieces = finite(QUANTITY).clip(-MAX_QUANTITY, MAX_QUANTITY)
    named = pl.when(pl.col(PRODUCT) != "").then(pl.col(PRODUCT)).alias(PRODUCT)
    if purchases.schema.get(PRODUCT, pl.String) != pl.String:
        named = pl.col(PRODUCT)
    return purchases.with_columns(absent).with_columns(named, pieces)


def _decayed(values: pl.Expr, age: pl.Expr, half_life: int) -> pl.Expr:
    return (values * (age * (-math.log(2) / half_life)).exp()).sum()


def _calls_at(called: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    age = (pl.lit(moment).cast(pl.Datetime("us", "UTC")) - pl.col(AT)).dt.total_microseconds()
    age = age / (_DAY_S * 1e6)
    wait = finite("wait_s").clip(0.0, MAX_WAIT_S)
    offered = pl.col("offers_heard") > 0
    offers = [f"offers_{each}" for each in ("heard", "accepted", "refused")]
    row = (
        called.lazy()
        .with_columns(age.alias("age"), wait)
        .sort(AT, maintain_order=True)
        .group_by(CUSTOMER, maintain_order=True)
        .agg(
            *(
                _decayed(pl.lit(1.0), pl.col("age"), days).alias(f"calls_decayed_{days}d")
                for days in CALL_HALF_LIVES
            ),
            pl.col("age").last().alias("days_since_call"),
            *(
                (pl.col(ENDED).last() == each).cast(pl.Float64).alias(f"last_outcome_{each}")
                for each in OUTCOME_CLASSES
            ),
            pl.col("wait_s").max().alias("longest_wait_s"),
            pl.col("wait_s").last().alias("last_wait_s"),
            _decayed(
                (pl.col(ENDED) == "abandoned").cast(pl.Float64), pl.col("age"), RARE_HALF_LIFE
            ).alias("hang_ups_decayed_90d"),
            (pl.col("age").get(-2, null_on_oob=True) - pl.col("age").last() <= REPEAT_DAYS)
            .cast(pl.Float64)
            .alias("repeat_within_7d"),
            *(
                _decayed(pl.col(name), pl.col("age"), RARE_HALF_LIFE).alias(f"{name}_decayed_90d")
                for name in ("zero_outs", *offers)
            ),
            pl.col("age").filter(offered).last().alias("days_since_offer"),
        )
    )
    return row.collect()
