"""Ended calls as they were kept, on both databases, whatever else is in their rows."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from calls.call import CallId, CallOutcome, Direction
from calls.caller import ContactRef
from calls.offers import OfferAnswer, OfferPlace
from calls.past_calls import PastCallTold, PastChoice, PastConsidered, PastOffer
from crm_adapter.call_histories import DatabaseCallHistories
from crm_adapter.call_tables import calls
from storage.database import Database
from storage.sealed.columns import give_seals
from storage.sealed.seals import PREFIX, Seals

pytestmark = pytest.mark.integration

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


async def add(database: Database, place: int, **values: Any) -> None:
    row = {
        "system": "pbx",
        "linkedid": f"1.{place}",
        "channel": "PJSIP/a",
        "from_raw": "",
        "from_name": "",
        "withheld": False,
        "dialled": "+18005550100",
        "language": "en",
        "arrived_at": START + timedelta(hours=place),
        "ended_at": START + timedelta(hours=place, minutes=5),
        "outcome": "answered",
        "fallback": False,
        "end_estimated": False,
    }
    await database.writer.write(lambda link: link.execute(insert(calls).values(row | values)))


async def told(database: Database, since: datetime = START) -> list[PastCallTold]:
    histories = DatabaseCallHistories(database=database)
    return [call async for call in histories.calls(since)]


async def test_all_that_is_kept_of_a_call_is_told(any_database: Database) -> None:
    step = {
        "at": (START + timedelta(seconds=20)).isoformat(),
        "menu": "main",
        "digits": "0",
        "outcome": "match",
        "intent": "agent",
    }
    decision = {
        "offers": [
            {"offer": "bag", "chosen": True, "propensity": 0.25, "probability": 0.5},
            {"offer": "mug", "chosen": False, "propensity": None},
        ],
        "model": "past-choices-1",
        "models": {"churn": "20261128-023000-0123abcd"},
        "policy": "thompson",
        "arms": {"greeting": "b"},
    }
    await add(
        any_database,
        0,
        contact_crm="embedded",
        contact_id="C-1",
        number="+862083331234",
        menu_path=[step],
        offers=[{"offer": "bag", "place": "hold", "answer": "refused"}],
        decision=decision,
        arm="personal",
        rulebook_version="7",
        first_queued_at=START + timedelta(seconds=30),
        answered_at=START + timedelta(seconds=72),
    )
    assert await told(any_database) == [
        PastCallTold(
            call_id=CallId("pbx", "1.0"),
            contact=ContactRef("embedded", "C-1"),
            arrived_at=START,
            ended_at=START + timedelta(minutes=5),
            dialled="+18005550100",
            direction=Direction.INBOUND,
            outcome=CallOutcome.ANSWERED,
            choices=(PastChoice("main", "0", "match", "agent", START + timedelta(seconds=20)),),
            wait_s=42.0,
            offers=(PastOffer("bag", OfferPlace.HOLD, OfferAnswer.REFUSED, START),),
            considered=(
                PastConsidered("bag", chosen=True, propensity=0.25, probability=0.5),
                PastConsidered("mug", chosen=False),
            ),
            arm="personal",
            arms={"greeting": "b"},
            policy="thompson",
            model="past-choices-1",
            models={"churn": "20261128-023000-0123abcd"},
            rulebook_version="7",
            area="+86 20",
        )
    ]


async def test_calls_come_oldest_first_and_those_that_live_not_at_all(
    any_database: Database,
) -> None:
    await add(any_database, 3, direction="outbound", number="+12025550101", withheld=True)
    await add(any_database, 1)
    await add(any_database, 2, ended_at=None, outcome=None)
    await add(any_database, 0)
    found = await told(any_database, START + timedelta(minutes=30))
    assert [call.call_id.linkedid for call in found] == ["1.1", "1.3"]
    assert [call.direction for call in found] == [Direction.INBOUND, Direction.OUTBOUND]
    assert found[0].wait_s is None
    assert found[0].contact is None
    assert [call.area for call in found] == ["", ""]


async def test_what_no_call_says_is_left_out_and_said_once(
    any_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await add(any_database, 0, menu_path=[{"menu": "main"}, 7], decision=["x"])
    await add(any_database, 1, offers=[{"offer": "bag", "place": "moon", "answer": "heard"}])
    await add(any_database, 2, outcome="unheard of")
    nonsense = {"offers": [{"offer": "bag", "chosen": True, "propensity": 7}], "arms": [1]}
    await add(any_database, 3, decision=nonsense, queued_at=START + timedelta(days=9))
    with caplog.at_level(logging.WARNING):
        found = await told(any_database)
    assert [call.call_id.linkedid for call in found] == ["1.0", "1.1", "1.3"]
    assert (found[0].choices, found[1].offers) == ((), ())
    assert found[2].considered == (PastConsidered("bag", chosen=True),)
    assert found[2].wait_s == 0.0
    assert [record.message for record in caplog.records] == [
        "3 calls are kept with something that no call says, left out"
    ]


async def test_what_lies_sealed_is_told_and_what_does_not_open_ends_nothing(
    any_database: Database,
) -> None:
    give_seals(any_database.engine.dialect, Seals(b"k" * 32))
    decision = {"offers": [{"offer": "bag", "chosen": True, "propensity": 0.25}], "policy": "fair"}
    for number in range(3):
        await add(any_database, number, decision=decision, number="+862083331234")
    damaged = text(f"UPDATE calls SET decision = '\"{PREFIX}AAAA\"' WHERE linkedid = '1.1'")
    await any_database.writer.write(lambda link: link.execute(damaged))
    found = await told(any_database)
    assert [call.policy for call in found] == ["fair", None, "fair"]
    assert found[0].considered == (PastConsidered("bag", chosen=True, propensity=0.25),)
    assert {call.area for call in found} == {"+86 20"}


async def test_a_row_that_is_no_json_ends_nothing(database: Database) -> None:
    for number in range(2):
        await add(database, number)
    broken = text("UPDATE calls SET menu_path = '{\"', decision = '[[[' WHERE linkedid = '1.0'")
    await database.writer.write(lambda link: link.execute(broken))
    assert len(await told(database)) == 2
