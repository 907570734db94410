"""What an agent plans on the card: on disk, in the CRM once, and shown how far it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from crm_adapter.call_tables import outbox
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.embedded.tables import tasks
from crm_adapter.follow_ups import DatabaseFollowUps
from crm_adapter.outbox_worker import DeliveryPace
from crm_adapter.records import Records
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.desk_server import ANNA, BEN, DeskServer, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, now, victoria

pytestmark = pytest.mark.integration

A, B = ANNA.interfaces[0], BEN.interfaces[0]
PACE = DeliveryPace(first_delay_s=0.01, longest_delay_s=0.05, poll_s=0.05, gather_s=0.0)


@asynccontextmanager
async def crm_is_there(server: DeskServer) -> AsyncIterator[Records]:
    crm = EmbeddedCrm(database=server.database)
    await crm.open()
    records = Records(
        database=server.database, bus=server.bus, crm=crm, roster=server.desk.agents, pace=PACE
    )
    DatabaseFollowUps(database=server.database).subscribe(server.bus, records.wake)
    try:
        async with records:
            yield records
    finally:
        await crm.close()


async def answered(server: DeskServer, desktop: DesktopClient) -> str:
    call = RingingCall()
    await server.publish(*call.until_ringing(victoria(), A), call.answered(A))
    pop_id: str = (await desktop.wait_frame("pop.claim"))["pop_id"]
    return pop_id


def planned(pop_id: str, one: str, due: datetime | None = None, note: str = "") -> dict[str, Any]:
    at = due.timestamp() * 1000 if due else None
    return {"kind": "callback.create", "pop_id": pop_id, "id": one, "at": at, "note": note}


async def shown(desktop: DesktopClient, pop_id: str, *states: str) -> list[dict[str, Any]]:
    """Once the card shows follow-ups in these states."""

    def found() -> list[dict[str, Any]]:
        follow_ups: list[dict[str, Any]] = desktop.pops[pop_id]["content"]["follow_ups"]
        return follow_ups

    await desktop.wait_for(lambda: [one["state"] for one in found()] == list(states))
    return found()


async def rows(database: Database, table: sa.Table = tasks) -> Sequence[sa.RowMapping]:
    async with database.read() as connection:
        return (await connection.execute(sa.select(table))).mappings().all()


async def test_follow_ups_of_one_call_are_each_one_task(any_database: Database) -> None:
    await add_agents(any_database)
    due = now().replace(microsecond=0) + timedelta(days=2)
    async with (
        desk_server(any_database) as server,
        server.client() as anna,
        crm_is_there(server),
    ):
        pop_id = await answered(server, anna)
        frame = planned(pop_id, "one", due, "Ask for\nthe invoice")
        for _ in range(3):  # as after a reconnect
            await anna.send(frame)
        await anna.send(planned(pop_id, "two", None, "A plain one"))
        first, second = await shown(anna, pop_id, "in_crm", "in_crm")
    assert (first["at"], first["note"]) == (due.timestamp() * 1000, "Ask for\nthe invoice")
    assert (second["at"], second["agent"]) == (None, "anna")
    by_note = {row["note"]: row for row in await rows(any_database)}
    assert len(by_note) == 2
    task = by_note["Ask for\nthe invoice"]
    assert (task["kind"], task["due_at"], task["owner"]) == ("follow_up", due, "anna")
    assert (task["contact_id"], task["number"]) == (victoria().contact.ref.id, victoria().number)
    assert by_note["A plain one"]["due_at"] is None


async def test_what_is_planned_outlives_us_and_the_crms_absence(any_database: Database) -> None:
    await add_agents(any_database)
    async with desk_server(any_database) as server, server.client() as anna:
        pop_id = await answered(server, anna)
        await anna.send(planned(pop_id, "one", None, "Send the offer"))
        await shown(anna, pop_id, "waiting")
        await server.desk.flush()
    async with desk_server(any_database) as server, server.client() as anna:
        await shown(anna, pop_id, "waiting")
        # A CRM with another bus: another node tells it.
        async with desk_server(any_database) as node, crm_is_there(node) as records:
            await records.outbox.stop()
        await server.desk.follow_ups.refresh()
        await shown(anna, pop_id, "in_crm")
    assert [row["note"] for row in await rows(any_database)] == ["Send the offer"]


async def test_what_was_not_told_is_taken_back_for_good(any_database: Database) -> None:
    await add_agents(any_database)
    async with desk_server(any_database) as server, server.client() as anna:
        pop_id = await answered(server, anna)
        cancel = {"kind": "callback.cancel", "pop_id": pop_id}
        await anna.send(planned(pop_id, "one"))
        await anna.send(planned(pop_id, "two"))
        await shown(anna, pop_id, "waiting", "waiting")
        await anna.send(cancel | {"id": "one"})
        [left] = await shown(anna, pop_id, "waiting")
        assert left["id"] == "two"
        async with crm_is_there(server):
            await anna.send(planned(pop_id, "two"))
            await shown(anna, pop_id, "in_crm")
            await anna.send(cancel | {"id": "two"})
            assert (await anna.wait_frame("notice"))["code"] == "follow_up_too_late"
    assert len(await rows(any_database)) == 1


async def test_one_that_the_crm_refuses_says_so(any_database: Database) -> None:
    await add_agents(any_database)
    async with desk_server(any_database) as server, server.client() as anna:
        pop_id = await answered(server, anna)
        await anna.send(planned(pop_id, "one"))
        await shown(anna, pop_id, "waiting")
        async with any_database.engine.begin() as connection:
            await connection.execute(sa.update(outbox).values(state="dead"))
        await server.desk.follow_ups.refresh()
        await shown(anna, pop_id, "refused")


async def test_what_cannot_be_planned_is_refused_with_a_notice(any_database: Database) -> None:
    await add_agents(any_database)
    async with (
        desk_server(any_database) as server,
        server.client() as anna,
        server.client(BEN) as ben,
    ):
        pop_id = await answered(server, anna)
        for days in (-2, 400):
            await anna.send(planned(pop_id, "one", now() + timedelta(days=days)))
            notice = await anna.wait_frame("notice")
            assert notice["code"] == "follow_up_time"
            anna.frames.remove(notice)
        await ben.send(planned(pop_id, "one"))
        assert (await ben.wait_frame("notice"))["code"] == "follow_up_refused"
        for number in range(11):
            await anna.send(planned(pop_id, f"plan-{number}"))
        assert (await anna.wait_frame("notice"))["code"] == "follow_up_limit"
        await shown(anna, pop_id, *["waiting"] * 10)
    assert len(await rows(any_database, outbox)) == 10
