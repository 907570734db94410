"""Rows follow the events; every call ends as exactly one record."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from calls.bus import EventBus
from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from calls.events import CallEvent, LeadCreated, OfferAnswered
from calls.offers import OfferAnswer, OfferPlace
from calls.records import LegVia, OfferGiven
from crm_adapter import call_records
from crm_adapter.adapter import AmbiguousWrite
from crm_adapter.call_tables import calls, leads, outbox
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.embedded.tables import call_records as crm_call_records
from crm_adapter.records import Records
from storage.database import Database
from tests.fakes.call_stories import MARIA, STRANGER, Roster, Story, a_call
from tests.fakes.clock import FakeClock
from tests.fakes.crm_writer import InMemoryCrm

pytestmark = pytest.mark.integration


async def tell(records: Records, bus: EventBus, *events: CallEvent) -> None:
    for event in events:
        bus.publish(event)
    await bus.drain()
    await records.settled()


async def rows_of(database: Database, table: object) -> int:
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


async def test_a_known_caller_is_followed_to_the_crm(
    records: Records, bus: EventBus, crm: InMemoryCrm
) -> None:
    story = Story(a_call())
    await records.journal.open_call(story.call)
    events = story.whole(IdentityOutcome.UNIQUE)
    await tell(records, bus, *events[:-1])
    living = await records.history.call_detail(story.call.id)
    assert living is not None
    assert (living.summary.outcome, living.record_state) == (None, "pending")
    await records.outbox.deliver_due()

    await tell(records, bus, events[-1])
    await records.outbox.deliver_due()

    detail = await records.history.call_detail(story.call.id)
    assert detail is not None
    assert detail.summary.outcome is CallOutcome.ANSWERED
    assert detail.summary.contact_name == "Maria Garcia"
    assert (detail.record_state, detail.record_id) == ("done", "call-1")
    assert detail.decision is not None
    assert detail.decision["route"]["target"] == "main"
    assert [leg.agent for leg in detail.legs] == ["anna"]
    at_answer, record = crm.records.values()
    assert (at_answer.is_live, record.is_live) == (True, False)
    assert (at_answer.revision, record.revision) == (1, 2)
    assert record.legs == detail.legs
    assert record.menu_path == detail.menu_path
    assert crm.leads == {}
    assert await records.journal.open_calls("pbx") == []


async def test_each_answer_is_told_at_once_and_the_end_completes_it(
    any_database: Database, bus: EventBus, clock: FakeClock
) -> None:
    records = Records(
        database=any_database,
        bus=bus,
        crm=EmbeddedCrm(database=any_database),
        roster=Roster(),
        now=clock,
    )
    await records.recorder.start()

    async def seen(*events: CallEvent) -> tuple[object, ...]:
        await tell(records, bus, *events)
        await records.outbox.deliver_due()
        async with any_database.read() as connection:
            [row] = await connection.execute(select(crm_call_records))
        legs = [(leg["agent"], leg["via"], leg["ended_at"] is not None) for leg in row.legs]
        return row.revision, row.outcome, row.ended_at is not None, legs

    story = Story(a_call())
    *until_answer, released, _ = story.whole(IdentityOutcome.UNIQUE)
    anna = ("anna", "queue", False)
    assert await seen(*until_answer) == (1, "answered", False, [anna])
    handed_on = story.answered("PJSIP/ben", via=LegVia.BLIND_TRANSFER)
    ben = ("PJSIP/ben", "blind_transfer", False)
    anna = ("anna", "queue", True)
    assert await seen(released, handed_on) == (2, "answered", False, [anna, ben])
    assert await seen(*until_answer, released, handed_on) == (2, "answered", False, [anna, ben])
    ben = ("PJSIP/ben", "blind_transfer", True)
    assert await seen(story.ends()) == (3, "answered", True, [anna, ben])
    assert (await records.history.counts()).records_written == 1
    await records.stop()


async def test_an_answer_is_not_kept_without_the_debt_to_the_crm(
    records: Records, bus: EventBus, any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(a_call())
    *until_answer, released, end = story.whole(IdentityOutcome.UNIQUE)

    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("between the two writes")

    await tell(records, bus, *until_answer[:-1])
    with monkeypatch.context() as patch:
        patch.setattr(call_records.outbox, "enqueue", break_down)
        await tell(records, bus, until_answer[-1])
    assert await rows_of(any_database, outbox) == 0
    detail = await records.history.call_detail(story.call.id)
    assert detail is not None
    assert detail.summary.answered_at is None

    await tell(records, bus, until_answer[-1])
    assert await rows_of(any_database, outbox) == 1
    await records.outbox.deliver_due()
    await tell(records, bus, released, end)
    assert await rows_of(any_database, outbox) == 2


async def test_the_end_is_not_told_before_the_answer_whose_confirmation_was_lost(
    records: Records, bus: EventBus, crm: InMemoryCrm, clock: FakeClock
) -> None:
    *until_answer, released, end = Story(a_call()).whole(IdentityOutcome.UNIQUE)
    lost = [AmbiguousWrite("the connection broke")]
    crm.fail_after = lambda key, what: lost.pop() if lost else None
    await tell(records, bus, *until_answer)
    await records.outbox.deliver_due()
    await tell(records, bus, released, end)
    assert await records.outbox.deliver_due() == 0
    clock.advance(seconds=3600)
    while await records.outbox.deliver_due():
        pass
    (_, first), (_, again), (_, last) = crm.asked
    assert first == again != last
    assert [record.revision for record in crm.records.values()] == [1, 2]


async def test_what_was_not_sent_yet_is_not_sent_at_all_once_more_is_known(
    records: Records, bus: EventBus, crm: InMemoryCrm, any_database: Database
) -> None:
    *until_answer, released, end = Story(a_call()).whole(IdentityOutcome.UNIQUE)
    await tell(records, bus, *until_answer)
    await tell(records, bus, released, end)
    assert await rows_of(any_database, outbox) == 1
    await records.outbox.deliver_due()
    assert [record.revision for record in crm.records.values()] == [2]


async def test_an_unanswered_call_is_linked_to_its_contact(
    records: Records, bus: EventBus, crm: InMemoryCrm
) -> None:
    story = Story(a_call())
    waited = [story.arrives(), story.is_(IdentityOutcome.UNIQUE), story.decided(), story.queued()]
    await tell(records, bus, *waited, story.ends(CallOutcome.ABANDONED_IN_QUEUE))
    await records.outbox.deliver_due()
    [record] = crm.records.values()
    assert record.contact == MARIA.ref
    assert (record.revision, record.wait_s, record.talk_s) == (1, 1, 0)
    assert record.title == f"Missed call from Maria Garcia ({STRANGER})"


async def test_offers_and_their_answers_reach_the_record_also_after_the_end(
    records: Records, bus: EventBus, crm: InMemoryCrm
) -> None:
    story = Story(a_call())
    *living, end = story.whole(IdentityOutcome.UNIQUE)
    heard = story.meets("descaler", OfferPlace.HOLD, OfferAnswer.HEARD)
    await tell(records, bus, *living, heard, heard, end)
    await records.outbox.deliver_due()
    accepted = story.meets("descaler", OfferPlace.HOLD, OfferAnswer.ACCEPTED)
    await tell(records, bus, accepted)
    await tell(records, bus, heard, accepted)
    while await records.outbox.deliver_due():
        pass
    at_end, amended = crm.records.values()
    assert [one.answer for one in at_end.offers] == [OfferAnswer.HEARD]
    assert amended.offers == (OfferGiven("descaler", OfferPlace.HOLD, OfferAnswer.ACCEPTED),)
    assert amended.revision > at_end.revision


async def test_what_an_agent_says_of_an_offer_reaches_the_record(
    records: Records, bus: EventBus, crm: InMemoryCrm
) -> None:
    story = Story(a_call())
    *living, end = story.whole(IdentityOutcome.UNIQUE)
    heard = story.meets("descaler", OfferPlace.MENU, OfferAnswer.HEARD)

    def said(answer: OfferAnswer, seconds: int, reason: str = "") -> OfferAnswered:
        at = end.at + timedelta(seconds=seconds)
        return OfferAnswered(story.call.id, at, "descaler", answer, "anna", MARIA.ref, reason)

    accepted, refused = said(OfferAnswer.ACCEPTED, -9), said(OfferAnswer.REFUSED, 5, "too dear")
    not_raised = said(OfferAnswer.NOT_RAISED, 9)
    await tell(records, bus, *living, heard, accepted, end)
    for late in (refused, accepted, not_raised):
        while await records.outbox.deliver_due():
            pass
        await tell(records, bus, late)
    while await records.outbox.deliver_due():
        pass
    told = list(crm.records.values())
    assert [record.offers[1:] for record in told] == [
        (OfferGiven("descaler", OfferPlace.AGENT, OfferAnswer.ACCEPTED),),
        (OfferGiven("descaler", OfferPlace.AGENT, OfferAnswer.REFUSED, "too dear"),),
        (OfferGiven("descaler", OfferPlace.AGENT, OfferAnswer.NOT_RAISED),),
    ]
    assert sorted({record.revision for record in told}) == [record.revision for record in told]


async def test_the_title_is_made_by_the_companys_template(
    any_database: Database, crm: InMemoryCrm, clock: FakeClock
) -> None:
    story = Story(a_call())
    async with EventBus() as bus:
        titled = Records(
            database=any_database,
            bus=bus,
            crm=crm,
            roster=Roster(),
            now=clock,
            titles={"inbound_answered": "{agent} mit {caller}: {intent}"},
        )
        await titled.recorder.start()
        await tell(titled, bus, *story.whole(IdentityOutcome.UNIQUE))
        await titled.outbox.deliver_due()
        await titled.stop()
    assert [record.title for record in crm.records.values()] == [
        f"anna mit Maria Garcia ({STRANGER}): support"
    ]


async def test_events_told_again_change_nothing(
    records: Records, bus: EventBus, crm: InMemoryCrm
) -> None:
    story = Story(a_call())
    events = story.whole(IdentityOutcome.NONE)
    for _ in range(3):
        await tell(records, bus, *events)
        await records.outbox.deliver_due()
        await records.outbox.deliver_due()
    counts = await records.history.counts()
    assert (counts.calls, counts.records_written, counts.leads_written) == (1, 1, 1)
    assert [operation for operation, _ in crm.asked] == ["create_lead", "log_call"]


async def test_fifty_ends_at_once_make_one_record(
    records: Records, bus: EventBus, any_database_url: str, crm: InMemoryCrm, clock: FakeClock
) -> None:
    story = Story(a_call())
    await records.journal.open_call(story.call)
    end = story.ends(CallOutcome.ABANDONED_IN_MENU)
    async with Database(any_database_url) as elsewhere, EventBus() as other_bus:
        other = Records(database=elsewhere, bus=other_bus, crm=crm, roster=Roster(), now=clock)
        await other.recorder.start()
        await asyncio.gather(
            *(
                recorder.note(end)
                for _ in range(25)
                for recorder in (records.recorder, other.recorder)
            )
        )
        await asyncio.gather(records.settled(), other.settled())
        await asyncio.gather(records.outbox.deliver_due(), other.outbox.deliver_due())
        await other.stop()
    assert len(crm.asked) == len(crm.records) == 1


async def test_a_call_is_not_closed_without_the_debt_to_the_crm(
    records: Records, bus: EventBus, any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(a_call())
    await records.journal.open_call(story.call)
    end = story.ends(CallOutcome.NOT_ANSWERED)

    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("between the two writes")

    with monkeypatch.context() as patch:
        patch.setattr(call_records.outbox, "enqueue", break_down)
        await tell(records, bus, end)
    assert records.recorder.refused == 1
    assert await records.journal.open_calls("pbx") == [story.call.id]
    assert await rows_of(any_database, outbox) == 0

    await tell(records, bus, end)
    assert await records.journal.open_calls("pbx") == []
    assert await rows_of(any_database, outbox) == 1


async def test_one_refused_call_does_not_hold_up_the_others(
    records: Records, bus: EventBus, any_database: Database
) -> None:
    good, bad = Story(a_call("1.1")), Story(a_call("1.2"))
    broken = bad.decided()
    object.__setattr__(broken.decision, "rulebook_version", None)  # type: ignore[attr-defined]
    await tell(records, bus, good.arrives(), bad.arrives(), broken, good.ends(), bad.ends())
    assert records.recorder.refused == 1
    assert await records.history.call_detail(bad.call.id) is None
    assert (await records.history.counts()).owed == 1


async def test_a_call_the_journal_missed_is_recorded_all_the_same(
    records: Records, bus: EventBus, crm: InMemoryCrm
) -> None:
    story = Story(a_call())
    await tell(records, bus, story.arrives(fallback=True), story.ends(CallOutcome.ANSWERED))
    await records.outbox.deliver_due()
    [record] = crm.records.values()
    assert record.fallback


async def test_an_end_of_a_call_nobody_knows_makes_nothing(
    records: Records, bus: EventBus, any_database: Database
) -> None:
    await tell(records, bus, Story(a_call()).ends())
    assert await rows_of(any_database, calls) == await rows_of(any_database, outbox) == 0


async def test_events_wait_for_a_database_that_is_away(
    any_database: Database, crm: InMemoryCrm, clock: FakeClock
) -> None:
    """The writer is closed, which is how an outage looks from here, and comes back."""
    async with EventBus() as bus:
        records = Records(database=any_database, bus=bus, crm=crm, roster=Roster(), now=clock)
        records.recorder._retry_after_s = 0.01
        await records.recorder.start()
        await any_database.writer.stop()
        story = Story(a_call())
        for event in story.whole(IdentityOutcome.UNIQUE):
            bus.publish(event)
        await bus.drain()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await records.settled()
        await any_database.writer.start()
        async with asyncio.timeout(30):
            await records.settled()
        assert (await records.history.counts()).owed == 1
        await records.stop()


async def test_fifty_calls_of_one_stranger_make_one_lead(
    records: Records,
    bus: EventBus,
    any_database: Database,
    any_database_url: str,
    crm: InMemoryCrm,
    clock: FakeClock,
) -> None:
    heard: list[LeadCreated] = []

    async def hear(event: LeadCreated) -> None:
        heard.append(event)

    bus.subscribe("test", hear, LeadCreated)
    async with Database(any_database_url) as elsewhere, EventBus() as other_bus:
        other = Records(database=elsewhere, bus=other_bus, crm=crm, roster=Roster(), now=clock)
        await other.recorder.start()
        stories = [Story(a_call(f"1.{n}")) for n in range(50)]
        for n, story in enumerate(stories):
            for event in story.whole(IdentityOutcome.NONE):
                (bus if n % 2 else other_bus).publish(event)
        await asyncio.gather(bus.drain(), other_bus.drain())
        await asyncio.gather(records.settled(), other.settled())
        await other.stop()
    while await records.outbox.deliver_due():
        pass
    await bus.drain()
    assert [lead.number for lead in crm.leads.values()] == [STRANGER]
    assert len(crm.records) == 50
    assert [(event.lead_id, event.number) for event in heard] == [("lead-1", STRANGER)]
    assert crm.asked[0][0] == "create_lead"


async def test_the_lead_is_remembered_after_a_restart_until_it_is_closed(
    any_database_url: str, crm: InMemoryCrm, clock: FakeClock
) -> None:
    for life in range(3):
        story = Story(a_call(f"{life}.1"))
        async with (
            Database(any_database_url) as database,
            EventBus() as bus,
            Records(database=database, bus=bus, crm=crm, roster=Roster(), now=clock) as records,
        ):
            await tell(records, bus, *story.whole(IdentityOutcome.NONE))
            detail = await records.history.call_detail(story.call.id)
            if life == 1:
                assert detail is not None
                assert detail.lead_id == "lead-1"
                await records.close_lead(STRANGER)
    assert len(crm.leads) == 2
    assert len(crm.records) == 3


async def test_the_answer_decides_also_after_a_restart(
    any_database_url: str, crm: InMemoryCrm, clock: FakeClock
) -> None:
    story = Story(a_call())
    before = [story.arrives(), story.is_(IdentityOutcome.NONE), story.decided("on_answer")]
    for events in (before, [story.rings(), story.answered()]):
        assert not crm.leads
        async with (
            Database(any_database_url) as database,
            EventBus() as bus,
            Records(database=database, bus=bus, crm=crm, roster=Roster(), now=clock) as records,
        ):
            await tell(records, bus, *events)
    assert len(crm.leads) == 1


async def test_neither_lead_nor_order_is_kept_alone(
    records: Records, bus: EventBus, any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(a_call())
    await tell(records, bus, story.arrives(), story.is_(IdentityOutcome.NONE), story.decided())
    queued = story.queued()

    async def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("after the lead")

    with monkeypatch.context() as patch:
        patch.setattr(call_records.outbox, "enqueue", break_down)
        await tell(records, bus, queued)
    assert await rows_of(any_database, leads) == 0
    await tell(records, bus, queued)
    assert await rows_of(any_database, leads) == await rows_of(any_database, outbox) == 1


async def test_recent_calls_come_newest_first(records: Records, bus: EventBus) -> None:
    for name in ("1.1", "1.2", "1.3"):
        await records.journal.open_call(a_call(name))
    recent = await records.history.recent_calls(2)
    assert [summary.call_id.linkedid for summary in recent] == ["1.3", "1.2"]
