"""Offers: what drives buying and accepting is found, and nothing of the future is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from calls.offers import CallerMemory
from calls.past_calls import PastCallTold
from scoring.features.offer_rows import ASSOCIATION, OFFER_COLUMNS, Matrix
from scoring.features.purchase_counts import PurchaseCounts
from scoring.features.seen import PurchaseSeen, call_seen
from scoring.features.state import ContactState
from scoring.models.calibration import level
from scoring.serving.served_model import ServedModel
from scoring.serving.shelf_rows import ShelfRows, catalogue_of
from scoring.training.baskets import Baskets, Shelf
from scoring.training.heard import Heard
from scoring.training.in_use import InUse
from scoring.training.kept import Trained
from scoring.training.offer_sets import bought_set
from scoring.training.offering import Offering
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
#: Within such a factor two means are the same.
SAME = 1.5
PRODUCT_OF = {f"{kind}-{n}-offer": f"{kind}-{n}" for kind in ("tea", "coffee") for n in range(12)}


@pytest.fixture(scope="module")
def past() -> Past:
    return past_of(regulars(), (), UNTIL)


@pytest.fixture(scope="module")
def heard() -> Past:
    """Callers of the same house, who take what they like where it is offered to them."""
    return callers(likely=0.5, unlikely=0.05)


def callers(*, likely: float, unlikely: float) -> Past:
    """`likely`: the chance that somebody accepts what they buy anyway."""
    random = np.random.default_rng(2)
    start = datetime.combine(UNTIL - timedelta(days=60), time(9), UTC)
    told: list[PastCallTold] = []
    for number in range(900):
        who = int(random.integers(0, 120))
        product = int(random.integers(0, 12))
        category = "tea" if random.random() < 0.5 else "coffee"
        likes = "tea" if who % 2 else "coffee"
        accepted = bool(random.random() < (likely if category == likes else unlikely))
        at = start + timedelta(hours=1.5 * number)
        offers = [(f"{category}-{product}-offer", accepted)]
        told.append(call(number, at, f"crm:{who:04}", offers=offers))
    return past_of(regulars(120), tuple(told), UNTIL)


def offering(past: Past, product_of: dict[str, str] | None = None) -> Offering:
    return Offering(past, 20, product_of=product_of or {}, held_out=nobody, progress=unwatched)


@pytest.mark.long
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
    whole = bought_set(past, none, Baskets(past.purchases, horizon_days=20), CUT, 20, sampled=False)
    known = bought_set(gone, none, Baskets(gone.purchases, horizon_days=20), CUT, 20, sampled=False)
    assert whole.truth.sum() > 10
    assert not known.truth.any()
    assert sorted(map(bytes, whole.rows)) == sorted(map(bytes, known.rows))


def test_counting_is_as_it_is_served(past: Past) -> None:
    shelf = Baskets(past.purchases, horizon_days=20).shelf_at(CUT)
    owned = Baskets(past.purchases, horizon_days=20).owned_at(CUT)
    mine = owned["crm:0001"]
    for name, share in zip(shelf.offered, shelf.associations(mine), strict=True):
        places = [shelf.givens[each] for each in mine if each in shelf.givens]
        column = shelf.offered.index(name)
        assert share == max(shelf.chances[0, column], *(shelf.chances[p, column] for p in places))


def answers_of(trained: Trained, rows: Matrix) -> NDArray[np.float64]:
    card = trained.card
    raw = bytes(trained.booster.save_raw(raw_format="ubj"))
    model = ServedModel.of(raw, columns=card.columns, objective=card.objective)
    found = InUse(card, model).answers(rows, OFFER_COLUMNS)
    assert found is not None
    return found


@pytest.mark.long
def test_counting_and_the_model_say_the_same_share_and_it_comes(past: Past) -> None:
    """On days that neither saw: a rule on `propensity` means the same after promoting."""
    known = past_of(past.purchases.filter(pl.col("day") <= CUT), (), CUT)
    later = bought_set(
        past, past.calls_frame(), Baskets(past.purchases, horizon_days=20), CUT, 20, sampled=False
    )
    later = later.part(~later.masked)
    counting = later.rows[:, OFFER_COLUMNS.index(ASSOCIATION)].mean()
    model = answers_of(offering(known).train(None, now=NOW), later.rows).mean()
    for said in (counting, model):
        assert later.truth.mean() / SAME < said < later.truth.mean() * SAME
    assert counting / SAME < model < counting * SAME


def test_a_model_judged_by_what_was_heard_answers_what_is_bought(heard: Past) -> None:
    """Half of the callers accept, and one in thirty buys unasked."""
    known = bought_set(
        heard,
        heard.calls_frame(),
        Baskets(heard.purchases, horizon_days=20),
        CUT,
        20,
        sampled=False,
    )
    trained = offering(heard, PRODUCT_OF).train(None, now=NOW)
    assert trained.card.extra["labels"] == "heard"
    said = answers_of(trained, known.rows).mean()
    assert known.truth.mean() / SAME < said < known.truth.mean() * SAME


def test_no_column_tells_what_was_heard_from_what_was_bought(heard: Past) -> None:
    baskets = Baskets(heard.purchases, PRODUCT_OF.values(), horizon_days=20)
    bought = bought_set(heard, heard.calls_frame(), baskets, CUT, 20, sampled=True)
    asked = Heard.of(heard, baskets, PRODUCT_OF).all
    known = [np.isfinite(part.rows[~part.masked]).any(axis=0) for part in (bought, asked)]
    told = [name for name, *is_known in zip(OFFER_COLUMNS, *known, strict=True) if any(is_known)]
    both = [name for name, *is_known in zip(OFFER_COLUMNS, *known, strict=True) if all(is_known)]
    assert told == both
    assert len(both) > 40


def test_as_it_is_served_a_model_keeps_the_level_it_was_given() -> None:
    """Though callers accept the contrary of what they buy: rows of a ringing phone must not be
    taken for rows of offers heard."""
    contrary = callers(likely=0.05, unlikely=0.9)
    baskets = Baskets(contrary.purchases, PRODUCT_OF.values(), horizon_days=20)
    trained = offering(contrary, PRODUCT_OF).train(None, now=NOW)
    learned = bought_set(contrary, contrary.calls_frame(), baskets, CUT, 20, sampled=False)
    learned = learned.part(~learned.masked)
    shelf, owned = baskets.shelf_at(CUT), baskets.owned_at(CUT)
    served = np.concatenate(
        [
            rows_as_served(contrary, shelf, trained, who, owned.get(who, frozenset()))
            for who in dict.fromkeys(learned.who)
        ]
    )
    assert served.shape == learned.rows.shape
    levelled = answers_of(trained, learned.rows).mean()
    assert answers_of(trained, served).mean() == pytest.approx(levelled, rel=0.05)


def rows_as_served(
    past: Past, shelf: Shelf, trained: Trained, who: str, owned: frozenset[str]
) -> Matrix:
    """On the day of CUT, to this contact."""
    state = ContactState(PurchaseCounts())
    for day, *goods in (
        past.purchases.filter((pl.col("customer") == who) & (pl.col("day") <= CUT))
        .drop("customer")
        .iter_rows()
    ):
        state.add_purchase(PurchaseSeen(day, *goods))
    at = datetime.combine(CUT, time.max, UTC)
    for each in past.calls:
        seen = call_seen(each)
        if str(each.contact) == who and each.arrived_at <= at and seen is not None:
            state.add_call(seen)
    counted = zip(shelf.offered, shelf.associations(owned).tolist(), strict=True)
    chances = {product: chance for product, chance in counted if product not in owned}
    memory = CallerMemory(features=state.features_at(at))
    return ShelfRows()(catalogue_of(trained.card), memory, chances)


def test_what_callers_accepted_is_learned_where_enough_heard_it(heard: Past) -> None:
    card = offering(heard, PRODUCT_OF).train(None, now=NOW).card
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
