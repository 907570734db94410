"""What models never see (docs/scoring.md, "What is never used") has no way into their rows."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calls.call import CallId, CallOutcome, Direction
from calls.call_moment import CallMoment
from calls.caller import ContactRef
from calls.past_calls import PastCallTold
from calls.ports import PurchaseLine
from scoring.features.intent_rows import INTENT_COLUMNS
from scoring.features.offer_rows import OFFER_COLUMNS
from scoring.features.schema import GROUP_OF, NAMES
from scoring.features.seen import CallSeen, PurchaseSeen, call_seen

pytestmark = pytest.mark.unit

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PAST = PastCallTold(
    CallId("pbx", "1.1"),
    ContactRef("embedded", "c1"),
    AT,
    AT + timedelta(minutes=3),
    "+18005550100",
    Direction.INBOUND,
    CallOutcome.ANSWERED,
    wait_s=12.0,
)
_NEVER = re.compile(
    r"(^|_)(name|number|phone|address|email|notes?|recording|talk|duration|disposition|wrapup|"
    r"pin|account|nationality|country|language|age|birth|sex|gender)(_|$)"
)


@pytest.mark.parametrize("columns", [NAMES, OFFER_COLUMNS, INTENT_COLUMNS])
def test_no_column_is_of_such_a_thing(columns: tuple[str, ...]) -> None:
    assert [name for name in columns if _NEVER.search(name)] == []
    assert set(NAMES) <= set(GROUP_OF)


def test_what_a_row_is_made_of_has_no_place_for_it() -> None:
    """Whoever adds a field here says in docs/scoring.md what is used."""
    fields = {
        made: {field.name for field in dataclasses.fields(made)}
        for made in (CallSeen, PurchaseSeen, PurchaseLine, CallMoment)
    }
    assert fields[CallSeen] == {
        "at", "ended", "wait_s", "zero_outs", "offers_heard", "offers_accepted", "offers_refused",
    }  # fmt: skip
    # `dialled` is a number of the house; of the caller's own there is the area code, no more.
    assert fields[CallMoment] == {"arrived_at", "dialled", "area"}
    assert fields[PurchaseSeen] == {"day", "amount", "product", "category", "quantity"}
    assert not any(_NEVER.search(name) for names in fields.values() for name in names)


@pytest.mark.parametrize(
    "other",
    [
        replace(PAST, ended_at=AT + timedelta(hours=9)),
        replace(PAST, call_id=CallId("pbx", "9.9")),
        replace(PAST, contact=ContactRef("embedded", "王小明")),
        replace(PAST, dialled="+18005550199"),
        replace(PAST, area="+86 20"),
        replace(PAST, model="m", policy="personal", arm="control", rulebook_version="v9"),
    ],
    ids=["talk", "call", "who", "number", "area", "what was decided"],
)
def test_a_row_is_the_same_whatever_else_is_known_of_a_call(other: PastCallTold) -> None:
    assert call_seen(other) == call_seen(PAST)
