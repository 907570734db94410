"""The dialog, on a line in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from calls.bus import EventBus
from calls.call import KeyPress
from calls.errors import CallerHungUp, ChannelBroken
from calls.events import MenuPresented, OptionChosen
from config.actions import HangUp, ToMenu, ToQueue
from ivr.dialog import ASK_LIMIT, VISITS_LIMIT, Dialog
from ivr.menu import PresentedMenu, PresentedOption
from tests.fakes.call_channel import A_CALL, FakeChannel
from tests.fakes.spoken_text import FakeSpeech, words

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PERSON = ToQueue("support")
FAILED = ToQueue("failed")


def option(digit: str, intent: str, action: Action) -> PresentedOption:
    return PresentedOption(digit, intent, intent, action, spoken=f"Press {digit} for {intent}")


def presented(
    name: str, *options: PresentedOption, tries: int = 3, greeting: str | None = None
) -> PresentedMenu:
    return PresentedMenu(
        name=name,
        language="en",
        greeting=greeting or f"Welcome to {name} menu.",
        options=(*options, option("0", "person", PERSON)),
        tries=tries,
        timeout_s=5,
        invalid_text="No such key here.",
        timeout_text="I did not hear you.",
        failure=FAILED,
    )


MENUS = {
    "main": presented(
        "main",
        option("1", "sales", ToQueue("sales", priority=3)),
        option("2", "billing", ToMenu("billing")),
        option("3", "news", SayText(text_of("Your parcel is on its way."), ToMenu("main"))),
        option("4", "bye", SayText(text_of("Thank you for calling."), HangUp())),
        option("5", "circle", ToMenu("circle")),
    ),
    "billing": presented("billing", option("1", "invoice", ToQueue("invoices")), tries=2),
    "circle": presented("circle", option("1", "again", ToMenu("circle"))),
}


class World:
    def __init__(self, bus: EventBus) -> None:
        self.bus = bus
        self.speech = FakeSpeech()
        self.presented: list[str] = []
        self.keys: list[KeyPress] = []
        bus.subscribe("test", self._seen, MenuPresented, OptionChosen)

    async def _seen(self, event: object) -> None:
        if isinstance(event, MenuPresented):
            self.presented.append(event.menu)
        elif isinstance(event, OptionChosen):
            self.keys.append(event.key)

    def dialog(self, channel: FakeChannel) -> Dialog:
        return Dialog(
            channel=channel,
            speech=self.speech,
            bus=self.bus,
            menu_of=MENUS.__getitem__,
            speech_deadline_s=1.0,
            now=lambda: NOON,
        )

    async def play(self, channel: FakeChannel, first: str = "main") -> ToQueue | HangUp | None:
        end = await self.dialog(channel).run(ToMenu(first), "en")
        await self.bus.drain()
        return end


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with EventBus() as bus:
        yield World(bus)


def outcomes(world: World) -> list[str]:
    return [f"{key.menu} {key.digits or '-'} {key.outcome}" for key in world.keys]


async def test_a_key_leads_where_the_menu_says(world: World) -> None:
    channel = FakeChannel(["1"])
    assert await world.play(channel) == ToQueue("sales", priority=3)
    assert words(channel.heard) == [
        "Welcome to main menu.",
        "Press 1 for sales",
        "Press 2 for billing",
        "Press 3 for news",
        "Press 4 for bye",
        "Press 5 for circle",
        "Press 0 for person",
    ]
    assert world.presented == ["main"]
    assert world.keys == [KeyPress("main", "1", "match", "sales")]


@pytest.mark.parametrize(
    ("presses", "end", "expected"),
    [
        (["0"], PERSON, ["main 0 match"]),
        (["9", "1"], ToQueue("sales", 3), ["main 9 invalid", "main 1 match"]),
        (["", "0"], PERSON, ["main - timeout", "main 0 match"]),
        (["#", "*", "0"], PERSON, ["main # invalid", "main * invalid", "main 0 match"]),
        (["", "", ""], FAILED, ["main - timeout", "main - timeout", "main - failure"]),
        (["9", "8", "7"], FAILED, ["main 9 invalid", "main 8 invalid", "main 7 failure"]),
        (["2", "9", "9"], FAILED, ["main 2 match", "billing 9 invalid", "billing 9 failure"]),
        (["2", "1"], ToQueue("invoices"), ["main 2 match", "billing 1 match"]),
    ],
)
async def test_the_four_outcomes(
    world: World, presses: list[str], end: ToQueue, expected: list[str]
) -> None:
    assert await world.play(FakeChannel(presses)) == end
    assert outcomes(world) == expected


@pytest.mark.parametrize(
    ("press", "sentence"), [("9", "No such key here."), ("", "I did not hear you.")]
)
async def test_the_next_try_begins_with_what_went_wrong_and_without_the_greeting(
    world: World, press: str, sentence: str
) -> None:
    channel = FakeChannel([press, "1"])
    await world.play(channel)
    assert words(channel.asked[1])[:2] == [sentence, "Press 1 for sales"]


async def test_keys_typed_ahead_pass_through_two_levels_in_silence(world: World) -> None:
    channel = FakeChannel(ahead="21")
    assert await world.play(channel) == ToQueue("invoices")
    assert channel.heard == []
    assert outcomes(world) == ["main 2 match", "billing 1 match"]


async def test_a_text_on_the_way_back_to_a_menu_can_be_cut_short(world: World) -> None:
    channel = FakeChannel(["3", "1"])
    assert await world.play(channel) == ToQueue("sales", 3)
    assert channel.played == []
    assert words(channel.asked[1])[:2] == ["Your parcel is on its way.", "Press 1 for sales"]
    assert world.presented == ["main", "main"]


async def test_a_last_text_is_played_to_its_end(world: World) -> None:
    channel = FakeChannel(["4"])
    assert await world.play(channel) == HangUp()
    assert [words(sounds) for sounds in channel.played] == [["Thank you for calling."]]


async def test_nobody_circles_for_ever(world: World) -> None:
    channel = FakeChannel(["5"] + ["1"] * 100)
    assert await world.play(channel) is None
    assert len(channel.asked) == VISITS_LIMIT


async def test_without_speech_the_caller_is_not_kept_in_silence(world: World) -> None:
    world.speech.silent = True
    channel = FakeChannel(["1"])
    assert await world.play(channel) is None
    assert channel.asked == []


async def test_a_late_greeting_is_left_out(world: World) -> None:
    world.speech.unready = {"Welcome"}
    channel = FakeChannel(["1"])
    assert await world.play(channel) == ToQueue("sales", 3)
    assert words(channel.heard)[0] == "Press 1 for sales"


async def test_a_late_option_is_left_out_and_its_key_works_all_the_same(world: World) -> None:
    channel = FakeChannel(["2", ""])
    world.speech.unready = {"for billing"}
    await world.play(channel)
    assert "Press 2 for billing" not in words(channel.asked[0])
    assert world.presented == ["main", "billing"]


async def test_a_list_too_long_for_one_question_is_begun_before(world: World) -> None:
    sentences = " ".join(f"This is sentence number {n}." for n in range(60))
    long = presented("long", option("1", "sales", PERSON), greeting=sentences)
    channel = FakeChannel(["1"])
    dialog = Dialog(
        channel=channel,
        speech=world.speech,
        bus=world.bus,
        menu_of=lambda _: long,
        speech_deadline_s=1.0,
        now=lambda: NOON,
    )
    assert await dialog.run(ToMenu("long"), "en") == PERSON
    assert len(channel.asked[0]) == ASK_LIMIT
    assert len(channel.played[0]) + len(channel.asked[0]) == 62


async def test_a_courtesy_is_said_only_if_it_is_ready(world: World) -> None:
    channel = FakeChannel()
    await world.dialog(channel).say_if_ready("One moment, please.", "en")
    assert words(channel.heard) == ["One moment, please."]
    world.speech.silent = True
    await world.dialog(channel).say_if_ready("And another one.", "en")
    assert len(channel.heard) == 1


async def test_hanging_up_at_any_step_ends_the_dialog(world: World) -> None:
    whole = FakeChannel(["2", "9", "", "3"])
    await world.play(whole)
    for step in range(len(whole.commands)):
        with pytest.raises(CallerHungUp):
            await world.play(FakeChannel(["2", "9", "", "3"], hang_up_at=step))
        with pytest.raises(ChannelBroken):
            await world.play(FakeChannel(["2", "9", "", "3"], break_at=step))


async def test_events_carry_the_call_and_the_time() -> None:
    seen: list[object] = []

    async def see(event: object) -> None:
        seen.append(event)

    async with EventBus() as bus:
        bus.subscribe("see", see, MenuPresented, OptionChosen)
        world = World(bus)
        await world.play(FakeChannel(["1"]))
    assert seen[0] == MenuPresented(A_CALL.id, NOON, menu="main")
    assert seen[1] == OptionChosen(A_CALL.id, NOON, key=KeyPress("main", "1", "match", "sales"))
