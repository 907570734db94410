"""A caller waits in the queue while the server dies and comes back."""

from __future__ import annotations

import pytest

from calls.bus import EventBus
from calls.caller import Contact, ContactRef
from config.settings import CrmSettings
from crm_adapter.late_identity import LateIdentifier
from crm_adapter.records import Records
from crm_adapter.remembered_calls import remembered_calls
from storage.database import Database
from tests.fakes.call_stories import STRANGER, Roster, Story, a_call
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
        for event in (story.arrives(), story.presses("2", "billing"), story.queued("billing")):
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
    assert [(key["digits"], key["intent"]) for key in content["call"]["keys"]] == [("2", "billing")]
