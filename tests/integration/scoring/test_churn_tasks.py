"""Who may be leaving makes one task for their owner, through the outbox; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from sqlalchemy import func, insert, select, update

from calls.bus import EventBus
from calls.call import CallId
from calls.caller import ContactRef
from calls.records import NewTask
from calls.segments import Tier
from config.settings import CrmSettings, Settings, TierName
from crm_adapter.adapter import Unavailable
from crm_adapter.call_tables import outbox
from crm_adapter.churn_tables import churn_tasks
from crm_adapter.churn_tasks import ChurnTasks, ContactsTasks
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.payloads import task_from_json, task_to_json
from crm_adapter.records import Records
from crm_adapter.wording import task_description, task_title
from scoring.segmenting.churn_teller import ChurnTeller, waiting_for_a_task
from scoring.tables import churn_warnings, segment_runs
from storage.database import Database
from switchboard.churn_waiting import said_of_waiting
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

    def __init__(
        self,
        database: Database,
        *,
        tiers: Sequence[str] = ("vip", "important"),
        a_night: int = 50,
    ) -> None:
        self.database, self.bus = database, EventBus()
        self.crm = Away(database=database)
        writer = ContactsTasks(writer=self.crm, crm=self.crm, agents=Desks(), default_owner="cleo")
        self.records = Records(
            database=database, bus=self.bus, crm=writer, roster=Roster(), agents=Desks()
        )
        self.tasks = ChurnTasks(tiers=tiers, days=90, a_night=a_night)
        self.teller = ChurnTeller(database=database, bus=self.bus, owing=self.tasks)

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
    assert len(await _told_again_after(house, days=89)) == 1
    assert len(await _told_again_after(house, days=91)) == 2


async def _told_again_after(house: House, *, days: int) -> list[Any]:
    """Of a new warning."""
    at = datetime.now(UTC) + timedelta(days=days)
    again = update(churn_warnings).values(told_at=None, raised_at=at)
    await house.database.writer.write(lambda link: link.execute(again))
    await _ran_at(house.database, at)
    assert await house.teller.tell() == 1
    return await house.rows(outbox)


async def test_tiers_that_are_not_named_make_none(database: Database) -> None:
    for tiers in ((), ("no_value",)):
        house = House(database, tiers=tiers)
        await house.forget_told()
        assert await house.teller.tell() == 1
    assert await house.rows(outbox) == []


class FullDisk(ChurnTasks):
    async def owe(self, *_: Any, **__: Any) -> None:
        raise OSError("the disk is full")


async def test_who_cannot_be_written_down_is_not_marked_as_told(database: Database) -> None:
    """Neither is there without the other."""
    house = House(database)
    full = FullDisk(tiers=house.tasks.tiers, days=90, a_night=50)
    teller = ChurnTeller(database=database, bus=house.bus, owing=full)
    with pytest.raises(OSError, match="full"):
        await teller.tell()
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


async def test_it_is_in_the_language_of_its_owner(database: Database) -> None:
    house = House(database)
    contacts = tables.contacts
    await database.writer.write(lambda link: link.execute(update(contacts).values(owner="bob")))
    await house.teller.tell()
    house.crm.is_away = False
    await house.records.outbox.deliver_due()
    [task] = await house.rows(tables.tasks)
    assert (task.owner, task.because) == (
        "bob",
        "原为忠诚，现为有流失风险：上次购买在80天前，通常间隔30天",
    )


def test_what_a_chinese_owner_reads() -> None:
    because = "原为忠诚客户"
    task = NewTask(
        kind="churn",
        call_id=CallId("scoring", "1"),
        created_at=datetime(2026, 3, 2, tzinfo=UTC),
        number=None,
        because=because,
        name="王小明",
        language="zh",
    )
    assert task_title(task) == "客户可能流失：王小明"
    assert task_description(task).splitlines()[:2] == [
        "自2026-03-02 00:00:00 UTC起",
        "原因：原为忠诚客户",
    ]
    assert task_title(replace(task, name=None)) == "客户可能流失：未知姓名"


def test_a_task_written_by_an_older_version_has_no_chinese() -> None:
    task = NewTask("churn", CallId("scoring", "1"), datetime(2026, 3, 2, tzinfo=UTC), None)
    owed = task_to_json(replace(task, because="was loyal"))
    del owed["because_zh"]
    assert task_from_json(owed) == replace(task, because="was loyal")


#: By name: what each order came to; all monthly, and none of them comes again.
STREET = {f"c{number}": 10.0 + number for number in range(7)}


async def street(database: Database, days_later: int, *, back: Sequence[str] = ()) -> None:
    """A nightly run; those who are `back` bought the day before."""
    town = Town(
        {
            name: [(days, amount) for days, _ in MONTHLY]
            + [(1 - days_later, amount)] * (name in back)
            for name, amount in STREET.items()
        }
    )
    await night(database, town, days_later)


async def owed_to(house: House) -> list[str]:
    rows = await house.rows(outbox)
    return sorted(task_from_json(row.payload).contact.id for row in rows)  # type: ignore[union-attr]


async def test_a_first_night_of_thousands_is_spread(any_database: Database) -> None:
    """Who spent most first, each night anew; who bought in between needs no task."""
    house = House(any_database, tiers=list(Tier), a_night=3)
    second = House(any_database, tiers=list(Tier), a_night=3)
    await street(any_database, 0)
    await street(any_database, 40)
    assert await waiting_for_a_task(any_database, list(Tier)) == 7
    assert await house.teller.tell() == 3
    assert await owed_to(house) == ["c4", "c5", "c6"]
    assert [await each.teller.tell() for each in (house, second)] == [0, 0]
    await street(any_database, 40)  # by hand, on the same day
    assert await house.teller.tell() == 0
    await street(any_database, 41, back=["c3"])
    await _ran_at(any_database, datetime.now(UTC) + timedelta(hours=23))
    assert [await each.teller.tell() for each in (second, house)] == [3, 0]
    assert await owed_to(house) == ["c0", "c1", "c2", "c4", "c5", "c6"]
    assert await waiting_for_a_task(any_database, list(Tier)) == 0


async def test_two_servers_at_once_make_no_more(any_database_url: str) -> None:
    async with Database(any_database_url) as first, Database(any_database_url) as second:
        await street(first, 0)
        await street(first, 40)
        houses = [House(each, tiers=list(Tier), a_night=3) for each in (first, second)]
        told = await asyncio.gather(*(house.teller.tell() for house in houses))
        assert sum(told) == 3
        assert await owed_to(houses[0]) == ["c4", "c5", "c6"]


async def test_what_score_says_of_who_waits(any_database: Database) -> None:
    await street(any_database, 0)
    await street(any_database, 40)
    for a_night, said in (
        (50, "7 who may be leaving wait for a task of their owner"),
        (
            3,
            "7 who may be leaving wait for a task of their owner; 3 are made in one night at most "
            "(crm.churn_tasks_a_night), of those who spent most first",
        ),
    ):
        crm = CrmSettings(churn_task_tiers=tuple(get_args(TierName)), churn_tasks_a_night=a_night)
        assert await said_of_waiting(any_database, Settings(crm=crm)) == said
    without = Settings(crm=CrmSettings(churn_task_tiers=()))
    assert await said_of_waiting(any_database, without) == ""


async def _ran_at(database: Database, at: datetime) -> None:
    """The newest run was then."""
    ran_at = segment_runs.c.ran_at
    newest = select(func.max(ran_at)).scalar_subquery()
    moved = update(segment_runs).where(ran_at == newest).values(ran_at=at)
    await database.writer.write(lambda link: link.execute(moved))


async def test_nothing_is_owed_before_the_run_is_over(database: Database) -> None:
    """Half of the warnings say nothing of who spent most."""
    house = House(database)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    ahead = update(churn_warnings).values(raised_at=soon)
    await database.writer.write(lambda link: link.execute(ahead))
    assert await house.teller.tell() == 0
    await _ran_at(database, soon)
    assert await house.teller.tell() == 1


async def test_who_had_one_lately_takes_nobody_s_place(any_database: Database) -> None:
    house = House(any_database, tiers=list(Tier), a_night=2)
    await street(any_database, 0)
    await street(any_database, 40)
    had = [
        {"tenant": "default", "crm": "embedded", "contact_id": name, "key": name}
        | {"created_at": datetime.now(UTC) - timedelta(days=30)}
        for name in ("c5", "c6")
    ]
    await any_database.writer.write(lambda link: link.execute(insert(churn_tasks), had))
    assert await house.teller.tell() == 4
    assert await owed_to(house) == ["c3", "c4"]
