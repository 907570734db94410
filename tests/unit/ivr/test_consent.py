"""Whether a call is recorded, by what the caller says to it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from calls.bus import EventBus
from calls.decision import CallRecording
from calls.events import DecisionMade, MessageRecorded
from config.actions import ToMenu, ToQueue
from config.rulebook import RecordCalls
from config.rulebook_loader import load_rulebook
from tests.fakes.call_channel import FakeChannel, Press
from tests.fakes.dialog_house import dialog_house
from tests.fakes.spoken_text import words
from tests.unit.ivr.test_dialog import NOON, World

pytestmark = pytest.mark.unit

ASK = RecordCalls("ask")
NAME = re.compile(r"call-pbx-1700000000\.1-[0-9a-f]{8}-1")
QUESTION = "We would like to record this call."

RULEBOOK = """
numbers: {default: {menu: main, language: en, record: {consent: ask}}}
menus:
  main:
    greeting: Welcome.
    options:
      - {intent: sales, say: To order, do: {queue: sales}}
      - {intent: billing, say: For an invoice, do: {queue: billing}}
"""


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with EventBus() as bus:
        yield World(bus)


async def asked(world: World, channel: FakeChannel, wish: RecordCalls = ASK) -> str:
    """The answer that is kept."""
    dialog = world.dialog(channel)
    await dialog.record_call(wish)
    await world.bus.drain()
    [kept] = world.course.recordings
    assert kept.at == NOON
    assert kept.name == channel.recorded_as
    told = [event.recording for event in world.events if isinstance(event, MessageRecorded)]
    assert told == [name for name in [kept.name] if name is not None]
    return kept.answer


@pytest.mark.parametrize(
    ("presses", "wish", "answer"),
    [
        (["1"], ASK, "agreed"),
        (["9", "1"], ASK, "agreed"),
        (["", "1"], ASK, "agreed"),
        ([Press("1", "agree")], ASK, "agreed"),
        ([], RecordCalls("ask", silence_agrees=True), "agreed_by_silence"),
        ([], RecordCalls("announce"), "announced"),
        ([], RecordCalls("none"), "not_asked"),
    ],
)
async def test_it_is_recorded(
    world: World, presses: list[str | Press], wish: RecordCalls, answer: str
) -> None:
    channel = FakeChannel(presses)
    assert await asked(world, channel, wish) == answer
    assert NAME.fullmatch(channel.recorded_as or "")
    assert "stop_recordings" not in channel.commands


@pytest.mark.parametrize(
    ("presses", "wish", "answer"),
    [
        (["2"], ASK, "refused"),
        (["9", "9"], ASK, "refused"),
        ([], ASK, "silent"),
        (["0"], RecordCalls("ask", silence_agrees=True), "refused"),
        (["9", ""], RecordCalls("ask", silence_agrees=True), "refused"),
    ],
)
async def test_it_is_not_recorded_and_not_by_the_pbx_either(
    world: World, presses: list[str], wish: RecordCalls, answer: str
) -> None:
    channel = FakeChannel(presses)
    assert await asked(world, channel, wish) == answer
    assert (channel.recorded_as, channel.recordings_ended) == (None, 1)


async def test_a_second_dialog_of_a_call_leaves_the_first_ones_recording(world: World) -> None:
    channel, names = FakeChannel(["1", "1"]), set()
    for _ in range(2):
        await world.dialog(channel).record_call(ASK)
        names.add(channel.recorded_as)
    assert len(names) == 2


async def test_a_recording_that_may_go_on_is_told_of(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    channel = FakeChannel(["2"])
    channel.recordings_end = False
    assert await asked(world, channel) == "refused"
    assert [(one.name, one.levelname) for one in caplog.records] == [("ivr.consent", "ERROR")]


@pytest.mark.parametrize("wish", [ASK, RecordCalls("announce")])
async def test_nobody_is_recorded_who_cannot_be_told(world: World, wish: RecordCalls) -> None:
    world.speech.silent = True
    channel = FakeChannel(["1"])
    assert await asked(world, channel, wish) == "not_heard"
    assert channel.recordings_ended == 1


async def test_what_is_typed_ahead_agrees_to_nothing_and_is_not_lost(world: World) -> None:
    channel = FakeChannel(["2"], ahead="1")
    dialog = world.dialog(channel)
    await dialog.record_call(ASK)
    assert words(channel.heard) == [*words(channel.asked[0])]
    assert channel.recorded_as is None
    assert await dialog.run(ToMenu("main")) == ToQueue("sales", priority=3)


async def test_who_wants_a_person_meanwhile_gets_one_unrecorded(world: World) -> None:
    channel = FakeChannel(["0"])
    dialog = world.dialog(channel)
    await dialog.record_call(ASK)
    assert await dialog.run(ToMenu("main")) == ToQueue("support")
    assert channel.recorded_as is None


async def test_where_asterisk_cannot_record_the_answer_is_kept_all_the_same(world: World) -> None:
    channel = FakeChannel(["1"])
    channel.recordings_begin = False
    assert await asked(world, channel) == "agreed"
    assert world.course.recordings == [CallRecording("agreed", NOON, None)]


@pytest.mark.parametrize(
    ("key", "answer", "queue"), [("1", "agreed", "sales"), ("2", "refused", "billing")]
)
async def test_the_answer_goes_with_the_decision_and_the_call_goes_on(
    tmp_path: Path, key: str, answer: str, queue: str
) -> None:
    (tmp_path / "all.yaml").write_text(RULEBOOK)
    async with dialog_house(load_rulebook(tmp_path).or_raise()) as house:
        channel = FakeChannel([key, key])
        await house.calls.serve(channel)
        await house.bus.drain()
        decided = [e.decision for e in house.events if isinstance(e, DecisionMade)]
    assert decided[0].recording is None
    kept = decided[-1].recording
    assert kept is not None
    assert (kept.answer, kept.name) == (answer, channel.recorded_as)
    assert (kept.name is not None) == (key == "1")
    assert decided[-1].as_json()["recording"] == {
        "answer": answer,
        "at": kept.at.isoformat(),
        "name": kept.name,
    }
    assert channel.queued is not None
    assert channel.queued.queue == queue
