"""G14, the features: those of every contact from all purchases at once, and those of one contact by
its counters. One thread of ours; polars takes as many as the machine has.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

import polars as pl

from benchmarks.scoring.goals import Row, made
from calls.caller import ContactRef
from calls.ports import ContactPurchases, PurchaseLine
from scoring.features.frames import rows_at
from scoring.features.purchase_features import features_at
from scoring.features.seen import CallSeen, PurchaseSeen
from scoring.features.state import ContactState
from scoring.features.state_rows import purchases_row
from scoring.models.metrics import Interval

CUT = date(2018, 1, 1)
NOW = datetime(2018, 1, 1, 12, tzinfo=UTC)
RUNS = 9
#: A contact as large as no shop has one.
LARGEST = 10_000_000
CONTACTS, LINES_EACH = 1_000_000, 5


def features(data: Path) -> list[Row]:
    """By polars, of Complete Journey; by counters, of the same lines and of one huge contact."""
    lines = _lines(data)
    plain = lines.select("customer", "day", "amount")
    goods = lines.select("customer", "day", "amount", "product", "quantity")
    what = f"{len(lines) / 1e6:.2f} M purchases"
    dated, whole = f"s: features of {what}, days and amounts", f"s: of {what}, products too"
    return [
        _timed(dated, lambda: features_at(plain, CUT), aim=0.3),
        _timed(f"{whole}: features", lambda: features_at(goods, CUT)),
        _timed(f"{whole}: all rows", lambda: rows_at(goods, None, CUT)),
        *_counted(lines),
        *_huge(),
        *_nightly(),
    ]


def _lines(data: Path) -> pl.DataFrame:
    lines = pl.read_parquet(data / "completejourney_transactions.parquet")
    products = pl.read_parquet(data / "completejourney_products.parquet")
    joined = lines.join(products, on="product_id", how="left")
    return joined.select(
        pl.col("household_id").cast(pl.String).alias("customer"),
        pl.col("transaction_timestamp").cast(pl.Date).alias("day"),
        pl.col("sales_value").cast(pl.Float64).alias("amount"),
        pl.col("product_id").cast(pl.String).alias("product"),
        pl.col("product_category").cast(pl.String).alias("category"),
        pl.col("quantity").cast(pl.Float64),
    ).sort("customer", "day", maintain_order=True)


def _counted(lines: pl.DataFrame) -> list[Row]:
    """Every line of every household as an event, then what one ring takes."""
    states: dict[str, ContactState] = {}
    per_event: list[float] = []
    events = lines.iter_rows()
    while batch := list(islice(events, 100_000)):
        seen = [(who, PurchaseSeen(*rest)) for who, *rest in batch]
        began = time.perf_counter()
        for who, each in seen:
            states.setdefault(who, ContactState()).add_purchase(each)
        per_event.append((time.perf_counter() - began) / len(seen) * 1e6)
    for state in states.values():
        state.add_call(CallSeen(NOW - timedelta(days=3), "answered", 40.0))
    found = list(states.values())[:1_000]
    texts = [(each.purchases_text(), each.calls_text()) for each in found]
    sizes = sorted(len(purchases or "") + len(calls) for purchases, calls in texts)
    call = CallSeen(NOW, "answered", 12.0, 1, 1)
    return [
        _of("µs: a purchase counted", per_event),
        _of("µs: a call counted", _each(lambda n: found[n].add_call(call))),
        _of("µs: a row of a state, row_at", _each(lambda n: found[n].row_at(NOW))),
        _of("µs: text of a state to features", _each(lambda n: _read(*texts[n]))),
        _of(f"bytes of a state, median (largest {sizes[-1]})", [float(sizes[len(sizes) // 2])]),
    ]


def _read(purchases: str | None, calls: str) -> object:
    return ContactState.of(purchases, calls).features_at(NOW)


def _each(step: Callable[[int], object]) -> list[float]:
    """Microseconds of each of a thousand."""
    taken = []
    for number in range(1_000):
        began = time.perf_counter()
        step(number)
        taken.append((time.perf_counter() - began) * 1e6)
    return taken


def _huge() -> list[Row]:
    """Ten million purchases of one contact, one after the other through its counters."""
    state, first = ContactState(), date(1990, 1, 1)
    began = time.perf_counter()
    for number in range(LARGEST):
        day = first + timedelta(days=number // 1_000)
        state.add_purchase(PurchaseSeen(day, 3.0, f"P{number % 5_000}", f"C{number % 97}", 1.0))
    seconds = time.perf_counter() - began
    size = len(state.dumps())
    what = f"s: {LARGEST / 1e6:.0f} M purchases of one contact, whose state has {size} bytes then"
    return [_of(what, [seconds])]


def _nightly() -> list[Row]:
    """What the nightly batch computes of each contact, without the database."""
    began = time.perf_counter()
    for history in _histories():
        purchases_row(history, NOW)
    seconds = time.perf_counter() - began
    what = (
        f"s: {CONTACTS / 1e6:.0f} M contacts of {LINES_EACH} purchases, to the texts of their rows"
    )
    return [_of(what, [seconds])]


def _histories() -> Iterator[ContactPurchases]:
    lines = tuple(
        PurchaseLine(NOW - timedelta(days=300 - 50 * number), 20.0, f"P{number}", "tea", 1.0)
        for number in range(LINES_EACH)
    )
    bought = tuple((line.at, line.amount) for line in lines)
    for number in range(CONTACTS):
        yield ContactPurchases(ContactRef("shop", str(number)), bought, lines=lines)


def _timed(what: str, step: Callable[[], object], aim: float | None = None) -> Row:
    step()
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return _of(what, taken, aim=aim, measured="0.14–0.24" if aim else "–")


def _of(what: str, taken: list[float], *, aim: float | None = None, measured: str = "–") -> Row:
    """The median; for the interval the spread of nine tenths of the runs."""
    ordered = sorted(taken)
    ends = ordered[int(len(ordered) * 0.05)], ordered[int(len(ordered) * 0.95)]
    found = Interval(statistics.median(ordered), *ends)
    return made("G14", what, found, measured=measured, aim=aim, higher=False)
