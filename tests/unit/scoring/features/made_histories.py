"""Histories as hypothesis makes them, and a contact's state folded from one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import strategies as st

from scoring.features import frames
from scoring.features.schema import OUTCOME_CLASSES
from scoring.features.seen import CallSeen, PurchaseSeen
from scoring.features.state import ContactState

NOW = datetime(2026, 3, 1, 15, 30, 12, 250_000, tzinfo=UTC)

amounts = st.one_of(
    st.floats(-500, 500).map(lambda amount: round(amount, 2)),
    st.sampled_from([0.0, 1e300, -1e300, math.nan, math.inf, -math.inf]),
)
purchases = st.lists(
    st.builds(
        PurchaseSeen,
        day=st.integers(-20, 1_500).map(lambda back: (NOW - timedelta(days=back)).date()),
        amount=amounts,
        product=st.sampled_from([None, "", "a", "b", "c", "d"]),
        category=st.sampled_from([None, "", "tea", "coffee", "other", "茶"]),
        quantity=st.sampled_from([None, 0.0, 1.0, 2.5, math.nan, math.inf, -1.0]),
    ),
    max_size=40,
).map(lambda found: sorted(found, key=lambda each: each.day))
calls = st.lists(
    st.builds(
        CallSeen,
        at=st.integers(-30 * 86_400, 400 * 86_400).map(lambda back: NOW - timedelta(seconds=back)),
        ended=st.sampled_from(OUTCOME_CLASSES),
        wait_s=st.sampled_from([None, 0.0, 12.5, 900.0, -3.0, math.nan, math.inf]),
        zero_outs=st.integers(0, 2),
        offers_heard=st.integers(0, 2),
        offers_accepted=st.integers(0, 1),
        offers_refused=st.integers(0, 1),
    ),
    max_size=30,
    unique_by=lambda each: each.at,
)


def folded(
    bought: Sequence[PurchaseSeen], called: Sequence[CallSeen], until: datetime = NOW
) -> ContactState:
    state = ContactState.of("{}", None)
    for purchase in bought:
        if purchase.day <= until.date():
            state.add_purchase(purchase)
    for call in called:
        if call.at <= until:
            state.add_call(call)
    return state


def purchases_of(books: dict[str, Sequence[PurchaseSeen]]) -> pl.DataFrame:
    rows = [
        (name, each.day, each.amount, each.product, each.category, each.quantity)
        for name, book in books.items()
        for each in book
    ]
    return pl.DataFrame(rows, schema=frames.PURCHASES, orient="row")


def calls_of(books: dict[str, Sequence[CallSeen]]) -> pl.DataFrame:
    names = [*frames.CALLS][1:]
    rows = [
        (who, *(getattr(each, name) for name in names))
        for who, book in books.items()
        for each in book
    ]
    return pl.DataFrame(rows, schema=frames.CALLS, orient="row")
