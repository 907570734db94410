"""Leads: whose they are, once for a number, confirmed, withdrawn; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from calls.bus import EventBus
from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from calls.events import CallEvent, DecisionMade, LeadCreated, WrapUpDone
from calls.follow_up import FollowUp, LeadPolicy
from crm_adapter import lead_undo
from crm_adapter.call_tables import leads
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.lead_undo import Counted, Wanted
from crm_adapter.records import Records
from storage.database import Database
from tests.fakes.call_stories import AGENT, STRANGER, Roster, Story, a_call
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.integration

OTHER = "+12025550151"


class Desks:
    """Implements `calls.ports.AgentBook`."""

    def login_named(self, text: str) -> str | None:
        return {"Anna Berg": "anna"}.get(text, text if text in ("anna", "bob", "cleo") else None)

    def logins_in(self, queue: str) -> Sequence[str]:
        return {"support": ["bob", "cleo"]}.get(queue, [])

    def language_of(self, login: str) -> str | None:
        return {"anna": "en", "bob": "zh", "cleo": "en"}.get(login)


class Centre:
    def __init__(self, database: Database, bus: EventBus, clock: FakeClock) -> None:
        self.database, self.bus, self.clock = database, bus, clock
        self.created: list[LeadCreated] = []
        bus.subscribe("test", self._heard, LeadCreated)
        self.records = Records(
            database=database,
            bus=bus,
            crm=EmbeddedCrm(database=database),
            roster=Roster(),
            agents=Desks(),
            default_owner="cleo",
            now=clock,
        )

    async def _heard(self, event: LeadCreated) -> None:
        self.created.append(event)

    async def tell(self, *events: CallEvent) -> None:
        for event in events:
            self.bus.publish(event)
        await self.bus.drain()
        await self.records.settled()

    async def rows(self, table: Any) -> list[Any]:
        while await self.records.outbox.deliver_due():
            pass
        await self.bus.drain()
        async with self.database.read() as connection:
            return list(await connection.execute(select(table)))

    async def undo(self, wanted: Wanted) -> int:
        return await self.database.writer.write(
            lambda link: lead_undo.undo_some(link, wanted, at=self.clock())
        )

    async def count(self, wanted: Wanted) -> Counted:
        async with self.database.read() as connection:
            return await lead_undo.count(connection, wanted)

    async def a_lead(self, name: str, policy: LeadPolicy, number: str = STRANGER) -> Story:
        """A stranger who rang off in the queue."""
        story = Story(a_call(name, number=number))
        decided = with_policy(story, policy)
        known = story.is_(IdentityOutcome.NONE)
        ended = story.ends(CallOutcome.ABANDONED_IN_QUEUE)
        await self.tell(story.arrives(), known, decided, story.queued(), ended)
        return story


def with_policy(story: Story, policy: LeadPolicy) -> DecisionMade:
    decided = story.decided(policy.when)
    assert isinstance(decided, DecisionMade)
    decision = replace(decided.decision, follow_up=FollowUp(policy))
    return replace(decided, decision=decision)


@pytest.fixture
async def centre(any_database: Database, bus: EventBus, clock: FakeClock) -> AsyncIterator[Centre]:
    centre = Centre(any_database, bus, clock)
    await centre.records.recorder.start()
    yield centre
    await centre.records.stop()


async def test_the_crm_is_told_whose_it_is_and_what_to_call_them(centre: Centre) -> None:
    await centre.a_lead("1", LeadPolicy("on_abandon", "campaign", owner=("agent:anna",)))
    [row] = await centre.rows(tables.leads)
    assert (row.name, row.owner, row.rule) == ("Caller +1 202-555-0150", "anna", "campaign")
    assert (row.unverified, row.status) == (True, "open")
    [event] = centre.created
    assert (event.owner, event.queue, event.name) == ("anna", "support", "Caller +1 202-555-0150")


@pytest.mark.parametrize(
    ("chain", "owner"),
    [
        (("record_owner", "default"), "cleo"),
        (("agent:nobody", "agent:bob"), "bob"),
        (("agent:nobody",), None),
        (("queue:nowhere", "queue"), "bob"),
        (("queue:support",), "bob"),
        (("last_active", "default"), "cleo"),
    ],
)
async def test_the_first_word_that_names_an_agent_counts(
    centre: Centre, chain: tuple[str, ...], owner: str | None
) -> None:
    await centre.a_lead("1", LeadPolicy("on_abandon", owner=chain))
    [row] = await centre.rows(leads)
    assert row.owner == owner


async def test_the_agent_who_talks_with_them_is_the_last_active_one(centre: Centre) -> None:
    story = Story(a_call())
    decided = with_policy(story, LeadPolicy("on_answer"))
    known = story.is_(IdentityOutcome.NONE)
    await centre.tell(story.arrives(), known, decided, story.queued(), story.answered())
    [row] = await centre.rows(leads)
    assert row.owner == "anna"
    await centre.tell(story.ends())
    await centre.records.close_lead(STRANGER)
    # Later, by whoever talked with the number then.
    policy = LeadPolicy("on_abandon", owner=("last_active",))
    await centre.a_lead("2", policy)
    assert {row.owner for row in await centre.rows(leads)} == {"anna"}


async def test_a_queue_s_leads_go_to_who_has_the_fewest(centre: Centre) -> None:
    policy = LeadPolicy("on_abandon", owner=("queue:support",))
    for count in range(5):
        await centre.a_lead(str(count), policy, f"+1202555015{count}")
    owners = [row.owner for row in sorted(await centre.rows(leads), key=lambda row: row.number)]
    assert owners == ["bob", "cleo", "bob", "cleo", "bob"]


async def test_a_number_that_is_denied_makes_none(centre: Centre) -> None:
    await centre.a_lead("1", LeadPolicy("always", deny=("+120255*",)))
    await centre.a_lead("2", LeadPolicy("always", deny=(STRANGER,)))
    assert await centre.rows(leads) == []
    await centre.a_lead("3", LeadPolicy("always", deny=("+1202555015", "+1900*")))
    assert len(await centre.rows(leads)) == 1


async def test_a_closed_lead_keeps_its_number_quiet_for_some_days(
    centre: Centre, clock: FakeClock
) -> None:
    policy = LeadPolicy("on_abandon", dedupe_days=30)
    await centre.a_lead("1", policy)
    await centre.records.close_lead(STRANGER)
    clock.advance(days=29)
    await centre.a_lead("2", policy)
    assert len(await centre.rows(leads)) == 1
    clock.advance(days=2)
    await centre.a_lead("3", policy)
    assert len(await centre.rows(leads)) == 2


@pytest.mark.parametrize(
    "outcome", [IdentityOutcome.OWN, IdentityOutcome.INTERNAL, IdentityOutcome.WITHHELD]
)
async def test_own_internal_and_withheld_numbers_never_make_one(
    centre: Centre, outcome: IdentityOutcome
) -> None:
    for count, when in enumerate(("always", "on_answer", "on_abandon")):
        story = Story(a_call(str(count)))
        decided = replace(with_policy(story, LeadPolicy(when)))
        decision = replace(decided.decision, follow_up=FollowUp(LeadPolicy(when), 0.0))
        ways = [story.queued()] + ([story.answered()] if when == "on_answer" else [])
        ended = story.ends(CallOutcome.ABANDONED_IN_QUEUE)
        told = replace(decided, decision=decision)
        await centre.tell(story.arrives(), story.is_(outcome), told, *ways, ended)
    assert await centre.rows(leads) == []
    assert await centre.rows(tables.tasks) == []


async def test_a_wrap_up_confirms_the_lead(centre: Centre) -> None:
    story = Story(a_call())
    decided = with_policy(story, LeadPolicy("on_answer"))
    known = story.is_(IdentityOutcome.NONE)
    await centre.tell(story.arrives(), known, decided, story.queued(), story.answered())
    await centre.tell(story.ends(), WrapUpDone(story.call.id, story.at, "anna", AGENT, "sale"))
    [row] = await centre.rows(leads)
    assert row.confirmed_by == "anna"
    [there] = await centre.rows(tables.leads)
    assert not there.unverified


async def test_a_wrong_number_confirms_nothing(centre: Centre) -> None:
    story = Story(a_call())
    decided = with_policy(story, LeadPolicy("on_answer"))
    known = story.is_(IdentityOutcome.NONE)
    await centre.tell(story.arrives(), known, decided, story.queued(), story.answered())
    wrong = WrapUpDone(story.call.id, story.at, "anna", AGENT, "wrong_number")
    await centre.tell(story.ends(), wrong)
    [row] = await centre.rows(leads)
    assert row.confirmed_at is None


async def test_what_a_rule_made_is_taken_back_and_what_was_confirmed_stays(
    centre: Centre, clock: FakeClock
) -> None:
    for count in range(3):
        await centre.a_lead(str(count), LeadPolicy("always", "campaign"), f"+1202555015{count}")
    await centre.a_lead("9", LeadPolicy("always", "+18005550100"), "+12025550159")
    story = Story(a_call("20", number="+12025550150"))
    known = story.is_(IdentityOutcome.NONE)
    decided = with_policy(story, LeadPolicy("always", "campaign"))
    await centre.tell(story.arrives(), known, decided, story.queued(), story.answered())
    await centre.tell(story.ends(), WrapUpDone(story.call.id, story.at, "anna", AGENT, "sale"))
    wanted = Wanted("default", "campaign", since=clock() - timedelta(days=1))
    assert await centre.count(wanted) == Counted(to_withdraw=2, confirmed=1)
    # The CRM has none of them yet: it gets each, and then its withdrawal.
    assert await centre.undo(wanted) == 2
    assert await centre.undo(wanted) == 0
    there = {row.number: row.status for row in await centre.rows(tables.leads)}
    assert there == {
        "+12025550150": "open",
        "+12025550151": "withdrawn",
        "+12025550152": "withdrawn",
        "+12025550159": "open",
    }
    later = replace(wanted, rule=None, since=clock() + timedelta(seconds=1))
    assert await centre.count(later) == Counted(0, 0)


async def test_a_lead_that_was_confirmed_in_the_crm_itself_stays_there(centre: Centre) -> None:
    await centre.a_lead("1", LeadPolicy("always", "campaign"))
    [there] = await centre.rows(tables.leads)
    crm = EmbeddedCrm(database=centre.database)
    assert await crm.confirm_lead(there.id, "anna", "key")
    assert await centre.undo(Wanted("default", "campaign")) == 1
    [there] = await centre.rows(tables.leads)
    assert there.status == "open"


async def test_fifty_first_calls_at_once_from_one_number_are_one_lead(
    any_database_url: str, any_database: Database, bus: EventBus, clock: FakeClock
) -> None:
    """Two recorders, each with its own connections, as two processes have."""
    async with Database(any_database_url) as elsewhere, EventBus() as other_bus:
        here, there = Centre(any_database, bus, clock), Centre(elsewhere, other_bus, clock)
        for centre in (here, there):
            await centre.records.recorder.start()

        async def call(centre: Centre, name: str) -> None:
            await centre.a_lead(name, LeadPolicy("always"))

        await asyncio.gather(*(call((here, there)[n % 2], str(n)) for n in range(50)))
        for centre in (here, there, here):
            await centre.rows(leads)
        assert len(await here.rows(leads)) == 1
        assert len(await here.rows(tables.leads)) == 1
        assert len(here.created) + len(there.created) == 1
        for centre in (here, there):
            await centre.records.stop()
