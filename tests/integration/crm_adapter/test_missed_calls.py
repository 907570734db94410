"""Who rang off is called back: one task for a number, closed once they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from calls.bus import EventBus
from calls.call import CallOutcome, Direction
from calls.caller import IdentityOutcome
from calls.events import CallArrived, CallEnded, CallerIdentified, CallEvent
from calls.follow_up import FollowUp, LeadPolicy
from calls.records import LegVia
from crm_adapter.call_tables import missed_tasks, outbox
from crm_adapter.embedded import tables
from crm_adapter.outbox import CREATE_TASK
from crm_adapter.payloads import task_from_json
from crm_adapter.wording import task_description
from storage.database import Database
from tests.fakes.call_stories import MARIA, STRANGER, Story, a_call
from tests.fakes.clock import FakeClock
from tests.integration.crm_adapter.test_leads import Centre, with_policy

pytestmark = pytest.mark.integration

NO_LEAD = LeadPolicy("never")
MISSED = CallOutcome.ABANDONED_IN_QUEUE


def a_story(name: str, after_s: float = 0.0) -> Story:
    """`name` is also how many seconds after the others it begins."""
    call = a_call(name)
    later = call.arrived_at.replace(minute=int(name))
    return Story(replace(call, arrived_at=later))


def begins(
    story: Story, after_s: float | None = 0.0, outcome: IdentityOutcome = IdentityOutcome.NONE
) -> list[CallEvent]:
    decided = with_policy(story, NO_LEAD)
    decision = replace(decided.decision, follow_up=FollowUp(NO_LEAD, after_s))
    told = replace(decided, decision=decision)
    return [story.arrives(), story.is_(outcome), told, story.queued()]


@pytest.fixture
async def centre(any_database: Database, bus: EventBus, clock: FakeClock) -> AsyncIterator[Centre]:
    centre = Centre(any_database, bus, clock)
    await centre.records.recorder.start()
    yield centre
    await centre.records.stop()


async def test_a_stranger_is_called_back_until_somebody_answers(centre: Centre) -> None:
    first, second, third = (a_story(name) for name in "123")
    await centre.tell(*begins(first), first.ends(MISSED))
    await centre.tell(*begins(second), second.ends(MISSED))
    [task] = await centre.rows(tables.tasks)
    assert (task.kind, task.status, task.link) == ("missed", "open", f"tel:{STRANGER}")
    assert (task.owner, task.queue) == ("bob", "support")
    await centre.tell(*begins(third), third.answered())
    [task] = await centre.rows(tables.tasks)
    assert task.status == "done"
    # Missed once more: that is news.
    fourth = a_story("4")
    await centre.tell(third.ends(), *begins(fourth), fourth.ends(MISSED))
    assert sorted(row.status for row in await centre.rows(tables.tasks)) == ["done", "open"]


async def test_a_customer_s_own_agent_calls_back(centre: Centre) -> None:
    story = a_story("1")
    told = begins(story, outcome=IdentityOutcome.UNIQUE)
    known = told[1]
    assert isinstance(known, CallerIdentified)
    hers = replace(MARIA, owner="Anna Berg")
    told[1] = replace(known, caller=replace(known.caller, contact=hers))
    await centre.tell(*told, story.ends(MISSED))
    [task] = await centre.rows(tables.tasks)
    assert (task.owner, task.contact_id) == ("anna", "maria")


async def test_an_agent_who_calls_them_has_called_them_back(centre: Centre) -> None:
    """Once somebody answers; and whom our agents call is no lead, and was not missed."""
    missed, vain, reached = (a_story(name) for name in "123")
    await centre.tell(*begins(missed), missed.ends(MISSED))
    for story in (vain, reached):
        story.call = replace(story.call, direction=Direction.OUTBOUND, dialled=STRANGER)
        await centre.tell(story.arrives(), story.rings(via=LegVia.DIAL))
        if story is reached:
            await centre.tell(story.answered(via=LegVia.DIAL))
        await centre.tell(story.is_(IdentityOutcome.NONE, late=True))
        [task] = await centre.rows(tables.tasks)
        assert task.status == ("done" if story is reached else "open")
        outcome = CallOutcome.ANSWERED if story is reached else CallOutcome.BUSY
        await centre.tell(story.ends(outcome))
    assert await centre.rows(tables.leads) == []
    records = await centre.rows(tables.call_records)
    told = [(row.direction, row.outcome, row.number) for row in records]
    assert sorted(told) == [
        ("inbound", MISSED.value, STRANGER),
        ("outbound", "answered", STRANGER),
        ("outbound", "busy", STRANGER),
    ]


@pytest.mark.parametrize(("after_s", "tasks"), [(None, 0), (60.0, 0), (3.0, 1)])
async def test_only_who_has_waited_so_long(
    centre: Centre, after_s: float | None, tasks: int
) -> None:
    story = a_story("1")
    await centre.tell(*begins(story, after_s), story.ends(MISSED))
    assert len(await centre.rows(tables.tasks)) == tasks


async def test_whoever_left_a_message_is_not_called_back_twice(centre: Centre) -> None:
    story = a_story("1")
    # Whoever ends a message by ringing off is told of after the end.
    await centre.tell(*begins(story), story.ends(MISSED))
    await centre.tell(story.leaves("message", "m-1"))
    kinds = {row.kind: row.status for row in await centre.rows(tables.tasks)}
    assert kinds == {"missed": "done", "message": "open"}


async def test_news_in_the_wrong_order_changes_nothing(centre: Centre) -> None:
    """The later call's answer is heard of before the earlier one's end."""
    first, second, third = (a_story(name) for name in "123")
    missed = [*begins(first), first.ends(MISSED)]
    await centre.tell(*begins(second), second.answered())
    await centre.tell(*missed)
    assert await centre.rows(tables.tasks) == []
    # And what was answered before a call was missed closes nothing of it.
    await centre.tell(*begins(third), third.ends(MISSED))
    await centre.tell(second.ends())
    [task] = await centre.rows(tables.tasks)
    assert task.status == "open"


async def test_the_same_end_told_twice_is_one_task(centre: Centre) -> None:
    story = a_story("1")
    told: Sequence[CallEvent] = [*begins(story), story.ends(MISSED)]
    await centre.tell(*told)
    await centre.tell(*told)
    assert len(await centre.rows(tables.tasks)) == 1


async def test_missed_and_answered_at_once_leaves_nothing_open(
    any_database_url: str, any_database: Database, bus: EventBus, clock: FakeClock
) -> None:
    """Two recorders race: of each number one call is missed, and the next one answered."""
    async with Database(any_database_url) as elsewhere, EventBus() as other_bus:
        here, there = Centre(any_database, bus, clock), Centre(elsewhere, other_bus, clock)
        for centre in (here, there):
            await centre.records.recorder.start()
        numbers = [f"+120255501{n:02}" for n in range(25)]

        def of(story: Story, number: str) -> Story:
            name = f"{story.call.id.linkedid}.{number[-2:]}"
            return Story(
                replace(story.call, id=replace(story.call.id, linkedid=name), from_raw=number)
            )

        missed = [of(a_story("1"), number) for number in numbers]
        answered = [of(a_story("2"), number) for number in numbers]
        for centre, stories in ((here, missed), (there, answered)):
            for story in stories:
                await centre.tell(*begins(story))
        await asyncio.gather(
            *(here.tell(story.ends(MISSED)) for story in missed),
            *(there.tell(story.answered()) for story in answered),
        )
        for centre in (here, there, here):
            tasks = await centre.rows(tables.tasks)
        assert all(row.closed_at is not None for row in await here.rows(missed_tasks))
        assert {row.status for row in tasks} <= {"done"}
        for centre in (here, there):
            await centre.records.stop()


async def test_a_call_of_the_fallback_counts_too(centre: Centre) -> None:
    centre.records.recorder._follow_up_of = lambda dialled: FollowUp(NO_LEAD, 0.0)
    story = a_story("1")
    arrived = story.arrives(fallback=True)
    assert isinstance(arrived, CallArrived)
    late = story.is_(IdentityOutcome.NONE, late=True)
    await centre.tell(arrived, story.ends(MISSED))
    await centre.tell(late)
    assert [row.kind for row in await centre.rows(tables.tasks)] == ["missed"]


def lost(story: Story) -> CallEnded:
    """As the resync tells it of a call that Asterisk no longer has."""
    return CallEnded(story.call.id, story.at, CallOutcome.LOST_SYNC, estimated=True)


async def test_who_was_gone_when_nobody_looked_is_called_back(centre: Centre) -> None:
    """We died as they rang off, or before."""
    story = a_story("1")
    # However short it was: nobody knows.
    await centre.tell(*begins(story, after_s=3600.0), lost(story))
    [task] = await centre.rows(tables.tasks)
    assert (task.kind, task.status, task.number) == ("missed", "open", STRANGER)
    assert task.created_at == story.call.arrived_at, "when they rang off is not known"
    [owed] = [row for row in await centre.rows(outbox) if row.operation == CREATE_TASK]
    assert "Nobody saw the call end" in task_description(task_from_json(owed.payload))
    [record] = await centre.rows(tables.call_records)
    assert (record.outcome, record.end_estimated) == ("lost_sync", True)
    later = a_story("2")
    await centre.tell(*begins(later), later.answered())
    assert [row.status for row in await centre.rows(tables.tasks)] == ["done"]


@pytest.mark.parametrize("what", ["answered", "passed on", "left a message", "no task wanted"])
async def test_who_was_answered_or_went_on_is_not(centre: Centre, what: str) -> None:
    story = a_story("1")
    happened: dict[str, list[CallEvent]] = {
        "answered": [story.answered()],
        "passed on": [story.is_sent_to("transfer", "partner")],
        "left a message": [story.leaves("message", "m-1")],
        "no task wanted": [],
    }
    after_s = None if what == "no task wanted" else 0.0
    await centre.tell(*begins(story, after_s), *happened[what], lost(story))
    assert [row for row in await centre.rows(tables.tasks) if row.kind == "missed"] == []
