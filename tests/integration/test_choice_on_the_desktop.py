"""An agent says who of several called: from the websocket to the number, the call and the CRM."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from calls.caller import Caller, ContactRef, IdentityOutcome
from calls.deadlines import Deadline
from calls.events import CallerIdentified
from config.settings import Settings
from crm_adapter.connection import CrmConnection
from crm_adapter.directory import Directory
from crm_adapter.embedded import tables
from crm_adapter.records import Records
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.call_stories import AGENT, Story, a_call
from tests.fakes.crm_rows import NoSegments, add_contact
from tests.fakes.desk_server import ANNA, DeskServer, add_agents, desk_server

pytestmark = pytest.mark.integration

HOME = "+12025550103"
CALL = replace(a_call(number=HOME), arrived_at=datetime.now(UTC))


@dataclass
class House:
    """One process's life: what it knows beyond the database dies with it."""

    server: DeskServer
    records: Records
    connection: CrmConnection
    directory: Directory
    anna: DesktopClient

    async def who(self) -> Caller:
        return await self.directory.identify(CALL, region="US", deadline=Deadline.after(30))

    async def chooses(self, pop_id: str, candidate: ContactRef | None) -> None:
        """Returns when all that follows is written, in the CRM too."""
        wanted = str(candidate) if candidate else None
        await self.anna.select(pop_id, wanted)
        await self.anna.wait_for(lambda: self._shown(pop_id) == wanted)
        await self.server.bus.drain()
        await self.records.settled()
        await self.records.outbox.deliver_due()

    def _shown(self, pop_id: str) -> object:
        return self.anna.pops[pop_id]["content"]["match"]["selected"]

    async def record(self) -> Any:
        async with self.server.database.read() as connection:
            return (await connection.execute(select(tables.call_records))).one()


@asynccontextmanager
async def house(database: Database) -> AsyncIterator[House]:
    settings = Settings()
    async with desk_server(database) as server:
        connection = CrmConnection(settings=settings, database=database)
        connection.subscribe(server.bus)
        records = Records(
            database=database,
            bus=server.bus,
            crm=connection.writer,
            roster=server.desk.agents,
        )
        directory = Directory(
            adapter=connection.adapter,
            segments=NoSegments(),
            settings=settings.crm,
            look_up=connection.look_up,
        )
        await records.recorder.start()
        async with connection, server.client(ANNA) as anna:
            yield House(server, records, connection, directory, anna)
        await records.stop()


async def test_a_choice_after_the_end_reaches_number_call_and_crm_and_is_undone_after_a_restart(
    any_database: Database,
) -> None:
    await add_agents(any_database)
    await add_contact(any_database, "olivia", HOME, first_name="Olivia")
    noah = await add_contact(any_database, "noah", HOME, first_name="Noah")
    story = Story(CALL)
    async with house(any_database) as one:
        caller = await one.who()
        assert (caller.identity.outcome, caller.contact) == (IdentityOutcome.MULTIPLE, None)
        known = CallerIdentified(CALL.id, datetime.now(UTC), caller)
        await one.server.publish(story.arrives(), known, story.queued(), story.rings(AGENT))
        offer = await one.anna.wait_frame("pop.offer")
        await one.server.publish(story.answered(), story.released(), story.ends())
        await one.records.settled()
        await one.records.outbox.deliver_due()
        before = await one.record()
        assert before.contact_id is None

        await one.chooses(offer["pop_id"], noah)
        caller = await one.who()
        assert (caller.identity.method, caller.contact and caller.contact.ref) == (
            "remembered",
            noah,
        )
        assert not caller.may_hear_personal_facts
        detail = await one.records.history.call_detail(CALL.id)
        assert detail is not None
        assert (detail.summary.contact, detail.summary.contact_name) == (noah, "Noah")
        chosen = await one.record()
        assert (chosen.id, chosen.contact_id) == (before.id, noah.id)
        assert chosen.revision > before.revision

    async with house(any_database) as other:
        assert (await other.who()).identity.method == "remembered"
        hello = await other.anna.wait_frame("hello")
        [pop] = hello["pops"]
        assert (pop["state"], pop["content"]["match"]["selected"]) == ("wrapup", str(noah))
        await other.chooses(offer["pop_id"], None)
        assert (await other.who()).identity.outcome is IdentityOutcome.MULTIPLE
        undone = await other.record()
        assert (undone.id, undone.contact_id) == (before.id, None)
        assert undone.revision > chosen.revision
        # And the next one who talks with them may say it again.
        await other.chooses(offer["pop_id"], ContactRef("embedded", "olivia"))
        assert (await other.record()).contact_id == "olivia"
        # The wrap-up is the last word.
        await other.anna.dispose(offer["pop_id"])
        await other.anna.wait_frame("pop.close")
        await other.anna.select(offer["pop_id"], None)
        await other.anna.wait_frame("notice", code="select_refused")
