"""What a call leaves behind is there for the next one, on both databases."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import events
from calls.bus import EventBus
from calls.call import CallId, CallOutcome, KeyPress
from calls.call_moment import CallMoment
from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome
from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.offers import (
    MEMORY_MISSED,
    NO_MEMORY,
    CallerMemory,
    OfferAnswer,
    OfferCap,
    OfferHistory,
    OfferMetBefore,
    OfferPlace,
)
from config.settings import ScoringSettings
from scoring import choice_rows, house_choices
from scoring.association_counts import ANYTHING, Association
from scoring.associations import Associations, association_row
from scoring.call_follower import CallFollower
from scoring.choice_rows import Counted
from scoring.decay import Decayed
from scoring.features.schema import NAMES
from scoring.house_choices import LEAST, HouseChoices
from scoring.memories import Memories
from scoring.memory_tables import (
    folded_calls,
    menu_choices,
    offer_meetings,
    product_associations,
)
from scoring.offer_ledger import DatabaseOfferLedger
from scoring.policy.learned import LearnedPolicies
from scoring.refresher import REFRESH_S, Refresher
from storage.database import Database

pytestmark = pytest.mark.integration

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
MARIA = ContactRef("embedded", "C-1")
SURE = Identity(IdentityOutcome.UNIQUE, "e164", 0.95)
PATIENT = ScoringSettings(deadline_s=5)


class Roster:
    """Implements `calls.ports.AgentRoster`."""

    def login_of(self, interface: str) -> str | None:
        return {"PJSIP/anna": "anna", "PJSIP/ben": "ben"}.get(interface)


def caller(contact: ContactRef | None) -> Caller:
    known = Contact(contact, "Maria", "Silva") if contact else None
    return Caller("+14155550101", SURE, known)


class Centre:
    """The parts of scoring that follow calls, on one database."""

    def __init__(self, database: Database, now: datetime = NOW) -> None:
        self.now = now
        self.database = database
        self.ledger = DatabaseOfferLedger(database=database, now=lambda: self.now)
        self.house = HouseChoices(database=database, now=lambda: self.now)
        self.memories = Memories(database=database, settings=PATIENT, now=lambda: self.now)
        self.follower = CallFollower(
            database=database,
            ledger=self.ledger,
            house=self.house,
            roster=Roster(),
            moment_of=lambda dialled, at, area: CallMoment(at, dialled, area),
            retries_s=(0.01,),
        )

    async def tell(self, *news: events.CallEvent) -> None:
        for event in news:
            await self.follower.handle(event)

    async def memory(self, contact: ContactRef = MARIA) -> CallerMemory:
        return await self.memories.memory_of(contact, deadline=Deadline.after(30))


def call(number: int) -> CallId:
    return CallId("pbx", f"17{number}.1")


def chosen(
    number: int, intent: str | None, digit: str = "1", *, at: datetime = NOW, menu: str = "main"
) -> events.OptionChosen:
    outcome = "match" if intent else "invalid"
    return events.OptionChosen(call(number), at, KeyPress(menu, digit, outcome, intent))


def identified(number: int, contact: ContactRef | None = MARIA) -> events.CallerIdentified:
    return events.CallerIdentified(call(number), NOW, caller(contact))


def ended(number: int, at: datetime = NOW) -> events.CallEnded:
    return events.CallEnded(call(number), at, CallOutcome.ANSWERED)


async def test_a_call_is_remembered_by_the_next(any_database: Database) -> None:
    centre = Centre(any_database)
    assert await centre.memory() == NO_MEMORY
    before = NOW - timedelta(days=90)
    await centre.tell(
        identified(1),
        chosen(1, "billing", "3", at=before),
        chosen(1, None, "9", at=before),
        chosen(1, "invoice", "1", at=before, menu="billing"),
        chosen(1, "billing", "2", at=before),
        ended(1, before),
    )
    found = await centre.memory()
    assert found.digits == {("main", "billing"): "2", ("billing", "invoice"): "1"}
    assert found.choices["main", "billing"] == pytest.approx(1.0)
    await centre.tell(identified(2), chosen(2, "billing", "4"), ended(2))
    found = await centre.memory()
    assert found.digits["main", "billing"] == "4"
    assert found.choices["main", "billing"] == pytest.approx(2.0)
    assert found.choices["billing", "invoice"] == pytest.approx(0.5)
    assert found.chosen_days_ago["billing", "invoice"] == pytest.approx(90, abs=0.1)
    assert found.chosen_days_ago["main", "billing"] == pytest.approx(0, abs=0.1)
    assert await centre.memory(ContactRef("embedded", "C-2")) == NO_MEMORY


async def test_keys_pressed_before_the_caller_was_known_count_too(any_database: Database) -> None:
    centre = Centre(any_database)
    await centre.tell(identified(1, None), chosen(1, "sales"), identified(1), ended(1))
    assert (await centre.memory()).digits == {("main", "sales"): "1"}


async def test_the_same_end_twice_counts_once(any_database: Database) -> None:
    centre = Centre(any_database)
    counts = [(MARIA, {("main", "sales"): Counted("1", Decayed(1.0, NOW))})]
    for first in (True, False):
        written = await any_database.writer.write(
            lambda link: choice_rows.fold(link, call(1), counts, at=NOW)
        )
        assert written is first
    assert (await centre.memory()).choices == {("main", "sales"): 1.0}


async def test_two_nodes_that_fold_at_once_lose_nothing(any_database_url: str) -> None:
    first, second = Database(any_database_url), Database(any_database_url)
    async with first, second:
        centres = [Centre(first), Centre(second)]
        for number in range(40):
            await centres[number % 2].tell(
                identified(number), chosen(number, "sales"), chosen(number, "bill", "2")
            )
        await asyncio.gather(*(centres[number % 2].tell(ended(number)) for number in range(40)))
        found = await centres[0].memory()
    assert found.choices["main", "sales"] == pytest.approx(40)
    assert found.choices["main", "bill"] == pytest.approx(40)


async def test_offers_and_the_last_agent(any_database: Database) -> None:
    centre = Centre(any_database)
    cap = OfferCap(heard=2, per_days=30)
    claim = await centre.ledger.claim(MARIA, call(1), "bag", cap, deadline=Deadline.after(30))
    assert claim is None
    assert (await centre.memory()).offers == {}

    def met(answer: OfferAnswer, at: datetime = NOW) -> events.OfferMet:
        return events.OfferMet(call(1), at, "bag", OfferPlace.MENU, answer)

    answered = events.AgentAnswered(call(1), NOW, "support", "PJSIP/anna")
    transferred = events.AgentAnswered(call(1), NOW, "support", "PJSIP/ben")
    stranger = events.AgentAnswered(call(1), NOW, "support", "PJSIP/guest")
    await centre.tell(
        identified(1), met(OfferAnswer.HEARD), answered, transferred, stranger, ended(1)
    )
    centre.now += timedelta(days=2)
    found = await centre.memory()
    before = (OfferMetBefore(OfferPlace.MENU, OfferAnswer.HEARD, 2.0),)
    assert found.offers == {"bag": OfferHistory(heard_days_ago=(2.0,), met=before)}
    assert found.last_agent == "ben"
    await centre.tell(met(OfferAnswer.REFUSED, NOW + timedelta(days=1)))
    refused = (await centre.memory()).offers["bag"]
    assert refused.refused_days_ago == 1.0
    assert refused.met == (OfferMetBefore(OfferPlace.MENU, OfferAnswer.REFUSED, 2.0),)


async def test_agents_words_are_counted_once_before_the_end_and_after(
    any_database: Database,
) -> None:
    centre = Centre(any_database)

    async def says(number: int, answer: OfferAnswer, *, at: datetime = NOW) -> None:
        told = events.OfferAnswered(call(number), at, "bag", answer, "anna", MARIA)
        await centre.ledger.answered(told, deadline=Deadline.after(30))

    async def counted() -> list[float]:
        features = (await centre.memory()).features
        assert features is not None
        told = dict(zip(NAMES, features.values, strict=True))
        return [
            round(told[f"offers_{each}_decayed_90d"]) for each in ("heard", "accepted", "refused")
        ]

    heard = events.OfferMet(call(1), NOW, "bag", OfferPlace.MENU, OfferAnswer.HEARD)
    await centre.tell(identified(1), heard)
    await says(1, OfferAnswer.ACCEPTED)
    await centre.tell(ended(1), identified(2), ended(2))
    assert await counted() == [1, 1, 0]
    for _ in range(2):
        await says(1, OfferAnswer.REFUSED, at=NOW + timedelta(minutes=2))
        await says(2, OfferAnswer.ACCEPTED)
        assert await counted() == [2, 1, 1]
    await says(1, OfferAnswer.NOT_RAISED, at=NOW + timedelta(minutes=3))
    await says(2, OfferAnswer.NOT_RAISED, at=NOW + timedelta(minutes=3))
    assert await counted() == [1, 0, 0]


async def test_an_offer_heard_without_a_claim_is_written_for_its_caller(
    any_database: Database,
) -> None:
    centre = Centre(any_database)
    heard = events.OfferMet(call(1), NOW, "bag", OfferPlace.HOLD, OfferAnswer.HEARD)
    await centre.tell(heard)
    await centre.tell(identified(1), heard, heard, ended(1))
    assert (await centre.memory()).offers["bag"].heard_days_ago == (0.0,)


async def test_the_end_gives_back_what_was_not_heard(any_database: Database) -> None:
    centre = Centre(any_database)
    cap = OfferCap(heard=1, per_days=30)
    await centre.ledger.claim(MARIA, call(1), "bag", cap, deadline=Deadline.after(30))
    await centre.tell(ended(1))
    async with any_database.read() as connection:
        assert (
            await connection.execute(select(func.count()).select_from(offer_meetings))
        ).scalar() == 0


async def test_an_agent_of_long_ago_does_not_replace_a_newer(any_database: Database) -> None:
    centre = Centre(any_database)
    for number, interface, at in (
        (1, "PJSIP/anna", NOW),
        (2, "PJSIP/ben", NOW - timedelta(hours=1)),
    ):
        answered = events.AgentAnswered(call(number), at, "support", interface)
        await centre.tell(identified(number), answered, ended(number))
    assert (await centre.memory()).last_agent == "anna"


async def test_the_bus_brings_a_call_s_news_in_order(any_database: Database) -> None:
    centre = Centre(any_database)
    async with EventBus() as bus:
        centre.follower.subscribe(bus)
        for event in (identified(1), chosen(1, "sales"), ended(1)):
            bus.publish(event)
        await bus.drain()
    assert (await centre.memory()).choices == {("main", "sales"): 1.0}


async def test_what_all_choose_is_shared_by_nodes(any_database: Database) -> None:
    here, there = Centre(any_database), Centre(any_database)
    for number in range(int(LEAST)):
        await here.tell(chosen(number, "sales"), ended(number))
    await here.tell(chosen(99, "rare", menu="quiet"), ended(99))
    for number in range(int(LEAST) // 2):
        await there.tell(chosen(100 + number, "billing"), ended(100 + number))
    assert there.house.shares() == {}
    await here.house.refresh()
    await there.house.refresh()
    assert there.house.shares() == {
        "main": {"billing": pytest.approx(1 / 3), "sales": pytest.approx(2 / 3)}
    }
    await here.house.refresh()
    assert here.house.shares() == there.house.shares()


async def test_calls_counted_long_ago_are_forgotten(any_database: Database) -> None:
    centre = Centre(any_database)
    await centre.tell(identified(1), chosen(1, "sales"), ended(1))
    centre.now += timedelta(days=3)
    await centre.house.refresh()
    query = select(func.count()).select_from(folded_calls)
    async with any_database.read() as connection:
        # That of the house's own counts is new.
        assert (await connection.execute(query)).scalar() == 1


async def replace_associations(row: dict[str, object], connection: AsyncConnection) -> None:
    await connection.execute(product_associations.delete())
    await connection.execute(product_associations.insert(), row)


async def test_associations_are_read_again_after_a_batch(any_database: Database) -> None:
    found = Associations(database=any_database)
    await found.refresh()
    assert found.given(ANYTHING) == ()
    for share, computed_at in ((0.3, NOW), (0.4, NOW + timedelta(days=1))):
        each = Association(ANYTHING, "BAG", share, 10, share / 100)

        await any_database.writer.write(
            functools.partial(replace_associations, association_row(each, computed_at))
        )
        await found.refresh()
        assert found.given(ANYTHING) == (each,)


async def test_the_refresher_reads_first_and_writes_last(any_database: Database) -> None:
    centre = Centre(any_database)
    policies = LearnedPolicies(database=any_database, settings=ScoringSettings())
    associations = Associations(database=any_database)
    async with Refresher(house=centre.house, associations=associations, policies=policies):
        for number in range(int(LEAST)):
            await centre.tell(chosen(number, "sales"))
        assert centre.house.shares() == {}
    other = HouseChoices(database=any_database, now=lambda: NOW)
    await other.refresh()
    assert other.shares() == {"main": {"sales": 1.0}}


async def test_the_refresher_goes_on_without_a_database(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/empty.db") as database:
        house = HouseChoices(database=database, now=lambda: NOW)
        house.add("main", "sales", "1", NOW)
        policies = LearnedPolicies(database=database, settings=ScoringSettings())
        associations = Associations(database=database)
        async with Refresher(house=house, associations=associations, policies=policies) as running:
            assert [task.get_name() for task in running.tasks] == ["scoring:refresh"]
            assert house.shares() == {}
        assert house._new  # kept for the next turn
    assert REFRESH_S >= 10


async def test_nobody_waits_for_a_memory(database: Database) -> None:
    centre = Centre(database)
    await centre.tell(identified(1), chosen(1, "sales"), ended(1))
    assert await centre.memories.memory_of(MARIA, deadline=Deadline.after(0)) == MEMORY_MISSED
    await centre.memories.close()
    assert await centre.memory() != NO_MEMORY


async def test_without_a_database_there_is_no_memory_and_no_error() -> None:
    gone = Database(NOWHERE)
    assert await Centre(gone).memory() == MEMORY_MISSED
    with pytest.raises(Unavailable):
        await Centre(gone).tell(ended(1))
    await gone.engine.dispose()


def test_followed_calls_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scoring.call_follower.MAX_CALLS", 3)

    async def follow() -> None:
        centre = Centre(Database(NOWHERE))
        for number in range(10):
            await centre.tell(identified(number))
        assert list(centre.follower._stories) == [call(7), call(8), call(9)]

    asyncio.run(follow())


@given(
    presses=st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from("ab"), st.sampled_from("123")),
        min_size=1,
        max_size=20,
    )
)
def test_counting_one_by_one_is_counting_all(presses: list[tuple[int, str, str]]) -> None:
    counts: dict[tuple[str, str], Counted] = {}
    for days, intent, digit in presses:
        one = Counted(digit, Decayed(1.0, NOW - timedelta(days=days)))
        choice_rows.add(counts, "main", intent, one)
    for (_, intent), counted in counts.items():
        mine = [(days, digit) for days, name, digit in presses if name == intent]
        whole = sum(0.5 ** (days / 90) for days, _ in mine)
        assert counted.count.seen_from(NOW) == pytest.approx(whole, rel=1e-9)
        newest = min(days for days, _ in mine)
        assert counted.digit in {digit for days, digit in mine if days == newest}


async def test_a_long_outage_stays_small_and_goes_on_counting_what_is_known(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house_choices, "MAX_NAMES", 30)
    house = HouseChoices(database=any_database, now=lambda: NOW)
    known = {("main", "sales"): Counted("1", Decayed(1.0, NOW))}
    for number in range(200):
        house.add_moment([f"cell {number}"], known)
        house.add("main", "repair", "2", NOW)
    assert len(house._new) == 30
    await house.flush()
    # All of what has a row already, and no row that came too late.
    async with any_database.read() as link:
        rows = list(await link.execute(select(menu_choices.c.contact_id, menu_choices.c.weight)))
    assert len(rows) == 30
    assert max(row.weight for row in rows) == pytest.approx(200)
