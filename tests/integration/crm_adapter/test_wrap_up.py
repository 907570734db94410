"""What the agent said about a call stands on its leg and in the CRM's one record of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from calls.bus import EventBus
from calls.caller import IdentityOutcome
from calls.events import CallEvent, WrapUpDone
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.embedded.tables import call_records
from crm_adapter.records import Records
from storage.database import Database
from tests.fakes.call_stories import AGENT, Roster, Story, a_call
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.integration


class Centre:
    """Records that write to the embedded CRM in the same database."""

    def __init__(self, database: Database, bus: EventBus, clock: FakeClock) -> None:
        crm = EmbeddedCrm(database=database)
        self.database, self.bus = database, bus
        self.records = Records(database=database, bus=bus, crm=crm, roster=Roster(), now=clock)

    async def tell(self, *events: CallEvent) -> None:
        for event in events:
            self.bus.publish(event)
        await self.bus.drain()
        await self.records.settled()

    async def deliver(self) -> None:
        while await self.records.outbox.deliver_due():
            pass

    async def written(self) -> list[list[tuple[str, str | None, str | None]]]:
        """Of each record in the CRM: agent, disposition and note of each leg."""
        async with self.database.read() as connection:
            found = await connection.scalars(select(call_records.c.legs))
            return [[(leg["agent"], leg["disposition"], leg["note"]) for leg in r] for r in found]

    async def entries(self) -> int:
        async with self.database.read() as connection:
            return len((await connection.execute(select(outbox_table.c.seq))).all())


@pytest.fixture
async def centre(any_database: Database, bus: EventBus, clock: FakeClock) -> AsyncIterator[Centre]:
    centre = Centre(any_database, bus, clock)
    await centre.records.recorder.start()
    yield centre
    await centre.records.stop()


def said(event: CallEvent, code: str, note: str = "", *, agent: str = "anna") -> WrapUpDone:
    at = event.at + timedelta(seconds=20)
    return WrapUpDone(event.call_id, at, agent, AGENT, code, note)


async def test_words_said_before_the_end_are_in_its_record(centre: Centre) -> None:
    *events, end = Story(a_call()).whole(IdentityOutcome.UNIQUE)
    await centre.tell(*events, said(events[-1], "sale", "two laptops"))
    await centre.deliver()  # as it was answered
    await centre.tell(end)
    await centre.deliver()
    assert await centre.written() == [[("anna", "sale", "two laptops")]]
    assert await centre.entries() == 2


async def test_words_said_after_the_record_amend_it(centre: Centre) -> None:
    events = Story(a_call()).whole(IdentityOutcome.UNIQUE)
    await centre.tell(*events)
    await centre.deliver()
    assert await centre.written() == [[("anna", None, None)]]
    for _ in range(3):
        await centre.tell(said(events[-1], "complaint", "brüsk\nand late"))
    await centre.deliver()
    assert await centre.written() == [[("anna", "complaint", "brüsk\nand late")]]
    assert await centre.entries() == 2
    detail = await centre.records.history.call_detail(events[0].call_id)
    assert detail is not None
    assert (detail.legs[0].disposition, detail.legs[0].note) == ("complaint", "brüsk\nand late")
    assert (await centre.records.history.counts()).records_written == 1


async def test_words_said_before_the_record_is_delivered_come_second(centre: Centre) -> None:
    events = Story(a_call()).whole(IdentityOutcome.UNIQUE)
    await centre.tell(*events)
    await centre.tell(said(events[-1], "resolved"))
    await centre.deliver()
    assert await centre.written() == [[("anna", "resolved", None)]]


async def test_each_agent_speaks_of_their_own_part(centre: Centre) -> None:
    story = Story(a_call())
    first = [story.arrives(), story.rings(), story.answered(), story.released()]
    other = "PJSIP/nobody"
    rest = [story.rings(other), story.answered(other), story.ends()]
    await centre.tell(*first, said(first[-1], "follow_up"), *rest)
    await centre.deliver()
    end = rest[-1]
    by_other = WrapUpDone(end.call_id, end.at, "somebody", other, "resolved", "done")
    await centre.tell(by_other)
    await centre.deliver()
    assert await centre.written() == [[("anna", "follow_up", None), (other, "resolved", "done")]]


async def test_words_about_a_call_nobody_knows_make_nothing(centre: Centre) -> None:
    story = Story(a_call())
    await centre.tell(said(story.ends(), "sale"))
    assert await centre.entries() == 0


async def test_a_dead_first_version_does_not_come_back_over_the_second(
    centre: Centre, clock: FakeClock
) -> None:
    events = Story(a_call()).whole(IdentityOutcome.UNIQUE)
    await centre.tell(*events)
    async with centre.database.engine.begin() as connection:
        await connection.execute(outbox_table.update().values(state="dead"))
    await centre.tell(said(events[-1], "sale"))
    await centre.deliver()
    assert await centre.records.replay_dead() == 0
    await centre.deliver()
    assert await centre.written() == [[("anna", "sale", None)]]
