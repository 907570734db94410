"""A caller waits in the queue while the server dies and comes back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calls.bus import EventBus
from calls.call import CallOutcome
from calls.caller import Contact, ContactRef
from calls.follow_up import FollowUp
from config.settings import CrmSettings
from crm_adapter.late_identity import LateIdentifier
from crm_adapter.records import Records
from crm_adapter.remembered_calls import UNKNOWN_SINCE, remembered_calls, unknown_calls
from storage.database import Database
from tests.fakes.call_stories import START, STRANGER, Roster, Story, a_call
from tests.fakes.clock import FakeClock
from tests.fakes.crm_writer import InMemoryCrm
from tests.fakes.desk_server import ANNA, add_agents, desk_server
from tests.fakes.in_memory_directory import InMemoryDirectory

pytestmark = pytest.mark.integration


async def test_the_agent_sees_who_waited_through_a_restart(any_database: Database) -> None:
    story, over = Story(a_call("1.1")), Story(a_call("1.2"))
    async with (
        EventBus() as bus,
        Records(
            database=any_database, bus=bus, crm=InMemoryCrm(), roster=Roster(), now=FakeClock()
        ) as records,
    ):
        for event in (over.arrives(), over.ends()):
            bus.publish(event)
        for event in (
            story.arrives(),
            story.decided(language="zh"),
            story.presses("2", "billing"),
            story.queued("billing"),
        ):
            bus.publish(event)
        await bus.drain()
        await records.settled()

    await add_agents(any_database)
    maria = Contact(ContactRef("embedded", "C-1"), "Maria", "Garcia")
    async with desk_server(any_database) as server, server.client(ANNA) as anna:
        identifier = LateIdentifier(
            bus=server.bus,
            directory=InMemoryDirectory({STRANGER: [maria]}),
            settings=CrmSettings(),
        )
        identifier.subscribe()
        found = await remembered_calls(any_database, system="pbx")
        assert [event.call_id for event in found] == [story.call.id]
        await server.publish(*found)
        await server.publish(story.rings(ANNA.interfaces[0]))
        content = (await anna.wait_frame("pop.offer"))["content"]
    assert content["contact"]["name"] == "Maria Garcia"
    assert content["call"]["number"] == STRANGER
    assert content["call"]["queue"] == "support"
    assert content["call"]["language"] == "zh"
    assert [(key["digits"], key["intent"]) for key in content["call"]["keys"]] == [("2", "billing")]


async def test_whoever_was_served_by_the_dialplan_is_known_though_we_died_while_asking(
    any_database: Database,
) -> None:
    story, hung_up = Story(a_call("1.1")), Story(a_call("1.2", number="+12025550151"))
    crm = InMemoryCrm()

    def life(bus: EventBus) -> Records:
        return Records(
            database=any_database,
            bus=bus,
            crm=crm,
            roster=Roster(),
            now=FakeClock(),
            follow_up_of=lambda dialled: FollowUp(),
        )

    first = EventBus()
    async with life(first) as records, first:
        for event in (story.arrives(fallback=True), story.ends(CallOutcome.ABANDONED_IN_QUEUE)):
            first.publish(event)
        # Gone before we could ask: no fault of ours, and no lead.
        for event in (hung_up.arrives(), hung_up.ends(CallOutcome.ABANDONED_IN_MENU)):
            first.publish(event)
        await first.drain()
        await records.settled()
    assert crm.leads == {}

    second = EventBus()
    LateIdentifier(bus=second, directory=InMemoryDirectory({}), settings=CrmSettings()).subscribe()
    async with life(second) as records, second:
        for event in await unknown_calls(any_database, system="pbx", now=START):
            second.publish(event)
        await second.drain()
        await records.settled()
    assert [lead.number for lead in crm.leads.values()] == [STRANGER]
    told = [record for record in crm.records.values() if record.call_id == story.call.id]
    assert [record.identity_outcome for record in told] == ["not_asked", "none"]
    # They are asked about once, and not for ever.
    assert await unknown_calls(any_database, system="pbx", now=START) == []


async def test_nobody_asks_who_called_last_week(any_database: Database) -> None:
    story = Story(a_call("1.1"))
    bus = EventBus()
    async with (
        Records(
            database=any_database, bus=bus, crm=InMemoryCrm(), roster=Roster(), now=FakeClock()
        ) as records,
        bus,
    ):
        for event in (story.arrives(fallback=True), story.ends()):
            bus.publish(event)
        await bus.drain()
        await records.settled()
    late = START + UNKNOWN_SINCE
    assert len(await unknown_calls(any_database, system="pbx", now=late)) == 1
    late += timedelta(seconds=1)
    assert await unknown_calls(any_database, system="pbx", now=late) == []
