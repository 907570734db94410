"""Churn and purchases: nothing of the future, the same again, and better than counting."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from scoring.drift.population_shift import read_references
from scoring.features.schema import NAMES
from scoring.registry.card import ModelKind
from scoring.training.buying import Buying, seen_at
from scoring.training.past import Past, past_of
from scoring.training.too_little import TooLittle
from tests.unit.scoring.training.made_worlds import NOW, UNTIL, frame, nobody, regulars, unwatched

pytestmark = pytest.mark.unit

CUT = UNTIL - timedelta(days=40)


@pytest.fixture(scope="module")
def past() -> Past:
    return past_of(regulars(), (), UNTIL)


def test_the_future_never_changes_a_row(past: Past) -> None:
    none = past.calls_frame()
    before = seen_at(past, none, CUT, 20)
    late = pl.col("day") > CUT
    changed = past.purchases.with_columns(
        pl.when(late).then(pl.col("amount") * 9).otherwise(pl.col("amount")).alias("amount")
    )
    for future in (changed, past.purchases.filter(~late)):
        after = seen_at(Past(future, (), UNTIL), none, CUT, 20)
        assert after.customers.equals(before.customers)
        np.testing.assert_array_equal(after.rows, before.rows)
    assert not seen_at(Past(past.purchases.filter(~late), (), UNTIL), none, CUT, 20).counts.any()


def test_what_is_counted_is_in_the_horizon_alone(past: Past) -> None:
    who, day = past.purchases["customer"][0], CUT
    rows = [(who, day + timedelta(days=after), 5.0, None, None, None) for after in (0, 1, 20, 21)]
    seen = seen_at(Past(frame(rows), (), UNTIL), past.calls_frame(), day, 20)
    assert seen.counts.tolist() == [2]


@pytest.mark.parametrize(
    "kind", [ModelKind.CHURN, pytest.param(ModelKind.PURCHASES, marks=pytest.mark.long)]
)
def test_a_model_is_trained_and_its_card_is_whole(past: Past, kind: ModelKind) -> None:
    made = [
        Buying(past, 20, held_out=nobody, progress=unwatched).train(kind, None, now=NOW)
        for _ in range(2)
    ]
    card = made[0].card
    assert card.columns == NAMES
    assert card.base.kind == "btyd"
    assert set(card.baselines) == {"pareto_nbd", "personal_frequency", "rfm_sum"}
    assert {"known", "vip"} <= set(card.slices)
    assert card.decision.because
    assert card.rows > card.contacts > 100
    assert sum(card.importance.values()) == pytest.approx(1)
    references = read_references(card.extra["references"])
    assert set(references) == set(NAMES)
    assert sum(references["visits"].counts) == card.contacts
    trees = made[0].booster.num_boosted_rounds()
    assert trees * 3 <= 150
    assert made[0].booster.save_raw("json") == made[1].booster.save_raw("json")
    assert card == made[1].card


def test_what_is_dated_after_today_and_long_ago_is_left_out() -> None:
    rows = [
        ("crm:1", UNTIL + timedelta(days=1), 5.0, None, None, None),
        ("crm:1", date(1, 1, 1), 5.0, None, None, None),
        ("crm:1", UNTIL - timedelta(days=9), 5.0, None, None, None),
    ]
    found = past_of(frame(rows), (), UNTIL)
    assert len(found.purchases) == 1
    assert found.until == UNTIL - timedelta(days=9)


@pytest.mark.parametrize("rows", [0, 1, 12])
def test_too_little_is_said_in_numbers(rows: int) -> None:
    days = [UNTIL - timedelta(days=10 * number) for number in range(rows)]
    few = [(f"crm:{n % 3}", day, 5.0, "a", "tea", 1.0) for n, day in enumerate(days)]
    with pytest.raises(TooLittle, match=r"purchases( by 3 contacts: at least 50|: for a horizon)"):
        Buying(past_of(frame(few), (), UNTIL), 20, held_out=nobody, progress=unwatched)


@pytest.mark.long
def test_numbers_that_are_none_train_all_the_same() -> None:
    bought = regulars(80)
    odd = bought.with_columns(
        pl.when(pl.int_range(pl.len()) % 7 == 0)
        .then(pl.lit(float("nan")))
        .when(pl.int_range(pl.len()) % 11 == 0)
        .then(pl.lit(float("inf")))
        .when(pl.int_range(pl.len()) % 5 == 0)
        .then(-1e9)
        .otherwise(pl.col("amount"))
        .alias("amount")
    )
    buying = Buying(past_of(odd, (), UNTIL), 20, held_out=nobody, progress=unwatched)
    card = buying.train(ModelKind.CHURN, None, now=NOW).card
    assert 0 < card.metrics["log_loss"].value < 2
