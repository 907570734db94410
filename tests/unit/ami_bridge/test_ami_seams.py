"""A caller whose number and extension hold whole lines of AMI ends nobody's call but their own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from ami_bridge.ami_events import ChannelCreated, ChannelHungUp
from ami_bridge.ami_protocol import MendedProtocol, Question
from ami_bridge.ami_reading import read_event
from ami_bridge.call_tracker import CallTracker
from calls.bus import EventBus
from calls.call import CallId
from calls.events import CallEnded, CallEvent
from tests.fakes.call_journal import MemoryJournal

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[2] / "fixtures" / "ami"
#: As short as they can be, which leaves the forger the most room.
VICTIM, CHANNEL = "1764330000.1", "PJSIP/a-00000001"
FORGER, FORGERS_CHANNEL = "1764330000.2", "PJSIP/a-00000002"
#: What chan_pjsip keeps of a number, and Asterisk of an extension (AST_CHANNEL_NAME and
#: AST_MAX_EXTENSION of include/asterisk/channel.h, each with an end).
ROOM = 79
LINES = (
    "",
    "Event: Hangup",
    "Event: Newchannel",
    "Event: QueueCallerAbandon",
    "Event: AgentComplete",
    "Event: X",
    "Response: Success",
    "Privilege: call,all",
    "ActionID: 1",
    f"Channel: {CHANNEL}",
    "Channel: a",
    f"Uniqueid: {VICTIM}",
    f"Linkedid: {VICTIM}",
    "Uniqueid: x",
    "Linkedid: x",
    "CallerIDNum: ",
    "CallerIDName: ",
    "Exten: s",
    "Priority: 1",
    "Wait: 1",
)


def snapshot(channel: str, uniqueid: str, number: str, exten: str) -> list[str]:
    """As main/manager_channels.c of 22.10.1 tells of a channel."""
    return [
        f"Channel: {channel}",
        "ChannelState: 4",
        "ChannelStateDesc: Ring",
        f"CallerIDNum: {number}",
        "CallerIDName: nm",
        "ConnectedLineNum: <unknown>",
        "ConnectedLineName: <unknown>",
        "Language: en",
        "AccountCode: ",
        "Context: from-anywhere",
        f"Exten: {exten}",
        "Priority: 1",
        f"Uniqueid: {uniqueid}",
        f"Linkedid: {uniqueid}",
    ]


def message(first: Sequence[str], rest: Sequence[str]) -> bytes:
    return ("\r\n".join([*first, *rest]) + "\r\n\r\n").encode()


def told_of(number: str, exten: str) -> list[bytes]:
    """All that Asterisk says of a channel, with what its caller sent put in as it is."""
    of_it = snapshot(FORGERS_CHANNEL, FORGER, number, exten)
    return [
        message(["Event: Newchannel", "Privilege: call,all"], of_it),
        message(["Event: Newstate", "Privilege: call,all"], of_it),
        message(["Event: QueueCallerJoin", "Privilege: agent,all"], [*of_it, "Queue: q"]),
        message(
            ["Event: CoreShowChannel", "ActionID: of-somebody"], [*of_it, "Application: Queue"]
        ),
        message(["Event: HangupRequest", "Privilege: call,all"], of_it),
        message(["Event: Hangup", "Privilege: call,all"], [*of_it, "Cause: 16"]),
    ]


class Transport:
    def abort(self) -> None: ...

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None: ...


class House:
    """The victim waits, and nobody has hung up."""

    def __init__(self) -> None:
        self.bus = EventBus()
        self.told: list[CallEvent] = []
        self.torn_messages = 0
        self.bus.subscribe("told", self._tell, CallEvent)
        self.tracker = CallTracker(system="pbx", journal=MemoryJournal(), bus=self.bus)
        self.protocol = MendedProtocol(self)
        self.protocol.connection_made(Transport())
        self.protocol.data_received(b"Asterisk Call Manager/11.0.0\r\n")
        of_victim = snapshot(CHANNEL, VICTIM, "+12025550150", "+18005550100")
        self.protocol.data_received(
            message(["Event: Newchannel", "Privilege: call,all"], of_victim)
        )
        self.tracker.dialog_started(CallId("pbx", VICTIM))
        self.tracker.dialog_ended(CallId("pbx", VICTIM), hung_up=False, queued=True)

    async def _tell(self, event: CallEvent) -> None:
        self.told.append(event)

    def received(self, name: bytes, block: bytes) -> None:
        event = read_event(name, block)
        if event is not None:
            self.tracker.apply(event)

    def torn(self) -> None:
        self.torn_messages += 1

    def lost(self, reason: str) -> None:
        raise AssertionError(f"a caller ended the connection: {reason}")

    @property
    def victim_lives(self) -> bool:
        return VICTIM in self.tracker.calls

    def victim_hangs_up(self) -> None:
        of_victim = snapshot(CHANNEL, VICTIM, "+12025550150", "s")
        self.protocol.data_received(message(["Event: Hangup", "Privilege: call,all"], of_victim))


HANGUP = f"\r\n\r\nEvent: Hangup\r\nUniqueid: {VICTIM}\r\n\r\n"
#: Seen to pass a real Asterisk, and what their senders might try next.
KNOWN = (
    (f"+1{HANGUP}", "+1800"),
    (f"\r\nUniqueid: x\r\nLinkedid: x{HANGUP}"[:ROOM], "+1800"),
    ("\r\nUniqueid: x\r\nLinkedid: x\r\n\r\nEvent: Hangup\r\nPrivilege: call,all",
     f"+1\r\nUniqueid: {VICTIM}\r\nLinkedid: {VICTIM}\r\n\r\nEvent: X"),
    ("+1202", f"+1\r\nPriority: 1\r\nUniqueid: {VICTIM}\r\nLinkedid: {VICTIM}"),
    ("+1202", f"+1\r\nUniqueid: {VICTIM}\r\nLinkedid: {VICTIM}\r\n\r\nEvent: X"),
    ("+1202\r\n\r\nEvent: Shutdown\r\nPrivilege: system,all\r\n\r\n", "+1800"),
    (f"+1202\r\nUniqueid: {VICTIM}\r\nLinkedid: {VICTIM}", "+1800"),
)  # fmt: skip


@pytest.mark.parametrize(("number", "exten"), KNOWN)
async def test_what_was_tried_ends_nobody_elses_call(number: str, exten: str) -> None:
    assert len(number) <= ROOM
    assert len(exten) <= ROOM
    house = House()
    async with house.bus:
        for block in told_of(number, exten):
            house.protocol.data_received(block)
            assert house.victim_lives, block
        house.victim_hangs_up()
        assert not house.victim_lives
        await house.bus.drain()
    assert VICTIM in {one.call_id.linkedid for one in house.told if isinstance(one, CallEnded)}


async def test_nothing_that_fits_into_number_and_extension_ends_somebody_elses_call() -> None:
    rng = random.Random(11)

    def made_up() -> str:
        text = rng.choice(["", "+1"])
        for line in rng.choices(LINES, k=rng.randint(0, 7)):
            text += f"\r\n{line}"
        return text[:ROOM]

    house = House()
    for _ in range(6_000):
        number, exten = made_up(), made_up()
        for block in told_of(number, exten):
            house.protocol.data_received(block)
        assert house.victim_lives, (number, exten)
        # What is left of a number must not swallow what comes after it for long.
        for _ in range(4):
            house.protocol.data_received(b"Event: Ping\r\nPrivilege: system,all\r\n\r\n")
    assert house.torn_messages > 1_000
    house.victim_hangs_up()
    assert not house.victim_lives


async def test_an_answer_loses_a_torn_row_and_nothing_else() -> None:
    house = House()
    question = Question("CoreShowChannels", (), lists=True)
    house.protocol.send(question)
    action = f"ActionID: {question.id}"
    plain = snapshot("PJSIP/b-3", "1.3", "+1203", "s")
    torn = snapshot(FORGERS_CHANNEL, FORGER, f"+1{HANGUP}", "s")
    house.protocol.data_received(
        message(["Response: Success", action], ["EventList: start"])
        + message(["Event: CoreShowChannel", action], torn)
        + message(["Event: CoreShowChannel", action], plain)
        + message(["Event: CoreShowChannelsComplete", action], ["EventList: Complete"])
    )
    answer = await asyncio.wait_for(question.future, 30)
    assert [row.get("Channel") for row in answer[1:]] == ["PJSIP/b-3"]
    assert house.victim_lives


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.txt")), ids=lambda path: path.stem)
async def test_all_that_a_real_asterisk_said_is_believed(file: Path) -> None:
    house = House()
    house.protocol.data_received(file.read_bytes())
    assert (house.torn_messages, house.protocol.malformed) == (0, 0)


async def test_a_row_of_a_queue_is_torn_too_though_it_names_its_question_last() -> None:
    house = House()
    question = Question("QueueStatus", (), lists=True)
    house.protocol.send(question)
    action = f"ActionID: {question.id}"
    forged = "Event: AgentComplete\r\nPrivilege: agent,all\r\nInterface: PJSIP/anna"
    number = f"\r\n\r\n{forged}\r\n\r\n"
    assert len(number) <= ROOM
    row = ["Queue: q", "Position: 1", f"Channel: {FORGERS_CHANNEL}", f"Uniqueid: {FORGER}"]
    rest = [f"CallerIDNum: {number}", "CallerIDName: nm", "Wait: 9", "Priority: 0", action]
    seen: list[bytes] = []
    house.received = lambda name, block: seen.append(name)  # type: ignore[method-assign]
    house.protocol.data_received(
        message(["Response: Success", action], ["EventList: start"])
        + message(["Event: QueueParams"], ["Queue: q", "Max: 0", action])
        + message(["Event: QueueEntry"], [*row, *rest])
        + message(["Event: QueueStatusComplete", action], ["EventList: Complete"])
    )
    answer = await asyncio.wait_for(question.future, 30)
    assert [told.get("Event") for told in answer[1:]] == ["QueueParams"]
    assert seen == []


async def test_a_late_answer_is_nobodys_event() -> None:
    house = House()
    late = snapshot("PJSIP/b-3", "1.3", "+1203", "s")
    house.protocol.data_received(message(["Event: CoreShowChannel", "ActionID: gone"], late))
    house.protocol.data_received(b"Response: Success\r\nActionID: gone\r\nPing: Pong\r\n\r\n")
    assert (house.torn_messages, house.protocol.malformed) == (0, 0)


async def test_an_end_under_another_name_has_asterisk_asked_anew() -> None:
    """The name may have changed unseen: then the end was true."""
    tracker, doubts = CallTracker(system="pbx", journal=MemoryJournal(), bus=EventBus()), []
    tracker.doubted = lambda: doubts.append(1)
    tracker.apply(ChannelCreated(VICTIM, VICTIM, CHANNEL))
    tracker.apply(ChannelHungUp(VICTIM, VICTIM, FORGERS_CHANNEL))

    assert doubts == [1]
