"""Night after night on both databases: who moved, who is warned of once, who is told of it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from calls.bus import EventBus
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.events import ChurnRiskRaised
from calls.ports import ContactPurchases, PurchaseLine
from calls.segments import Segments, Tier
from config.settings import ScoringSettings
from scoring.batch import score_all
from scoring.scorer import Scorer
from scoring.segmenting.churn_teller import ChurnTeller
from scoring.tables import churn_warnings, contact_segments, segment_runs
from storage.database import Database

pytestmark = pytest.mark.integration

FIRST = date(2026, 3, 2)
#: Orders of one who came each month, by days before FIRST.
MONTHLY = [(days, 20.0) for days in range(400, 20, -30)]


class Town:
    """Implements `calls.ports.PurchaseHistories`; days are counted back from FIRST."""

    def __init__(self, bought: dict[str, Sequence[tuple[int, float]]]) -> None:
        self.bought = bought

    async def count(self) -> int:
        return len(self.bought)

    async def histories(self) -> AsyncIterator[ContactPurchases]:
        noon = datetime.combine(FIRST, time(12), UTC)
        for name, rows in self.bought.items():
            told = [(noon - timedelta(days=days), amount) for days, amount in rows]
            yield ContactPurchases(
                ContactRef("embedded", name),
                tuple(told),
                lines=tuple(PurchaseLine(at, amount, category="beans") for at, amount in told),
            )


async def night(database: Database, town: Town, days_later: int) -> None:
    today = FIRST + timedelta(days=days_later)
    await score_all(database=database, histories=town, settings=ScoringSettings(), today=today)


async def rows_of(database: Database, table: Any) -> list[Any]:
    async with database.read() as link:
        return list(await link.execute(select(table)))


async def segments_of(database: Database, name: str) -> Segments:
    scorer = Scorer(database=database, settings=ScoringSettings(deadline_s=5))
    found = await scorer.segments_of(ContactRef("embedded", name), deadline=Deadline.after(5))
    assert found is not None
    return found


async def test_one_warning_until_the_next_purchase(any_database: Database) -> None:
    town = Town({"anna": MONTHLY, "berta": [*MONTHLY, (-35, 20.0)], "prospect": []})
    await night(any_database, town, 0)
    assert await rows_of(any_database, churn_warnings) == []
    for days_later in (40, 41, 60):  # anna stays away, berta came again on the 35th day
        await night(any_database, town, days_later)
    [warning] = await rows_of(any_database, churn_warnings)
    assert (warning.contact_id, warning.from_stage, warning.to_stage) == (
        "anna",
        "loyal",
        "at_risk",
    )
    assert warning.raised_on == FIRST + timedelta(days=40)
    because = "was loyal, now at risk: last order 80 days ago, usual gap 30"
    assert warning.because == because
    anna = await segments_of(any_database, "anna")
    assert anna.churn_warning == because
    assert (anna.loyalty, anna.main_category) == ("drifting", "beans")
    assert (await segments_of(any_database, "berta")).churn_warning is None

    town.bought["anna"] = [*MONTHLY, (-60, 20.0)]
    await night(any_database, town, 61)
    assert await rows_of(any_database, churn_warnings) == []
    assert (await segments_of(any_database, "anna")).churn_warning is None


async def test_a_warning_is_published_once_by_one_server(any_database: Database) -> None:
    town = Town({"anna": MONTHLY, "berta": MONTHLY})
    await night(any_database, town, 0)
    await night(any_database, town, 40)
    heard: list[ChurnRiskRaised] = []

    async def hear(event: ChurnRiskRaised) -> None:
        heard.append(event)

    bus = EventBus()
    bus.subscribe("test", hear, ChurnRiskRaised)
    async with bus:
        servers = [ChurnTeller(database=any_database, bus=bus) for _ in range(2)]
        assert [await server.tell() for server in servers] == [2, 0]
        await night(any_database, town, 41)
        assert [await server.tell() for server in servers] == [0, 0]
        await bus.drain()
    assert [event.contact.id for event in heard] == ["anna", "berta"]
    assert heard[0].because.startswith("was loyal, now at risk: last order 80 days ago")


async def test_the_server_s_own_task_tells(any_database: Database) -> None:
    await night(any_database, Town({"anna": MONTHLY}), 0)
    await night(any_database, Town({"anna": MONTHLY}), 40)
    told = asyncio.Event()

    async def hear(_event: ChurnRiskRaised) -> None:
        told.set()

    bus = EventBus()
    bus.subscribe("test", hear, ChurnRiskRaised)
    async with bus, ChurnTeller(database=any_database, bus=bus):
        await asyncio.wait_for(told.wait(), 10)
    [row] = await rows_of(any_database, churn_warnings)
    assert row.told_at is not None


async def test_a_word_of_a_later_version_is_no_segments(any_database: Database) -> None:
    await night(any_database, Town({"anna": MONTHLY}), 0)
    strange = update(contact_segments).values(loyalty="unheard_of")
    await any_database.writer.write(lambda link: link.execute(strange))
    scorer = Scorer(database=any_database, settings=ScoringSettings(deadline_s=5))
    anna = ContactRef("embedded", "anna")
    assert await scorer.segments_of(anna, deadline=Deadline.after(5)) is None


async def test_two_runs_are_kept_with_who_moved(any_database: Database) -> None:
    town = Town({"anna": MONTHLY, "berta": [(10, 5.0)], "prospect": []})
    for days_later in (0, 40, 41):
        await night(any_database, town, days_later)
    runs = sorted(await rows_of(any_database, segment_runs), key=lambda run: run.ran_at)
    assert len(runs) == 2
    moved, still = runs
    assert moved.contacts == 3
    assert moved.value_by == "spend"
    assert moved.movements["lifecycle"] == [["loyal", "at_risk", 1]]
    assert still.movements == {}
    assert still.sizes["lifecycle"] == {"at_risk": 1, "new": 1, "prospect": 1}
    assert still.sizes["loyalty"] == {"drifting": 1, "newcomer": 1, "not_known": 1}
    assert sum(still.sizes["rfm"].values()) == 2
    assert 0.2 <= still.pareto_share <= 1


@pytest.mark.parametrize(
    "bought",
    [
        {},
        {"a": []},
        {"a": [(10, 5.0)]},
        {f"c{n}": [(10, 7.0)] for n in range(20)},
        {"a": [(30, 5.0), (20, -50.0)], "b": [(5, -1.0)]},
        {"a": [(-10, 5.0)]},
        {"a": [(10, math.nan), (9, math.inf)], "b": [(10, math.nan), (3, 4.0)]},
    ],
    ids=["nobody", "prospect", "one", "all equal", "refunds above", "future", "no numbers"],
)
async def test_odd_histories(
    any_database: Database, bought: dict[str, Sequence[tuple[int, float]]]
) -> None:
    for days_later in (0, 1):
        await night(any_database, Town(bought), days_later)
    runs = await rows_of(any_database, segment_runs)
    assert [run.contacts for run in runs] == [len(bought)] * 2
    if bought.get("a") == [(30, 5.0), (20, -50.0)]:
        assert (await segments_of(any_database, "a")).tier is Tier.NO_VALUE
        assert (await segments_of(any_database, "b")).tier is Tier.NO_VALUE
        assert runs[0].pareto_share is None
    if bought.get("a") == [(-10, 5.0)]:
        assert (await segments_of(any_database, "a")).tier is Tier.POTENTIAL
    if "b" in bought and len(bought["b"]) == 2:
        odd = await segments_of(any_database, "b")
        assert odd.spend_12m == 4.0
        assert odd.reasons[-1] == "1 purchase without a readable amount left out"
