"""The AMI client against a fake Asterisk on a real socket: what panoramisk alone gets wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from ami_bridge.ami_client import ActionRefused, AmiTiming, LinkState
from ami_bridge.ami_events import MemberSeen, QueueJoined
from ami_bridge.ami_reading import read_event
from ami_bridge.ami_wire import UnsafeAction
from ami_bridge.backoff import BackOff
from ami_bridge.queue_control import AmiQueueControl
from ami_bridge.queue_members import QueueMembers
from ami_bridge.queue_membership import AmiQueueMembership
from calls.agents import QueueMember
from calls.errors import Misconfigured, Unavailable
from config.settings import AmiSettings
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.watched_ami import Pauses, Watched, running
from tests.punctual import in_time

pytestmark = pytest.mark.integration


@pytest.fixture
async def fake() -> AsyncIterator[FakeAmi]:
    async with FakeAmi() as made:
        yield made


@pytest.fixture
async def watched(fake: FakeAmi) -> AsyncIterator[Watched]:
    async with running(Watched(fake)) as made:
        await made.until_connected()
        yield made


async def test_a_name_split_at_every_byte_arrives_whole(fake: FakeAmi, watched: Watched) -> None:
    fake.slice_bytes = True
    fake.event("QueueCallerJoin", Uniqueid="1.1", Linkedid="1.1", CallerIDName="王小明 José")
    await watched.until(lambda: any(name == b"QueueCallerJoin" for name, _ in watched.events))
    event = read_event(*watched.events[-1])
    assert isinstance(event, QueueJoined)
    assert event.caller_name == "王小明 José"


async def test_a_half_open_connection_is_noticed_and_replaced(
    fake: FakeAmi,
) -> None:
    async with running(Watched(fake, ping_deadline_s=0.3)) as watched:
        await watched.until_connected()
        fake.silent = True
        asked = asyncio.create_task(watched.client.ask("QueuePause", deadline_s=30.0))
        # ping_every + ping_deadline here; 3 s + 2 s as shipped, of the 8 s that are allowed.
        await in_time(watched.until(lambda: bool(watched.downs)), 0.1 + 0.3)
        with pytest.raises(Unavailable):
            await asked
        fake.silent = False
        await watched.until_connected()
    assert "no answer to a ping" in watched.downs[0]


def test_the_shipped_times_find_a_half_open_connection_within_8_s() -> None:
    settings = AmiSettings()
    assert settings.ping_every_s + settings.ping_deadline_s < 8.0


async def test_a_peer_that_talks_but_is_slow_to_answer_has_three_pings(
    fake: FakeAmi,
) -> None:
    async def chatter() -> None:
        while True:
            fake.event("Newchannel", Uniqueid="1.1")
            await asyncio.sleep(0.01)

    async with running(Watched(fake, ping_deadline_s=0.3)) as watched:
        await watched.until_connected()
        fake.mute.add("Ping")
        pings = len(fake.sent("Ping"))
        talking = asyncio.create_task(chatter())
        await watched.until(lambda: bool(watched.downs))
        talking.cancel()
        assert len(fake.sent("Ping")) - pings == 3


async def test_one_that_ends_is_heard_to_its_end(fake: FakeAmi, watched: Watched) -> None:
    fake.ends = True
    pings = len(fake.sent("Ping"))
    await fake.wait_for(lambda: len(fake.sent("Ping")) - pings >= 2)
    fake.event("Shutdown", Shutdown="Cleanly")
    fake.event("Hangup", Uniqueid="1.1", Linkedid="1.1")
    await watched.until(lambda: any(name == b"Hangup" for name, _ in watched.events))
    fake.cut()
    await watched.until(lambda: bool(watched.downs))
    assert watched.downs == ["Asterisk shuts down"]


async def test_nothing_unsafe_reaches_the_socket(fake: FakeAmi, watched: Watched) -> None:
    before = len(fake.actions)
    for value in ("x\r\n\r\nAction: Originate", "x\ny", "x\0", "y" * 1100):
        with pytest.raises(UnsafeAction):
            await watched.client.ask("Setvar", [("Value", value)])
    with pytest.raises(UnsafeAction):
        await watched.client.ask("Setvar", [("Value", "v")] * 200)
    await watched.client.ask("Setvar", [("Value", "fine")])
    sent = [a["Action"] for a in fake.actions[before:] if a["Action"] != "Ping"]
    assert sent == ["Setvar"]


async def test_what_is_not_on_the_list_of_actions_is_not_sent(
    fake: FakeAmi, watched: Watched
) -> None:
    before = len(fake.actions)
    for action, headers in (
        ("Originate", [("Channel", "PJSIP/agent1"), ("Application", "System")]),
        ("ping", []),
        ("Getvar", [("Channel", "PJSIP/agent1"), ("Variable", "x"), ("Command", "x")]),
        ("QueueStatus", [("ActionID", "another")]),
    ):
        with pytest.raises(UnsafeAction):
            await watched.client.ask(action, headers)
        with pytest.raises(UnsafeAction):
            await watched.client.ask_list(action, headers)
    assert {a["Action"] for a in fake.actions[before:]} <= {"Ping"}
    assert watched.downs == []


async def test_a_refused_login_is_not_hammered_and_not_taken_for_the_network(
    fake: FakeAmi,
) -> None:
    pauses = Pauses(stop_at=3)
    async with running(Watched(fake, secret="wrong", pause=pauses)) as watched:
        await watched.until(lambda: len(watched.downs) >= 3)
        assert watched.client.state is LinkState.REFUSED
        assert len(fake.sent("Login")) == 3
        # As QUICK.refused_s says, not as the network's tries: each up to a quarter off.
        assert pauses.lengths_s == [
            pytest.approx(delay_s, rel=0.25) for delay_s in (0.05, 0.1, 60.0)
        ]
    assert AmiTiming().refused_s[-1] == 300.0


async def test_a_secret_that_was_mended_is_used(fake: FakeAmi) -> None:
    async with running(Watched(fake, secret="wrong")) as watched:
        await watched.until(lambda: bool(watched.downs))
        fake.secret = "wrong"
        await watched.until_connected()
        assert watched.client.counters.refused >= 1


@pytest.mark.parametrize("content", [b"two\nlines", b"\xff\xfe", b"x" * 2_000])
async def test_a_secret_that_cannot_be_sent_is_a_refusal_and_not_our_end(
    fake: FakeAmi, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    async with running(Watched(fake, secret_file=file)) as watched:
        await watched.until(lambda: bool(watched.downs))
        assert watched.client.state is LinkState.REFUSED
        assert not fake.sent("Login")
        assert "check ami.username and ami.secret" in caplog.text
        file.write_text("s3cret")
        await watched.until_connected()


async def test_an_asterisk_that_is_away_is_said_once(
    fake: FakeAmi, caplog: pytest.LogCaptureFixture
) -> None:
    await fake.stop()
    async with running(Watched(fake)) as watched:
        await watched.until(lambda: len(watched.downs) >= 4)
    assert caplog.text.count("are ami.host, ami.port") == 1


async def test_the_network_is_tried_again_ever_slower(fake: FakeAmi) -> None:
    await fake.stop()
    timing, pauses = AmiTiming(connect_s=1.0, login_s=1.0, action_s=0.2), Pauses(stop_at=8)
    async with running(Watched(fake, timing=timing, pause=pauses)) as watched:
        await watched.until(lambda: len(watched.downs) >= 8)
        assert watched.client.state is LinkState.AWAY
        with pytest.raises(Unavailable):
            await watched.client.ask("Ping")
        *growing, late, later = pauses.lengths_s
        assert growing[0] < 0.07
        assert all(after > 1.15 * before for before, after in pairwise(growing))
        assert all(3.75 <= delay_s <= 6.25 for delay_s in (late, later)), "and then no slower"
        await fake.listen()
        pauses.go_on.set()
        await watched.until_connected()
    assert len(pauses.lengths_s) == 8


def test_the_back_off_grows_jitters_and_starts_anew() -> None:
    back_off = BackOff((0.05, 1.0, 5.0))
    waits = [back_off.next_s() for _ in range(50)]
    assert 0.03 < waits[0] < 0.07
    assert all(3.75 <= wait <= 6.25 for wait in waits[2:])
    assert len(set(waits)) > 40
    back_off.reset()
    assert back_off.next_s() < 0.07
    assert AmiTiming().retry_s[0] <= 0.1
    assert max(AmiTiming().retry_s) == 5.0


async def test_lists_come_whole_and_events_between_them_stay_events(
    fake: FakeAmi, watched: Watched
) -> None:
    for n in range(300):
        fake.new_channel(f"1.{n}", "1.0", f"PJSIP/x-{n}")
    rows = await watched.client.ask_list("CoreShowChannels")
    assert [row["Uniqueid"] for row in rows] == [f"1.{n}" for n in range(300)]
    assert await watched.client.ask_list("DBGetTree", [("Family", "none")]) == []
    fake.denied.add("CoreShowChannels")
    with pytest.raises(ActionRefused):
        await watched.client.ask_list("CoreShowChannels")


async def test_what_asterisk_says_while_it_shuts_down_is_heard(
    fake: FakeAmi, watched: Watched
) -> None:
    fake.event("Shutdown", Shutdown="Cleanly", Restart="False")
    fake.event("Hangup", Uniqueid="1.1")
    await watched.until(lambda: watched.events[-1:] and watched.events[-1][0] == b"Hangup")
    assert watched.downs == []
    fake.cut()
    await watched.until(lambda: bool(watched.downs))
    assert watched.downs[0] == "Asterisk shuts down"


async def test_a_login_refused_since_asterisk_ends_is_no_wrong_secret(
    fake: FakeAmi, watched: Watched
) -> None:
    fake.refusal = "Asterisk is shutting down"
    fake.cut()
    await watched.until(lambda: len(watched.downs) >= 3)
    assert (watched.client.state, watched.client.counters.refused) == (LinkState.AWAY, 0)
    fake.refusal = ""
    await watched.until_connected()


async def test_pausing_an_agent_reaches_every_queue(fake: FakeAmi, watched: Watched) -> None:
    control = AmiQueueControl(client=watched.client)
    await control.set_paused("PJSIP/agent1", paused=True, reason="Lunch")
    await control.set_paused("PJSIP/agent1", paused=False, reason="")
    first, second = fake.sent("QueuePause")
    assert (first["Interface"], first["Paused"], first["Reason"]) == (
        "PJSIP/agent1",
        "true",
        "Lunch",
    )
    assert (second["Paused"], "Reason" in second, "Queue" in second) == ("false", False, False)
    fake.denied.add("QueuePause")
    with pytest.raises(Unavailable):
        await control.set_paused("PJSIP/agent1", paused=True, reason="x")
    await fake.stop()
    await watched.until(lambda: not watched.client.is_connected)
    with pytest.raises(Unavailable):
        await control.set_paused("PJSIP/agent1", paused=True, reason="x")


async def test_members_are_added_and_removed(fake: FakeAmi, watched: Watched) -> None:
    fake.members = [("support", "PJSIP/1", "PJSIP/1")]
    members = QueueMembers()
    queues = AmiQueueMembership(client=watched.client, members=members, in_step=lambda: True)
    anna = QueueMember("support", "PJSIP/2", "Anna Berg", "hint:2@agents", 3)
    assert await queues.add(anna, paused=True, reason="lunch")
    [sent] = fake.sent("QueueAdd")
    assert {key: value for key, value in sent.items() if key not in ("Action", "ActionID")} == {
        **{"Queue": "support", "Interface": "PJSIP/2", "Penalty": "3", "Paused": "true"},
        **{"Reason": "lunch", "MemberName": "Anna Berg", "StateInterface": "hint:2@agents"},
    }
    assert not await queues.add(anna, paused=False, reason="")
    with pytest.raises(Misconfigured, match="no queue 'sales'"):
        await queues.add(replace(anna, queue="sales"), paused=False, reason="")
    assert await queues.remove("support", "PJSIP/2")
    # Gone already, of the configuration, or in no queue of this name: nothing is to be removed.
    for place in (("support", "PJSIP/2"), ("support", "PJSIP/1"), ("sales", "PJSIP/2")):
        assert not await queues.remove(*place)
    fake.denied |= {"QueueAdd", "QueueRemove"}
    with pytest.raises(Unavailable, match="denied"):
        await queues.add(anna, paused=False, reason="")
    with pytest.raises(Unavailable, match="denied"):
        await queues.remove("support", "PJSIP/2")


def test_members_are_known_by_what_asterisk_tells() -> None:
    members = QueueMembers()
    members.replace([MemberSeen("", "", "PJSIP/1", "hint:1@agents", "support", "Anna")])
    queues = AmiQueueMembership(client=None, members=members, in_step=lambda: True)  # type: ignore[arg-type]
    assert queues.members_of("support") == [
        QueueMember("support", "PJSIP/1", "Anna", "hint:1@agents")
    ]
    removed = b"Event: QueueMemberRemoved\r\nQueue: support\r\nInterface: PJSIP/1\r\n"
    event = read_event(b"QueueMemberRemoved", removed)
    assert event is not None
    members.apply(event)
    assert queues.members_of("support") == []


async def test_who_may_not_act_reads_on_and_changes_nothing(
    fake: FakeAmi, watched: Watched
) -> None:
    may_act = False
    watched.client.may_act = lambda: may_act
    control = AmiQueueControl(client=watched.client)
    with pytest.raises(Unavailable):
        await control.set_paused("PJSIP/agent1", paused=True, reason="Lunch")
    assert await watched.client.ask_list("CoreShowChannels") == []
    assert fake.sent("QueuePause") == []
    may_act = True
    await control.set_paused("PJSIP/agent1", paused=True, reason="Lunch")
