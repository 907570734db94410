"""When Asterisk is asked for silence in the recordings of a line, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import pytest

from ami_bridge import line_recordings
from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.line_recordings import AmiLineRecordings
from calls.call import CallId
from calls.errors import DeadlineExceeded, Unavailable
from tests.fakes.call_channel import A_CALL

pytestmark = pytest.mark.unit

MUTED, HEARD = "1", "0"


class Client:
    """`answers` come in turn, None is a yes; after them all is done."""

    def __init__(self, answers: Sequence[Exception | None] = ()) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def ask(
        self, action: str, headers: Sequence[tuple[str, str]], *, deadline_s: float
    ) -> None:
        assert action == "MixMonitorMute"
        told = dict(headers)
        assert (told["Channel"], told["Direction"]) == (A_CALL.channel, "both")
        # While it is muted the caller waits and hears nothing.
        assert deadline_s <= (1.0 if told["State"] == MUTED else 2.0)
        self.asked.append(told["State"])
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer


class Stage:
    def __init__(self, *answers: Exception | None) -> None:
        self.client = Client(answers)
        #: Set: the time until the next try is over.
        self.time = asyncio.Event()
        self.recordings = AmiLineRecordings(
            client=cast("AmiClient", self.client), pause=lambda _: self._pass()
        )

    async def _pass(self) -> None:
        await self.time.wait()
        self.time.clear()

    async def settle(self) -> list[str]:
        for _ in range(5):
            await asyncio.sleep(0)
        return self.client.asked


async def test_muted_and_heard_again() -> None:
    stage = Stage()
    await stage.recordings.mute(A_CALL, "dialog")
    stage.recordings.unmute(A_CALL, "dialog")
    assert await stage.settle() == [MUTED, HEARD]
    assert stage.recordings.waiting == 0


@pytest.mark.parametrize(
    "error", [ActionRefused("no such channel"), Unavailable("away"), DeadlineExceeded("late")]
)
async def test_whatever_is_no_yes_is_told(error: Exception) -> None:
    with pytest.raises((Unavailable, DeadlineExceeded)):
        await Stage(error).recordings.mute(A_CALL, "dialog")


async def test_it_goes_on_until_asterisk_is_back() -> None:
    stage = Stage(None, Unavailable("away"), DeadlineExceeded("late"))
    await stage.recordings.mute(A_CALL, "dialog")
    stage.recordings.unmute(A_CALL, "dialog")
    assert await stage.settle() == [MUTED, HEARD]
    assert stage.recordings.waiting == 1
    for tries in (2, 3):
        stage.time.set()
        assert (await stage.settle()).count(HEARD) == tries
    assert stage.recordings.waiting == 0


async def test_who_waits_for_it_is_told_once_and_of_giving_up(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_recordings, "_TRIES", 3)
    stage = Stage(*[Unavailable("away")] * 3)
    stage.recordings.unmute(A_CALL, "dialog")
    for _ in range(3):
        await stage.settle()
        stage.time.set()
    assert await stage.settle() == [HEARD] * 3
    assert stage.recordings.waiting == 0
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]


async def test_the_end_of_the_call_ends_it() -> None:
    stage = Stage(Unavailable("away"))
    stage.recordings.unmute(A_CALL, "dialog")
    await stage.settle()
    stage.recordings.over(A_CALL.id)
    stage.recordings.over(A_CALL.id)
    stage.time.set()
    assert await stage.settle() == [HEARD]
    assert stage.recordings.waiting == 0


async def test_only_so_many_lines_wait(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_recordings, "_MOST", 2)
    stage = Stage()
    calls = [replace(A_CALL, id=CallId("pbx", f"1.{number}")) for number in range(4)]
    for call in (*calls, *calls[:2]):
        stage.recordings.unmute(call, "dialog")
    assert stage.recordings.waiting == 2
    assert await stage.settle() == [HEARD] * 2
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 2


async def test_a_line_that_has_gone_is_let_go() -> None:
    stage = Stage(None, ActionRefused("No such channel"))
    await stage.recordings.mute(A_CALL, "dialog")
    stage.recordings.unmute(A_CALL, "dialog")
    await stage.settle()
    assert stage.recordings.waiting == 0


async def test_it_never_ends_in_the_middle_of_the_next_question() -> None:
    stage = Stage(None, Unavailable("away"))
    await stage.recordings.mute(A_CALL, "dialog")
    stage.recordings.unmute(A_CALL, "dialog")
    await stage.settle()
    await stage.recordings.mute(A_CALL, "dialog")
    stage.time.set()
    assert await stage.settle() == [MUTED, HEARD, MUTED]
    stage.recordings.unmute(A_CALL, "dialog")
    assert (await stage.settle())[-1] == HEARD


async def test_who_stops_tries_once_more_and_leaves_nothing_behind() -> None:
    stage = Stage()
    stage.recordings.unmute(A_CALL, "dialog")
    await stage.recordings.close()
    assert stage.client.asked == [HEARD]
    assert stage.recordings.waiting == 0


class Channels:
    """An Asterisk with the caller's channel and the inner half of a Local one; `left` says how many
    record each, None that there is no such channel."""

    LINE, PHONE = A_CALL.channel, "Local/102@from-queue-1;2"

    def __init__(self, line: int | None, phone: int | None) -> None:
        self.left = {self.LINE: line, self.PHONE: phone}
        self.asked: list[tuple[str, str]] = []
        self.late: set[str] = set()
        self.refusal = ""
        self.others = [self.PHONE, self.LINE]
        self.recordings = AmiLineRecordings(
            client=cast("AmiClient", self), others=lambda _: self.others
        )

    async def ask(
        self, action: str, headers: Sequence[tuple[str, str]], *, deadline_s: float
    ) -> None:
        channel = dict(headers)["Channel"]
        self.asked.append((action, channel))
        left = self.left[channel]
        if channel in self.late:
            raise DeadlineExceeded("late")
        if self.refusal:
            raise ActionRefused(f"AMI {action}: {self.refusal}")
        if left is None:
            raise ActionRefused(f"AMI {action}: No such channel")
        if action == "MixMonitorMute" and not left:
            raise ActionRefused(f"AMI {action}: Cannot set mute flag")
        if action == "StopMixMonitor":
            if not left:
                raise ActionRefused(f"AMI {action}: Could not stop monitoring channel")
            self.left[channel] = left - 1


@pytest.mark.parametrize(
    ("line", "phone", "silent"),
    [(1, 1, True), (1, 0, True), (1, None, True), (0, 1, True), (0, 0, False), (None, 1, False)],
)
async def test_the_phone_s_recording_is_muted_too(
    line: int | None, phone: int | None, silent: bool
) -> None:
    """Where nobody records the caller the phone's may do; where the caller's channel is not found,
    nothing is known."""
    pbx = Channels(line, phone)
    if silent:
        await pbx.recordings.mute(A_CALL, "dialog")
    else:
        with pytest.raises(Unavailable):
            await pbx.recordings.mute(A_CALL, "dialog")
    assert pbx.asked == [("MixMonitorMute", pbx.LINE), ("MixMonitorMute", pbx.PHONE)]


async def test_a_phone_s_late_answer_is_no_silence() -> None:
    pbx = Channels(1, 1)
    pbx.late.add(pbx.PHONE)
    with pytest.raises(DeadlineExceeded):
        await pbx.recordings.mute(A_CALL, "dialog")


async def test_every_recording_is_ended() -> None:
    pbx = Channels(2, 1)
    await pbx.recordings.stop(A_CALL)
    assert pbx.left == {pbx.LINE: 0, pbx.PHONE: 0}
    gone = Channels(0, None)
    await gone.recordings.stop(A_CALL)


async def test_what_may_not_have_ended_is_told() -> None:
    for pbx in (Channels(None, 0), Channels(1, 0)):
        pbx.refusal = "" if pbx.left[pbx.LINE] is None else "Permission denied"
        with pytest.raises(Unavailable):
            await pbx.recordings.stop(A_CALL)
    late = Channels(1, 1)
    late.late.add(late.PHONE)
    with pytest.raises(DeadlineExceeded):
        await late.recordings.stop(A_CALL)
    # Nothing records where the module is not loaded.
    without = Channels(0, 0)
    without.refusal = "Invalid/unknown command: StopMixMonitor. Use Action: ListCommands to show"
    await without.recordings.stop(A_CALL)


async def test_who_waits_for_it_is_told_when_it_is_recorded_again() -> None:
    stage = Stage(Unavailable("away"))
    stage.recordings.unmute(A_CALL, "dialog")
    waiting = asyncio.create_task(stage.recordings.unmuted(A_CALL.id))
    await stage.settle()
    assert not waiting.done()
    stage.time.set()
    await asyncio.wait_for(waiting, 5)
    assert stage.client.asked == [HEARD, HEARD]
    await stage.recordings.unmuted(A_CALL.id)


async def test_it_is_recorded_again_once_nobody_wants_silence_any_more() -> None:
    stage = Stage()
    await stage.recordings.mute(A_CALL, "agent")
    await stage.recordings.mute(A_CALL, "dialog")
    stage.recordings.unmute(A_CALL, "agent")
    assert await stage.settle() == [MUTED, MUTED]
    await asyncio.wait_for(stage.recordings.unmuted(A_CALL.id), 5)
    stage.recordings.unmute(A_CALL, "dialog")
    assert await stage.settle() == [MUTED, MUTED, HEARD]


@pytest.mark.parametrize(("error", "holds"), [(Unavailable("away"), 0), (DeadlineExceeded("l"), 1)])
async def test_who_could_not_mute_it_keeps_nobody_waiting(error: Exception, holds: int) -> None:
    """What was not answered in time may be silent: it is, until they say so."""
    stage = Stage(None, error)
    await stage.recordings.mute(A_CALL, "agent")
    with pytest.raises(Unavailable):
        await stage.recordings.mute(A_CALL, "dialog")
    stage.recordings.unmute(A_CALL, "agent")
    assert (await stage.settle()).count(HEARD) == 1 - holds
    stage.recordings.unmute(A_CALL, "dialog")
    assert (await stage.settle())[-1] == HEARD


async def test_of_those_who_want_silence_only_so_many_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line_recordings, "_MOST", 2)
    stage = Stage()
    calls = [replace(A_CALL, id=CallId("pbx", f"1.{number}")) for number in range(3)]
    for call in calls:
        await stage.recordings.mute(call, "agent")
    stage.recordings.unmute(calls[0], "dialog")
    stage.recordings.unmute(calls[1], "dialog")
    assert await stage.settle() == [MUTED] * 3 + [HEARD]


async def test_a_phone_that_left_the_call_is_recorded_again_too() -> None:
    pbx = Channels(1, 1)
    await pbx.recordings.mute(A_CALL, "agent")
    pbx.asked.clear()
    pbx.others = [pbx.LINE]
    pbx.recordings.unmute(A_CALL, "agent")
    await asyncio.wait_for(pbx.recordings.unmuted(A_CALL.id), 5)
    assert pbx.asked == [("MixMonitorMute", pbx.LINE), ("MixMonitorMute", pbx.PHONE)]
