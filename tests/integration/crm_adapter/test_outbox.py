"""The CRM gets everything, once, in order, however it and we fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.records import CallRecord, NewLead
from crm_adapter import outbox
from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    Forbidden,
    Invalid,
    RateLimited,
    Unavailable,
)
from crm_adapter.outbox_worker import OutboxWorker
from storage.database import Database
from tests.fakes.clock import FakeClock
from tests.fakes.crm_writer import InMemoryCrm
from tests.fakes.outbox_desk import LEAD, PACE, Desk, call_entry, lead_entry
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
async def desk(any_database: Database, crm: InMemoryCrm, clock: FakeClock) -> AsyncIterator[Desk]:
    return Desk(any_database, crm, clock)


async def test_what_is_owed_twice_is_owed_once(desk: Desk, crm: InMemoryCrm) -> None:
    await desk.owe(call_entry("a"), call_entry("a"))
    await desk.owe(call_entry("a"))
    await desk.work_off()
    await desk.owe(call_entry("a"))
    assert await desk.worker.deliver_due() == 0
    assert crm.asked == [("log_call", "a")]


async def test_a_crm_that_was_down_gets_everything_in_order(
    desk: Desk, crm: InMemoryCrm, clock: FakeClock
) -> None:
    down_until = clock() + timedelta(hours=2)
    crm.fail_before = lambda key, what: Unavailable("refused") if clock() < down_until else None
    names = [f"a{n}" for n in range(30)]
    await desk.owe(*(call_entry(name, entity="one caller") for name in names))
    await desk.work_off(hours=30)
    assert list(crm.records) == names
    # While it is down one probe at a time asks, ever more rarely.
    assert len(crm.asked) < len(names) + 80


async def test_an_answer_lost_after_the_commit_makes_no_second_record(
    desk: Desk, crm: InMemoryCrm
) -> None:
    lost = [AmbiguousWrite("reset after the request was sent")]
    crm.fail_after = lambda key, what: lost.pop() if lost else None
    await desk.owe(lead_entry())
    await desk.worker.deliver_due()
    assert await desk.states() == {LEAD: "pending"}
    assert desk.news == []
    await desk.work_off()
    assert await desk.states() == {LEAD: "done"}
    assert len(crm.asked) == 2
    assert len(crm.leads) == 1
    assert [event.lead_id for event in desk.news] == ["lead-1"]


def _named(poison: Exception) -> str:
    return type(poison).__name__


@pytest.mark.parametrize(
    "poison", [Invalid("no such field"), Forbidden("no right"), Conflict("another one")], ids=_named
)
async def test_poison_dies_at_once_and_alone(
    desk: Desk, crm: InMemoryCrm, poison: Exception
) -> None:
    crm.fail_before = lambda key, what: poison if key == "bad" else None
    names = [f"a{n}" for n in range(5)]
    await desk.owe(*map(call_entry, names[:2]), call_entry("bad"), *map(call_entry, names[2:]))
    assert await desk.worker.deliver_due() == 6
    assert await desk.states() == dict.fromkeys(names, "done") | {"bad": "dead"}
    assert set(crm.records) == set(names)


async def test_a_dead_entry_can_be_sent_again(desk: Desk, crm: InMemoryCrm) -> None:
    crm.fail_before = lambda key, what: Invalid("not yet")
    await desk.owe(call_entry("a"))
    await desk.work_off()
    crm.fail_before = lambda key, what: None
    await desk.database.writer.write(lambda link: outbox.replay_dead(link, at=desk.clock()))
    await desk.work_off()
    assert await desk.states() == {"a": "done"}


async def test_a_conflict_that_names_the_twin_is_settled_by_it(
    desk: Desk, crm: InMemoryCrm
) -> None:
    crm.fail_before = lambda key, what: Conflict("there is one", existing="lead-77")
    await desk.owe(lead_entry())
    await desk.worker.deliver_due()
    assert await desk.states() == {LEAD: "done"}
    assert [event.lead_id for event in desk.news] == ["lead-77"]


async def test_a_payload_nobody_can_read_dies(desk: Desk, crm: InMemoryCrm) -> None:
    await desk.owe(
        outbox.NewEntry("odd", outbox.LOG_CALL, "e1", {"v": 99}),
        outbox.NewEntry("unknown", "paint_it_blue", "e2", {}),
        call_entry("good"),
    )
    await desk.worker.deliver_due()
    assert await desk.states() == {"odd": "dead", "unknown": "dead", "good": "done"}


async def test_an_adapter_with_a_bug_is_tried_again_and_alone(desk: Desk, crm: InMemoryCrm) -> None:
    crm.fail_before = lambda key, what: ZeroDivisionError() if key == "a" else None
    await desk.owe(call_entry("a"), call_entry("b"))
    await desk.worker.deliver_due()
    assert await desk.states() == {"a": "pending", "b": "done"}


async def test_after_72_hours_an_entry_is_dead(
    desk: Desk, crm: InMemoryCrm, clock: FakeClock
) -> None:
    crm.fail_before = lambda key, what: AuthFailed("expired")
    await desk.owe(call_entry("a"))
    clock.advance(hours=71)
    await desk.worker.deliver_due()
    assert await desk.states() == {"a": "pending"}
    clock.advance(hours=2)
    await desk.worker.deliver_due()
    assert await desk.states() == {"a": "dead"}


async def test_what_is_owed_does_not_wait_for_a_clock_that_was_set_back(
    desk: Desk, crm: InMemoryCrm, clock: FakeClock
) -> None:
    await desk.owe(call_entry("a"), call_entry("b"))
    clock.advance(hours=-1)
    crm.fail_before = lambda key, what: Unavailable("refused") if key == "b" else None
    await desk.worker.deliver_due()
    assert await desk.states() == {"a": "done", "b": "pending"}
    asked = len(crm.asked)
    await desk.worker.deliver_due()
    assert len(crm.asked) == asked, "what failed waits as ever"


async def test_a_crm_that_asks_for_quiet_gets_it(
    desk: Desk, crm: InMemoryCrm, clock: FakeClock
) -> None:
    limits = [RateLimited("slow down", after_s=90)]
    crm.fail_before = lambda key, what: limits.pop() if limits else None
    await desk.owe(call_entry("a"))
    await desk.worker.deliver_due()
    await desk.owe(call_entry("b"))
    clock.advance(seconds=89)
    assert await desk.worker.deliver_due() == 0
    clock.advance(seconds=1)
    await desk.work_off()
    assert await desk.states() == {"a": "done", "b": "done"}


async def test_what_was_under_way_does_not_end_the_quiet(
    desk: Desk, crm: InMemoryCrm, clock: FakeClock
) -> None:
    """Two at once: the CRM refuses the first, and takes the second a moment later."""
    crm.fail_before = lambda key, what: RateLimited("slow", after_s=90) if key == "a" else None
    await desk.owe(call_entry("a"), call_entry("b"))
    assert await desk.worker.deliver_due() == 2
    crm.fail_before = lambda key, what: None
    await desk.owe(call_entry("c"))
    clock.advance(seconds=89)
    assert await desk.worker.deliver_due() == 0
    clock.advance(seconds=1)
    await desk.work_off()
    assert await desk.states() == {"a": "done", "b": "done", "c": "done"}


async def test_a_killed_workers_entry_is_delivered_once_after_its_lease(
    desk: Desk, crm: InMemoryCrm, clock: FakeClock
) -> None:
    await desk.owe(call_entry("a"))
    [held] = await desk.claim(worker="killed")
    assert await desk.worker.deliver_due() == 0
    clock.advance(seconds=PACE.lease_s)
    assert await desk.worker.deliver_due() == 1
    assert crm.asked == [("log_call", "a")]
    # The dead come too late to say anything.
    late = await desk.database.writer.write(
        lambda link: outbox.settle(link, held, at=clock(), state="dead")
    )
    assert not late
    assert await desk.states() == {"a": "done"}


async def test_one_entity_is_told_one_thing_at_a_time(desk: Desk) -> None:
    await desk.owe(
        call_entry("a1", entity="a"), call_entry("a2", entity="a"), call_entry("b1", entity="b")
    )
    assert [entry.key for entry in await desk.claim()] == ["a1", "b1"]
    assert await desk.claim() == []


async def test_an_entry_waits_for_the_one_it_depends_on(desk: Desk, crm: InMemoryCrm) -> None:
    # The order of enqueueing is the wrong way round on purpose.
    await desk.owe(call_entry("record", depends_on=LEAD), lead_entry())
    assert [entry.key for entry in await desk.claim(worker="killed")] == [LEAD]
    desk.clock.advance(seconds=PACE.lease_s)
    await desk.work_off()
    assert crm.asked == [("create_lead", LEAD), ("log_call", "record")]


async def test_a_dead_dependency_lets_the_others_go(desk: Desk, crm: InMemoryCrm) -> None:
    crm.fail_before = lambda key, what: Invalid("no") if key == LEAD else None
    await desk.owe(lead_entry(), call_entry("record", depends_on=LEAD))
    await desk.work_off()
    assert await desk.states() == {LEAD: "dead", "record": "done"}


async def test_several_workers_never_share_an_entry(
    desk: Desk, any_database_url: str, crm: InMemoryCrm, clock: FakeClock
) -> None:
    names = [f"a{n}" for n in range(60)]
    await desk.owe(*map(call_entry, names))
    async with Database(any_database_url) as second, Database(any_database_url) as third:
        workers = [desk.worker] + [Desk(other, crm, clock).worker for other in (second, third)]

        async def deliver(worker: OutboxWorker) -> None:
            while await worker.deliver_due():
                pass

        await asyncio.gather(*map(deliver, workers))
        await desk.work_off()
    assert sorted(key for _, key in crm.asked) == sorted(names)


async def test_a_running_worker_delivers_as_soon_as_it_is_told(
    desk: Desk, crm: InMemoryCrm
) -> None:
    delivered = asyncio.Event()
    crm.fail_after = lambda key, what: delivered.set()
    await desk.worker.start()
    await desk.owe(call_entry("a"))
    desk.worker.wake()
    async with asyncio.timeout(30):
        await delivered.wait()
    await desk.worker.stop()
    assert await desk.states() == {"a": "done"}


async def test_a_place_at_the_crm_is_not_held_while_the_database_is_told(
    desk: Desk, crm: InMemoryCrm
) -> None:
    """And however slow that is, no more than four times as many are under way."""
    names = [f"a{n}" for n in range(100)]
    await desk.owe(*(call_entry(name) for name in names))
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def busy(_connection: AsyncConnection) -> None:
        inside.set()
        await go_on.wait()

    sent = 0

    def count(_key: str, _what: object) -> None:
        nonlocal sent, writing
        sent += 1
        if sent == 1:
            # Before the first one's settling: all of these wait behind it.
            writing = asyncio.create_task(desk.database.writer.write(busy))

    writing: asyncio.Task[None] | None = None
    crm.fail_after = count
    most = desk.pace.concurrency
    await desk.worker.start()
    desk.worker.wake()
    await inside.wait()
    await wait_until(lambda: len(desk.worker._settling) == most)
    assert not desk.worker._in_flight
    assert desk.worker._free() == most
    go_on.set()
    await wait_until(lambda: len(crm.records) == len(names))
    await desk.worker.stop()
    assert set((await desk.states()).values()) == {"done"}
    assert sorted(key for _, key in crm.asked) == sorted(names)
    desk.worker._settling = {asyncio.create_task(asyncio.sleep(0)) for _ in range(4 * most)}
    assert desk.worker._free() == 0
    await asyncio.gather(*desk.worker._settling)


async def test_a_stopping_worker_delivers_what_is_due(desk: Desk, crm: InMemoryCrm) -> None:
    await desk.worker.start()
    await desk.owe(*(call_entry(f"a{n}") for n in range(20)))
    await desk.worker.stop()
    assert len(crm.records) == 20


async def test_a_crm_that_never_answers_does_not_hold_up_the_stop(
    any_database: Database, clock: FakeClock
) -> None:
    class Silent:
        asked = asyncio.Event()

        async def create_lead(self, lead: NewLead, idem: str) -> str:
            raise AssertionError("nobody asked for a lead")

        async def log_call(self, record: CallRecord, idem: str) -> str:
            self.asked.set()
            await asyncio.Event().wait()
            return ""

    silent = Silent()
    desk = Desk(any_database, silent, clock)
    await desk.owe(call_entry("a"))
    await desk.worker.start()
    await silent.asked.wait()
    async with asyncio.timeout(30):
        await desk.worker.stop(limit_s=0.01)
    assert await desk.states() == {"a": "claimed"}
