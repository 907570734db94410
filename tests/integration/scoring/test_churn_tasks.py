"""Who may be leaving makes one task for their owner, through the outbox; on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from calls.bus import EventBus
from calls.caller import ContactRef
from calls.records import NewTask
from crm_adapter.adapter import Unavailable
from crm_adapter.call_tables import outbox
from crm_adapter.churn_tasks import ChurnTasks, ContactsTasks
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.payloads import task_from_json
from crm_adapter.records import Records
from crm_adapter.wording import task_description, task_title
from scoring.segmenting.churn_teller import ChurnTeller
from scoring.tables import churn_warnings
from storage.database import Database
from tests.fakes.call_stories import Roster
from tests.integration.crm_adapter.test_leads import Desks
from tests.integration.scoring.test_segment_runs import MONTHLY, Town, night

pytestmark = pytest.mark.integration

CALLED_ANNA = ContactRef("embedded", "anna")


class Away(EmbeddedCrm):
    """The CRM cannot be asked at first."""

    is_away = True

    async def get(self, ref: ContactRef, **more: Any) -> Any:
        if self.is_away:
            raise Unavailable("away")
        return await super().get(ref, **more)


class House:
    """A server with a contact `anna`, whose owner is the agent Anna Berg."""

    def __init__(self, database: Database, *, tiers: Sequence[str] = ("vip", "important")) -> None:
        self.database, self.bus = database, EventBus()
        self.crm = Away(database=database)
        writer = ContactsTasks(writer=self.crm, crm=self.crm, agents=Desks(), default_owner="cleo")
        self.records = Records(
            database=database, bus=self.bus, crm=writer, roster=Roster(), agents=Desks()
        )
        self.tasks = ChurnTasks(tiers=tiers, days=90)
        self.teller = ChurnTeller(database=database, bus=self.bus, also_owed=self.tasks.owe)

    async def rows(self, table: Any) -> list[Any]:
        async with self.database.read() as link:
            return list(await link.execute(select(table)))

    async def forget_told(self) -> None:
        await self.database.writer.write(
            lambda link: link.execute(update(churn_warnings).values(told_at=None))
        )


@pytest.fixture
async def database(any_database: Database) -> AsyncIterator[Database]:
    anna = {
        "id": "anna",
        "first_name": "Anna",
        "last_name": "Lee",
        "owner": "Anna Berg",
        "version": 1,
        "updated_at": datetime(2026, 3, 2, tzinfo=UTC),
    }
    await any_database.writer.write(lambda link: link.execute(insert(tables.contacts), [anna]))
    await night(any_database, Town({"anna": MONTHLY}), 0)
    await night(any_database, Town({"anna": MONTHLY}), 40)
    return any_database


async def test_a_task_of_the_owner_once_the_crm_is_back(database: Database) -> None:
    house = House(database)
    assert await house.teller.tell() == 1
    await house.records.outbox.deliver_due()
    assert await house.rows(tables.tasks) == []
    [owed] = await house.rows(outbox)
    assert (owed.state, owed.operation) == ("pending", "create_task")
    house.crm.is_away = False
    await database.writer.write(
        lambda link: link.execute(
            update(outbox).values(not_before=owed.created_at - timedelta(days=1))
        )
    )
    await house.records.outbox.deliver_due()
    [task] = await house.rows(tables.tasks)
    assert (task.kind, task.contact_id, task.owner) == ("churn", "anna", "anna")
    assert task.because == "was loyal, now at risk: last order 80 days ago, usual gap 30"


async def test_one_in_so_many_days_however_often_it_is_told(database: Database) -> None:
    house = House(database)
    await house.teller.tell()
    await house.forget_told()
    assert await house.teller.tell() == 1
    later = await _told_again_after(house, days=89)
    assert len(later) == 1
    assert len(await _told_again_after(house, days=1)) == 2


async def _told_again_after(house: House, *, days: int) -> list[Any]:
    [warning] = await house.rows(churn_warnings)
    at = warning.raised_at + timedelta(days=days)
    await house.database.writer.write(
        lambda link: link.execute(update(churn_warnings).values(told_at=None, raised_at=at))
    )
    await house.teller.tell()
    return await house.rows(outbox)


async def test_tiers_that_are_not_named_make_none(database: Database) -> None:
    for tiers in ((), ("no_value",)):
        house = House(database, tiers=tiers)
        await house.forget_told()
        assert await house.teller.tell() == 1
    assert await house.rows(outbox) == []


async def test_who_cannot_be_written_down_is_not_marked_as_told(database: Database) -> None:
    """Neither is there without the other."""

    async def fails(*_: Any) -> None:
        raise OSError("the disk is full")

    house = House(database)
    with pytest.raises(OSError, match="full"):
        await ChurnTeller(database=database, bus=house.bus, also_owed=fails).tell()
    [warning] = await house.rows(churn_warnings)
    assert warning.told_at is None
    assert await house.teller.tell() == 1


async def test_what_is_read_in_the_crm(database: Database) -> None:
    house = House(database)
    await house.teller.tell()
    [owed] = await house.rows(outbox)
    task: NewTask = task_from_json(owed.payload)
    assert (task.contact, task.is_of_call, task.number) == (CALLED_ANNA, False, None)
    assert task_title(replace(task, name="Anna Lee")) == "May be leaving: Anna Lee"
    text = task_description(task)
    assert "Why: was loyal, now at risk: last order 80 days ago" in text
    assert "Call:" not in text
