"""The whole centre beside an independent witness: what our books say is what pyst2 saw."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from crm_adapter.call_tables import call_legs
from storage.database import Database
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ami_witness import Witness
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import assert_all_served, numbers

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.alone,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:asterisk.manager"),
]

KEYS = (Press(1500, "0"), Press(1000, "0"))
#: Served; gone after two seconds in the queue; gone in the menu.
SHAPES = (
    CallerShape(presses=KEYS),
    CallerShape(presses=KEYS, hang_up_after_ms=2000),
    CallerShape(hang_up_after_ms=800),
)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    phone = PhoneShape(ring_ms=300, talk_ms=1200)
    async with DemoCentre(folder=tmp_path, agents=2, phone=phone, desktops=False) as centre:
        yield centre


async def legs(centre: DemoCentre) -> list[tuple[str, str, bool]]:
    """Linked id, interface and whether it was answered, of every phone that rang."""
    columns = (call_legs.c.linkedid, call_legs.c.interface, call_legs.c.answered_at)
    async with Database(centre.storage_url) as database, database.read() as link:
        rows = (await link.execute(select(*columns))).all()
    return sorted((row[0], row[1], row[2] is not None) for row in rows)


async def test_the_books_are_what_the_witness_saw(centre: DemoCentre) -> None:
    names = ("QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon")
    witness = Witness(centre.pbx, *names, "AgentCalled", "AgentConnect")
    calls = [
        ScriptedCall(number, cast.SHOP, shape=SHAPES[n % len(SHAPES)])
        for n, number in enumerate(numbers(18))
    ]
    assert_all_served(await centre.callers.run(calls, rate_per_s=4), len(calls))
    async with Ledger(centre.storage_url) as ledger:
        entries = await ledger.balanced(numbers(18), deadline_s=60)
    seen = witness.close()

    def told(name: str) -> list[dict[str, str]]:
        return [event for event in seen if event["Event"] == name]

    ours = {e.call.linkedid: e.call for e in entries.values()}
    queued = sorted(i for i, call in ours.items() if call.queue is not None)
    assert queued == sorted(event["Linkedid"] for event in told("QueueCallerJoin"))
    assert queued == sorted(event["Linkedid"] for event in told("QueueCallerLeave"))
    assert {(i, ours[i].queue) for i in queued} == {
        (event["Linkedid"], event["Queue"]) for event in told("QueueCallerJoin")
    }
    assert {i for i, call in ours.items() if call.outcome == "abandoned_in_queue"} == {
        event["Linkedid"] for event in told("QueueCallerAbandon")
    }
    connected = sorted((e["Linkedid"], e["Interface"]) for e in told("AgentConnect"))
    assert connected == [leg[:2] for leg in await legs(centre) if leg[2]]
    assert {i for i, call in ours.items() if call.outcome == "answered"} == {
        i for i, _ in connected
    }
    rung = sorted((e["Linkedid"], e["Interface"]) for e in told("AgentCalled"))
    assert rung == [leg[:2] for leg in await legs(centre)]
    assert len(connected) >= 6
    assert len(ours) - len(queued) >= 6
