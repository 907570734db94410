"""G11: Complete Journey. What a household buys in the next week, and who redeems coupons."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.scoring.goals import Row, row_of
from scoring.basket_model import NAMES, BasketHistory, Candidates, train_baskets
from scoring.evaluation.figures import MODEL, compared
from scoring.features.purchase_features import features_at, matrix_of
from scoring.models import metrics
from scoring.models.boosting import Boosting, train
from scoring.models.metrics import Resampling, SortedByScore, groups_of

Floats = NDArray[np.float64]

CATEGORIES = 40
#: Weeks that are forecast; trained on weeks that had ended before the first.
TESTED = (date(2017, 12, 3), date(2017, 12, 10), date(2017, 12, 17), date(2017, 12, 24))
TAUGHT = tuple(date(2017, 11, 26) - timedelta(days=7 * week) for week in (0, 2, 4, 6))
#: Campaigns that began after this are forecast from those that had ended by then.
COUPONS_CUT = date(2017, 9, 1)


def groceries(data: Path) -> list[Row]:
    purchases = _purchases(data)
    return [*_categories(purchases), _coupons(data, purchases)]


def _purchases(data: Path) -> pl.DataFrame:
    lines = pl.read_parquet(
        data / "completejourney_transactions.parquet",
        columns=[
            "household_id",
            "product_id",
            "quantity",
            "sales_value",
            "coupon_disc",
            "transaction_timestamp",
        ],
    )
    products = pl.read_parquet(
        data / "completejourney_products.parquet", columns=["product_id", "product_category"]
    )
    return lines.join(products, on="product_id", how="left").select(
        pl.col("household_id").cast(pl.String).alias("customer"),
        pl.col("transaction_timestamp").dt.date().alias("day"),
        pl.col("sales_value").alias("amount"),
        pl.col("product_category").alias("product"),
        pl.col("quantity"),
        (pl.col("coupon_disc") != 0).alias("by_coupon"),
        pl.col("product_id").alias("article"),
    )


def _categories(purchases: pl.DataFrame) -> list[Row]:
    known = purchases.filter(pl.col("day") <= TAUGHT[-1], pl.col("product").is_not_null())
    largest = known.group_by("product").len().sort(["len", "product"], descending=[True, False])
    kept = purchases.filter(pl.col("product").is_in(largest["product"].head(CATEGORIES).implode()))
    history = BasketHistory(kept)
    model = train_baskets(history, TAUGHT, 7, whole_window=True)
    assert model is not None
    ranked: dict[str, list[tuple[float, float]]] = {}
    households: list[int] = []
    for cut in TESTED:
        baskets = history.next_baskets(cut, cut + timedelta(days=7), whole_window=True)
        customers = sorted(baskets)
        households += customers
        found = history.candidates(cut, customers)
        scores = {
            MODEL: model.answers(found.rows),
            "own categories by decayed count": _column(found, "own_60d")
            + 1e-3 * _column(found, "late_share"),
            "own categories by count": _column(found, "own_visits")
            + 1e-3 * _column(found, "late_share"),
            "bought most of late": _column(found, "late_share"),
        }
        for name, score in scores.items():
            for number, customer in enumerate(customers):
                here = slice(found.starts[number], found.starts[number + 1])
                relevant = np.isin(found.products[here], list(baskets[customer])).astype(float)
                order = np.argsort(-score[here], kind="stable")
                ndcg = metrics.ndcg_at(relevant, order, 5)
                ranked.setdefault(name, []).append((ndcg, relevant[order[0]]))
    rows = Resampling(groups_of(np.array(households)))
    what = f"households that buy in the 7 days, {CATEGORIES} categories"
    return [
        row_of(
            "G11",
            f"{title}, {what}",
            compared(
                title,
                {
                    name: partial(_mean, np.array([pair[place] for pair in pairs]))
                    for name, pairs in ranked.items()
                },
                rows,
                higher_is_better=True,
            ),
            measured=measured,
            aim=aim,
        )
        for place, title, measured, aim in (
            (0, "ndcg@5", ".582", 0.59),
            (1, "precision@1", ".631", 0.64),
        )
    ]


def _column(found: Candidates, name: str) -> Floats:
    return found.rows[:, NAMES.index(name)].astype(np.float64)


def _mean(values: Floats, weight: Floats) -> float:
    good = np.isfinite(values)
    return float(weight[good] @ values[good] / weight[good].sum())


def _coupons(data: Path, purchases: pl.DataFrame) -> Row:
    """Of each household that got a campaign: did it redeem one of its coupons?"""
    sent = pl.read_parquet(data / "completejourney_campaigns.parquet")
    redeemed = pl.read_parquet(data / "completejourney_coupon_redemptions.parquet")
    described = pl.read_parquet(data / "completejourney_campaign_descriptions.parquet")
    coupons = pl.read_parquet(data / "completejourney_coupons.parquet")
    plain = purchases.drop("product", "by_coupon", "article")
    frames = []
    for campaign, kind, start, end in described.sort("start_date").iter_rows():
        begins, ends = start.date(), end.date()
        if begins <= date(2017, 1, 31):
            continue
        known = begins - timedelta(days=1)
        took = redeemed.filter(pl.col("redemption_date").dt.date() <= known)
        households = sent.filter(pl.col("campaign_id") == campaign).select("household_id")
        used = redeemed.filter(pl.col("campaign_id") == campaign)["household_id"].unique()
        earlier = described.filter(pl.col("start_date").dt.date() <= known)["campaign_id"]
        got = sent.filter(pl.col("campaign_id").is_in(earlier.implode()))
        past = purchases.filter(pl.col("day") <= known)
        goods = coupons.filter(pl.col("campaign_id") == campaign)["product_id"].unique()
        habits = past.group_by("customer").agg(
            pl.col("by_coupon").sum().alias("lines_by_coupon"),
            pl.col("by_coupon").mean().alias("share_by_coupon"),
            pl.col("day").filter(pl.col("by_coupon")).n_unique().alias("days_by_coupon"),
            pl.col("article").is_in(goods.implode()).sum().alias("goods_of_campaign"),
            pl.col("article").is_in(goods.implode()).mean().alias("share_of_campaign"),
        )
        frames.append(
            households.with_columns(
                pl.col("household_id").cast(pl.String).alias("customer"),
                pl.col("household_id").is_in(used.implode()).cast(pl.Float64).alias("truth"),
                pl.lit(begins).alias("begins"),
                pl.lit(ends).alias("ends"),
                *(pl.lit(float(kind == f"Type {each}")).alias(f"type_{each}") for each in "ABC"),
            )
            .join(
                took.group_by("household_id").agg(
                    pl.len().alias("redeemed_before"),
                    pl.col("campaign_id").n_unique().alias("campaigns_used"),
                    (pl.lit(known) - pl.col("redemption_date").dt.date().max())
                    .dt.total_days()
                    .alias("days_since_redeemed"),
                ),
                on="household_id",
                how="left",
            )
            .join(
                got.group_by("household_id").agg(pl.len().alias("campaigns_got")),
                on="household_id",
                how="left",
            )
            .with_columns(pl.col("redeemed_before", "campaigns_used", "campaigns_got").fill_null(0))
            .with_columns(pl.lit(float((ends - begins).days)).alias("campaign_days"))
            .with_columns(pl.lit(float(len(goods))).alias("campaign_goods"))
            .join(habits, on="customer", how="left")
            .join(features_at(plain, known), on="customer", how="left")
        )
    whole = pl.concat(frames)
    taught = whole.filter(pl.col("ends") <= COUPONS_CUT)
    tested = whole.filter(pl.col("begins") > COUPONS_CUT)
    drop = ("household_id", "truth", "begins", "ends")
    rows, names = matrix_of(taught.drop(drop))
    model = train(
        Boosting(trees=120, depth=3, learning_rate=0.05, least_weight=10, l2=10),
        rows,
        taught["truth"].to_numpy(),
        names=names,
    )
    truth = tested["truth"].to_numpy()
    answers = model.answers(matrix_of(tested.drop(drop))[0])
    before = tested["redeemed_before"].to_numpy().astype(np.float64)
    spend = tested["spend"].fill_null(0).to_numpy().astype(np.float64)
    figure = compared(
        "AUC",
        {
            MODEL: SortedByScore(truth, answers).auc,
            "redeemed before": SortedByScore(truth, before).auc,
            "spend": SortedByScore(truth, spend).auc,
        },
        Resampling(groups_of(tested["customer"].to_numpy())),
        higher_is_better=True,
    )
    what = f"AUC: redeems a coupon of the campaign got, campaigns after {COUPONS_CUT}"
    return row_of("G11", what, figure, measured=".815", aim=0.825)
