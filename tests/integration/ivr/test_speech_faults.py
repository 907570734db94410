"""F54: whatever the speech program does, the caller hears the rest of the menu within the budget,
and where nothing can be spoken at all a person is next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calls.bus import EventBus
from config.actions import ToMenu, ToQueue
from ivr import sound
from ivr.dialog import Dialog
from ivr.menu import PresentedMenu, PresentedOption, PresentedRetry
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech_engines import EngineByLanguage
from ivr.speech_espeak import Espeak
from tests.fakes.call_channel import FakeChannel
from tests.fakes.call_course import FakeCourse, FakePlan
from tests.fakes.line_recordings import FakeRecordings

pytestmark = pytest.mark.integration

BUDGET_S = 0.5
#: What the program does with a text that holds the word "news"; otherwise it speaks.
FAULTS = {
    "hangs": "sleep 1000",
    "crashes": "kill -SEGV $$",
    "refuses": "exit 1",
    "writes nothing": "exit 0",
    "writes garbage": "head -c 50000 /dev/urandom >speech.wav",
    "writes half a head": "printf 'RIFF1234WAVEfmt ' >speech.wav",
    "writes silence": "espeak-ng -a 0 -w speech.wav Hello",
    "writes 100 MB": "espeak-ng -w speech.wav Hello; head -c 100000000 /dev/zero >>speech.wav",
    "writes without end": "exec cat /dev/zero >speech.wav",
    "writes a folder": "mkdir speech.wav",
}


def option(digit: str, intent: str) -> PresentedOption:
    spoken = f"For your {intent}, press {digit}."
    return PresentedOption(digit, intent, intent, ToQueue(intent), spoken=spoken)


MENU = PresentedMenu(
    name="main",
    language="en",
    greeting="Welcome to our company.",
    options=(option("1", "orders"), option("2", "news"), option("0", "helper")),
    tries=2,
    timeout_s=5,
    invalid=PresentedRetry("No such key here.", 2),
    timeout=PresentedRetry("I did not hear you.", 2),
    failure=ToQueue("failed"),
)


class World:
    def __init__(self, store: PromptStore, prompts: Prompts, bus: EventBus) -> None:
        self.store = store
        self.prompts = prompts
        self.bus = bus

    async def answer(self, menu: PresentedMenu, channel: FakeChannel) -> object:
        dialog = Dialog(
            channel=channel,
            speech=self.prompts,
            recordings=FakeRecordings(),
            bus=self.bus,
            course=FakeCourse(FakePlan({"main": menu})),
            speech_deadline_s=BUDGET_S,
            now=lambda: datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        )
        began = asyncio.get_running_loop().time()
        end = await dialog.run(ToMenu("main"))
        # Far below what a program that hangs would take.
        assert asyncio.get_running_loop().time() - began < BUDGET_S + 2
        return end

    def seconds(self, url: str) -> float:
        name = url.removeprefix("http://x/prompts/").removesuffix(".wav")
        return sound.decode_wav(self.store.path(name).read_bytes()).size / sound.RATE


@pytest.fixture(params=FAULTS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    program = tmp_path / "program"
    fault = FAULTS[request.param]
    program.write_text(
        f'#!/bin/sh\nif grep -q news text; then {fault}; else exec espeak-ng "$@"; fi\n'
    )
    program.chmod(0o755)
    folder = tmp_path / "prompts"
    store = PromptStore(folder=folder, limit_bytes=10_000_000, base_url="http://x")
    engine = EngineByLanguage({"*": Espeak(program=str(program))})
    async with EventBus() as bus, engine, store:
        yield World(store, Prompts(store=store, engine=engine), bus)
    assert {path.suffix for path in folder.iterdir()} <= {".wav"}


async def test_the_caller_hears_the_rest_of_the_menu(world: World) -> None:
    others = [MENU.greeting, MENU.options[0].spoken, MENU.options[2].spoken, MENU.timeout.say]
    assert await world.prompts.prerender([(text or "", "en") for text in others]) == 0
    channel = FakeChannel(["", "1"])
    assert await world.answer(MENU, channel) == ToQueue("orders")
    # The second time it begins with what was wrong instead of the greeting.
    first, again = channel.asked
    assert (len(first), len(again)) == (3, 3)
    assert first[1:] == again[1:]
    assert all(world.seconds(url) > 0.5 for url in channel.heard)


async def test_without_any_speech_a_person_is_next(world: World) -> None:
    only = option("1", "news")
    menu = replace(MENU, greeting="The news.", options=(only, option("0", "news person")))
    channel = FakeChannel()
    assert await world.answer(menu, channel) is None
    assert channel.heard == []
