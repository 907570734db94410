"""What callers leave by key and by voice reaches the row, the CRM and somebody's list of tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from calls.bus import EventBus
from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from calls.decision import OptionShown
from calls.events import CallEvent, DecisionMade
from calls.follow_up import FollowUp, LeadPolicy
from calls.records import KeptRecording
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.records import Records
from storage.database import Database
from tests.fakes.call_stories import STRANGER, Roster, Story, a_call
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.integration

POLICIES = {"+18005550100": FollowUp(LeadPolicy(when="on_abandon"))}


class Centre:
    """Records that write to the embedded CRM in the same database."""

    def __init__(self, database: Database, bus: EventBus, clock: FakeClock) -> None:
        self.database, self.bus = database, bus
        self.records = Records(
            database=database,
            bus=bus,
            crm=EmbeddedCrm(database=database),
            roster=Roster(),
            now=clock,
            follow_up_of=POLICIES.__getitem__,
        )

    async def tell(self, *events: CallEvent) -> None:
        for event in events:
            self.bus.publish(event)
        await self.bus.drain()
        await self.records.settled()

    async def written(self, table: Any) -> list[Any]:
        """The rows in the CRM once all that is owed is delivered."""
        while await self.records.outbox.deliver_due():
            pass
        async with self.database.read() as connection:
            return list(await connection.execute(select(table)))


@pytest.fixture
async def centre(any_database: Database, bus: EventBus, clock: FakeClock) -> AsyncIterator[Centre]:
    centre = Centre(any_database, bus, clock)
    await centre.records.recorder.start()
    yield centre
    await centre.records.stop()


async def test_everything_left_in_a_call_is_kept(centre: Centre) -> None:
    story = Story(a_call())
    events = [
        story.arrives(),
        story.is_(IdentityOutcome.NONE),
        story.decided("on_abandon"),
        story.types("order_number", "0017"),
        story.leaves("name", "n-1"),
        story.leaves("message", "m-1", "sales"),
        story.is_sent_to("voicemail", "100"),
        story.ends(CallOutcome.ABANDONED_IN_MENU),
    ]
    for _ in range(2):
        await centre.tell(*events)
    [record] = await centre.written(tables.call_records)
    assert record.outcome == "voicemail"
    assert record.typed == {"order_number": "0017"}
    assert [one["name"] for one in record.recordings] == ["n-1", "m-1"]
    assert record.routed == {"kind": "voicemail", "target": "100"}
    [lead] = await centre.written(tables.leads)
    assert (lead.number, lead.name_recording) == (STRANGER, "n-1")
    [task] = await centre.written(tables.tasks)
    assert (task.kind, task.number, task.queue, task.recording) == (
        "message",
        STRANGER,
        "sales",
        "m-1",
    )
    assert task.contact_id is None
    detail = await centre.records.history.call_detail(story.call.id)
    assert detail is not None
    assert detail.typed == {"order_number": "0017"}
    assert detail.recordings[1] == KeptRecording("message", "m-1", 4.5)
    assert detail.routed == ("voicemail", "100")
    assert detail.arm == "personal"


@pytest.mark.parametrize("late", [False, True])
async def test_a_callback_is_one_task_with_the_contact(centre: Centre, late: bool) -> None:
    story = Story(a_call())
    await centre.tell(story.arrives(), story.is_(IdentityOutcome.UNIQUE), story.decided())
    asked, end = story.asks_to_be_called(), story.ends(CallOutcome.ABANDONED_IN_QUEUE)
    for event in [end, asked, asked] if late else [asked, asked, end]:
        await centre.tell(event)
    [task] = await centre.written(tables.tasks)
    assert (task.kind, task.status, task.queue) == ("callback", "open", "support")
    assert task.contact_id == "maria"
    [record] = await centre.written(tables.call_records)
    assert record.outcome == "callback"


async def test_an_agent_need_not_wait_for_the_end_of_the_call(centre: Centre) -> None:
    story = Story(a_call())
    await centre.tell(story.arrives(), story.asks_to_be_called())
    assert len(await centre.written(tables.tasks)) == 1


async def test_a_message_that_ended_by_ringing_off_is_found(centre: Centre) -> None:
    story = Story(a_call())
    await centre.tell(
        story.arrives(),
        story.is_(IdentityOutcome.NONE),
        story.decided("on_abandon"),
        story.ends(CallOutcome.ABANDONED_IN_MENU),
    )
    assert len(await centre.written(tables.call_records)) == 1
    await centre.tell(story.leaves("message", "m-1"))
    [record] = await centre.written(tables.call_records)
    assert [one["name"] for one in record.recordings] == ["m-1"]
    assert len(await centre.written(tables.tasks)) == 1


@pytest.mark.parametrize("after_the_end", [False, True])
async def test_a_stranger_of_the_fallback_becomes_a_lead_by_the_number_dialled(
    centre: Centre, after_the_end: bool
) -> None:
    story = Story(a_call())
    await centre.tell(story.arrives(fallback=True))
    named = story.is_(IdentityOutcome.NONE, late=True)
    end = story.ends(CallOutcome.ABANDONED_IN_QUEUE)
    for event in [end, named] if after_the_end else [named, end]:
        await centre.tell(event)
    [lead] = await centre.written(tables.leads)
    assert lead.number == STRANGER
    [record] = await centre.written(tables.call_records)
    assert (record.identity, record.fallback) == ("none", True)


async def test_an_answered_caller_of_the_fallback_is_no_lead_where_only_abandoned_ones_are(
    centre: Centre,
) -> None:
    story = Story(a_call())
    await centre.tell(story.arrives(fallback=True), story.is_(IdentityOutcome.NONE, late=True))
    await centre.tell(story.ends(CallOutcome.ANSWERED))
    assert await centre.written(tables.leads) == []


async def test_the_last_decision_stands_and_five_before_it_are_kept(centre: Centre) -> None:
    story = Story(a_call())
    await centre.tell(story.arrives(), story.decided("lead-0"))
    for start in range(1, 8):
        # Some with an event of their own, some together.
        await centre.tell(*(story.decided(f"lead-{n}") for n in (start, start + 1)))
    await centre.tell(story.ends())
    detail = await centre.records.history.call_detail(story.call.id)
    assert detail is not None
    assert detail.decision is not None
    assert detail.decision["lead"] == "lead-8"
    assert [one["decision"]["lead"] for one in detail.earlier_decisions] == [
        f"lead-{n}" for n in range(3, 8)
    ]
    assert {one["rulebook_version"] for one in detail.earlier_decisions} == {"r1"}


@pytest.mark.parametrize("together", [True, False])
async def test_menus_that_a_caller_came_to_belong_to_the_same_decision(
    centre: Centre, together: bool
) -> None:
    story = Story(a_call())
    first = story.decided()
    assert isinstance(first, DecisionMade)
    menus = {"billing": (OptionShown("1", "invoice", "For an invoice"),)}
    later = replace(first, decision=replace(first.decision, menus=menus))
    await centre.tell(story.arrives(), first, *([later] if together else []))
    await centre.tell(later)
    detail = await centre.records.history.call_detail(story.call.id)
    assert detail is not None
    assert detail.decision == later.decision.as_json() | {"at": first.at.isoformat()}
    assert detail.decision["menus"]["billing"][0]["intent"] == "invoice"
    assert detail.earlier_decisions == ()


async def test_decisions_keep_the_time_when_they_were_made_first(centre: Centre) -> None:
    story = Story(a_call())
    await centre.tell(story.arrives(), story.decided("lead-0"))
    first = story.at
    await centre.tell(story.presses("1"))
    left = story.at
    await centre.tell(story.decided("lead-0"), story.decided("lead-1"))
    anew = story.at
    await centre.tell(story.decided("lead-1"), story.decided("lead-0"))
    detail = await centre.records.history.call_detail(story.call.id)
    assert detail is not None
    assert detail.choices_at == (left,)
    assert detail.decision is not None
    kept = [*(one["decision"] for one in detail.earlier_decisions), detail.decision]
    times = {one["lead"] + one["at"] for one in kept[:2]}
    assert times == {"lead-0" + first.isoformat(), "lead-1" + anew.isoformat()}
    assert (kept[2]["lead"], kept[2]["at"]) == ("lead-0", story.at.isoformat())


async def test_a_decision_told_again_is_one(centre: Centre) -> None:
    story = Story(a_call())
    decided = story.decided()
    await centre.tell(story.arrives(), decided)
    await centre.tell(decided, decided)
    detail = await centre.records.history.call_detail(story.call.id)
    assert detail is not None
    assert detail.earlier_decisions == ()
