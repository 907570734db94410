"""A records side with its own clock running, and callers who come however the database is."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Self

from sqlalchemy import func, select

from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from calls.caller import IdentityOutcome
from calls.events import CallArrived
from calls.records import CallRecord, NewLead
from crm_adapter import call_tables
from crm_adapter.outbox_worker import DeliveryPace
from crm_adapter.records import Records
from storage.database import Database
from tests.fakes.call_stories import Roster, Story, a_call
from tests.fakes.crm_writer import InMemoryCrm

#: How long a caller waits for the journal before the dialplan has them (`ami_bridge.agi_server`),
#: and how long whoever takes over such a call (`ami_bridge.call_tracker`).
JOURNAL_S, TAKE_OVER_S = 2.0, 5.0


class SlowCrm(InMemoryCrm):
    """So that some entry is always under way."""

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        await asyncio.sleep(0.05)
        return await super().create_lead(lead, idem)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        await asyncio.sleep(0.05)
        return await super().log_call(record, idem)


class StorageHouse:
    """The CRM is none of this database's: it takes whatever reaches it. `asked_s` is how long each
    caller waited for the journal; `left` are whom the dialplan's fallback served, `shed` are those
    of whom the bus had no room for every event."""

    def __init__(self, url: str, *, queue_size: int = 10_000, max_waiting: int = 20_000) -> None:
        self.url = url
        self.database = Database(url)
        self.bus = EventBus(queue_size)
        self.crm = SlowCrm()
        self.records = Records(
            database=self.database,
            bus=self.bus,
            crm=self.crm,
            roster=Roster(),
            # Soon, where a delivery is left to its lease.
            pace=DeliveryPace(first_delay_s=0.2, poll_s=0.1, deadline_s=1.0, lease_s=2.0),
        )
        self.records.recorder._retry_after_s = 0.1
        self.records.recorder._max_waiting = max_waiting
        self.called: list[str] = []
        self.left: list[str] = []
        self.shed: set[str] = set()
        self.asked_s: list[float] = []
        self._stack = AsyncExitStack()
        self._calls: set[asyncio.Task[None]] = set()
        self._count = 0

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self.database)
            await self._stack.enter_async_context(self.bus)
            await self._stack.enter_async_context(self.records)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    def skip_numbers(self, to: int) -> None:
        """The next caller is number `to`."""
        self._count = to - 1

    async def die(self) -> None:
        """As by SIGKILL: nothing is tidied up, and what was in memory alone is gone."""
        self._stack.pop_all()
        doomed = [*self.records.tasks, *self.bus._tasks, *self._calls, *self.database.writer.tasks]
        for task in doomed:
            task.cancel()
        await asyncio.gather(*doomed, return_exceptions=True)
        await self.database.engine.dispose()

    def rings(self) -> None:
        """The next caller; nobody waits for the one before."""
        number = self._count = self._count + 1
        self._calls.add(asyncio.create_task(self._call(number), name=f"call {number}"))

    async def _call(self, number: int) -> None:
        """A stranger of their own calls, waits, talks and hangs up: journaled before anything is
        said, as the FastAGI server does; else taken over from the fallback, as the AMI does."""
        name = f"1700000000.{number}"
        story = Story(a_call(name, number=number_of(name)))
        self.called.append(str(story.call.id))
        began = time.monotonic()
        try:
            async with asyncio.timeout(JOURNAL_S):
                await self.records.journal.open_call(story.call)
        except Exception:  # noqa: BLE001 -- as the server does: the fallback has the caller
            self.left.append(str(story.call.id))
        self.asked_s.append(time.monotonic() - began)
        is_left = str(story.call.id) in self.left
        if is_left:
            try:
                async with asyncio.timeout(TAKE_OVER_S):
                    await self.records.journal.open_call(story.call, fallback=True)
            except Exception:  # noqa: BLE001, S110 -- its events bring the row
                pass
        told = story.whole(IdentityOutcome.NONE)
        arrived = CallArrived(story.call.id, story.call.arrived_at, story.call, fallback=is_left)
        shed_before = self.shed_events
        for event in (arrived, *told[1:]):
            self.bus.publish(event)
        if self.shed_events > shed_before:
            self.shed.add(str(story.call.id))

    @property
    def shed_events(self) -> int:
        return sum(subscription.shed for subscription in self.bus.subscriptions)

    async def all_called(self) -> None:
        await asyncio.gather(*self._calls)

    async def settled(self, within_s: float = 60.0) -> None:
        """Returns when all calls are over, recorded and delivered."""
        async with asyncio.timeout(within_s):
            await self.all_called()
            await self.bus.drain()
            await self.records.settled()
            while await self._owed():
                await asyncio.sleep(0.05)

    async def _owed(self) -> int:
        outbox = call_tables.outbox
        async with self.database.read() as connection:
            query = select(func.count()).where(outbox.c.state.in_(("pending", "claimed")))
            return await connection.scalar(query) or 0

    async def check(self) -> None:
        """What was called, what is recorded and what the CRM has are the same; each once."""
        rows, outbox = call_tables.calls, call_tables.outbox
        async with self.database.read() as connection:
            kept = await connection.execute(select(rows.c.system, rows.c.linkedid, rows.c.ended_at))
            journaled = {str(CallId(row.system, row.linkedid)): row.ended_at for row in kept}
            undone = select(func.count()).select_from(outbox).where(outbox.c.state != "done")
            assert await connection.scalar(undone) == 0
        whole = sorted(set(self.called) - self.shed)
        assert sorted(set(journaled) - self.shed) == whole
        assert [call for call in whole if journaled[call] is None] == []
        last = {str(record.call_id): record for record in self.crm.records.values()}
        assert sorted(set(last) - self.shed) == whole
        for call in whole:
            assert last[call].outcome is CallOutcome.ANSWERED
            assert last[call].ended_at is not None
        # Every caller is somebody else: one lead of each, however often it was sent.
        leads = [lead.number for lead in self.crm.leads.values()]
        assert len(leads) == len(set(leads))
        assert {number_of(call) for call in whole} <= set(leads)
        assert set(leads) <= {number_of(call) for call in self.called}


def number_of(call: str) -> str:
    return f"+1202555{int(call.rpartition('.')[2]):04}"
