"""The whole AMI side against a fake Asterisk: whatever was missed, no call is left open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ami_bridge.ami_client import LinkState
from calls import events
from calls.call import CallId, CallOutcome
from tests.fakes.ami_house import House, a_call
from tests.fakes.asterisk_ami import FakeAmi
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
async def fake() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as made:
        yield made


@pytest.fixture
async def house(fake: FakeAmi) -> AsyncIterator[House]:
    made = House(fake)
    async with made.bus, made.bridge:
        # The first login is told only after a loss, so lose the connection once.
        await fake.wait_for(lambda: bool(fake.sent("DBGetTree")))
        fake.cut()
        await made.until_in_step()
        made.told.clear()
        yield made


async def test_a_call_is_followed_to_its_end(house: House, fake: FakeAmi) -> None:
    call_id = await house.call("1.1")
    house.join("1.1")
    agent = [("Uniqueid", "1.1"), ("Linkedid", "1.1"), ("Queue", "support")]
    fake.event("AgentCalled", agent, Interface="PJSIP/anna", DestUniqueid="1.2")
    fake.event("AgentConnect", agent, Interface="PJSIP/anna", RingTime="2", HoldTime="5")
    fake.event("AgentComplete", agent, Interface="PJSIP/anna", TalkTime="9", Reason="agent")
    fake.hang_up("1.1")
    await house.until(lambda: bool(house.ends()))
    assert [type(event) for event in house.told] == [
        events.AgentRinging,
        events.AgentAnswered,
        events.AgentReleased,
        events.CallEnded,
    ]
    assert house.ends()["1.1"].outcome is CallOutcome.ANSWERED
    assert house.journal.closed.keys() == {call_id}


async def test_after_an_outage_every_call_is_where_asterisk_has_it(
    house: House, fake: FakeAmi
) -> None:
    for uid in ("1.gone", "1.waits", "1.talks", "1.ended"):
        await house.call(uid)
        house.join(uid)
    await house.call("1.dialog")
    house.bridge.tracker.dialog_started(CallId("pbx", "1.dialog"))
    fake.event(
        "AgentCalled",
        Uniqueid="1.talks",
        Linkedid="1.talks",
        Interface="PJSIP/anna",
        DestUniqueid="2.1",
        Queue="support",
    )
    await house.until(lambda: bool(house.of(events.AgentRinging)))
    fake.silent = True
    await house.until(lambda: bool(house.of(events.AmiLost)))
    # Unseen by us: two callers leave, one is answered, one comes into the queue, our dialog lives.
    for uid in ("1.gone", "1.dialog", "1.ended"):
        del fake.channels[uid]
    fake.new_channel("9.new", "9.new", "PJSIP/trunk-9")
    fake.new_channel("2.1", "1.talks", "PJSIP/anna-00000001")
    talks = fake.channels["1.talks"]
    talks.application, talks.data, talks.bridge = "Queue", "support,t,,,600", "b1"
    fake.channels["2.1"].bridge = "b1"
    fake.waiting = [("1.waits", "support", 9), ("9.new", "support", 4)]
    fake.silent = False
    await house.until_in_step()
    await house.bus.drain()

    ends = house.ends()
    assert set(ends) == {"1.gone", "1.ended"}
    assert {end.outcome for end in ends.values()} == {CallOutcome.LOST_SYNC}
    assert all(end.estimated for end in ends.values())
    answered = house.of(events.AgentAnswered)
    assert [(e.interface, e.queue) for e in answered] == [("PJSIP/anna", "support")]  # type: ignore[attr-defined]
    arrived = house.of(events.CallArrived)
    assert [(e.call_id.linkedid, e.fallback) for e in arrived] == [("9.new", True)]  # type: ignore[attr-defined]
    restored = house.of(events.AmiRestored)[0]
    assert isinstance(restored, events.AmiRestored)
    assert restored.closed == 2

    for uid in ("1.waits", "1.talks", "9.new"):
        fake.event("HangupRequest", Uniqueid=uid, Linkedid=uid)
        fake.hang_up(uid)
    fake.hang_up("2.1")
    house.bridge.tracker.dialog_ended(CallId("pbx", "1.dialog"), hung_up=True, queued=False)
    await house.until(lambda: len(house.ends()) == 6)
    outcomes = {uid: end.outcome for uid, end in house.ends().items()}
    assert outcomes["1.talks"] is CallOutcome.ANSWERED
    assert outcomes["1.waits"] is outcomes["9.new"] is CallOutcome.ABANDONED_IN_QUEUE
    assert outcomes["1.dialog"] is CallOutcome.ABANDONED_IN_MENU
    await house.bus.drain()
    assert await house.journal.open_calls("pbx") == []


async def test_who_talked_with_another_process_is_not_the_fallbacks(
    fake: FakeAmi, house: House
) -> None:
    """That process could not tell us, but the journal has the call."""
    other = CallId("pbx", "1.other")
    await house.journal.open_call(a_call(other))
    for uid in (other.linkedid, "1.fallback"):
        fake.new_channel(uid, uid, f"PJSIP/trunk-{uid}")
        house.join(uid)
    await house.until(lambda: len(house.of(events.CallQueued)) == 2)
    [known] = house.of(events.CallRemembered)
    [arrived] = house.of(events.CallArrived)
    assert (known.call_id, arrived.call_id.linkedid) == (other, "1.fallback")  # type: ignore[attr-defined]
    assert {one.linkedid for one in house.journal.fallback} == {"1.fallback"}
    assert not house.bridge.tracker.calls["1.other"].fallback


async def test_calls_open_in_the_journal_after_a_restart_of_ours(fake: FakeAmi) -> None:
    fake.new_channel("1.lives", "1.lives", "PJSIP/trunk-1")
    house = House(fake)
    for uid in ("1.lives", "1.died"):
        await house.journal.open_call(a_call(CallId("pbx", uid)))
    async with house.bus, house.bridge:
        await house.until(lambda: bool(house.ends()))
        assert house.ends()["1.died"].outcome is CallOutcome.LOST_SYNC
        assert house.ends()["1.died"].estimated
        fake.hang_up("1.lives")
        await house.until(lambda: len(house.ends()) == 2)
        assert not house.ends()["1.lives"].estimated
    assert house.of(events.CallArrived) == []
    assert await house.journal.open_calls("pbx") == []


async def test_news_under_way_during_a_snapshot_is_not_lost(house: House, fake: FakeAmi) -> None:
    """The hang-up comes after the snapshot that has no such channel any more: the call ended, it
    was not lost."""
    await house.call("1.1")
    house.join("1.1")

    def leave(action: str) -> None:
        if action == "CoreShowChannels" and "1.1" in fake.channels:
            fake.event("HangupRequest", Uniqueid="1.1", Linkedid="1.1")
            fake.event("QueueCallerAbandon", Uniqueid="1.1", Linkedid="1.1", Queue="support")
            fake.waiting.clear()
            del fake.channels["1.1"]
            asyncio.get_running_loop().call_later(
                0.02, lambda: fake.event("Hangup", Uniqueid="1.1", Linkedid="1.1")
            )

    fake.before = leave
    fake.event("FullyBooted", Status="Fully Booted")
    await house.until(lambda: bool(house.ends()))
    assert house.ends()["1.1"].outcome is CallOutcome.ABANDONED_IN_QUEUE
    assert not house.ends()["1.1"].estimated


START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def trace(number: str = "+12025550150") -> str:
    return f"v1|{int(START.timestamp())}|{number}|+18005550100|1.9"


async def test_calls_served_while_we_were_dead_have_one_record_each(fake: FakeAmi) -> None:
    end = int(START.timestamp()) + 75
    for n, outcome in enumerate(("ANSWERED", "ABANDONED", "NOT_ANSWERED", "NONSENSE")):
        fake.astdb[f"swb_fallback/1.{n}"] = trace()
        fake.astdb[f"swb_ended/1.{n}"] = f"v1|{end}|{outcome}"
    fake.astdb["swb_fallback/1.crashed"] = trace()
    fake.astdb["swb_fallback/2.lives"] = trace()
    fake.new_channel("2.lives", "2.lives", "PJSIP/trunk-2")
    fake.astdb["swb_fallback/3.known"] = trace()
    fake.astdb["swb_ended/3.known"] = f"v1|{end}|ANSWERED"
    fake.astdb["swb_fallback/4 bad key"] = trace()
    fake.astdb["swb_fallback/5.bad"] = "v9|what"
    house = House(fake)
    await house.journal.open_call(a_call(CallId("pbx", "3.known")))
    async with house.bus, house.bridge:
        await fake.wait_for(lambda: len(fake.sent("Setvar")) >= 12)
        outcomes = {uid: end.outcome for uid, end in house.ends().items()}
        assert outcomes == {
            "1.0": CallOutcome.ANSWERED,
            "1.1": CallOutcome.ABANDONED_IN_QUEUE,
            "1.2": CallOutcome.NOT_ANSWERED,
            "1.3": CallOutcome.LOST_SYNC,
            "1.crashed": CallOutcome.LOST_SYNC,
            "3.known": CallOutcome.ANSWERED,
        }
        assert house.ends()["1.0"].at == datetime.fromtimestamp(end, UTC)
        assert house.ends()["1.crashed"].estimated
        assert house.journal.opened[CallId("pbx", "1.0")].arrived_at == START
        assert sorted(fake.astdb) == [
            "swb_fallback/2.lives",
            "swb_fallback/4 bad key",
            "swb_fallback/5.bad",
        ]
        arrived = [e.call_id.linkedid for e in house.of(events.CallArrived)]  # type: ignore[attr-defined]
        assert sorted(arrived) == ["1.0", "1.1", "1.2", "1.3", "1.crashed", "2.lives"]
        fake.hang_up("2.lives")
        await house.until(lambda: "2.lives" in house.ends())


async def test_a_call_of_ours_that_fell_back_while_we_were_dead_is_known_as_such(
    fake: FakeAmi,
) -> None:
    """It lives still, and may hang up before its trace is looked at again."""
    call_id = CallId("pbx", "1.1")
    fake.new_channel("1.1", "1.1", "PJSIP/trunk-1")
    fake.waiting.append(("1.1", "default", 3))
    fake.astdb["swb_fallback/1.1"] = trace().replace("1.9", "1.1")
    house = House(fake)
    await house.journal.open_call(a_call(call_id))
    async with house.bus, house.bridge:
        await house.until(lambda: bool(house.of(events.CallQueued)))
        fake.event("HangupRequest", Uniqueid="1.1", Linkedid="1.1")
        fake.hang_up("1.1")
        await house.until(lambda: bool(house.ends()))
        assert house.ends()["1.1"].outcome is CallOutcome.ABANDONED_IN_QUEUE
    assert house.of(events.CallArrived) == []
    assert call_id in house.journal.fallback


async def test_a_trace_stays_until_the_journal_has_closed_the_call(fake: FakeAmi) -> None:
    fake.astdb["swb_fallback/1.1"] = trace()
    fake.astdb["swb_ended/1.1"] = f"v1|{int(START.timestamp()) + 5}|ANSWERED"
    house = House(fake, resync_every_s=0.1)
    house.journal.failing = True
    async with house.bus, house.bridge:
        await fake.wait_for(lambda: len(fake.sent("CoreShowChannels")) >= 3)
        assert house.ends() == {}
        assert len(fake.astdb) == 2
        house.journal.failing = False
        await fake.wait_for(lambda: not fake.astdb)
        assert house.ends()["1.1"].outcome is CallOutcome.ANSWERED
    assert len(house.journal.opened) == 1


async def test_a_slow_reader_never_loses_a_hang_up_and_asks_anew(fake: FakeAmi) -> None:
    house = House(fake, queue_size=200)
    async with house.bus, house.bridge:
        await fake.wait_for(lambda: len(fake.sent("DBGetTree")) >= 2)
        for n in range(100):
            await house.call(f"1.{n}")
        of_it = b"Uniqueid: 7.7\r\nLinkedid: 7.0\r\nChannel: X-1\r\n\r\n"
        flood = (b"Event: BridgeEnter\r\nPrivilege: call,all\r\n" + of_it) * 50
        for n in range(100):
            fake.raw(flood)
            fake.hang_up(f"1.{n}")
        await house.until(lambda: len(house.ends()) == 100)
        assert {end.outcome for end in house.ends().values()} == {CallOutcome.NOT_ANSWERED}
        assert house.bridge.figures().events_shed > 0
        await fake.wait_for(lambda: len(fake.sent("CoreShowChannels")) >= 2)


async def test_resync_refused_is_said_once_per_round_and_events_are_followed(
    fake: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    fake.denied |= {"CoreShowChannels", "DBGetTree"}
    house = House(fake)
    async with house.bus, house.bridge:
        await fake.wait_for(lambda: bool(fake.sent("CoreShowChannels")))
        await house.call("1.1")
        fake.hang_up("1.1")
        await house.until(lambda: bool(house.ends()))
    assert caplog.text.count("resync refused") == 1


async def test_an_asterisk_that_is_still_loading_is_not_back_yet(
    house: House, fake: FakeAmi
) -> None:
    """AMI takes log-ins before app_queue is there: what was told then would be lost."""
    await fake.stop()
    await house.until(lambda: bool(house.of(events.AmiLost)))
    restored = len(house.of(events.AmiRestored))
    fake.unloaded.add("QueueStatus")
    asked = len(fake.sent("QueueStatus"))
    await fake.listen()
    await fake.wait_for(lambda: len(fake.sent("QueueStatus")) > asked)
    await wait_until(lambda: house.bridge.is_connected, deadline_s=30)
    await house.bus.drain()
    assert len(house.of(events.AmiRestored)) == restored
    fake.unloaded.clear()
    fake.event("FullyBooted", Status="Fully Booted")
    await house.until_in_step(restored + 1)


async def test_an_unheard_end_is_told_again(house: House, fake: FakeAmi) -> None:
    """The bus shed CallEnded: the journal still has the call open."""
    call_id = await house.call("1.1")
    fake.hang_up("1.1")
    await house.until(lambda: bool(house.ends()))
    await house.bus.drain()
    del house.journal.closed[call_id]
    ended = house.ends()["1.1"]
    told = house.bridge.tracker._ended[call_id]
    house.bridge.tracker._ended[call_id] = replace(told, at=START)
    fake.event("FullyBooted", Status="Fully Booted")
    await house.until(lambda: call_id in house.journal.closed)
    assert house.journal.closed[call_id] == ended


async def test_without_asterisk_the_bridge_says_so_and_stops_cleanly() -> None:
    fake = FakeAmi()
    await fake.listen()
    await fake.stop()
    house = House(fake)
    async with house.bus:
        async with house.bridge as bridge:
            await house.until(lambda: bool(house.of(events.AmiLost)))
            assert not bridge.is_connected
            assert bridge.state is LinkState.AWAY
            assert bridge.figures().last_byte_age_s is None
            assert bridge.counters()["ami_connected"] == 0
            assert [task.get_name() for task in bridge.tasks] == ["ami"]
        assert house.bridge.tasks == ()
        assert len(house.of(events.AmiLost)) == 1
