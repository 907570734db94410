"""The clock and the ids of an API, where they are absurd."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crm_adapter.http.replies import Reply
from crm_adapter.rest.answers import LONG_AGO
from crm_adapter.rest.changes import _as_number, _clock

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Mon, 02 Mar 2026 10:30:00 +0100", NOW),
        ("Fri, 31 Dec 9999 23:59:59 -2300", NOW),
        ("Mon, 01 Jan 0100 00:00:00 GMT", LONG_AGO),
        ("", NOW),
    ],
)
def test_an_absurd_clock_is_not_believed(date: str, at: datetime) -> None:
    assert _clock(Reply("rest", 200, {"date": date}, b""), NOW) == at


@pytest.mark.parametrize(
    ("after", "number"), [("12", 12), ("\u00b2", "\u00b2"), ("", 0), ("9" * 5000, "9" * 5000)]
)
def test_only_a_number_is_compared_as_one(after: str, number: int | str) -> None:
    assert _as_number(after) == number
