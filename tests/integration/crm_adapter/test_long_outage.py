"""A CRM that was down for a day gets everything, in order, soon; one bad record holds nobody up."""

from __future__ import annotations

import os
import random
import sys
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from calls.call import CallId, CallOutcome
from calls.records import CallRecord
from crm_adapter import outbox
from crm_adapter.adapter import Invalid, Unavailable
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.crm_delivery import CrmDelivery
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.outbox_worker import DeliveryPace, OutboxWorker
from crm_adapter.payloads import record_to_json
from storage.database import Database
from tests.fakes.call_stories import START, STRANGER
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.integration

#: With its four revisions each: ten thousand entries, and as many as every run has the time for.
CALLS, FEWER_CALLS = 2_500, 250
#: Of each call: at the answer, at the end, and after two wrap-ups.
REVISIONS = 4
#: What is promised after a day without the CRM.
WITHIN_S = 600.0
MOST_MEMORY = 64 * 2**20


class SwitchedCrm(EmbeddedCrm):
    """The embedded CRM, which can be away, and refuses `poison`. `told` is what it was told of each
    call, in order."""

    away = False
    poison = ""
    asked = 0

    def __init__(self, *, database: Database) -> None:
        super().__init__(database=database)
        self.told: defaultdict[str, list[str | None]] = defaultdict(list)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        self.asked += 1
        if self.away:
            raise Unavailable("switched off")
        if record.call_id.linkedid == self.poison:
            raise Invalid("no such outcome", field="outcome")
        self.told[record.call_id.linkedid].append(record.queue)
        return await super().log_call(record, idem)


def entries(calls: range) -> list[outbox.NewEntry]:
    """Revisions of each call's record in order; the queue's name tells which one it is."""
    owed = []
    for revision in range(1, REVISIONS + 1):
        for number in calls:
            record = CallRecord(
                call_id=CallId("pbx", str(number)),
                arrived_at=START,
                number=STRANGER,
                dialled="+18005550100",
                contact=None,
                identity_outcome="none",
                outcome=CallOutcome.ANSWERED,
                queue=f"revision-{revision}",
                ended_at=START,
            )
            owed.append(
                outbox.NewEntry(
                    f"{number}-{revision}",
                    outbox.LOG_CALL,
                    f"call/{number}",
                    record_to_json(record),
                )
            )
    return owed


async def counted(database: Database) -> dict[str, int]:
    async with database.read() as connection:
        state = outbox_table.c.state
        found = await connection.execute(select(state, func.count()).group_by(state))
        return {row[0]: row[1] for row in found}


def resident_bytes() -> int:
    """Linux: /proc/self/statm counts pages."""
    resident = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(resident) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long_on("sqlite")
@pytest.mark.timeout(WITHIN_S)
@pytest.mark.parametrize("calls", [FEWER_CALLS, pytest.param(CALLS, marks=pytest.mark.long)])
async def test_a_day_s_backlog_drains_in_order_and_within_minutes(
    any_database: Database, clock: FakeClock, capsys: pytest.CaptureFixture[str], calls: int
) -> None:
    crm = SwitchedCrm(database=any_database)
    crm.poison = "7"
    worker = OutboxWorker(
        database=any_database,
        delivery=CrmDelivery(database=any_database, crm=crm, publish=lambda event: None),
        now=clock,
        jitter=random.Random(5),
    )
    for start in range(0, calls, FEWER_CALLS):
        owed = entries(range(start, start + FEWER_CALLS))
        await any_database.writer.write(
            lambda link, owed=owed: outbox.enqueue(link, owed, at=clock())
        )
    crm.away = True
    before = resident_bytes()
    for _ in range(24 * 60):
        await worker.deliver_due()
        clock.advance(minutes=1)
    # One probe at a time asked, and not each minute.
    assert crm.asked < 12 * 60
    assert (await counted(any_database))["pending"] == calls * REVISIONS
    crm.away = False
    clock.advance(minutes=10)
    began = time.monotonic()
    while await worker.deliver_due():
        pass
    seconds = time.monotonic() - began
    grown = resident_bytes() - before
    assert await counted(any_database) == {"done": (calls - 1) * REVISIONS, "dead": REVISIONS}
    # Each call's revisions came in order, each once; and the last is what stands.
    in_order = [f"revision-{number}" for number in range(1, REVISIONS + 1)]
    assert len(crm.told) == calls - 1
    assert [told for told in crm.told.values() if told != in_order] == []
    async with any_database.read() as connection:
        kept = tables.call_records
        found = await connection.execute(select(kept.c.queue, func.count()).group_by(kept.c.queue))
        assert [tuple(row) for row in found] == [(f"revision-{REVISIONS}", calls - 1)]
    rate = calls * REVISIONS / seconds
    with capsys.disabled():
        sys.stdout.write(
            f"\n{calls * REVISIONS} entries after a day's outage: {seconds:.1f} s, {rate:.0f} a "
            f"second, {grown / 2**20:.1f} MiB more memory\n"
        )
    assert seconds < WITHIN_S * calls / CALLS
    assert grown < MOST_MEMORY


async def test_a_poison_record_is_given_up_at_once_and_alone(
    any_database: Database, clock: FakeClock
) -> None:
    crm = SwitchedCrm(database=any_database)
    crm.poison = "0"
    worker = OutboxWorker(
        database=any_database,
        delivery=CrmDelivery(database=any_database, crm=crm, publish=lambda event: None),
        now=clock,
        pace=DeliveryPace(concurrency=1),
    )
    owed = entries(range(20))[:20]
    await any_database.writer.write(lambda link: outbox.enqueue(link, owed, at=clock()))
    before = clock()
    while await worker.deliver_due():
        pass
    assert clock() - before == timedelta()
    assert await counted(any_database) == {"dead": 1, "done": 19}
    assert crm.asked == 20
