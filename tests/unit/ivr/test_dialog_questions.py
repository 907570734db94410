"""Questions to the caller: digits, a PIN, a message, a call back, and a webhook in between."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from calls.bus import EventBus
from calls.errors import CallerHungUp, ChannelBroken, DeadlineExceeded, Unavailable
from calls.events import CallbackRequested, CallEvent, FieldCollected, MessageRecorded
from calls.ports import Keys
from config.actions import (
    Action,
    AskCallback,
    AskWebhook,
    CheckPin,
    Collect,
    HangUp,
    Record,
    SayText,
    ToMenu,
    ToQueue,
    ToTarget,
    ToVoicemail,
)
from tests.fakes.call_channel import A_CALL, FakeChannel, Press
from tests.fakes.call_course import UNKNOWN, text_of
from tests.fakes.spoken_text import words
from tests.unit.ivr.test_dialog import MENUS, NOON, PERSON, World, option, presented

pytestmark = pytest.mark.unit

YES, NO = ToQueue("yes"), ToQueue("no")
ORDER = Collect(
    field="order_number",
    say=text_of("Please type your order number."),
    then=YES,
    failure=NO,
    invalid=text_of("That is no order of ours."),
    min_digits=4,
    max_digits=6,
    tries=3,
)
CVV = replace(ORDER, field="cvv", min_digits=3, max_digits=4)
PIN = CheckPin(
    say=text_of("Please type your secret code."),
    then=YES,
    failure=NO,
    invalid=text_of("That was wrong."),
    tries=2,
)
MESSAGE = Record(
    "message", text_of("Please speak after the tone."), then=HangUp(), queue="sales", max_s=60
)
CALLBACK = AskCallback(
    "sales", text_of("We can call you back at this number."), then=HangUp(), otherwise=NO
)
STOCK = AskWebhook("stock", then=YES, failure=NO)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with EventBus() as bus:
        world = World(bus)
        world.course.found = {"123456", "4711"}
        world.course.pins = {"2580"}
        world.course.webhooks = {"stock"}
        yield world


def published(world: World, of: type[CallEvent]) -> list[CallEvent]:
    return [event for event in world.events if isinstance(event, of)]


class TestCollect:
    @pytest.mark.parametrize("typed", ["123456", "4711#", "4711"])
    async def test_a_whole_number_leads_on(self, world: World, typed: str) -> None:
        assert await world.play(FakeChannel([typed]), ORDER) == YES
        digits = typed.rstrip("#")
        assert world.course.was_typed == [("order_number", digits)]
        assert world.events == [
            FieldCollected(A_CALL.id, NOON, field="order_number", digits=digits)
        ]

    async def test_of_a_secret_nothing_is_kept_or_recorded(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        channel = FakeChannel(["713"])
        assert await world.play(channel, CVV) == YES
        assert (channel.secrets, world.recordings.asked) == (1, ["mute", "unmute"])
        assert world.course.was_typed == [("cvv", "****")]
        assert world.events == [FieldCollected(A_CALL.id, NOON, field="cvv", digits="****")]
        assert "713" not in caplog.text

    async def test_of_a_card_number_only_the_last_digits_are_kept(self, world: World) -> None:
        reference = replace(ORDER, field="reference", max_digits=16)
        assert await world.play(FakeChannel(["4111111111111111"]), reference) == YES
        assert world.course.was_typed == [("reference", "****1111")]
        assert world.events == [
            FieldCollected(A_CALL.id, NOON, field="reference", digits="****1111")
        ]

    @pytest.mark.parametrize(
        ("presses", "said"),
        [
            (["12#", "4711#"], "That is no order of ours."),
            (["9999#", "4711#"], "That is no order of ours."),
            (["47*1#", "4711#"], "That is no order of ours."),
            (["", "4711#"], "Sorry, I did not hear a key."),
        ],
    )
    async def test_what_cannot_be_used_is_asked_again(
        self, world: World, presses: list[str], said: str
    ) -> None:
        channel = FakeChannel(presses)
        assert await world.play(channel, ORDER) == YES
        assert words(channel.asked[1]) == [said, "Please type your order number."]
        assert [e.digits for e in world.events if isinstance(e, FieldCollected)] == ["4711"]

    async def test_tries_end(self, world: World) -> None:
        channel = FakeChannel(["1#", "", "9999#"])
        assert await world.play(channel, ORDER) == NO
        assert len(channel.asked) == 3
        assert world.events == []

    async def test_another_field_is_only_kept(self, world: World) -> None:
        pieces = replace(ORDER, field="pieces", min_digits=1, max_digits=3)
        assert await world.play(FakeChannel(["12#"]), pieces) == YES
        assert world.course.was_typed == [("pieces", "12")]

    async def test_an_end_key_after_a_full_number_is_no_answer_to_the_next_question(
        self, world: World
    ) -> None:
        step = replace(ORDER, then=ToMenu("main"))
        channel = FakeChannel(["123456#", "1"])
        assert await world.play(channel, step) == ToQueue("sales", 3)
        assert [key.digits for key in world.keys] == ["1"]

    async def test_an_end_key_after_a_full_number_does_not_end_the_next_one(
        self, world: World
    ) -> None:
        step = replace(ORDER, then=replace(ORDER, field="pieces", min_digits=1))
        assert await world.play(FakeChannel(["123456#", "12#"]), step) == YES
        assert world.course.was_typed[1] == ("pieces", "12")

    async def test_an_empty_entry_is_asked_again(self, world: World) -> None:
        channel = FakeChannel(["#", "4711#"])
        assert await world.play(channel, ORDER) == YES
        assert len(channel.asked) == 2

    async def test_the_question_is_cut_short_by_a_key(self, world: World) -> None:
        channel = FakeChannel([Press("4711#", during="order number")], ahead="")
        assert await world.play(channel, ORDER) == YES

    async def test_digits_typed_ahead_through_a_menu_count(self, world: World) -> None:
        world.course.plan.menus = {"ask": presented("ask", option("1", "order", ORDER))}
        channel = FakeChannel(ahead="14711#")
        assert await world.play(channel, "ask") == YES
        assert channel.heard == []

    async def test_digits_typed_during_the_look_up_are_for_the_next_question(
        self, world: World
    ) -> None:
        channel = FakeChannel(["4711#"])
        world.course.meanwhile = lambda: channel.type("21")
        assert await world.play(channel, replace(ORDER, then=ToMenu("main"))) == ToQueue("invoices")
        assert channel.lost == ""

    async def test_a_language_found_by_the_number_is_spoken_from_then_on(
        self, world: World
    ) -> None:
        plan = world.course.plan

        def recognised() -> None:
            plan.decision = replace(plan.decision, language="zh")

        world.course.meanwhile = recognised
        channel = FakeChannel(["4711#", "1"])
        await world.play(channel, replace(ORDER, then=ToMenu("main")))
        assert channel.language == "zh"
        assert world.speech.asked[-1][1] == "zh"


class TestPin:
    async def test_the_right_one_leads_on(self, world: World) -> None:
        channel = FakeChannel(["2580#"])
        assert await world.play(channel, PIN) == YES
        assert channel.secrets == 1

    async def test_recordings_of_the_line_hear_nothing_of_it(self, world: World) -> None:
        silent: list[bool] = []

        class Watched(FakeChannel):
            async def collect(self, *args: Any, **more: Any) -> Keys:
                silent.append(A_CALL.id in world.recordings.muted)
                return await super().collect(*args, **more)

        channel = Watched(["1111#", "2580#"])
        assert await world.play(channel, PIN) == YES
        assert silent == [True, True]
        assert world.recordings.asked == ["mute", "unmute"]
        assert channel.recordings_ended == 0

    async def test_a_key_cuts_short_what_is_said_before_it(self, world: World) -> None:
        channel = FakeChannel([Press("2580#", during="about your account")])
        before = SayText(text_of("This is about your account."), PIN)
        assert await world.play(channel, before) == YES
        assert words(channel.heard) == ["This is about your account."]
        assert "play" not in channel.commands

    async def test_where_they_cannot_be_muted_they_end_before_it_is_asked(
        self, world: World
    ) -> None:
        world.recordings.refusal = Unavailable("away")
        channel = FakeChannel(["2580#"])
        assert await world.play(channel, PIN) == YES
        assert channel.commands.index("stop_recordings") < channel.commands.index("collect")
        # What has ended needs not be heard again.
        assert world.recordings.asked == ["mute"]

    @pytest.mark.parametrize(
        ("refusal", "ends"),
        [(Unavailable("refused"), False), (DeadlineExceeded("late"), True)],
    )
    async def test_what_may_have_been_muted_is_heard_again(
        self, world: World, refusal: Exception, ends: bool
    ) -> None:
        world.recordings.refusal = refusal
        channel = FakeChannel(["2580#"])
        channel.recordings_end = ends
        assert await world.play(channel, PIN) == (YES if ends else NO)
        assert world.recordings.asked == ["mute", "unmute"]

    @pytest.mark.parametrize("step", [PIN, CVV])
    async def test_where_they_can_neither_be_ended_it_is_not_asked(
        self, world: World, step: CheckPin | Collect
    ) -> None:
        world.recordings.refusal = Unavailable("away")
        channel = FakeChannel(["2580#"])
        channel.recordings_end = False
        assert await world.play(channel, step) == NO
        assert channel.asked == []
        assert world.course.was_typed == []

    async def test_they_hear_again_whatever_becomes_of_the_question(self, world: World) -> None:
        for channel in (FakeChannel(["0"]), FakeChannel(break_at=2), FakeChannel(hang_up_at=2)):
            with contextlib.suppress(ChannelBroken, CallerHungUp):
                await world.play(channel, PIN)
            assert world.recordings.muted == set()

    async def test_a_wrong_one_is_asked_again_and_then_fails(self, world: World) -> None:
        channel = FakeChannel(["1111#", "2222"])
        assert await world.play(channel, PIN) == NO
        assert words(channel.asked[1]) == ["That was wrong.", "Please type your secret code."]
        assert world.course.pins_checked == 2

    async def test_silence_is_a_try_but_no_check(self, world: World) -> None:
        channel = FakeChannel(["", "2580"])
        assert await world.play(channel, PIN) == YES
        assert world.course.pins_checked == 1
        assert words(channel.asked[1])[0] == "Sorry, I did not hear a key."

    async def test_nobody_but_an_identified_caller_is_asked(self, world: World) -> None:
        world.course.is_identified = False
        channel = FakeChannel(["2580#"])
        assert await world.play(channel, PIN) == NO
        assert channel.asked == []

    async def test_the_digits_are_nowhere_to_be_read(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        channel = FakeChannel(["2580#"])
        await world.play(channel, PIN)
        assert world.events == []
        shown = caplog.text + repr(Keys("2580", False)) + repr(vars(world.course))
        assert "2580" not in shown.replace(repr(world.course.pins), "")


class TestRecord:
    async def test_a_message_is_told_of(self, world: World) -> None:
        channel = FakeChannel()
        assert await world.play(channel, MESSAGE) == HangUp()
        [name] = channel.recordings
        assert re.fullmatch(r"message-pbx-1700000000\.1-[0-9a-f]{8}-1", name)
        assert channel.recordings == {name: 4.0}
        assert words(channel.heard) == ["Please speak after the tone."]
        assert world.events == [
            MessageRecorded(
                A_CALL.id, NOON, what="message", recording=name, seconds=4.0, queue="sales"
            )
        ]

    async def test_a_key_goes_straight_to_the_tone(self, world: World) -> None:
        channel = FakeChannel([Press("#", during="speak after")])
        assert await world.play(channel, MESSAGE) == HangUp()
        assert len(channel.recordings) == 1

    async def test_two_recordings_of_a_call_have_two_names(self, world: World) -> None:
        channel = FakeChannel()
        await world.play(channel, Record("name", text_of("Your name, please."), then=MESSAGE))
        names = [re.sub("-[0-9a-f]{8}-", "-TOKEN-", name) for name in channel.recordings]
        assert names == ["name-pbx-1700000000.1-TOKEN-1", "message-pbx-1700000000.1-TOKEN-2"]

    async def test_a_second_dialog_of_a_call_leaves_the_first_ones_message(
        self, world: World
    ) -> None:
        channel = FakeChannel()
        await world.play(channel, MESSAGE)
        await world.play(channel, MESSAGE)
        assert len(channel.recordings) == 2

    async def test_who_cannot_leave_a_message_is_put_through_to_a_person(
        self, world: World
    ) -> None:
        channel = FakeChannel()
        channel.recording_s = 0.0
        assert await world.play(channel, MESSAGE) is None
        assert world.events == []

    async def test_on_a_name_nothing_depends(self, world: World) -> None:
        channel = FakeChannel()
        channel.recording_s = 0.0
        step = Record("name", text_of("Your name, please."), then=YES)
        assert await world.play(channel, step) == YES
        assert world.events == []

    @pytest.mark.parametrize(("spoke_s", "told"), [(3.0, 1), (0.5, 0)])
    async def test_ringing_off_ends_a_message_and_keeps_it(
        self, world: World, spoke_s: float, told: int
    ) -> None:
        channel = FakeChannel()
        channel.recording_s, channel.rings_off_recording = spoke_s, True
        with pytest.raises(CallerHungUp):
            await world.play(channel, replace(MESSAGE, then=CALLBACK))
        await world.bus.drain()
        assert len(published(world, MessageRecorded)) == told


class TestCallback:
    async def test_the_number_is_read_back_and_one_is_yes(self, world: World) -> None:
        channel = FakeChannel(["1"])
        assert await world.play(channel, CALLBACK) == HangUp()
        assert words(channel.heard) == [
            "We can call you back at this number.",
            "plus one, two zero two, five five five, zero one zero one",
            "If that is right, press 1.",
        ]
        assert world.events == [
            CallbackRequested(A_CALL.id, NOON, number="+12025550101", queue="sales")
        ]

    @pytest.mark.parametrize("press", ["", "2", "#"])
    async def test_anything_else_is_a_no(self, world: World, press: str) -> None:
        assert await world.play(FakeChannel([press]), CALLBACK) == NO
        assert world.events == []

    async def test_a_number_that_nobody_can_call_is_not_offered(self, world: World) -> None:
        world.course.callable_number = None
        channel = FakeChannel(["1"])
        assert await world.play(channel, CALLBACK) == NO
        assert channel.heard == []

    async def test_nobody_agrees_to_what_cannot_be_read_to_them(self, world: World) -> None:
        world.speech.unready = {"five five"}
        assert await world.play(FakeChannel(["1"]), CALLBACK) == NO
        assert world.events == []


class TestWebhook:
    async def test_its_answer_leads_on(self, world: World) -> None:
        assert await world.play(FakeChannel(), STOCK) == YES

    async def test_none_is_a_failure(self, world: World) -> None:
        world.course.webhooks = set()
        assert await world.play(FakeChannel(), STOCK) == NO

    async def test_the_text_before_it_is_heard_while_it_is_asked(self, world: World) -> None:
        channel = FakeChannel()
        await world.play(channel, SayText(text_of("Let me see."), STOCK))
        assert words(channel.heard) == ["Let me see."]
        assert channel.commands[-2:] == ["play", "listen_during"]

    async def test_keys_typed_while_it_is_asked_are_for_the_next_question(
        self, world: World
    ) -> None:
        channel = FakeChannel()
        world.course.meanwhile = lambda: channel.type("21")
        step = replace(STOCK, then=ToMenu("main"))
        assert await world.play(channel, step) == ToQueue("invoices")


@pytest.mark.parametrize("step", [ORDER, PIN, MESSAGE, CALLBACK], ids=lambda s: type(s).__name__)
async def test_zero_is_a_person_in_every_question(world: World, step: Action) -> None:
    outside = FakeChannel([Press("0#", during="")])
    assert await world.play(outside, step) is None
    world.course.plan.menus = {**MENUS, "ask": presented("ask", option("1", "ask", step))}
    inside = FakeChannel(["1", Press("0#", during="")])
    assert await world.play(inside, "ask") == PERSON
    ahead = FakeChannel(ahead="10#")
    assert await world.play(ahead, "ask") == PERSON


@pytest.mark.parametrize("end", [ToVoicemail("100@sales"), ToTarget("warehouse"), HangUp(), YES])
async def test_an_ending_is_given_as_it_is(world: World, end: Action) -> None:
    assert await world.play(FakeChannel(), end) == end


@pytest.mark.parametrize("step", [ORDER, PIN, CALLBACK], ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("why", ["silent", "unknown"])
async def test_a_question_that_cannot_be_spoken_is_not_asked(
    world: World, step: Collect | CheckPin | AskCallback, why: str
) -> None:
    if why == "silent":
        world.speech.silent = True
    else:
        step = replace(step, say=text_of(UNKNOWN))
    channel = FakeChannel(["4711#"])
    assert await world.play(channel, step) == NO
    assert channel.asked == []


async def test_a_text_that_cannot_be_filled_in_is_left_out(world: World) -> None:
    assert await world.play(FakeChannel(), SayText(text_of(UNKNOWN), YES)) == YES


LONG = SayText(
    text_of("Welcome."),
    replace(
        ORDER,
        then=replace(PIN, then=replace(STOCK, then=replace(MESSAGE, then=CALLBACK))),
    ),
)


async def test_hanging_up_at_any_step_leaves_no_task_and_no_event(world: World) -> None:
    presses = ["99#", "4711#", "1#", "2580#", "1"]
    whole = FakeChannel(presses)
    assert await world.play(whole, LONG) == HangUp()
    told = len(world.events)
    assert told == 3
    seen_before = 0
    for step in range(len(whole.commands)):
        for fault, error in (("hang_up_at", CallerHungUp), ("break_at", ChannelBroken)):
            world.events.clear()
            with pytest.raises(error):
                await world.play(FakeChannel(presses, **{fault: step}), LONG)  # type: ignore[arg-type]
            at_end = len(world.events)
            await asyncio.sleep(0)
            await world.bus.drain()
            assert len(world.events) == at_end
            assert seen_before <= at_end < told
            seen_before = at_end
            names = [task.get_name() for task in asyncio.all_tasks()]
            assert [name for name in names if not name.startswith(("bus:", "Task-"))] == []
