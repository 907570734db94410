"""Menus, on a line in memory. Questions to the caller are in `test_dialog_questions`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from calls.bus import EventBus
from calls.call import KeyPress
from calls.deadlines import Deadline
from calls.errors import CallerHungUp, ChannelBroken
from calls.events import CallEvent, MenuPresented, OptionChosen
from calls.offers import OfferAnswer
from config.actions import Action, Back, Ending, HangUp, SayText, ToMenu, ToQueue, ToTarget
from ivr.dialog import VISITS_LIMIT, Dialog
from ivr.direct_dial import Extensions
from ivr.menu import PresentedMenu, PresentedOption, PresentedRetry
from tests.fakes.call_channel import A_CALL, FakeChannel, Press
from tests.fakes.call_course import FakeCourse, FakePlan, text_of
from tests.fakes.line_recordings import FakeRecordings
from tests.fakes.spoken_text import FakeSpeech, words

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PERSON = ToQueue("support")
FAILED = ToQueue("failed")


def option(digit: str, intent: str, action: Action, offer: str | None = None) -> PresentedOption:
    return PresentedOption(
        digit, intent, intent, action, spoken=f"Press {digit} for {intent}", offer=offer
    )


def presented(
    name: str,
    *options: PresentedOption,
    greeting: str | None = None,
    invalid: PresentedRetry | None = None,
    timeout: PresentedRetry | None = None,
    tries: int = 3,
    direct_dial: bool = False,
) -> PresentedMenu:
    return PresentedMenu(
        name=name,
        language="en",
        greeting=greeting or f"Welcome to {name} menu.",
        options=(*options, option("0", "person", PERSON)),
        tries=tries,
        timeout_s=5,
        invalid=invalid or PresentedRetry("No such key here.", tries),
        timeout=timeout or PresentedRetry("I did not hear you.", tries),
        failure=FAILED,
        direct_dial=direct_dial,
    )


MENUS = {
    menu.name: menu
    for menu in (
        presented(
            "main",
            option("1", "sales", ToQueue("sales", priority=3)),
            option("2", "billing", ToMenu("billing")),
            option("3", "news", SayText(text_of("Your parcel is on its way."), ToMenu("main"))),
            option("4", "bye", SayText(text_of("Thank you for calling."), HangUp())),
            option("5", "circle", ToMenu("circle")),
        ),
        presented(
            "billing",
            option("1", "invoice", ToQueue("invoices")),
            option("2", "taxes", ToMenu("taxes")),
            option("9", "back", Back()),
            tries=2,
        ),
        presented("taxes", option("1", "form", ToQueue("forms")), option("9", "back", Back())),
        presented("circle", option("1", "again", ToMenu("circle")), option("9", "back", Back())),
        presented(
            "loops",
            option("1", "sales", ToQueue("sales")),
            invalid=PresentedRetry("Wrong key.", 2, ToQueue("confused"), greet_again=True),
            timeout=PresentedRetry("Are you there?", 3, SayText(text_of("Bye."), HangUp())),
        ),
        presented(
            "company",
            option("1", "sales", ToQueue("sales")),
            option("2", "billing", ToMenu("billing")),
            direct_dial=True,
        ),
        presented(
            "shop",
            option("1", "sales", ToQueue("sales")),
            option("2", "protect", ToQueue("protect"), offer="warranty"),
            option("3", "billing", ToMenu("billing")),
            option("4", "again", ToMenu("shop")),
        ),
    )
}
INTERNAL = Extensions.of(["2xx", "7000"])


class World:
    def __init__(self, bus: EventBus) -> None:
        self.bus = bus
        self.speech = FakeSpeech()
        self.course = FakeCourse(FakePlan(MENUS))
        self.recordings = FakeRecordings()
        self.events: list[CallEvent] = []
        bus.subscribe("test", self._seen, CallEvent)

    async def _seen(self, event: CallEvent) -> None:
        self.events.append(event)

    @property
    def presented(self) -> list[str]:
        return [event.menu for event in self.events if isinstance(event, MenuPresented)]

    @property
    def keys(self) -> list[KeyPress]:
        return [event.key for event in self.events if isinstance(event, OptionChosen)]

    def dialog(self, channel: FakeChannel) -> Dialog:
        return Dialog(
            channel=channel,
            speech=self.speech,
            recordings=self.recordings,
            bus=self.bus,
            course=self.course,
            speech_deadline_s=1.0,
            now=lambda: NOON,
            extensions=INTERNAL,
        )

    async def play(self, channel: FakeChannel, first: str | Action = "main") -> Ending | None:
        action = ToMenu(first) if isinstance(first, str) else first
        end = await self.dialog(channel).run(action)
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
    assert world.events == [
        MenuPresented(A_CALL.id, NOON, menu="main"),
        OptionChosen(A_CALL.id, NOON, key=KeyPress("main", "1", "match", "sales")),
    ]


@pytest.mark.parametrize(
    ("presses", "end", "expected"),
    [
        (["0"], PERSON, ["main 0 match"]),
        (["9", "1"], ToQueue("sales", 3), ["main 9 invalid", "main 1 match"]),
        (["", "0"], PERSON, ["main - timeout", "main 0 match"]),
        (["#", "*", "0"], PERSON, ["main # invalid", "main * invalid", "main 0 match"]),
        (["", "", ""], FAILED, ["main - timeout", "main - timeout", "main - failure"]),
        (["9", "8", "7"], FAILED, ["main 9 invalid", "main 8 invalid", "main 7 failure"]),
        (["2", "7", "7"], FAILED, ["main 2 match", "billing 7 invalid", "billing 7 failure"]),
        (["2", "1"], ToQueue("invoices"), ["main 2 match", "billing 1 match"]),
    ],
)
async def test_the_four_outcomes(
    world: World, presses: list[str], end: ToQueue, expected: list[str]
) -> None:
    assert await world.play(FakeChannel(presses)) == end
    assert outcomes(world) == expected


@pytest.mark.parametrize(
    ("presses", "end"),
    [
        (["9", "9"], ToQueue("confused")),
        (["", "9", "", "1"], ToQueue("sales")),
        (["", "9", "9"], ToQueue("confused")),
        (["", "9", "", ""], HangUp()),
    ],
)
async def test_wrong_keys_and_no_keys_each_have_their_own_loop_and_end(
    world: World, presses: list[str], end: Ending
) -> None:
    assert await world.play(FakeChannel(presses), "loops") == end


async def test_each_loop_says_its_own_and_greets_again_only_where_it_should(world: World) -> None:
    channel = FakeChannel(["", "9", "1"])
    await world.play(channel, "loops")
    assert [words(sounds)[:2] for sounds in channel.asked] == [
        ["Welcome to loops menu.", "Press 1 for sales"],
        ["Are you there?", "Press 1 for sales"],
        ["Wrong key.", "Welcome to loops menu."],
    ]


async def test_keys_typed_ahead_pass_through_three_levels_in_silence(world: World) -> None:
    channel = FakeChannel(ahead="221")
    assert await world.play(channel) == ToQueue("forms")
    assert channel.heard == []
    assert outcomes(world) == ["main 2 match", "billing 2 match", "taxes 1 match"]


async def test_no_key_is_lost_that_is_typed_while_something_renders(world: World) -> None:
    channel = FakeChannel()
    keys = iter("221")

    class TypingMeanwhile(FakeSpeech):
        async def render(self, text: str, language: str, *, deadline: Deadline) -> str | None:
            await asyncio.sleep(0)
            if text.startswith("Welcome"):
                channel.type(next(keys))
            return await super().render(text, language, deadline=deadline)

    world.speech = TypingMeanwhile()
    assert await world.play(channel) == ToQueue("forms")
    assert (channel.lost, channel.heard) == ("", [])


async def test_a_key_cuts_the_menu_short(world: World) -> None:
    channel = FakeChannel([Press("2", during="sales"), Press("1", during="Welcome")])
    assert await world.play(channel) == ToQueue("invoices")
    assert words(channel.heard) == [
        "Welcome to main menu.",
        "Press 1 for sales",
        "Welcome to billing menu.",
    ]


async def test_a_text_on_the_way_back_to_a_menu_can_be_cut_short(world: World) -> None:
    channel = FakeChannel(["3", "1"])
    assert await world.play(channel) == ToQueue("sales", 3)
    assert channel.played == []
    assert words(channel.asked[1])[:2] == ["Your parcel is on its way.", "Press 1 for sales"]
    assert world.presented == ["main", "main"]


async def test_a_last_text_is_heard_to_its_end(world: World) -> None:
    channel = FakeChannel(["4"])
    assert await world.play(channel) == HangUp()
    assert words(channel.heard)[-1] == "Thank you for calling."


@pytest.mark.parametrize(("key", "end"), [("0", PERSON), ("5", HangUp())])
async def test_a_last_text_can_be_cut_short_and_zero_is_a_person_even_there(
    world: World, key: str, end: Ending
) -> None:
    assert await world.play(FakeChannel(["4", Press(key, during="Thank you")])) == end


@pytest.mark.parametrize(
    ("presses", "way"),
    [
        (["2", "2", "9", "9", "1"], ["main", "billing", "taxes", "billing", "main"]),
        (["5", "1", "9", "1"], ["main", "circle", "circle", "main"]),
    ],
)
async def test_back_leads_to_the_calling_menu(
    world: World, presses: list[str], way: list[str]
) -> None:
    assert await world.play(FakeChannel(presses)) == ToQueue("sales", 3)
    assert world.presented == way


async def test_back_from_the_first_menu_is_that_menu_again(world: World) -> None:
    channel = FakeChannel(["9", "1"])
    assert await world.play(channel, "billing") == ToQueue("invoices")
    assert world.presented == ["billing", "billing"]
    assert "Welcome to billing menu." not in words(channel.asked[1])


async def test_back_without_any_menu_is_a_person(world: World) -> None:
    assert await world.play(FakeChannel(), Back()) is None


@pytest.mark.parametrize(
    ("presses", "end"),
    [
        (["1"], ToQueue("sales")),
        (["215"], ToTarget("215")),
        (["7000"], ToTarget("7000")),
        (["2", "1"], ToQueue("invoices")),
        (["2#", "1"], ToQueue("invoices")),
        (["21"], ToQueue("invoices")),
        (["7", "1"], ToQueue("sales")),
        (["70", "0"], PERSON),
        (["0"], PERSON),
    ],
)
async def test_an_extension_can_be_dialled_in_a_menu(
    world: World, presses: list[str], end: Ending
) -> None:
    assert await world.play(FakeChannel(presses), "company") == end


async def test_only_a_key_that_may_begin_an_extension_waits_for_another(world: World) -> None:
    at_once, waits = FakeChannel(["1"]), FakeChannel(["2", "1"])
    await world.play(at_once, "company")
    await world.play(waits, "company")
    assert at_once.commands.count("ask") == 1
    assert waits.commands.count("ask") == 3


async def test_extensions_are_for_menus_that_allow_them(world: World) -> None:
    assert await world.play(FakeChannel(["215"])) == ToQueue("invoices")
    assert outcomes(world) == ["main 2 match", "billing 1 match"]


async def test_an_offer_is_heard_once_however_often_the_menu_is_spoken(world: World) -> None:
    await world.play(FakeChannel(["4", "1"]), "shop")
    assert world.course.met == [("warranty", OfferAnswer.HEARD)] * 2  # the course tells it once


@pytest.mark.parametrize(
    ("press", "met"),
    [
        (Press("1", during="sales"), []),
        (Press("1", during="protect"), []),
        (Press("1", during="billing"), [OfferAnswer.HEARD]),
        (Press("2", during="sales"), [OfferAnswer.ACCEPTED]),
        (Press("2", during="billing"), [OfferAnswer.HEARD, OfferAnswer.ACCEPTED]),
        ("2", [OfferAnswer.HEARD, OfferAnswer.ACCEPTED]),
        ("0", [OfferAnswer.HEARD]),
    ],
)
async def test_an_offer_counts_as_heard_only_if_no_key_came_before_its_end(
    world: World, press: str | Press, met: list[OfferAnswer]
) -> None:
    await world.play(FakeChannel([press]), "shop")
    assert world.course.met == [("warranty", answer) for answer in met]


async def test_an_offer_that_is_not_ready_is_not_heard(world: World) -> None:
    world.speech.unready = {"protect"}
    await world.play(FakeChannel(["1"]), "shop")
    assert world.course.met == []


async def test_an_offer_typed_ahead_is_taken_without_being_heard(world: World) -> None:
    await world.play(FakeChannel(ahead="2"), "shop")
    assert world.course.met == [("warranty", OfferAnswer.ACCEPTED)]


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
    assert world.presented[:2] == ["main", "billing"]


async def test_a_courtesy_is_said_only_if_it_is_ready(world: World) -> None:
    channel = FakeChannel()
    await world.dialog(channel).say_if_ready("One moment, please.")
    assert words(channel.heard) == ["One moment, please."]
    world.speech.silent = True
    await world.dialog(channel).say_if_ready("And another one.")
    assert len(channel.heard) == 1


async def test_hanging_up_at_any_step_ends_the_dialog_and_leaves_nothing(world: World) -> None:
    presses = ["2", "7", "9", "3", "4"]
    whole = FakeChannel(presses)
    await world.play(whole)
    for step in range(len(whole.commands)):
        with pytest.raises(CallerHungUp):
            await world.play(FakeChannel(presses, hang_up_at=step))
        with pytest.raises(ChannelBroken):
            await world.play(FakeChannel(presses, break_at=step))
        assert [t for t in asyncio.all_tasks() if t.get_name().startswith("during:")] == []


async def test_no_digit_reaches_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await world.play(FakeChannel(["215"]), "company")
    await world.play(FakeChannel(["5"] + ["1"] * 100))
    assert "215" not in caplog.text
    assert "menus" in caplog.text


async def test_who_types_ahead_waits_for_no_speech(world: World) -> None:
    channel = FakeChannel(ahead="221")
    assert await world.play(channel) == ToQueue("forms")
    assert world.speech.asked == []
    world.speech.silent = True
    assert await world.play(FakeChannel(ahead="221")) == ToQueue("forms")
