"""Offers: what drives buying and accepting is found, and nothing of the future is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest

from calls.past_calls import PastCallTold
from scoring.features.offer_rows import OFFER_COLUMNS
from scoring.training.baskets import Baskets
from scoring.training.offer_sets import bought_set
from scoring.training.offering import Offering, level
from scoring.training.past import Past, past_of
from scoring.training.replay import replayed
from scoring.training.too_little import TooLittle
from tests.unit.scoring.training.made_worlds import (
    NOW,
    UNTIL,
    call,
    frame,
    nobody,
    regulars,
    unwatched,
)

pytestmark = pytest.mark.unit

CUT = UNTIL - timedelta(days=40)


@pytest.fixture(scope="module")
def past() -> Past:
    return past_of(regulars(), (), UNTIL)


def offering(past: Past, product_of: dict[str, str] | None = None) -> Offering:
    return Offering(past, 20, product_of=product_of or {}, held_out=nobody, progress=unwatched)


def test_the_category_that_drives_buying_is_found(past: Past) -> None:
    card = offering(past).train(None, now=NOW).card
    ours, counting = card.metrics, card.baselines["counting"]
    assert ours["auc"].value > counting["auc"].value
    assert card.importance["category"] > 0.05
    assert card.extra["labels"] == "bought"
    assert card.calibration is not None


def test_the_future_never_changes_a_row_of_an_offer(past: Past) -> None:
    none = past.calls_frame()
    gone = Past(past.purchases.filter(pl.col("day") <= CUT), (), UNTIL)
    whole = bought_set(past, none, Baskets(past.purchases), CUT, 20, sampled=False)
    known = bought_set(gone, none, Baskets(gone.purchases), CUT, 20, sampled=False)
    assert whole.truth.sum() > 10
    assert not known.truth.any()
    assert sorted(map(bytes, whole.rows)) == sorted(map(bytes, known.rows))


def test_counting_is_as_it_is_served(past: Past) -> None:
    shelf = Baskets(past.purchases).shelf_at(CUT)
    owned = Baskets(past.purchases).owned_at(CUT)
    mine = owned["crm:0001"]
    for name, share in zip(shelf.offered, shelf.associations(mine), strict=True):
        places = [shelf.givens[each] for each in mine if each in shelf.givens]
        column = shelf.offered.index(name)
        assert share == max(shelf.shares[0, column], *(shelf.shares[p, column] for p in places))


def test_what_callers_accepted_is_learned_where_enough_heard_it() -> None:
    bought = regulars(120)
    random = np.random.default_rng(2)
    start = datetime.combine(UNTIL - timedelta(days=60), time(9), UTC)
    told: list[PastCallTold] = []
    for number in range(900):
        who = int(random.integers(0, 120))
        product = int(random.integers(0, 12))
        category = "tea" if random.random() < 0.5 else "coffee"
        likes = "tea" if who % 2 else "coffee"
        accepted = bool(random.random() < (0.5 if category == likes else 0.05))
        at = start + timedelta(hours=1.5 * number)
        offers = [(f"{category}-{product}-offer", accepted)]
        told.append(call(number, at, f"crm:{who:04}", offers=offers))
    names = [f"{category}-{n}" for category in ("tea", "coffee") for n in range(12)]
    past = past_of(bought, tuple(told), UNTIL)
    card = offering(past, {f"{name}-offer": name for name in names}).train(None, now=NOW).card
    assert card.extra["labels"] == "heard"
    assert card.metrics["auc"].value > card.baselines["counting"]["auc"].value + 0.05
    assert card.decision.promoted


def test_a_call_knows_nothing_of_itself_nor_of_its_own_day() -> None:
    at = datetime.combine(UNTIL, time(9), UTC)
    bought = frame(
        [
            ("crm:1", UNTIL - timedelta(days=1), 5.0, "old", "tea", 1.0),
            ("crm:1", UNTIL, 5.0, "new", "tea", 1.0),
        ]
    )
    calls = tuple(call(n, at + timedelta(hours=n), "crm:1") for n in range(2))
    first, second = replayed(past_of(bought, calls, UNTIL))
    assert first.owned == {"old"}
    assert first.features is not None
    assert second.features is not None
    names = dict(zip(OFFER_COLUMNS, first.features.values, strict=False))
    assert names["calls_decayed_7d"] == 0
    later = dict(zip(OFFER_COLUMNS, second.features.values, strict=False))
    assert later["calls_decayed_7d"] == pytest.approx(1, abs=0.01)


def test_the_level_makes_the_mean_right() -> None:
    margin, weight = np.array([-2.0, 0.0, 1.0]), np.array([10.0, 1.0, 2.0])
    truth = np.array([0.0, 1.0, 0.0])
    moved = 1 / (1 + np.exp(-(margin + level(truth, margin, weight))))
    assert float(weight @ moved) == pytest.approx(1.0)


def test_purchases_without_products_teach_no_offers() -> None:
    bare = regulars().with_columns(pl.lit(None, pl.String).alias("product"))
    with pytest.raises(TooLittle, match="0 first purchases of a product"):
        offering(past_of(bare, (), UNTIL))
