"""Open cases and orders: the same number in training as in serving, and nothing of the future."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.caller import ContactRef
from calls.open_matters import OpenMatters, OpenSpan
from calls.ports import ContactPurchases, PurchaseLine
from scoring.features.frames import matters_frame, purchases_frame, rows_at
from scoring.features.schema import GROUP_OF, NAMES
from scoring.features.state import ContactState
from scoring.features.state_rows import features_of, purchases_row
from scoring.serving.reason_words import sentence
from scoring.training.past import past_of
from scoring.training.replay import replayed
from tests.unit.scoring.features.made_histories import NOW
from tests.unit.scoring.training.made_worlds import call

pytestmark = pytest.mark.unit

CASES, ORDERS = NAMES.index("open_cases"), NAMES.index("open_orders")
UNPAID = NAMES.index("unpaid")

moments = st.integers(-300, 300).map(lambda hours: NOW - timedelta(hours=hours))
spans = st.one_of(
    st.none(),
    st.lists(st.builds(OpenSpan, moments, st.one_of(st.none(), moments)), max_size=6).map(tuple),
)
everything = st.builds(OpenMatters, spans, spans, spans)


def history(name: str, matters: OpenMatters) -> ContactPurchases:
    line = PurchaseLine(NOW - timedelta(days=40), 5.0, "pot", "tea", 1.0)
    return ContactPurchases(ContactRef("crm", name), (), frozenset(), (line,), matters)


def trained(told: Sequence[ContactPurchases], cut: datetime | date = NOW) -> dict[str, np.ndarray]:
    rows = rows_at(purchases_frame(told), None, cut, matters_frame(told))
    return {row[0]: np.array(row[1:], dtype=np.float32) for row in rows.iter_rows()}


@given(st.dictionaries(st.sampled_from("ABC"), everything, min_size=1))
@settings(max_examples=150, deadline=None)
def test_rows_of_all_are_the_rows_that_are_served(books: dict[str, OpenMatters]) -> None:
    told = [history(name, matters) for name, matters in books.items()]
    rows = trained(told)
    for one in told:
        kept = purchases_row(one, NOW)
        served = features_of(kept["schema"], kept["purchases"], None, NOW)
        assert served is not None
        expected = np.array(served.values, dtype=np.float32)
        np.testing.assert_allclose(rows[str(one.contact)], expected, rtol=2e-6)


@given(everything)
@settings(max_examples=150, deadline=None)
def test_what_comes_later_changes_no_row(matters: OpenMatters) -> None:
    """Neither what is opened later, nor that and when something open now is closed later."""

    def known_by_now(spans: tuple[OpenSpan, ...] | None) -> tuple[OpenSpan, ...] | None:
        return spans and tuple(
            OpenSpan(
                one.opened_at, one.closed_at if one.closed_at and one.closed_at <= NOW else None
            )
            for one in spans
            if one.opened_at <= NOW
        )

    by_now = OpenMatters(*map(known_by_now, (matters.cases, matters.orders, matters.unpaid)))
    whole, then = trained([history("A", matters)]), trained([history("A", by_now)])
    np.testing.assert_array_equal(whole["crm:A"], then["crm:A"])
    assert matters.at(NOW) == by_now.at(NOW)


def test_not_told_is_not_none_open() -> None:
    told = [
        history("A", OpenMatters((), None)),
        history("B", OpenMatters(None, (OpenSpan(NOW), OpenSpan(NOW, NOW)))),
    ]
    rows = trained(told)
    assert rows["crm:A"][CASES] == 0
    assert math.isnan(rows["crm:A"][ORDERS])
    assert math.isnan(rows["crm:B"][CASES])
    assert rows["crm:B"][ORDERS] == 1
    assert all(math.isnan(row[UNPAID]) for row in rows.values())


def test_a_call_is_trained_with_what_was_open_as_its_day_began() -> None:
    day = date(2026, 2, 20)
    at = datetime.combine(day, time(9), UTC)
    told = [
        history(
            "1",
            OpenMatters(
                (OpenSpan(at - timedelta(days=3), at + timedelta(days=1)), OpenSpan(at)),
                (OpenSpan(at - timedelta(days=3), at - timedelta(days=1)),),
            ),
        )
    ]
    past = past_of(purchases_frame(told), (call(1, at, "crm:1"),), day, matters_frame(told))
    [ringing] = replayed(past)
    assert ringing.features is not None
    assert (ringing.features.values[CASES], ringing.features.values[ORDERS]) == (1, 0)


def test_a_state_from_before_knows_nothing_of_them() -> None:
    assert all(math.isnan(value) for value in ContactState.of("{}", None).row_at(NOW)[CASES:])


@pytest.mark.parametrize(
    ("language", "name", "said"),
    [
        ("en", "open_cases", "2 open cases (raises the risk)"),
        ("zh", "open_cases", "2个未结案例（风险升高）"),
        ("en", "open_orders", "2 open orders (raises the risk)"),
        ("zh", "open_orders", "2个未交付订单（风险升高）"),
    ],
)
def test_reasons_say_how_many_are_open(language: str, name: str, said: str) -> None:
    values = dict(zip(NAMES, trained([history("A", OPEN)])["crm:A"].tolist(), strict=True))
    told = sentence(GROUP_OF[name], values, raises=True, language=language, of_risk=True)
    assert told == said


OPEN = OpenMatters((OpenSpan(NOW), OpenSpan(NOW)), (OpenSpan(NOW), OpenSpan(NOW)))


def test_reasons_say_what_is_unpaid_where_it_is_known() -> None:
    owed = (OpenSpan(NOW),)
    for matters, said in (
        (OpenMatters(None, OPEN.orders, owed), "2 open orders, 1 unpaid (raises the risk)"),
        (OpenMatters(None, None, owed), "1 unpaid orders (raises the risk)"),
    ):
        row = trained([history("A", matters)])["crm:A"]
        values = dict(zip(NAMES, row.tolist(), strict=True))
        told = sentence("orders", values, raises=True, language="en", of_risk=True)
        assert told == said
