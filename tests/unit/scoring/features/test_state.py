"""A contact's counters say what the whole history says, whatever came in."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.features import frames
from scoring.features.purchase_counts import MAX_CATEGORIES, MAX_PRODUCTS, OTHER
from scoring.features.schema import CRM_NAMES, GROUP_OF, NAMES, PURCHASE_NAMES, SCHEMA
from scoring.features.seen import CallSeen, PurchaseSeen
from scoring.features.state import MAX_BYTES, BadState, ContactState
from tests.unit.scoring.features.made_histories import (
    NOW,
    calls,
    calls_of,
    folded,
    purchases,
    purchases_of,
)

pytestmark = pytest.mark.unit

Book = tuple[Sequence[PurchaseSeen], Sequence[CallSeen]]


def number(state: ContactState, name: str) -> float:
    return state.values_at(NOW)[NAMES.index(name)]


@given(st.dictionaries(st.sampled_from("ABC"), st.tuples(purchases, calls), min_size=1))
@settings(max_examples=150, deadline=None)
def test_rows_of_all_are_the_rows_of_each(books: dict[str, Book]) -> None:
    bought = {name: book[0] for name, book in books.items()}
    called = {name: book[1] for name, book in books.items()}
    rows = frames.rows_at(purchases_of(bought), calls_of(called), NOW)
    assert rows.columns == ["customer", *NAMES]
    found = {row[0]: row[1:] for row in rows.iter_rows()}
    for name, (mine, my_calls) in books.items():
        known = any(each.day <= NOW.date() for each in mine) or any(c.at <= NOW for c in my_calls)
        assert (name in found) == known
        if known:
            state = folded(mine, my_calls)
            expected = state.row_at(NOW)
            got = np.array(found[name], dtype=np.float32)
            scale = np.nanmax(np.abs(np.where(np.isnan(expected), 0, expected)), initial=1.0)
            # Sums in another order: of 10¹² and 0.01 they differ by what float64 leaves.
            np.testing.assert_allclose(got, expected, rtol=2e-6, atol=max(1e-9, scale * 1e-12))


@given(purchases)
@settings(max_examples=60, deadline=None)
def test_categories_of_all_are_those_of_each(mine: Sequence[PurchaseSeen]) -> None:
    rows = frames.categories_at(purchases_of({"A": mine}), NOW.date()).to_dicts()
    own = folded(mine, []).features_at(NOW).categories
    assert {row["category"]: row["days_since"] for row in rows} == {
        name: each.days_since for name, each in own.items()
    }
    shares = {row["category"]: row["share"] for row in rows}
    assert shares == pytest.approx({name: each.share for name, each in own.items()})


@given(purchases, calls, st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_a_state_written_and_read_goes_on_as_if_nothing_had_been(
    bought: Sequence[PurchaseSeen], called: Sequence[CallSeen], stop: int
) -> None:
    whole = folded(bought, called)
    first = folded(bought[:stop], called[:stop])
    again = ContactState.loads(first.dumps())
    # Not the texts: a set of products has no order.
    twice = ContactState.loads(again.dumps())
    assert (twice.purchases, twice.calls) == (again.purchases, again.calls)
    for purchase in bought[stop:]:
        if purchase.day <= NOW.date():
            again.add_purchase(purchase)
    for call in called[stop:]:
        if call.at <= NOW:
            again.add_call(call)
    np.testing.assert_allclose(again.row_at(NOW), whole.row_at(NOW), rtol=1e-6)


@given(purchases, calls, st.integers(-4_000, 4_000))
@settings(max_examples=80, deadline=None)
def test_clocks_that_jump_make_no_age_negative(
    bought: Sequence[PurchaseSeen], called: Sequence[CallSeen], days: int
) -> None:
    """Also with what is dated after now, and in any order."""
    state = ContactState()
    for each in reversed(bought):
        state.add_purchase(each)
    for call in called:
        state.add_call(call)
    row = state.row_at(NOW + timedelta(days=days))
    assert not np.isinf(row).any()
    for name, value in zip(NAMES, row, strict=True):
        if name.endswith(("_days", "days_since_call", "days_since_offer", "_s")):
            assert math.isnan(value) or value >= 0, name
    categories = state.features_at(NOW + timedelta(days=days)).categories
    assert all(each.days_since >= 0 for each in categories.values())


@given(calls, st.randoms())
@settings(max_examples=60, deadline=None)
def test_calls_may_come_in_any_order(called: Sequence[CallSeen], chance: random.Random) -> None:
    mixed = list(called)
    chance.shuffle(mixed)
    in_order = folded([], sorted(called, key=lambda call: call.at))
    np.testing.assert_allclose(folded([], mixed).row_at(NOW), in_order.row_at(NOW), rtol=1e-5)


def test_nothing_known_is_not_nothing_bought() -> None:
    unknown, nobody = ContactState(), ContactState.of("{}", None)
    assert all(math.isnan(number(unknown, name)) for name in PURCHASE_NAMES)
    assert (number(nobody, "visits"), number(nobody, "spend")) == (0, 0)
    assert math.isnan(number(nobody, "recency_days"))
    assert math.isnan(number(nobody, "days_since_call"))
    assert all(math.isnan(number(nobody, name)) for name in CRM_NAMES)


def test_one_purchase() -> None:
    state = folded([PurchaseSeen(date(2026, 2, 1), 20.0, "pot", "tea", 2)], [])
    assert (number(state, "visits"), number(state, "recency_days")) == (1, 28)
    assert number(state, "spend_decayed_7d") == pytest.approx(20 / 2**4)
    assert math.isnan(number(state, "mean_gap_days"))
    features = state.features_at(NOW)
    assert (features.schema, len(features.values)) == (SCHEMA, len(NAMES))
    assert features.categories["tea"].share == 1.0


def test_refunds_above_purchases() -> None:
    day = date(2026, 2, 1)
    state = folded([PurchaseSeen(day, 5.0), PurchaseSeen(day, -50.0)], [])
    assert (number(state, "spend"), number(state, "returned"), number(state, "visits")) == (
        -45,
        50,
        1,
    )
    assert number(state, "returned_share") == 10


def test_categories_and_products_are_bounded_and_the_frequent_ones_stay() -> None:
    day = date(2026, 2, 1)
    state = ContactState()
    for turn in range(5_000):
        name = f"rare {turn}" if turn % 2 else f"usual {turn % 20}"
        state.add_purchase(PurchaseSeen(day, 1.0, f"product {turn}", name * 9, 1))
    categories = state.features_at(NOW).categories
    assert len(categories) <= MAX_CATEGORIES
    assert sum(each.share for each in categories.values()) == pytest.approx(1.0)
    assert sum(name.startswith("usual") for name in categories) == 10
    assert categories[OTHER].share == pytest.approx(0.5, abs=0.02)
    assert number(state, "products") == MAX_PRODUCTS
    assert len(state.dumps()) < MAX_BYTES
    assert ContactState.loads(state.dumps()).dumps() == ContactState.loads(state.dumps()).dumps()


def test_a_contact_with_very_many_purchases_stays_small() -> None:
    state, day = ContactState(), date(1990, 1, 1)
    for turn in range(100_000):
        state.add_purchase(
            PurchaseSeen(day + timedelta(days=turn // 8), 3.0, str(turn), str(turn % 97), 1)
        )
    assert number(state, "lines") == 100_000
    assert len(state.dumps()) < MAX_BYTES / 4


def test_columns_have_groups_and_no_two_one_name() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert GROUP_OF.keys() == set(NAMES)


GOOD = folded(
    [PurchaseSeen(date(2026, 2, 1), 20.0, "pot", "tea", 2), PurchaseSeen(date(2026, 2, 9), 1.0)],
    [CallSeen(NOW, "answered", 3.0)],
)


@pytest.mark.parametrize(
    "change",
    [
        {"visits": -1},
        {"visits": "many"},
        {"visits": 0},
        {"spend": None},
        {"visit_weights": [1.0]},
        {"spend_weights": []},
        {"gaps": {"0": 1}},
        {"gaps": {"x": 1}},
        {"last_day": 10**12},
        {"unknown": 1},
        {"categories": {str(n): [1, 1] for n in range(100)}},
    ],
)
def test_impossible_purchases_are_refused(change: dict[str, object]) -> None:
    broken = json.loads(GOOD.purchases_text() or "") | change
    with pytest.raises(BadState):
        ContactState.of(json.dumps(broken), None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"calls":-1}',
        '{"weights":[1]}',
        '{"last_at":1e300}',
        "NaN",
        "[" * 9**5,
    ],
)
def test_impossible_calls_are_refused(text: str) -> None:
    with pytest.raises(BadState):
        ContactState.of(None, text)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"purchases":1,"calls":null}', "[" * 90_000])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(BadState):
        ContactState.loads(text)


def test_bits_that_flip_are_refused_or_harmless() -> None:
    chance, text = random.Random(4), GOOD.dumps().encode()
    refused = 0
    for _ in range(500):
        broken = bytearray(text)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        try:
            state = ContactState.loads(broken.decode(errors="replace"))
            assert len(state.row_at(NOW)) == len(NAMES)
            state.features_at(NOW)
        except BadState:
            refused += 1
    assert refused > 200
