"""From calls of strangers to the menu of the next one, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, insert, select

from calls import events
from calls.call import Call, CallId, CallOutcome, KeyPress
from calls.call_moment import CallMoment
from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from config.call_moments import call_moment
from crm_adapter.call_histories import DatabaseCallHistories
from crm_adapter.call_tables import calls
from scoring.associations import Associations
from scoring.call_follower import CallFollower
from scoring.choice_rows import HOUSE, Counted
from scoring.decay import Decayed
from scoring.features.moment import cells_of
from scoring.house_choices import HouseChoices
from scoring.memory_tables import menu_choices
from scoring.moment_recount import recount_moments
from scoring.offer_ledger import DatabaseOfferLedger
from scoring.propensities import PastChoices
from storage.database import Database
from supervisor.explain import explain
from tests.fakes.contact_directory import FakeDirectory
from tests.fakes.written_rulebook import menu, number, option, rulebook

pytestmark = pytest.mark.integration

#: Half past nine in Guangzhou, on a Monday.
NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
DIALLED = "+18005550100"
GUANGZHOU, LONDON = "+862083331234", "+442079460018"
SHOP = rulebook(
    menu(option("sales"), option("repairs"), order="probability"),
    numbers={"default": number(timezone=ZoneInfo("Asia/Shanghai"))},
)


class Roster:
    """Implements `calls.ports.AgentRoster`."""

    def login_of(self, interface: str) -> str | None:
        return None


def moment_of(dialled: str, at: datetime, area: str) -> CallMoment:
    return call_moment(SHOP, dialled, at, area)


def arrived(number: int, at: datetime, *, withheld: bool) -> Call:
    return Call(
        CallId("pbx", f"1.{number}"), "PJSIP/t-1", "", "", withheld, DIALLED, "en", arrived_at=at
    )


class Past:
    """Calls that were, told to the follower and kept in the calls' table."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self.house = HouseChoices(database=database, now=lambda: self.now)
        self.follower = CallFollower(
            database=database,
            ledger=DatabaseOfferLedger(database=database, now=lambda: NOW),
            house=self.house,
            roster=Roster(),
            moment_of=moment_of,
        )
        self.many = 0

    async def called(
        self, who: str | None, intent: str, *, known: bool = False, times: int = 1
    ) -> None:
        ref = ContactRef("embedded", "C-1")
        for _ in range(times):
            self.many += 1
            at = NOW - timedelta(days=7)
            call = arrived(self.many, at, withheld=who is None)
            contact = Contact(ref, "Maria", "Silva") if known else None
            caller = Caller(who, Identity(IdentityOutcome.NONE, "e164", 0.0), contact)
            for event in (
                events.CallArrived(call.id, at, call),
                events.CallerIdentified(call.id, at, caller=caller),
                events.OptionChosen(call.id, at, KeyPress("main", "1", "match", intent)),
                events.CallEnded(call.id, at, CallOutcome.ANSWERED),
            ):
                await self.follower.handle(event)
            await self._keep(call, who, intent, ref if known else None)

    async def _keep(
        self, call: Call, who: str | None, intent: str, contact: ContactRef | None
    ) -> None:
        step = {"at": call.arrived_at.isoformat(), "menu": "main", "digits": "1"}
        row = {
            "system": call.id.system,
            "linkedid": call.id.linkedid,
            "channel": "",
            "from_raw": "",
            "from_name": "",
            "withheld": call.withheld,
            "dialled": DIALLED,
            "language": "en",
            "arrived_at": call.arrived_at,
            "ended_at": call.arrived_at,
            "outcome": "answered",
            "fallback": False,
            "end_estimated": False,
            "number": who,
            "contact_crm": contact.crm if contact else None,
            "contact_id": contact.id if contact else None,
            "menu_path": [step | {"outcome": "match", "intent": intent}],
        }
        await self.database.writer.write(lambda link: link.execute(insert(calls).values(row)))

    async def explained(self, who: str) -> list[dict[str, Any]]:
        """The options of the menu that a stranger with this number would hear."""
        caller = Caller(who, Identity(IdentityOutcome.NONE, "e164", 0.0))
        house = HouseChoices(database=self.database, now=lambda: self.now)
        await house.load()
        scorer = PastChoices(house=house, associations=Associations(database=self.database))
        found = await explain(
            who,
            dialled=DIALLED,
            directory=FakeDirectory(caller),
            rulebooks=SimpleNamespace(current=SHOP),  # type: ignore[arg-type]
            now=NOW,
            scorer=scorer,
            control_share=0,
        )
        options: list[dict[str, Any]] = found["decision"]["options"]
        return [each for each in options if each["digit"] != "0"]

    async def told(self) -> dict[str, float]:
        house = HouseChoices(database=self.database, now=lambda: self.now)
        await house.load()
        area = cells_of(moment_of(DIALLED, NOW, "+86 20"), is_known=False)
        return dict(house.moments.at(area).get("main", {}))


async def test_a_strangers_menu_is_that_of_strangers_of_their_area_and_hour(
    any_database: Database,
) -> None:
    past = Past(any_database)
    await past.called(GUANGZHOU, "repairs", times=31)
    await past.called(GUANGZHOU, "sales", times=19)
    await past.called(LONDON, "sales", times=30)
    await past.called(None, "sales", times=10)
    await past.called(GUANGZHOU, "sales", known=True, times=40)
    await past.house.refresh()

    chinese, english = await past.explained(GUANGZHOU), await past.explained(LONDON)
    assert [each["intent"] for each in chinese] == ["repairs", "sales"]
    assert [each["intent"] for each in english] == ["sales", "repairs"]
    # A week ago: 50 calls weigh 47 of today's.
    assert chinese[0]["reasons"][-2] == (
        "62 % of 47 strangers who dialled this number from area +86 20 in the morning wanted it"
    )
    assert sum(each["probability"] for each in chinese) == pytest.approx(1)


async def test_counted_anew_is_what_was_counted_as_calls_ended(any_database: Database) -> None:
    past = Past(any_database)
    await past.called(GUANGZHOU, "repairs", times=15)
    await past.called(LONDON, "sales", times=15)
    await past.called(LONDON, "repairs", known=True, times=5)
    await past.house.refresh()
    live = await past.told()
    assert live["repairs"] > live["sales"] > 0
    histories = DatabaseCallHistories(database=any_database)
    await recount_moments(any_database, histories, moment_of, NOW)
    assert await past.told() == pytest.approx(live)

    # Calls of before there were such counts; and again, that changes nothing.
    counts = menu_choices.c
    of_cells = delete(menu_choices).where(counts.contact_crm == "", counts.contact_id != HOUSE.id)
    await any_database.writer.write(lambda link: link.execute(of_cells))
    assert await past.told() != pytest.approx(live)
    for _ in range(2):
        await recount_moments(any_database, histories, moment_of, NOW)
        assert await past.told() == pytest.approx(live)


async def test_what_was_read_stands_for_a_while(any_database: Database) -> None:
    past = Past(any_database)
    await past.called(LONDON, "sales", times=20)
    await past.house.refresh()
    first = past.house.moments
    await past.house.refresh()
    assert past.house.moments is first
    past.now += timedelta(minutes=11)
    await past.house.refresh()
    assert past.house.moments is not first


async def test_more_than_one_write_holds_is_all_written(any_database: Database) -> None:
    house = HouseChoices(database=any_database, now=lambda: NOW)
    choice = {("main", name): Counted("1", Decayed(1.0, NOW)) for name in ("sales", "repairs")}
    for place in range(400):
        house.add("main", "sales", "1", NOW)
        house.add_moment([f"strangers|number {place}"], choice)
    await house.refresh()
    query = select(func.count(), func.sum(menu_choices.c.weight)).select_from(menu_choices)
    async with any_database.read() as connection:
        assert tuple((await connection.execute(query)).one()) == (801, 1200)
    await house.refresh()
    async with any_database.read() as connection:
        assert (await connection.execute(query)).one()[1] == 1200
