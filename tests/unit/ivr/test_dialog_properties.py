"""Whatever a rulebook asks and whatever is pressed: every dialog ends, soon, and nobody waits for
ever."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.bus import EventBus
from calls.errors import CallerHungUp
from calls.events import OptionChosen
from config.actions import (
    Action,
    AskCallback,
    AskWebhook,
    Back,
    CheckPin,
    Collect,
    Ending,
    HangUp,
    Record,
    SayText,
    ToMenu,
    ToQueue,
    ToTarget,
    ToVoicemail,
)
from ivr.dialog import VISITS_LIMIT, Dialog
from ivr.direct_dial import Extensions
from ivr.menu import PresentedMenu, PresentedRetry
from tests.fakes.call_channel import FakeChannel
from tests.fakes.call_course import FakeCourse, FakePlan, text_of
from tests.fakes.line_recordings import FakeRecordings
from tests.fakes.spoken_text import FakeSpeech
from tests.unit.ivr.test_dialog import NOON, option, presented

pytestmark = pytest.mark.unit

NAMES = ("a", "b", "c")
SAID = text_of("Something.")
#: Of one menu visit with every try used up, and of the longest chain of questions in a menu.
ASKED_IN_A_VISIT = 200

menus_only = st.sampled_from(NAMES).map(ToMenu) | st.just(Back())
ends = st.sampled_from([ToQueue("q"), HangUp(), ToVoicemail("100"), ToTarget("x")])
leaves: st.SearchStrategy[Action] = menus_only | ends
tries = st.integers(1, 3)


def _asking(next_: st.SearchStrategy[Action]) -> st.SearchStrategy[Action]:
    fields = st.sampled_from(["order_number", "pieces"])
    return st.one_of(
        st.builds(SayText, st.just(SAID), next_),
        st.builds(Collect, fields, st.just(SAID), next_, next_, st.just(SAID), tries=tries),
        st.builds(CheckPin, st.just(SAID), next_, next_, st.just(SAID), tries=tries),
        st.builds(Record, st.sampled_from(["message", "name"]), st.just(SAID), next_),
        st.builds(AskCallback, st.just("q"), st.just(SAID), next_, next_),
        st.builds(AskWebhook, st.sampled_from(["up", "down"]), next_, next_),
    )


actions = st.recursive(leaves, _asking, max_leaves=5)


@st.composite
def a_menu(draw: st.DrawFn, name: str) -> PresentedMenu:
    digits = draw(st.lists(st.sampled_from("123456789*#"), unique=True, max_size=5))
    options = [
        option(digit, f"i{digit}", draw(actions), offer=draw(st.sampled_from([None, "offer"])))
        for digit in digits
    ]
    menu = presented(name, *options, direct_dial=draw(st.booleans()))
    loops = [
        PresentedRetry("Again.", draw(tries), draw(st.none() | actions), draw(st.booleans()))
        for _ in range(2)
    ]
    return replace(menu, invalid=loops[0], timeout=loops[1], failure=draw(actions))


@st.composite
def menus(draw: st.DrawFn) -> dict[str, PresentedMenu]:
    return {name: draw(a_menu(name)) for name in NAMES}


pressed = st.lists(st.text("0123456789*#", max_size=6), max_size=40)


async def _played(
    menus: dict[str, PresentedMenu], entry: Action, channel: FakeChannel, unready: set[str]
) -> tuple[Ending | None, int]:
    course = FakeCourse(FakePlan(menus))
    course.webhooks, course.pins, course.found = {"up"}, {"11"}, {"1", "22"}
    speech = FakeSpeech()
    speech.unready = unready
    visits: list[OptionChosen] = []

    async def count(event: OptionChosen) -> None:
        visits.append(event)

    async with EventBus() as bus:
        bus.subscribe("count", count, OptionChosen)
        dialog = Dialog(
            channel=channel,
            speech=speech,
            recordings=FakeRecordings(),
            bus=bus,
            course=course,
            speech_deadline_s=1.0,
            now=lambda: NOON,
            extensions=Extensions.of(["2XX", "1X"]),
        )
        end = await dialog.run(entry)
        await bus.drain()
    return end, len(visits)


@settings(max_examples=150)
@given(
    menus(),
    actions,
    pressed,
    st.text("0123456789*#", max_size=12),
    st.sets(st.sampled_from(["Press", "Welcome", "Something", "Again"]), max_size=2),
)
def test_every_dialog_ends_within_bounds(
    menus: dict[str, PresentedMenu],
    entry: Action,
    presses: list[str],
    ahead: str,
    unready: set[str],
) -> None:
    channel = FakeChannel(presses, ahead=ahead)
    end, chosen = asyncio.run(_played(menus, entry, channel, unready))
    assert end is None or isinstance(end, get_args(Ending))
    assert chosen <= VISITS_LIMIT * 5  # at most 3 wrong keys and 3 silences, less one of each
    assert len(channel.asked) <= VISITS_LIMIT * ASKED_IN_A_VISIT
    assert channel.lost == ""


@settings(max_examples=40)
@given(menus(), pressed)
def test_who_presses_zero_in_a_menu_is_with_a_person_at_once(
    menus: dict[str, PresentedMenu], presses: list[str]
) -> None:
    channel = FakeChannel(["0", *presses])
    end, _ = asyncio.run(_played(menus, ToMenu("a"), channel, set()))
    assert end == ToQueue("support")
    assert len(channel.asked) == 1


@settings(max_examples=40)
@given(menus(), actions, pressed, st.integers(0, 40))
def test_whoever_rings_off_wherever_leaves_no_task(
    menus: dict[str, PresentedMenu], entry: Action, presses: list[str], at: int
) -> None:
    async def ring_off() -> int:
        channel = FakeChannel(presses, hang_up_at=at)
        with contextlib.suppress(CallerHungUp):
            await _played(menus, entry, channel, set())
        return len(asyncio.all_tasks())

    assert asyncio.run(ring_off()) == 1
