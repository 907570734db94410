"""What somebody buys next: own habits, what is bought now, and what goes with what they have.

A candidate is a product the customer bought before, or one of those bought most of late. Trees rank
the candidates by what is known at the cut; they are trained on the baskets that followed earlier
days. Needs polars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from scoring.models.boosting import Boosted, Boosting, Matrix, train

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

#: Products of late that are candidates for everybody.
POPULAR = 60
#: Own products that are candidates, the newest.
OWN = 300
LATE_DAYS = 30
HALF_LIVES_DAYS = (14, 60, 365)
#: The products bought by most customers are compared with each other; the rest has no company.
MAX_COMPARED = 4_000
#: Customers whose next basket is learned from, at each of the earlier days.
MAX_TAUGHT = 1_200

NAMES = (
    *(f"own_{days}d" for days in HALF_LIVES_DAYS),
    "own_visits",
    "own_share_of_visits",
    "own_days_since",
    "own_days_since_by_gap",
    "late_share",
    "trend",
    "bought_again_share",
    "company",
    "visits",
    "products_per_visit",
    "days_since_visit",
)
_SHAPE = Boosting(trees=120, depth=4, learning_rate=0.08, least_weight=20, l2=10)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Rows of all customers, one customer's together: `starts` says where each begins."""

    customers: Whole
    starts: Whole
    products: Whole
    rows: Matrix


class BasketHistory:
    """Lines by day, customers and products as numbers; lines without a product are left out."""

    def __init__(self, purchases: pl.DataFrame) -> None:
        lines = purchases.filter(pl.col("product").is_not_null(), pl.col("amount") >= 0)
        lines = lines.select("customer", "day", "product").unique()
        self.customers = lines["customer"].unique().sort()
        self.products = lines["product"].unique().sort()
        codes = lines.select(
            pl.col("customer").replace_strict(
                self.customers, np.arange(len(self.customers)), return_dtype=pl.Int64
            ),
            pl.col("product").replace_strict(
                self.products, np.arange(len(self.products)), return_dtype=pl.Int64
            ),
            pl.col("day"),
        )
        self.lines = codes.sort("customer", "day", "product")

    def next_baskets(
        self, cut: date, until: date, *, whole_window: bool = False
    ) -> dict[int, set[int]]:
        """By customer known at `cut`: what the first day after it, up to `until`, brought; or all
        of those days, where `whole_window`."""
        known = self.lines.filter(pl.col("day") <= cut)["customer"].unique()
        after = self.lines.filter(
            pl.col("day") > cut, pl.col("day") <= until, pl.col("customer").is_in(known.implode())
        )
        first = after
        if not whole_window:
            first = after.filter(pl.col("day") == pl.col("day").min().over("customer"))
        return {
            int(customer): set(products)
            for customer, products in first.group_by("customer").agg("product").iter_rows()
        }

    def candidates(self, cut: date, customers: Sequence[int]) -> Candidates:
        lines = self.lines.filter(pl.col("day") <= cut)
        late = _shares(lines, cut, 0, len(self.products))
        before = _shares(lines, cut, LATE_DAYS, len(self.products))
        again = _bought_again(lines, len(self.products))
        popular = np.argsort(-late, kind="stable")[:POPULAR]
        popular = popular[late[popular] > 0]
        asked = lines.filter(pl.col("customer").is_in(list(customers)))
        own = _own(asked, cut)
        company = _Company(lines, len(self.customers), len(self.products))
        blocks, starts, products = [], [], []
        position = 0
        for customer in customers:
            mine = own.get(customer, {})
            listed = list(mine)[:OWN]
            listed += [int(each) for each in popular if int(each) not in mine]
            which = np.array(listed, dtype=np.int64)
            block = np.full((len(which), len(NAMES)), np.nan, dtype=np.float32)
            for row, product in enumerate(listed):
                if product in mine:
                    block[row, :7] = mine[product][:7]
            block[:, :4] = np.nan_to_num(block[:, :4])
            block[:, 7] = late[which]
            block[:, 8] = np.log((late[which] + 1e-4) / (before[which] + 1e-4))
            block[:, 9] = again[which]
            block[:, 10] = company.of(customer, which)
            if mine:
                block[:, 11:14] = next(iter(mine.values()))[7:]
            blocks.append(block)
            products.append(which)
            starts.append(position)
            position += len(which)
        rows = np.concatenate(blocks) if blocks else np.zeros((0, len(NAMES)), np.float32)
        flat = np.concatenate(products) if products else np.zeros(0, np.int64)
        return Candidates(np.array(customers), np.array([*starts, position]), flat, rows)


def train_baskets(
    history: BasketHistory,
    cuts: Sequence[date],
    window_days: int,
    *,
    whole_window: bool = False,
) -> Boosted | None:
    """None where nobody bought after any of `cuts`. What came within `window_days` is looked at."""
    rows, truths = [], []
    random = np.random.default_rng(7)
    for cut in cuts:
        baskets = history.next_baskets(
            cut, cut + timedelta(days=window_days), whole_window=whole_window
        )
        customers = sorted(baskets)
        if len(customers) > MAX_TAUGHT:
            customers = sorted(random.choice(customers, MAX_TAUGHT, replace=False).tolist())
        if not customers:
            continue
        found = history.candidates(cut, customers)
        truth = np.concatenate(
            [
                np.isin(found.products[a:b], list(baskets[customer]))
                for customer, a, b in zip(
                    customers, found.starts[:-1], found.starts[1:], strict=True
                )
            ]
        )
        rows.append(found.rows)
        truths.append(truth.astype(np.float64))
    if not rows or not sum(truth.sum() for truth in truths):
        return None
    return train(_SHAPE, np.concatenate(rows), np.concatenate(truths), names=NAMES)


def best_of(found: Candidates, scores: Floats, k: int) -> list[Whole]:
    """By customer: products, the best first."""
    return [
        found.products[a:b][np.argsort(-scores[a:b], kind="stable")[:k]]
        for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)
    ]


def _own(asked: pl.DataFrame, cut: date) -> dict[int, dict[int, list[float]]]:
    """By customer, by product with the newest first: the own columns of NAMES, then the three of
    the customer."""
    age = (pl.lit(cut) - pl.col("day")).dt.total_days()
    people = asked.group_by("customer").agg(
        pl.col("day").n_unique().alias("visits"),
        (pl.len() / pl.col("day").n_unique()).alias("per_visit"),
        age.min().alias("since_visit"),
        ((age.max() - age.min()) / (pl.col("day").n_unique() - 1).clip(1)).alias("gap"),
    )
    pairs = asked.group_by("customer", "product").agg(
        *((-np.log(2) * age / days).exp().sum().alias(f"own_{days}") for days in HALF_LIVES_DAYS),
        pl.len().cast(pl.Float64).alias("times"),
        age.min().cast(pl.Float64).alias("since"),
    )
    joined = pairs.join(people, on="customer").sort("customer", "since", "product")
    table = joined.select(
        "customer",
        "product",
        *(f"own_{days}" for days in HALF_LIVES_DAYS),
        "times",
        (pl.col("times") / pl.col("visits")).alias("share"),
        "since",
        (pl.col("since") / pl.col("gap").clip(1.0)).alias("by_gap"),
        pl.col("visits").cast(pl.Float64),
        "per_visit",
        pl.col("since_visit").cast(pl.Float64),
    )
    found: dict[int, dict[int, list[float]]] = {}
    for customer, product, *numbers in table.iter_rows():
        found.setdefault(customer, {})[product] = numbers
    return found


def _shares(lines: pl.DataFrame, cut: date, back_days: int, products: int) -> Floats:
    """Of the customers of LATE_DAYS ended `back_days` before the cut: how many bought each."""
    end = cut - timedelta(days=back_days)
    window = lines.filter(pl.col("day") <= end, pl.col("day") > end - timedelta(days=LATE_DAYS))
    counted = window.group_by("product").agg(pl.col("customer").n_unique().alias("n"))
    shares = np.zeros(products)
    shares[counted["product"].to_numpy()] = counted["n"].to_numpy()
    return shares / max(window["customer"].n_unique(), 1)


def _bought_again(lines: pl.DataFrame, products: int) -> Floats:
    """Of each product's buyers: who bought it on another day too, drawn towards 0 by ten."""
    times = lines.group_by("product", "customer").len()
    counted = times.group_by("product").agg((pl.col("len") > 1).sum().alias("again"), pl.len())
    shares = np.zeros(products)
    shares[counted["product"].to_numpy()] = (counted["again"] / (counted["len"] + 10)).to_numpy()
    return shares


class _Company:
    """Cosine of products by who bought them; a candidate's likeness to all a customer has."""

    def __init__(self, lines: pl.DataFrame, customers: int, products: int) -> None:
        pairs = lines.select("customer", "product").unique()
        counts = np.bincount(pairs["product"].to_numpy(), minlength=products)
        kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_COMPARED])
        self._place = np.full(products, -1)
        self._place[kept] = np.arange(len(kept))
        place = self._place[pairs["product"].to_numpy()]
        inside = place >= 0
        self._bought = sparse.csr_matrix(
            (np.ones(inside.sum()), (pairs["customer"].to_numpy()[inside], place[inside])),
            shape=(customers, len(kept)),
        )
        together = (self._bought.T @ self._bought).toarray()
        size = np.sqrt(np.maximum(together.diagonal(), 1.0))
        self._alike = together / size[:, None] / size[None, :]
        np.fill_diagonal(self._alike, 0.0)

    def of(self, customer: int, products: Whole) -> Floats:
        mine = self._bought[customer].indices
        likeness = np.zeros(len(products))
        place = self._place[products]
        inside = place >= 0
        if len(mine) and inside.any():
            near = self._alike[np.ix_(place[inside], mine)]
            likeness[inside] = near.sum(axis=1) / np.sqrt(len(mine))
        return likeness
