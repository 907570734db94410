"""Which calls are recorded, of what Asterisk tells of its MixMonitors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ami_bridge import ami_events as ami
from ami_bridge.recorded_lines import RecordedLines
from calls import events
from tests.unit.ami_bridge.test_call_tracker import ID, JOIN, Stage, gone, new

pytestmark = pytest.mark.unit

BEGINS = ami.RecordingSeen("1.1", "1.1", on=True)
ENDS = ami.RecordingSeen("1.1", "1.1", on=False)
ON_THE_PHONE = ami.RecordingSeen("1.2", "1.1", on=True)


class Follower(Stage):
    def __init__(self) -> None:
        super().__init__()
        self.lines = RecordedLines(tracker=self.tracker)

    def play(self, *script: ami.AmiEvent) -> None:
        for event in script:
            super().play(event)
            self.lines.apply(event)

    async def recorded(self) -> list[bool]:
        await self.heard()
        told = [event for event in self.told if isinstance(event, events.LineRecorded)]
        assert {event.call_id for event in told} <= {ID}
        return [event.on for event in told]


@pytest.fixture
async def stage() -> AsyncIterator[Follower]:
    made = Follower()
    async with made.bus:
        made.play(new("1.1"))
        yield made


async def test_a_call_is_recorded_until_the_last_recording_ends(stage: Follower) -> None:
    stage.tracker.dialog_started(ID)
    stage.play(BEGINS, BEGINS, ENDS)
    assert await stage.recorded() == [True, True]
    stage.play(ENDS, ENDS)
    assert await stage.recorded() == [True, True, False]
    stage.play(BEGINS)
    assert await stage.recorded() == [True, True, False, True]


async def test_a_pbx_that_begins_before_the_call_is_ours_is_heard_of(stage: Follower) -> None:
    stage.play(BEGINS)
    assert await stage.recorded() == []
    stage.tracker.dialog_started(ID)
    stage.play(JOIN)
    assert await stage.recorded() == [True]


async def test_the_recording_of_a_phone_is_of_the_call_and_ends_with_it(stage: Follower) -> None:
    stage.tracker.dialog_started(ID)
    stage.play(BEGINS, new("1.2", "Local/102@from-queue-1;2"), ON_THE_PHONE, ENDS)
    assert await stage.recorded() == [True, True]
    stage.play(gone("1.2"))
    assert await stage.recorded() == [True, True, False]


async def test_of_other_conversations_nothing_is_told(stage: Follower) -> None:
    stage.tracker.dialog_started(ID)
    stage.play(ami.RecordingSeen("9.1", "9.1", on=True), gone("9.1", "9.1"))
    assert await stage.recorded() == []


async def test_what_went_on_before_the_ami_was_away_is_not_believed(stage: Follower) -> None:
    stage.tracker.dialog_started(ID)
    stage.play(BEGINS)
    stage.lines.lost()
    stage.play(ENDS)
    assert await stage.recorded() == [True]
    stage.play(BEGINS)
    assert await stage.recorded() == [True, True]


async def test_the_channels_of_a_call_have_names(stage: Follower) -> None:
    stage.tracker.dialog_started(ID)
    stage.play(new("1.2", "PJSIP/anna-2"))
    assert stage.tracker.channel_names_of(ID) == ["PJSIP/trunk-1", "PJSIP/anna-2"]
    stage.play(gone("1.2"))
    assert stage.tracker.channel_names_of(ID) == ["PJSIP/trunk-1"]
