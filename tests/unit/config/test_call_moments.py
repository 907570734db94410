"""A call's moment is told by the clock of the number dialled."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from config.call_moments import call_moment, servers_moment
from tests.fakes.written_rulebook import number, rulebook

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)


def test_by_the_numbers_clock_else_by_the_servers() -> None:
    there = number(key="+43100", timezone=ZoneInfo("Asia/Shanghai"))
    book = rulebook(numbers={"43100": there, "default": number()})
    moment = call_moment(book, "+43 100", AT, "+86 20")
    assert (moment.arrived_at.hour, moment.arrived_at.isoweekday()) == (7, 2)
    assert (moment.arrived_at, moment.area) == (AT, "+86 20")
    assert call_moment(book, "+1999", AT, "") == servers_moment("+1999", AT, "")
    assert servers_moment("+1999", AT, "").arrived_at.utcoffset() == AT.astimezone().utcoffset()
