"""Calls that agents place themselves: which they are, whom they reach, and what is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ami_bridge import ami_events as ami
from ami_bridge.ami_reading import event_name, read_event
from ami_bridge.ami_wire import Headers
from ami_bridge.call_tracker import CallTracker
from ami_bridge.live_channels import Channel
from ami_bridge.placing import Placing, number_told
from ami_bridge.snapshot import read as read_snapshot
from calls import events
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome, Direction
from calls.records import LegVia
from tests.fakes.call_journal import MemoryJournal
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[2] / "fixtures" / "ami"
LOGINS = {"PJSIP/agent1": "anna", "PJSIP/agent2": "ben", "Local/103@members/n": "chen"}
ANNA, BEN = "PJSIP/agent1", "PJSIP/agent2"


class Stage:
    """A tracker between a script and what it published."""

    def __init__(self, *, outbound: bool = True, internal: bool = True) -> None:
        self.bus, self.journal, self.clock = EventBus(), MemoryJournal(), FakeClock()
        self.told: list[events.CallEvent] = []
        self.bus.subscribe("told", self._tell, events.CallEvent)
        self.bus.subscribe("journal", self.journal.close, events.CallEnded)
        self.placing = Placing(login_of=LOGINS.get, outbound=outbound, internal=internal)
        self.tracker = self.started()

    def started(self) -> CallTracker:
        return CallTracker(
            system="pbx", journal=self.journal, bus=self.bus, placing=self.placing, now=self.clock
        )

    async def _tell(self, event: events.CallEvent) -> None:
        self.told.append(event)

    def play(self, *script: ami.AmiEvent) -> None:
        for event in script:
            self.tracker.apply(event)
            self.clock.advance(seconds=1)

    def replay(self, name: str) -> None:
        for block in (RECORDED / f"{name}.txt").read_bytes().split(b"\r\n\r\n"):
            event = read_event(event_name(block) or b"", block)
            if event is not None:
                self.play(event)

    async def heard(self) -> list[str]:
        await self.tracker.settle()
        await self.bus.drain()
        return [_in_short(event) for event in self.told]

    def calls(self) -> list[Call]:
        return [event.call for event in self.told if isinstance(event, events.CallArrived)]


def _in_short(event: events.CallEvent) -> str:
    said = [getattr(event, "interface", None), getattr(event, "outcome", None)]
    return ":".join([type(event).__name__, *(str(part) for part in said if part)])


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    async with made.bus:
        yield made


def vain(outcome: str) -> list[str]:
    return ["CallArrived", f"AgentRinging:{ANNA}", f"AgentMissed:{ANNA}", f"CallEnded:{outcome}"]


TALKED = [
    "CallArrived",
    f"AgentRinging:{ANNA}",
    f"AgentAnswered:{ANNA}",
    f"AgentReleased:{ANNA}",
    "CallEnded:answered",
]
RECORDINGS = {
    "placed_answered": TALKED,
    "placed_local": TALKED,
    "placed_local_optimised": TALKED,
    "placed_busy": vain("busy"),
    "placed_cancelled": vain("cancelled"),
    "placed_not_answered": vain("not_answered"),
}


@pytest.mark.parametrize("name", RECORDINGS)
async def test_what_a_real_asterisk_sent(stage: Stage, name: str) -> None:
    """22.10.1, an agent's phone that calls through a trunk."""
    stage.replay(name)
    assert await stage.heard() == RECORDINGS[name]
    [call] = stage.calls()
    assert (call.direction, call.from_raw) == (Direction.OUTBOUND, "004930123456")
    assert call.dialled.endswith("004930123456")
    assert stage.tracker.calls == {}
    assert len(stage.tracker.channels) == 0
    assert stage.journal.opened[call.id].is_placed


async def test_a_call_in_the_house_has_a_leg_for_each(stage: Stage) -> None:
    stage.replay("placed_internal")
    heard = await stage.heard()
    assert heard[:5] == [
        "CallArrived",
        f"AgentRinging:{ANNA}",
        f"AgentRinging:{BEN}",
        f"AgentAnswered:{ANNA}",
        f"AgentAnswered:{BEN}",
    ]
    assert heard[-1] == "CallEnded:answered"
    [call] = stage.calls()
    assert (call.direction, call.from_raw, call.from_name) == (Direction.INTERNAL, "", "anna")
    assert call.dialled == "602"


@pytest.mark.parametrize(
    ("name", "outbound", "internal"),
    [("placed_answered", False, True), ("placed_internal", True, False)],
)
async def test_what_is_not_wanted_is_not_told(name: str, outbound: bool, internal: bool) -> None:
    stage = Stage(outbound=outbound, internal=internal)
    async with stage.bus:
        stage.replay(name)
        assert await stage.heard() == []
        assert stage.journal.opened == {}


@pytest.mark.parametrize("name", ["answered", "blind", "abandon", "fallback"])
async def test_calls_of_queues_are_none(stage: Stage, name: str) -> None:
    stage.replay(name)
    await stage.heard()
    assert all(not call.is_placed for call in stage.calls())


def new(uid: str, name: str, linkedid: str = "", exten: str = "") -> ami.AmiEvent:
    return ami.ChannelCreated(uid, linkedid or uid, name, exten)


def dials(uid: str, dest: str, name: str, text: str, linkedid: str = "") -> ami.DialBegun:
    return ami.DialBegun(uid, linkedid or uid, dest, name, text, "s")


def ended(uid: str, dest: str, name: str, status: str = "ANSWER") -> ami.AmiEvent:
    return ami.DialEnded(uid, uid, dest, name, status)


def gone(uid: str, linkedid: str) -> ami.AmiEvent:
    return ami.ChannelHungUp(uid, linkedid)


PLACED = (
    new("7.1", "PJSIP/agent1-7", exten="0171123456"),
    new("7.2", "PJSIP/trunk-8", "7.1"),
    dials("7.1", "7.2", "PJSIP/trunk-8", "+49171123456@trunk"),
)
ANSWERED = ended("7.1", "7.2", "PJSIP/trunk-8")
OVER = (gone("7.2", "7.1"), gone("7.1", "7.1"))


async def test_trunks_that_fail_are_followed_by_the_next(stage: Stage) -> None:
    stage.play(
        *PLACED,
        ended("7.1", "7.2", "PJSIP/trunk-8", "CONGESTION"),
        gone("7.2", "7.1"),
        new("7.3", "PJSIP/other-9", "7.1"),
        dials("7.1", "7.3", "PJSIP/other-9", "0171123456@other"),
        ended("7.1", "7.3", "PJSIP/other-9", "CHANUNAVAIL"),
        gone("7.3", "7.1"),
        gone("7.1", "7.1"),
    )
    assert await stage.heard() == vain("failed")
    [call] = stage.calls()
    assert (call.from_raw, call.dialled) == ("+49171123456", "0171123456")


async def test_whoever_was_called_is_transferred(stage: Stage) -> None:
    """The call goes on with Ben, and ends with him."""
    stage.play(
        *PLACED,
        ANSWERED,
        ami.Transferred("7.1", "7.1", False, True, "PJSIP/agent1-7", "7.2", "102", "", ""),
        gone("7.1", "7.1"),
        new("7.4", "PJSIP/agent2-9", "7.1"),
        dials("7.2", "7.4", "PJSIP/agent2-9", "agent2", "7.1"),
        ami.DialEnded("7.2", "7.1", "7.4", "PJSIP/agent2-9", "ANSWER"),
        gone("7.4", "7.1"),
        gone("7.2", "7.1"),
    )
    assert await stage.heard() == [
        *TALKED[:3],
        "CallTransferred",
        f"AgentReleased:{ANNA}",
        "CallRouted",
        f"AgentRinging:{BEN}",
        f"AgentAnswered:{BEN}",
        f"AgentReleased:{BEN}",
        "CallEnded:answered",
    ]
    [ben] = [e for e in stage.told if isinstance(e, events.AgentAnswered) and e.interface == BEN]
    assert ben.via is LegVia.BLIND_TRANSFER


def talk_of_anna(stage: Stage) -> None:
    """A caller who came through the dialog and a queue."""
    stage.play(new("1.1", "PJSIP/trunk-1"))
    stage.tracker.dialog_started(CallId("pbx", "1.1"))
    stage.tracker.dialog_ended(CallId("pbx", "1.1"), hung_up=False, queued=True)
    stage.play(
        ami.QueueJoined("1.1", "1.1", "support", "PJSIP/trunk-1", "+1", ""),
        new("1.2", "PJSIP/agent1-2", "1.1"),
        ami.AgentCalled("1.1", "1.1", "support", ANNA, "1.2"),
        ami.QueueLeft("1.1", "1.1", "support"),
        ami.AgentConnected("1.1", "1.1", "support", ANNA, "1.2", 3.0, 9.0),
    )


@pytest.mark.parametrize("is_outside", [True, False])
async def test_a_consultation_is_part_of_the_call_that_is_transferred(
    stage: Stage, is_outside: bool
) -> None:
    """By a second line of Anna's phone, which then refers the one to the other (REFER)."""
    talk_of_anna(stage)
    other, text = ("PJSIP/trunk-8", "0171123456@trunk") if is_outside else ("PJSIP/agent2-8", "x")
    stage.play(
        new("7.1", "PJSIP/agent1-7", exten="0171123456" if is_outside else "102"),
        new("7.2", other, "7.1"),
        dials("7.1", "7.2", other, text),
        ended("7.1", "7.2", other),
        ami.Transferred("1.2", "1.1", True, True, "PJSIP/agent1-2", "1.1", "", "7.2", other, "7.1"),
        ami.AgentCompleted("1.1", "1.1", "support", ANNA, "1.2", 42.0, "transfer"),
        gone("7.1", "7.1"),
        gone("1.2", "1.1"),
        gone("7.2", "1.1"),
        gone("1.1", "1.1"),
    )
    heard = await stage.heard()
    assert {event.call_id.linkedid for event in stage.told} == {"1.1"}
    assert stage.calls() == []
    reached = other.rpartition("-")[0]
    assert f"AgentAnswered:{reached}" in heard
    assert heard[-2:] == [f"AgentReleased:{reached}", "CallEnded:answered"]
    assert (stage.tracker.calls, stage.tracker._held) == ({}, {})


async def test_a_call_made_before_ends_where_another_is_transferred_to_it(stage: Stage) -> None:
    """Anna called somebody, was called herself, and joins the two."""
    stage.play(*PLACED, ANSWERED)
    talk_of_anna(stage)
    outside = "PJSIP/trunk-8"
    stage.play(
        ami.Transferred(
            "1.2", "1.1", True, True, "PJSIP/agent1-2", "1.1", "", "7.2", outside, "7.1"
        ),
        gone("7.1", "7.1"),
        gone("1.2", "1.1"),
    )
    await stage.heard()
    assert [_in_short(e) for e in stage.told if e.call_id.linkedid == "7.1"] == TALKED
    stage.play(gone("7.2", "1.1"), gone("1.1", "1.1"))
    heard = await stage.heard()
    assert heard[-2:] == ["AgentReleased:PJSIP/trunk", "CallEnded:answered"]
    assert len([name for name in heard if name.startswith("CallEnded")]) == 2


async def test_a_second_line_that_was_none_is_told_at_its_end(stage: Stage) -> None:
    talk_of_anna(stage)
    stage.play(*PLACED, ANSWERED)
    assert "CallArrived" not in await stage.heard()
    stage.play(*OVER)
    heard = [_in_short(e) for e in stage.told if e.call_id.linkedid == "7.1"]
    assert heard == []
    await stage.heard()
    assert [_in_short(e) for e in stage.told if e.call_id.linkedid == "7.1"] == TALKED
    answered = [e.at for e in stage.told if isinstance(e, events.AgentAnswered)][-1]
    over = [e.at for e in stage.told if isinstance(e, events.CallEnded)][-1]
    assert (over - answered).total_seconds() == 2


async def test_a_program_that_rings_the_agent_first(stage: Stage) -> None:
    """By a Local channel, which then dials the customer; in the end it steps aside."""
    stage.play(
        new("7.1", "Local/101@from-internal-1;1"),
        new("7.2", "Local/101@from-internal-1;2", "7.1"),
        new("7.3", "PJSIP/agent1-7", "7.1"),
        dials("7.2", "7.3", "PJSIP/agent1-7", "agent1", "7.1"),
        ami.DialEnded("7.2", "7.1", "7.3", "PJSIP/agent1-7", "ANSWER"),
        new("7.4", "PJSIP/trunk-8", "7.1"),
        dials("7.1", "7.4", "PJSIP/trunk-8", "0171123456@trunk"),
        ended("7.1", "7.4", "PJSIP/trunk-8"),
        ami.LocalsOptimizedAway("7.3", "7.1", "7.1", "7.3"),
        gone("7.2", "7.1"),
        gone("7.1", "7.1"),
        gone("7.4", "7.1"),
    )
    assert await stage.heard() == TALKED[:3]
    stage.play(gone("7.3", "7.1"))
    assert await stage.heard() == TALKED
    [call] = stage.calls()
    assert (call.channel, call.from_raw) == ("PJSIP/agent1-7", "0171123456")


async def test_a_phone_that_stands_behind_a_member(stage: Stage) -> None:
    """As queues have them: a Local channel, and the phone for its state."""
    stage.play(ami.MemberSeen("", "", "Local/103@members/n", "PJSIP/agent3"))
    stage.play(new("7.1", "PJSIP/agent3-7", exten="0171123456"), *PLACED[1:], ANSWERED, *OVER)
    assert (await stage.heard())[2] == "AgentAnswered:Local/103@members/n"


@pytest.mark.parametrize(
    ("first", "text", "dest", "wanted"),
    [
        # Somebody else's phone, a trunk that rings a phone, and what we know nothing of.
        ("PJSIP/lobby-1", "0171123456@trunk", "PJSIP/trunk-2", None),
        ("PJSIP/trunk-1", "agent1", "PJSIP/agent1-2", None),
        ("PJSIP/agent1-1", "112@trunk", "PJSIP/trunk-2", (Direction.OUTBOUND, "112")),
        ("PJSIP/agent1-1", "g0/0171123456", "DAHDI/i1/0171123456-2", (Direction.OUTBOUND,)),
        # A phone of nobody's, under its number or name.
        ("PJSIP/agent1-1", "105/sip:105@10.0.0.5:5060", "PJSIP/105-2", (Direction.INTERNAL, "")),
        ("PJSIP/agent1-1", "lobby", "PJSIP/lobby-2", (Direction.INTERNAL, "")),
    ],
)
async def test_who_calls_whom(
    stage: Stage, first: str, text: str, dest: str, wanted: tuple[object, ...] | None
) -> None:
    stage.play(
        new("7.1", first, exten="105"),
        new("7.2", dest, "7.1"),
        dials("7.1", "7.2", dest, text),
        ended("7.1", "7.2", dest, "NOANSWER"),
        *OVER,
    )
    await stage.heard()
    if wanted is None:
        assert stage.told == []
    else:
        [call] = stage.calls()
        assert (call.direction, call.from_raw)[: len(wanted)] == wanted


@pytest.mark.parametrize(("typed", "number"), [("90301234567", ""), ("+4930123456", "+4930123456")])
async def test_a_line_that_is_told_no_number_names_nobody(
    stage: Stage, typed: str, number: str
) -> None:
    """What was typed may begin with a digit for a line, and be somebody else's number then."""
    stage.play(
        new("7.1", "PJSIP/agent1-7", exten=typed),
        new("7.2", "PJSIP/line-8", "7.1"),
        dials("7.1", "7.2", "PJSIP/line-8", "line"),
        *OVER,
    )
    await stage.heard()
    [call] = stage.calls()
    assert (call.direction, call.from_raw, call.dialled) == (Direction.OUTBOUND, number, typed)


@pytest.mark.parametrize(
    ("dial_string", "number"),
    [
        ("+4930123456@trunk", "+4930123456"),
        ("trunk/sip:030123456@192.0.2.1:5060", "030123456"),
        ("4930999/sip:030123456@host", "030123456"),
        ("g0/030123456", "030123456"),
        ("PJSIP/030123456@trunk,30,tT", "030123456"),
        ("PJSIP/1@a&PJSIP/022@b", ""),
        ("user:secret@host/*31#030123456", "*31#030123456"),
        ("agent1", ""),
        ("", ""),
    ],
)
def test_the_number_that_a_trunk_is_told(dial_string: str, number: str) -> None:
    assert number_told(dial_string) == number


def row(uid: str, channel: str, application: str, data: str) -> Headers:
    headers = Headers()
    headers.update(
        {
            "Uniqueid": uid,
            "Linkedid": "7.1",
            "Channel": channel,
            "Application": application,
            "ApplicationData": data,
            "Exten": "0171123456",
            "BridgeId": "b",
            "Duration": "00:01:05",
        }
    )
    return headers


DIALS = row("7.1", "PJSIP/agent1-7", "Dial", "PJSIP/+49171123456@trunk,30")
RUNG = row("7.2", "PJSIP/trunk-8", "AppDial", "(Outgoing Line)")


def test_a_snapshot_tells_who_dials() -> None:
    [dialling] = read_snapshot([RUNG, DIALS], []).dialling
    assert dialling.for_s == 65
    assert dialling.begun == ami.DialBegun(
        "7.1", "7.1", "7.2", "PJSIP/trunk-8", "PJSIP/+49171123456@trunk,30", "0171123456"
    )


async def test_a_restart_in_the_middle(stage: Stage) -> None:
    """The journal knows the call; the answer is found, and the end is the true one."""
    stage.play(*PLACED, ANSWERED)
    await stage.heard()
    stage.told.clear()
    stage.tracker = stage.started()
    stage.tracker.channels.replace(
        [Channel("7.1", "7.1", "PJSIP/agent1-7"), Channel("7.2", "7.1", "PJSIP/trunk-8")]
    )
    [call_id] = await stage.journal.open_placed("pbx")
    stage.tracker.resume_placed(call_id)
    live = stage.tracker.call_with("7.1")
    assert live is not None
    stage.tracker.publish(call_id, live.found_talking("", "PJSIP/trunk", "7.2", stage.clock()))
    stage.play(*OVER)
    assert await stage.heard() == TALKED[2:]
    assert stage.told[-1] == events.CallEnded(
        call_id, stage.told[-1].at, CallOutcome.ANSWERED, False
    )
