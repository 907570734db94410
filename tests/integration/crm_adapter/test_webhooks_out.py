"""Other systems are told what happens: signed, once in effect, and in nobody's way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from calls.bus import EventBus
from calls.caller import IdentityOutcome
from config.webhook_settings import WebhookOut
from crm_adapter.call_tables import outbox
from crm_adapter.records import Records
from storage.database import Database
from tests.fakes.call_stories import STRANGER, Roster, Story, a_call
from tests.fakes.clock import FakeClock
from tests.fakes.crm_writer import InMemoryCrm
from tests.fakes.hook_peer import peer

pytestmark = pytest.mark.integration


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("hush\n")
    return path


@asynccontextmanager
async def recording(
    database: Database, clock: FakeClock, crm: InMemoryCrm, *hooks: WebhookOut
) -> AsyncIterator[tuple[EventBus, Records]]:
    async with EventBus() as bus:
        records = Records(
            database=database, bus=bus, crm=crm, roster=Roster(), now=clock, hooks=hooks
        )
        await records.recorder.start()
        yield bus, records
        await records.stop()


async def a_stranger_s_call(bus: EventBus, records: Records) -> None:
    for event in Story(a_call()).whole(IdentityOutcome.NONE):
        bus.publish(event)
    await bus.drain()
    await records.settled()


async def deliver(records: Records) -> None:
    for worker in (records.outbox, *records.hook_workers):
        while await worker.deliver_due():
            pass


async def test_each_system_hears_what_it_asked_for_and_can_check_it(
    any_database: Database, clock: FakeClock, crm: InMemoryCrm, secret: Path
) -> None:
    async with peer() as all_of_it, peer() as ends_only:
        hooks = (
            WebhookOut(name="all", url=all_of_it.url, secret_file=secret),
            WebhookOut(
                name="ends",
                url=f"{ends_only.url}in?key=1",
                secret_file=secret,
                events=("call.ended",),
            ),
        )
        async with recording(any_database, clock, crm, *hooks) as (bus, records):
            await a_stranger_s_call(bus, records)
            await deliver(records)
        assert sorted(all_of_it.events) == ["call.ended", "lead.created"]
        assert ends_only.events == ["call.ended"]
        all_of_it.check_signatures(b"hush")
        assert {told["data"]["number"] for told in all_of_it.told} == {STRANGER}
        assert len({headers["Switchboard-Id"] for headers in all_of_it.headers}) == 2


async def test_a_dead_webhook_holds_up_neither_the_crm_nor_another_one(
    any_database: Database, clock: FakeClock, crm: InMemoryCrm, secret: Path
) -> None:
    async with peer() as alive, peer() as dead:
        dead.statuses = [503] * 3 + [302] * 3
        hooks = tuple(
            WebhookOut(name=name, url=one.url, secret_file=secret)
            for name, one in (("alive", alive), ("dead", dead))
        )
        async with recording(any_database, clock, crm, *hooks) as (bus, records):
            await a_stranger_s_call(bus, records)
            await deliver(records)
            assert len(crm.records) == 1
            assert len(alive.events) == 2
            assert len(dead.events) == 1 or len(dead.events) == 2
            for _ in range(20):
                clock.advance(seconds=300)
                await deliver(records)
        # Told again under the same id, and nowhere else: no redirect was followed.
        assert len(dead.bodies) == 8
        assert len({headers["Switchboard-Id"] for headers in dead.headers}) == 2
        assert dead.statuses == []


async def test_what_is_refused_for_good_and_what_nobody_takes_any_more_is_given_up(
    any_database: Database, clock: FakeClock, crm: InMemoryCrm, secret: Path
) -> None:
    async with peer() as refusing:
        refusing.statuses = [422]
        hooks = (
            WebhookOut(name="a", url=refusing.url, secret_file=secret, events=("call.ended",)),
            WebhookOut(name="b", url="http://127.0.0.1:9/", secret_file=secret),
        )
        async with recording(any_database, clock, crm, *hooks) as (bus, records):
            await a_stranger_s_call(bus, records)
            await deliver(records)
    async with EventBus() as bus:
        without = Records(database=any_database, bus=bus, crm=crm, roster=Roster(), now=clock)
        async with without:
            pass
    async with any_database.read() as connection:
        rows = list(await connection.execute(select(outbox).where(outbox.c.operation == "webhook")))
    told = {(row.lane, row.state, row.last_error.partition(":")[0]) for row in rows}
    assert told == {("hook:a", "dead", "Invalid"), ("hook:b", "dead", "NoSuchWebhook")}
