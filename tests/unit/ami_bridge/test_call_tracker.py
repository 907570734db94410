"""From AMI events and dialogs to what happened: one script per scenario, each ending once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ami_bridge import ami_events as ami
from ami_bridge.ami_reading import event_name, read_event
from ami_bridge.call_tracker import CallTracker
from calls import events
from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from calls.records import LegVia
from tests.fakes.call_journal import MemoryJournal
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.unit

RECORDED = Path(__file__).parents[2] / "fixtures" / "ami"
ID = CallId("pbx", "1.1")
ANNA, BEN = "PJSIP/anna", "PJSIP/ben"


class Stage:
    """A tracker between a script and a list of what it published."""

    def __init__(self) -> None:
        self.bus = EventBus()
        self.journal = MemoryJournal()
        self.clock = FakeClock()
        self.told: list[events.CallEvent] = []
        self.bus.subscribe("told", self._tell, events.CallEvent)
        self.tracker = CallTracker(
            system="pbx", journal=self.journal, bus=self.bus, now=self.clock, max_calls=50
        )

    async def _tell(self, event: events.CallEvent) -> None:
        self.told.append(event)

    def play(self, *script: ami.AmiEvent) -> None:
        for event in script:
            self.tracker.apply(event)
            self.clock.advance(seconds=1)

    async def heard(self) -> list[str]:
        """What was published, as `Name` or `Name:interface` or `CallEnded:outcome`."""
        await self.tracker.settle()
        await self.bus.drain()
        return [
            ":".join(
                [
                    type(event).__name__,
                    *(
                        str(part)
                        for part in (
                            getattr(event, "interface", None),
                            getattr(event, "outcome", None),
                        )
                        if part is not None
                    ),
                ]
            )
            for event in self.told
        ]

    async def ends(self) -> list[CallOutcome]:
        await self.heard()
        return [event.outcome for event in self.told if isinstance(event, events.CallEnded)]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    async with made.bus:
        yield made


def new(uid: str, name: str = "PJSIP/trunk-1", linkedid: str = "1.1") -> ami.AmiEvent:
    return ami.ChannelCreated(uid, linkedid, name)


def gone(uid: str, linkedid: str = "1.1") -> ami.AmiEvent:
    return ami.ChannelHungUp(uid, linkedid)


def rings(interface: str, uid: str) -> ami.AmiEvent:
    return ami.AgentCalled("1.1", "1.1", "support", interface, uid)


def answers(interface: str, uid: str) -> ami.AgentConnected:
    return ami.AgentConnected("1.1", "1.1", "support", interface, uid, 3.0, 9.0)


def completes(interface: str, uid: str, reason: str = "caller") -> ami.AmiEvent:
    return ami.AgentCompleted("1.1", "1.1", "support", interface, uid, 42.0, reason)


def misses(interface: str) -> ami.AmiEvent:
    return ami.AgentRangOut("1.1", "1.1", "support", interface, "")


JOIN = ami.QueueJoined("1.1", "1.1", "support", "PJSIP/trunk-1", "+1", "")
LEAVE = ami.QueueLeft("1.1", "1.1", "support")
ABANDON = ami.QueueAbandoned("1.1", "1.1", "support")
HANGS_UP = ami.HangupRequested("1.1", "1.1")


def to_queue(stage: Stage) -> None:
    stage.play(new("1.1"))
    stage.tracker.dialog_started(ID)
    stage.tracker.dialog_ended(ID, hung_up=False, queued=True)


SCENARIOS: dict[str, tuple[list[ami.AmiEvent], list[str]]] = {
    "answered, the caller hangs up": (
        [
            JOIN,
            new("1.2"),
            rings(ANNA, "1.2"),
            LEAVE,
            answers(ANNA, "1.2"),
            HANGS_UP,
            completes(ANNA, "1.2"),
            gone("1.2"),
            gone("1.1"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentAnswered:{ANNA}",
            f"AgentReleased:{ANNA}",
            "CallEnded:answered",
        ],
    ),
    "ring all: the faster one wins": (
        [
            JOIN,
            rings(ANNA, "1.2"),
            rings(BEN, "1.3"),
            ami.DialEnded("1.1", "1.1", "1.3", "PJSIP/ben-3", "CANCEL"),
            ami.DialEnded("1.1", "1.1", "1.3", "PJSIP/ben-3", "CANCEL"),
            LEAVE,
            answers(ANNA, "1.2"),
            completes(ANNA, "1.2"),
            gone("1.1"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentRinging:{BEN}",
            f"AgentMissed:{BEN}",
            f"AgentAnswered:{ANNA}",
            f"AgentReleased:{ANNA}",
            "CallEnded:answered",
        ],
    ),
    "rings out, rings again, is answered by another": (
        [
            JOIN,
            rings(ANNA, "1.2"),
            misses(ANNA),
            misses(ANNA),
            rings(ANNA, "1.3"),
            rings(BEN, "1.4"),
            LEAVE,
            answers(BEN, "1.4"),
            gone("1.1"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentMissed:{ANNA}",
            f"AgentRinging:{ANNA}",
            f"AgentRinging:{BEN}",
            f"AgentAnswered:{BEN}",
            f"AgentMissed:{ANNA}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "the caller gives up while it rings": (
        [JOIN, rings(ANNA, "1.2"), HANGS_UP, ABANDON, LEAVE, gone("1.1")],
        [f"AgentRinging:{ANNA}", f"AgentMissed:{ANNA}", "CallEnded:abandoned_in_queue"],
    ),
    "the queue's time is up: Asterisk calls that abandoned too": (
        [JOIN, ABANDON, LEAVE, HANGS_UP, gone("1.1")],
        ["CallEnded:not_answered"],
    ),
    "the queue lets the caller go without a word": (
        [JOIN, LEAVE, gone("1.1")],
        ["CallEnded:not_answered"],
    ),
    "time is up in one queue, the caller gives up in the next": (
        [JOIN, ABANDON, LEAVE, JOIN, HANGS_UP, ABANDON, LEAVE, gone("1.1")],
        ["CallEnded:abandoned_in_queue"],
    ),
    "the caller hangs up between the dialog and the queue": (
        [HANGS_UP, gone("1.1")],
        ["CallEnded:abandoned_in_menu"],
    ),
    "blind transfer: the call lives on with the next agent": (
        [
            JOIN,
            new("1.2", "PJSIP/anna-2"),
            rings(ANNA, "1.2"),
            LEAVE,
            answers(ANNA, "1.2"),
            ami.Transferred("1.2", "1.1", False, True, "PJSIP/anna-2", "1.1", "102", "", ""),
            completes(ANNA, "1.2", "transfer"),
            gone("1.2"),
            new("1.3", "PJSIP/ben-3"),
            ami.DialBegun("1.1", "1.1", "1.3", "PJSIP/ben-00000003"),
            ami.DialEnded("1.1", "1.1", "1.3", "PJSIP/ben-00000003", "ANSWER"),
            gone("1.3"),
            gone("1.1"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentAnswered:{ANNA}",
            "CallTransferred",
            f"AgentReleased:{ANNA}",
            "CallRouted",
            f"AgentRinging:{BEN}",
            f"AgentAnswered:{BEN}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "picked up: told only after the answer": (
        [
            JOIN,
            new("1.2", "PJSIP/anna-2"),
            rings(ANNA, "1.2"),
            new("2.1", "PJSIP/ben-3", "2.1"),
            LEAVE,
            replace(answers(ANNA, "2.1"), agent_channel="PJSIP/ben-00000003"),
            ami.PickedUp("1.2", "1.1", "2.1", "PJSIP/ben-00000003"),
            gone("1.2"),
            completes(ANNA, "2.1", "agent"),
            gone("2.1"),
            gone("1.1"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentMissed:{ANNA}",
            f"AgentRinging:{BEN}",
            f"AgentAnswered:{BEN}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "picked up: whoever answers is not who was rung": (
        [
            JOIN,
            new("1.2", "PJSIP/anna-2"),
            rings(ANNA, "1.2"),
            new("2.1", "PJSIP/ben-3", "2.1"),
            ami.PickedUp("1.2", "1.1", "2.1", "PJSIP/ben-00000003"),
            gone("1.2"),
            LEAVE,
            answers(ANNA, "2.1"),
            completes(ANNA, "2.1", "agent"),
            gone("2.1"),
            gone("1.1"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentMissed:{ANNA}",
            f"AgentRinging:{BEN}",
            f"AgentAnswered:{BEN}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "picked up from a queue's Local member, whose outer half alone app_queue knows": (
        [
            JOIN,
            rings("Local/1@q/n", "1.2"),
            ami.LocalsPaired("1.2", "1.1", "1.3"),
            ami.DialBegun("1.3", "1.1", "1.4", "PJSIP/anna-00000002"),
            ami.PickedUp("1.4", "1.1", "2.1", "PJSIP/ben-00000003"),
            LEAVE,
            answers("Local/1@q/n", "1.2"),
            completes("Local/1@q/n", "", "agent"),
            gone("2.1"),
            gone("1.1"),
        ],
        [
            "AgentRinging:Local/1@q/n",
            "AgentMissed:Local/1@q/n",
            f"AgentRinging:{BEN}",
            f"AgentAnswered:{BEN}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "parked and taken by another": (
        [
            JOIN,
            new("1.2", "PJSIP/anna-2"),
            answers(ANNA, "1.2"),
            ami.Parked("1.1", "1.1", "701"),
            gone("1.2"),
            new("2.1", "PJSIP/ben-3", "2.1"),
            ami.Unparked("1.1", "1.1", "2.1", "PJSIP/ben-00000003"),
            gone("2.1"),
            completes(ANNA, "", "caller"),
            gone("1.1"),
        ],
        [
            f"AgentAnswered:{ANNA}",
            f"AgentReleased:{ANNA}",
            f"AgentAnswered:{BEN}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "parked too long: rung back without a queue": (
        [
            JOIN,
            answers(ANNA, "1.2"),
            ami.Parked("1.1", "1.1", "701"),
            ami.ParkedTooLong("1.1", "1.1"),
            ami.DialBegun("1.1", "1.1", "1.3", "PJSIP/anna-00000003"),
            ami.DialEnded("1.1", "1.1", "1.3", "PJSIP/anna-00000003", "ANSWER"),
            gone("1.3"),
            gone("1.1"),
        ],
        [
            f"AgentAnswered:{ANNA}",
            f"AgentReleased:{ANNA}",
            f"AgentRinging:{ANNA}",
            f"AgentAnswered:{ANNA}",
            f"AgentReleased:{ANNA}",
            "CallEnded:answered",
        ],
    ),
    "gone while parked": (
        [JOIN, answers(ANNA, "1.2"), ami.Parked("1.1", "1.1", "701"), HANGS_UP, gone("1.1")],
        [f"AgentAnswered:{ANNA}", f"AgentReleased:{ANNA}", "CallRouted", "CallEnded:answered"],
    ),
    "a transfer to nowhere": (
        [
            JOIN,
            answers(ANNA, "1.2"),
            completes(ANNA, "1.2", "caller"),
            ami.Transferred("1.2", "1.1", False, True, "PJSIP/anna-2", "1.1", "999", "", ""),
            gone("1.1"),
        ],
        [
            f"AgentAnswered:{ANNA}",
            f"AgentReleased:{ANNA}",
            "CallTransferred",
            "CallRouted",
            "CallRouted",
            "CallEnded:answered",
        ],
    ),
    "an agent holds; that a caller does is nothing to us": (
        [
            JOIN,
            new("1.2", "PJSIP/anna-2"),
            rings(ANNA, "1.2"),
            ami.Held("1.2", "1.1", on=True),
            answers(ANNA, "1.2"),
            ami.Held("1.1", "1.1", on=True),
            ami.Held("1.2", "1.1", on=True),
            ami.Held("1.2", "1.1", on=False),
            completes(ANNA, "1.2", "agent"),
            ami.Held("1.2", "1.1", on=True),
            gone("1.2"),
            gone("1.1"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentAnswered:{ANNA}",
            f"AgentHeld:{ANNA}",
            f"AgentHeld:{ANNA}",
            f"AgentReleased:{ANNA}",
            "CallEnded:answered",
        ],
    ),
    "a conference with somebody who dialled in, and outlives the caller": (
        [
            JOIN,
            new("1.2", "PJSIP/anna-2"),
            answers(ANNA, "1.2"),
            ami.ConferenceJoined("2.1", "2.1", "800", "PJSIP/ben-00000003"),
            ami.ConferenceJoined("1.1", "1.1", "800", "PJSIP/trunk-1"),
            ami.ConferenceJoined("1.2", "1.1", "800", "PJSIP/anna-2"),
            ami.ConferenceLeft("1.1", "1.1", "800"),
            gone("1.1"),
            completes(ANNA, "1.2", "caller"),
            gone("1.2"),
            ami.ConferenceLeft("2.1", "2.1", "800"),
            gone("2.1", "2.1"),
        ],
        [
            f"AgentAnswered:{ANNA}",
            f"AgentAnswered:{BEN}",
            f"AgentReleased:{ANNA}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "a Local member's own phone transfers": (
        [
            JOIN,
            rings("Local/1@q/n", "1.2"),
            ami.LocalsPaired("1.2", "1.1", "1.3"),
            ami.DialBegun("1.3", "1.1", "1.4", "PJSIP/anna-00000002"),
            LEAVE,
            answers("Local/1@q/n", "1.2"),
            ami.Transferred("1.4", "1.1", False, True, "PJSIP/anna-2", "1.2", "102", "", ""),
            ami.DialBegun("1.3", "1.1", "1.5", "PJSIP/ben-00000003"),
            ami.DialEnded("1.3", "1.1", "1.5", "PJSIP/ben-00000003", "ANSWER"),
            gone("1.5"),
            gone("1.2"),
            completes("Local/1@q/n", "", "caller"),
            gone("1.1"),
        ],
        [
            "AgentRinging:Local/1@q/n",
            "AgentAnswered:Local/1@q/n",
            "CallTransferred",
            "AgentReleased:Local/1@q/n",
            "CallRouted",
            f"AgentRinging:{BEN}",
            f"AgentAnswered:{BEN}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "attended transfer: the colleague's own call becomes part of this one": (
        [
            JOIN,
            new("1.2", "PJSIP/anna-2"),
            rings(ANNA, "1.2"),
            LEAVE,
            answers(ANNA, "1.2"),
            new("2.1", "PJSIP/anna-3", "2.1"),
            new("2.2", "PJSIP/ben-4", "2.1"),
            ami.Transferred(
                "1.2", "1.1", True, True, "PJSIP/anna-2", "1.1", "102", "2.2", "PJSIP/ben-00000004"
            ),
            completes(ANNA, "1.2", "transfer"),
            gone("1.2"),
            gone("2.1", "2.1"),
            ami.BridgeEntered("2.2", "1.1", "PJSIP/ben-4"),
            gone("1.1"),
            gone("2.2"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentAnswered:{ANNA}",
            "CallTransferred",
            f"AgentAnswered:{BEN}",
            f"AgentReleased:{ANNA}",
            f"AgentReleased:{BEN}",
            "CallEnded:answered",
        ],
    ),
    "a conference of three: whoever began it is in it still": (
        [
            JOIN,
            new("1.2", "PJSIP/anna-2"),
            rings(ANNA, "1.2"),
            LEAVE,
            answers(ANNA, "1.2"),
            ami.Transferred(
                "1.2", "1.1", True, True, "PJSIP/anna-2", "1.1", "", "", "", "", threeway=True
            ),
            gone("1.2"),
            completes(ANNA, "1.2", "agent"),
            gone("1.1"),
        ],
        [
            f"AgentRinging:{ANNA}",
            f"AgentAnswered:{ANNA}",
            f"AgentReleased:{ANNA}",
            "CallEnded:answered",
        ],
    ),
    "a transfer that failed changes nothing": (
        [
            JOIN,
            answers(ANNA, "1.2"),
            ami.Transferred("1.2", "1.1", False, False, "PJSIP/anna-2", "1.1", "9", "", ""),
            completes(ANNA, "1.2"),
            gone("1.1"),
        ],
        [f"AgentAnswered:{ANNA}", f"AgentReleased:{ANNA}", "CallEnded:answered"],
    ),
    "the announcement is too much for the agent": (
        [
            JOIN,
            rings(ANNA, "1.2"),
            ami.AgentDumped("1.1", "1.1", "support", ANNA, "1.2"),
            LEAVE,
            gone("1.1"),
        ],
        [f"AgentRinging:{ANNA}", f"AgentMissed:{ANNA}", "CallEnded:not_answered"],
    ),
    "busy": (
        [
            JOIN,
            rings(ANNA, "1.2"),
            ami.DialEnded("1.1", "1.1", "1.2", "PJSIP/anna-2", "BUSY"),
            misses(ANNA),
        ],
        [f"AgentRinging:{ANNA}", f"AgentMissed:{ANNA}"],
    ),
    "the end of the agent's part is said without naming the call": (
        [
            JOIN,
            answers(ANNA, "1.2"),
            ami.AgentCompleted("", "", "support", ANNA, "", 42.0, "caller"),
            gone("1.1"),
        ],
        [f"AgentAnswered:{ANNA}", f"AgentReleased:{ANNA}", "CallEnded:answered"],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
async def test_scenario(stage: Stage, name: str) -> None:
    script, expected = SCENARIOS[name]
    to_queue(stage)
    stage.play(*script)
    assert await stage.heard() == expected


async def test_times_and_the_phone_behind_a_local_member_are_told(stage: Stage) -> None:
    member = "Local/100@from-queue/n"
    to_queue(stage)
    stage.play(
        ami.MemberSeen("", "", member, "PJSIP/100"),
        JOIN,
        rings(member, "1.2"),
        new("1.2", "Local/100@from-queue-1;1"),
        new("1.3", "Local/100@from-queue-1;2"),
        new("1.4", "PJSIP/100-7"),
        ami.DialBegun("1.3", "1.1", "1.4", "PJSIP/100-00000007"),
        ami.DialEnded("1.3", "1.1", "1.4", "PJSIP/100-00000007", "ANSWER"),
        LEAVE,
        answers(member, "1.2"),
        ami.LocalsOptimizedAway("1.4", "1.1", "1.2", "1.4"),
        gone("1.2"),
        gone("1.3"),
        ami.ChannelRenamed("1.1", "1.1", "PJSIP/trunk-1<ZOMBIE>"),
        completes(member, "1.4"),
        gone("1.4"),
        gone("1.1"),
    )
    await stage.heard()
    ringing, answered, released, ended = stage.told
    assert ringing == events.AgentRinging(ID, ringing.at, "support", member, "PJSIP/100")
    assert answered == events.AgentAnswered(ID, answered.at, "support", member, 3.0, 9.0)
    assert released == events.AgentReleased(ID, released.at, "support", member, 42.0, False)
    assert ended == events.CallEnded(
        ID, stage.clock.at - (stage.clock.at - ended.at), CallOutcome.ANSWERED
    )


@pytest.mark.parametrize(
    ("hung_up", "queued", "outcomes"),
    [
        (True, False, [CallOutcome.ABANDONED_IN_MENU]),
        (True, True, []),
        (False, False, [CallOutcome.NOT_ANSWERED]),
        (False, True, []),
    ],
)
async def test_without_ami_a_call_ends_with_its_dialog(
    stage: Stage, hung_up: bool, queued: bool, outcomes: list[CallOutcome]
) -> None:
    stage.tracker.dialog_started(ID)
    stage.tracker.dialog_ended(ID, hung_up=hung_up, queued=queued)
    stage.tracker.dialog_ended(ID, hung_up=hung_up, queued=queued)
    assert await stage.ends() == outcomes


async def test_the_hang_up_may_be_faster_than_the_end_of_the_dialog(stage: Stage) -> None:
    stage.play(new("1.1"))
    stage.tracker.dialog_started(ID)
    stage.play(HANGS_UP, gone("1.1"))
    assert await stage.ends() == [], "a dialog that lives has the call"
    stage.tracker.dialog_ended(ID, hung_up=False, queued=True)
    assert await stage.ends() == [CallOutcome.ABANDONED_IN_MENU]


async def test_the_hang_up_may_even_be_faster_than_the_dialog(stage: Stage) -> None:
    stage.play(new("1.1"), gone("1.1"))
    stage.tracker.dialog_started(ID)
    stage.tracker.dialog_ended(ID, hung_up=True, queued=False)
    stage.play(new("1.1"), gone("1.1"))
    assert await stage.ends() == [CallOutcome.ABANDONED_IN_MENU]


async def test_a_hang_up_that_asterisk_does_not_confirm_is_its_fallback(stage: Stage) -> None:
    """A server that was frozen reads HANGUP of callers whom the dialplan has taken back."""
    stage.tracker.followed = True
    stage.play(new("1.1"))
    stage.tracker.dialog_started(ID)
    stage.tracker.dialog_ended(ID, hung_up=True, queued=False)
    assert await stage.ends() == []
    stage.play(FALLBACK, HANGS_UP, gone("1.1"))
    assert await stage.ends() == [CallOutcome.ABANDONED_IN_QUEUE]


async def test_a_hang_up_that_asterisk_confirms_was_in_the_menu(stage: Stage) -> None:
    stage.tracker.followed = True
    stage.play(new("1.1"))
    stage.tracker.dialog_started(ID)
    stage.tracker.dialog_ended(ID, hung_up=True, queued=False)
    stage.play(HANGS_UP, gone("1.1"))
    assert await stage.ends() == [CallOutcome.ABANDONED_IN_MENU]


async def test_being_sent_away_is_no_abandoning(stage: Stage) -> None:
    stage.play(new("1.1"))
    stage.tracker.dialog_started(ID)
    stage.play(HANGS_UP)
    stage.tracker.dialog_ended(ID, hung_up=False, queued=False)
    stage.play(gone("1.1"))
    assert await stage.ends() == [CallOutcome.NOT_ANSWERED]


FALLBACK = ami.FallbackTook(
    "1.1", "1.1", "PJSIP/trunk-1", "+12025550150", "Maria", "+18005550100", "zh"
)


async def test_a_call_only_the_fallback_knew_is_journaled_before_it_is_told(stage: Stage) -> None:
    gate = asyncio.Event()
    gated = _gated(gate, stage.journal.open_call)
    stage.journal.open_call = gated  # type: ignore[method-assign]
    stage.play(new("1.1"), FALLBACK, JOIN, rings(ANNA, "1.2"))
    await asyncio.sleep(0)
    assert stage.told == []
    gate.set()
    assert await stage.heard() == ["CallArrived", "CallQueued", f"AgentRinging:{ANNA}"]
    arrived = stage.told[0]
    assert isinstance(arrived, events.CallArrived)
    assert arrived.fallback
    assert (arrived.call.dialled, arrived.call.from_raw, arrived.call.language) == (
        "+18005550100",
        "+12025550150",
        "zh",
    )
    assert stage.journal.fallback == {ID}
    stage.play(FALLBACK, HANGS_UP, ABANDON, LEAVE, gone("1.1"))
    assert await stage.ends() == [CallOutcome.ABANDONED_IN_QUEUE]
    assert len(stage.journal.opened) == 1


def _gated(gate: asyncio.Event, opened: Callable[..., Any]) -> Callable[..., Any]:
    async def open_call(*args: Any, **kwargs: Any) -> None:
        await gate.wait()
        await opened(*args, **kwargs)

    return open_call


async def test_agents_learn_of_a_call_though_the_journal_fails(stage: Stage) -> None:
    stage.journal.failing = True
    stage.play(FALLBACK, JOIN, gone("1.1"))
    assert await stage.heard() == ["CallArrived", "CallQueued", "CallEnded:not_answered"]


async def test_a_known_call_that_falls_back_is_marked_and_not_told_twice(stage: Stage) -> None:
    to_queue(stage)
    stage.play(FALLBACK, JOIN, HANGS_UP, ABANDON, LEAVE, gone("1.1"))
    assert await stage.heard() == ["CallQueued", "CallEnded:abandoned_in_queue"]
    assert stage.journal.fallback == {ID}


async def test_late_news_of_an_ended_call_opens_nothing(stage: Stage) -> None:
    to_queue(stage)
    stage.play(JOIN, gone("1.1"))
    stage.play(JOIN, FALLBACK, rings(ANNA, "1.2"), gone("1.1"), LEAVE, new("1.1"))
    assert await stage.ends() == [CallOutcome.NOT_ANSWERED]
    assert stage.tracker.calls == {}
    assert len(stage.tracker.channels) == 0


async def test_any_order_and_any_repetition_ends_once_and_answered(stage: Stage) -> None:
    script = [JOIN, rings(ANNA, "1.2"), answers(ANNA, "1.2"), completes(ANNA, "1.2"), LEAVE]
    orders = list(itertools.permutations(script))
    for number, order in enumerate(orders):
        linkedid = f"{number}.1"
        call_id = CallId("pbx", linkedid)
        stage.tracker.dialog_started(call_id)
        stage.tracker.dialog_ended(call_id, hung_up=False, queued=True)
        for event in (*order, *order):
            stage.tracker.apply(replace(event, uniqueid=linkedid, linkedid=linkedid))
        stage.tracker.apply(ami.ChannelHungUp(linkedid, linkedid))
        stage.tracker.apply(ami.ChannelHungUp(linkedid, linkedid))
    assert await stage.ends() == [CallOutcome.ANSWERED] * len(orders)


async def test_memory_is_bounded_while_ami_is_away(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(80):
        stage.tracker.dialog_started(CallId("pbx", f"{n}.1"))
        stage.tracker.dialog_ended(CallId("pbx", f"{n}.1"), hung_up=False, queued=True)
    assert len(stage.tracker.calls) == 50
    assert len(stage.tracker._call_of) == 50
    assert "no longer followed" in caplog.text
    assert await stage.ends() == []


RECORDINGS = {
    "answered": [
        "AgentRinging:Local/agent2@agents/n",
        "AgentRinging:Local/agent1@agents/n",
        "AgentMissed:Local/agent2@agents/n",
        "AgentAnswered:Local/agent1@agents/n",
        "AgentReleased:Local/agent1@agents/n",
        "CallEnded:answered",
    ],
    "abandon": ["CallEnded:abandoned_in_queue"],
    "timeout": ["CallEnded:not_answered"],
    "dial": [
        "AgentRinging:Local/agent1@agents",
        "AgentAnswered:Local/agent1@agents",
        "AgentReleased:Local/agent1@agents",
        "CallEnded:answered",
    ],
    "blind": [
        "AgentRinging:Local/agent2@agents/n",
        "AgentRinging:Local/agent1@agents/n",
        "AgentMissed:Local/agent2@agents/n",
        "AgentAnswered:Local/agent1@agents/n",
        "AgentHeld:Local/agent1@agents/n",
        "CallTransferred",
        "AgentReleased:Local/agent1@agents/n",
        "CallRouted",
        "AgentRinging:Local/agent3@agents",
        "AgentAnswered:Local/agent3@agents",
        "AgentReleased:Local/agent3@agents",
        "CallEnded:answered",
    ],
    "fallback": [
        "CallArrived",
        "CallQueued",
        "AgentRinging:Local/agent2@agents/n",
        "AgentRinging:Local/agent1@agents/n",
        "AgentMissed:Local/agent2@agents/n",
        "AgentAnswered:Local/agent1@agents/n",
        "AgentReleased:Local/agent1@agents/n",
        "CallEnded:answered",
    ],
}


@pytest.mark.parametrize("name", RECORDINGS)
async def test_what_a_real_asterisk_sent(stage: Stage, name: str) -> None:
    started = name == "fallback"
    for block in (RECORDED / f"{name}.txt").read_bytes().split(b"\r\n\r\n"):
        event = read_event(event_name(block) or b"", block)
        if event is None:
            continue
        stage.play(event)
        if not started and isinstance(event, ami.ChannelCreated):
            # In place of the dialog that comes before the queue.
            started = True
            stage.tracker.dialog_started(CallId("pbx", event.linkedid))
            stage.tracker.dialog_ended(CallId("pbx", event.linkedid), hung_up=False, queued=True)
    assert await stage.heard() == RECORDINGS[name]
    assert stage.tracker.calls == {}
    assert stage.tracker._call_of == {}
    assert len(stage.tracker.channels) == 0


HOW_THEY_CAME = {
    "picked up: whoever answers is not who was rung": [(BEN, LegVia.PICKUP)],
    "picked up: told only after the answer": [(BEN, LegVia.PICKUP)],
    "parked and taken by another": [(ANNA, LegVia.QUEUE), (BEN, LegVia.PARK)],
    "parked too long: rung back without a queue": [(ANNA, LegVia.QUEUE), (ANNA, LegVia.PARK)],
    "blind transfer: the call lives on with the next agent": [
        (ANNA, LegVia.QUEUE),
        (BEN, LegVia.BLIND_TRANSFER),
    ],
    "attended transfer: the colleague's own call becomes part of this one": [
        (ANNA, LegVia.QUEUE),
        (BEN, LegVia.ATTENDED_TRANSFER),
    ],
    "a conference with somebody who dialled in, and outlives the caller": [
        (ANNA, LegVia.QUEUE),
        (BEN, LegVia.CONFERENCE),
    ],
}


@pytest.mark.parametrize("name", HOW_THEY_CAME)
async def test_how_each_agent_came_to_the_call(stage: Stage, name: str) -> None:
    to_queue(stage)
    stage.play(*SCENARIOS[name][0])
    await stage.heard()
    answered = [event for event in stage.told if isinstance(event, events.AgentAnswered)]
    assert [(event.interface, event.via) for event in answered] == HOW_THEY_CAME[name]


@pytest.mark.parametrize(
    ("name", "routes"),
    [
        ("gone while parked", [("parked", "701")]),
        ("a transfer to nowhere", [("transfer", "999"), ("transfer_failed", "999")]),
        ("a Local member's own phone transfers", [("transfer", "102")]),
    ],
)
async def test_where_calls_went_without_an_agent(
    stage: Stage, name: str, routes: list[tuple[str, str]]
) -> None:
    to_queue(stage)
    stage.play(*SCENARIOS[name][0])
    await stage.heard()
    told = [(e.kind, e.target) for e in stage.told if isinstance(e, events.CallRouted)]
    assert told == routes


async def test_the_phone_behind_a_local_member_is_told_with_the_answer(stage: Stage) -> None:
    to_queue(stage)
    stage.play(*SCENARIOS["a Local member's own phone transfers"][0])
    await stage.heard()
    first = next(event for event in stage.told if isinstance(event, events.AgentAnswered))
    assert (first.interface, first.state_interface) == ("Local/1@q/n", ANNA)


async def test_a_channel_that_left_before_its_transfer_was_told_is_not_kept(stage: Stage) -> None:
    to_queue(stage)
    stage.play(
        JOIN,
        answers(ANNA, "1.2"),
        new("2.2", "PJSIP/ben-4", "2.1"),
        gone("2.2", "2.1"),
        ami.Transferred(
            "1.2", "1.1", True, True, "PJSIP/anna-2", "1.1", "102", "2.2", "PJSIP/ben-00000004"
        ),
        gone("1.2"),
        gone("1.1"),
    )
    assert await stage.ends() == [CallOutcome.ANSWERED]
    assert stage.tracker.call_with("2.2") is None


# Mailboxes, transfers, call backs ------------------------------------------------------------


def leaves_for(stage: Stage, left_for: CallOutcome) -> None:
    stage.play(new("1.1"))
    stage.tracker.dialog_started(ID)
    stage.tracker.dialog_ended(ID, hung_up=False, queued=True, left_for=left_for)


@pytest.mark.parametrize("left_for", [CallOutcome.VOICEMAIL, CallOutcome.TRANSFERRED])
async def test_who_left_for_somewhere_else_ends_there(stage: Stage, left_for: CallOutcome) -> None:
    leaves_for(stage, left_for)
    assert await stage.ends() == []
    stage.play(
        ami.DialBegun("1.1", "1.1", "1.2", "PJSIP/reception-1"),
        ami.DialEnded("1.1", "1.1", "1.2", "PJSIP/reception-1", "ANSWER"),
        HANGS_UP,
        gone("1.1"),
    )
    assert await stage.ends() == [left_for]


async def test_a_mailbox_that_failed_is_a_call_in_the_queue(stage: Stage) -> None:
    leaves_for(stage, CallOutcome.VOICEMAIL)
    stage.play(JOIN, rings(ANNA, "1.2"), answers(ANNA, "1.2"), completes(ANNA, "1.2"), gone("1.1"))
    assert await stage.ends() == [CallOutcome.ANSWERED]
    assert "CallQueued" in await stage.heard()


@pytest.mark.parametrize("who", ["we", "caller"])
async def test_who_asked_to_be_called_back_is(stage: Stage, who: str) -> None:
    to_queue(stage)
    stage.play(JOIN, LEAVE)
    stage.tracker.dialog_started(ID)
    stage.tracker.callback_requested(ID)
    stage.tracker.dialog_ended(ID, hung_up=who == "caller", queued=False)
    stage.play(HANGS_UP, gone("1.1"))
    assert await stage.ends() == [CallOutcome.CALLBACK]


async def test_who_left_the_queue_and_rang_off_gave_up(stage: Stage) -> None:
    to_queue(stage)
    stage.play(JOIN, LEAVE)
    stage.tracker.dialog_started(ID)
    stage.tracker.dialog_ended(ID, hung_up=True, queued=False)
    stage.play(gone("1.1"))
    assert await stage.ends() == [CallOutcome.ABANDONED_IN_QUEUE]


async def test_the_wait_begins_with_the_agent_tried_first(stage: Stage) -> None:
    to_queue(stage)
    tried = replace(JOIN, preferred="anna")  # type: ignore[type-var]
    stage.play(tried, rings(ANNA, "1.2"), misses(ANNA), LEAVE, JOIN)
    stage.clock.advance(seconds=20)
    stage.play(rings(BEN, "1.3"), answers(BEN, "1.3"))
    await stage.heard()
    (answered,) = [event for event in stage.told if isinstance(event, events.AgentAnswered)]
    assert (answered.queue, answered.interface) == ("support", BEN)
    assert answered.wait_s == pytest.approx(26)


@pytest.mark.parametrize(
    ("end", "in_vain"),
    [
        (misses(ANNA), True),
        (ami.DialEnded("1.1", "1.1", "1.2", "PJSIP/anna-2", "BUSY"), True),
        (ami.DialEnded("1.1", "1.1", "1.2", "PJSIP/anna-2", "CANCEL"), False),
        (gone("1.1"), False),
    ],
)
async def test_whether_an_agent_let_it_ring(stage: Stage, end: ami.AmiEvent, in_vain: bool) -> None:
    stage.play(new("1.1"), JOIN, rings(ANNA, "1.2"), end)
    stage.play(misses(ANNA), gone("1.1"), gone("1.2"))
    await stage.heard()
    missed = [event for event in stage.told if isinstance(event, events.AgentMissed)]
    assert [event.in_vain for event in missed] == [in_vain]
