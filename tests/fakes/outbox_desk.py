"""An outbox with one worker on it, driven by hand."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from calls.call import CallId, CallOutcome
from calls.events import LeadCreated, TaskCreated
from calls.records import CallRecord, NewLead
from crm_adapter import outbox
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.crm_delivery import CrmDelivery
from crm_adapter.outbox_worker import DeliveryPace, OutboxWorker
from crm_adapter.payloads import lead_to_json, record_to_json
from storage.database import Database
from tests.fakes.call_stories import START, STRANGER
from tests.fakes.clock import FakeClock

PACE = DeliveryPace(first_delay_s=10.0, poll_s=0.05)
LEAD = "lead"


def call_entry(
    name: str, *, entity: str | None = None, depends_on: str | None = None
) -> outbox.NewEntry:
    call_id = CallId("pbx", name)
    record = CallRecord(
        call_id=call_id,
        arrived_at=START,
        number=STRANGER,
        dialled="+18005550100",
        contact=None,
        identity_outcome="none",
        outcome=CallOutcome.ANSWERED,
        ended_at=START,
    )
    return outbox.NewEntry(
        name, outbox.LOG_CALL, entity or f"call/{name}", record_to_json(record), depends_on
    )


def lead_entry(key: str = LEAD) -> outbox.NewEntry:
    lead = NewLead(STRANGER, CallId("pbx", "1"), "+18005550100", None, START)
    return outbox.NewEntry(key, outbox.CREATE_LEAD, f"lead/{key}", lead_to_json(lead))


class Desk:
    """One worker on the outbox, driven by hand."""

    def __init__(
        self, database: Database, crm: Any, clock: FakeClock, *, pace: DeliveryPace = PACE
    ) -> None:
        self.database = database
        self.pace = pace
        self.clock = clock
        self.news: list[LeadCreated | TaskCreated] = []
        self.worker = OutboxWorker(
            database=database,
            delivery=CrmDelivery(database=database, crm=crm, publish=self.news.append),
            now=clock,
            pace=pace,
            jitter=random.Random(3),
        )

    async def owe(self, *entries: outbox.NewEntry) -> None:
        await self.database.writer.write(
            lambda link: outbox.enqueue(link, entries, at=self.clock())
        )

    async def claim(self, limit: int = 10, worker: str = "other") -> list[outbox.ClaimedEntry]:
        return await self.database.writer.write(
            lambda link: outbox.claim(
                link,
                at=self.clock(),
                limit=limit,
                lease=timedelta(seconds=self.pace.lease_s),
                worker=worker,
            )
        )

    async def states(self) -> dict[str, str]:
        async with self.database.read() as connection:
            rows = await connection.execute(
                select(outbox_table.c.key, outbox_table.c.state).order_by(outbox_table.c.seq)
            )
            return {row.key: row.state for row in rows}

    async def work_off(self, *, hours: int = 1) -> None:
        """Delivers as time goes by, until nothing is owed or `hours` have passed."""
        end = self.clock() + timedelta(hours=hours)
        while self.clock() < end:
            while await self.worker.deliver_due():
                pass
            if not {"pending", "claimed"} & set((await self.states()).values()):
                return
            self.clock.advance(seconds=30)
