"""The programme of one waiting caller: what is said when its place is reached."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.events import AgentAnswered, CallEnded, CallEvent, HoldMessagesReached, OfferMet
from calls.offers import OfferAnswer, OfferPlace
from calls.ports import QueuePlace
from ivr import hold
from ivr.hold import HoldProgrammes
from ivr.hold_sounds import STRAY_S, HoldSounds, Joined
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from tests.fakes.legible_speech import LegibleEngine, flat_music, read_back
from tests.fakes.queue_state import FakePlaces

pytestmark = pytest.mark.unit

CALL = CallId("pbx", "1700000000.1")
BASE = "http://127.0.0.1:8080"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STRAY = [f"♪{STRAY_S:.0f}"]

SORRY = HoldEntryPlanned("say", text="We are sorry for the delay.")
LATER = HoldEntryPlanned("say", text="You are still in line.")
OFFER = HoldEntryPlanned("offer", text="Did you know our warranty?", offer="warranty")
CALLBACK = HoldEntryPlanned("callback", text="To be called back, press 1.")
POSITION = HoldEntryPlanned("position")


def music(seconds: float) -> HoldEntryPlanned:
    return HoldEntryPlanned("music", seconds=seconds)


@dataclass
class Queue:
    """A caller on hold, as Asterisk plays the list: music by its address, the rest asked for."""

    programmes: HoldProgrammes
    engine: LegibleEngine
    places: FakePlaces
    bus: EventBus
    events: list[CallEvent] = field(default_factory=list)

    async def wait(self, *entries: HoldEntryPlanned, call: CallId = CALL) -> str:
        name = await self.programmes.prepare(call, entries, "en", deadline=Deadline.after(30))
        assert name is not None
        await self.all_rendered()
        return name

    async def all_rendered(self) -> None:
        """Whatever was begun is finished: the engine has nobody waiting."""
        async with asyncio.timeout(30):
            while any(task.get_name().startswith("prompt:") for task in asyncio.all_tasks()):
                await asyncio.sleep(0.001)

    async def spoken(self, name: str | None = None) -> list[str]:
        name = name or self.programmes.class_of(CALL) or ""
        return [url for url in await self.programmes.playlist(name) if "/pbx/hold/" in url]

    async def hear(self, url: str) -> list[str]:
        found = re.fullmatch(rf"{BASE}/pbx/hold/([0-9a-f]{{64}})/(\d+)\.wav", url)
        assert found is not None
        heard = read_back(await self.programmes.entry(found[1], int(found[2])))
        await self.all_rendered()
        return heard

    async def rounds(self, count: int) -> list[list[str]]:
        urls = await self.spoken()
        return [await self.hear(url) for _ in range(count) for url in urls]

    async def tell(self, *events: CallEvent) -> None:
        for event in events:
            self.bus.publish(event)
        await self.bus.drain()

    def offers_met(self) -> list[tuple[str, OfferPlace, OfferAnswer]]:
        met = [event for event in self.events if isinstance(event, OfferMet)]
        return [(event.offer, event.place, event.answer) for event in met]


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Queue]:
    own = tmp_path / "own.wav"
    own.write_bytes(flat_music(40))
    engine, places = LegibleEngine(), FakePlaces()
    async with (
        EventBus() as bus,
        PromptStore(folder=tmp_path / "p", limit_bytes=10**8, base_url=BASE) as store,
    ):
        tune = Music(store=store, file=own)
        await tune.open()
        speech = Prompts(store=store, engine=engine)
        sounds = HoldSounds(speech=speech, music=tune, store=store)
        await sounds.open()
        programmes = HoldProgrammes(
            sounds=sounds,
            places=places,
            bus=bus,
            base_url=BASE,
            key=b"k" * 32,
            now=lambda: NOW,
        )
        programmes.subscribe()
        site = Queue(programmes, engine, places, bus)

        async def see(event: CallEvent) -> None:
            site.events.append(event)

        bus.subscribe("test", see, CallEvent)
        yield site


async def test_messages_come_in_the_programmes_order_round_and_round(queue: Queue) -> None:
    await queue.wait(SORRY, music(4), LATER, POSITION, music(6))
    assert await queue.rounds(2) == [[SORRY.text], [LATER.text]] * 2


async def test_the_music_between_is_shared_and_goes_on_where_it_stopped(queue: Queue) -> None:
    name = await queue.wait(music(4), SORRY, music(6), LATER)
    first, said, second, later = await queue.programmes.playlist(name)
    other = await queue.wait(music(4), LATER, music(6), SORRY, call=CallId("pbx", "2"))
    assert (first, second) == tuple((await queue.programmes.playlist(other))[::2])
    assert "/prompts/" in first
    assert "/prompts/" in second
    assert first != second
    # Asterisk 22 never plays what has a short address.
    assert min(len(said), len(later)) > 80
    again, *_ = await queue.programmes.playlist(await queue.wait(music(6), call=CallId("x", "3")))
    assert second != again


async def test_an_entry_asked_for_again_is_the_same_one(queue: Queue) -> None:
    await queue.wait(music(4), SORRY, music(4), LATER)
    first, second = await queue.spoken()
    assert [await queue.hear(first), await queue.hear(first)] == [[SORRY.text]] * 2
    assert [await queue.hear(second), await queue.hear(second)] == [[LATER.text]] * 2
    assert await queue.hear(first) == [SORRY.text]


async def test_only_one_message_is_still_told_from_itself(queue: Queue) -> None:
    await queue.wait(music(4), POSITION)
    heard = []
    for place in (3, 2, 1):
        queue.places.places[CALL] = QueuePlace(place)
        first, second = await queue.spoken()
        heard += [await queue.hear(first), await queue.hear(second)]
    three, two, one = (
        ["You are number three in the queue."],
        ["You are number two in the queue."],
        ["You are next in the queue."],
    )
    # What was not rendered in time is not said: the first time nobody had known the place.
    assert heard[0] in ([], three)
    assert heard[1:] == [three, two, two, one, one]


async def test_a_place_is_rendered_as_soon_as_there_is_one(queue: Queue) -> None:
    await queue.wait(music(4), SORRY, POSITION)
    # Asterisk asks for the list once the caller has joined the queue.
    queue.places.places[CALL] = QueuePlace(3)
    first, _ = await queue.spoken()
    await queue.all_rendered()
    assert await queue.hear(first) == [SORRY.text, "You are number three in the queue."]


async def test_place_and_wait_are_those_of_the_moment_and_rendered_ahead(queue: Queue) -> None:
    queue.places.places[CALL] = QueuePlace(3, estimated_wait_s=240)
    await queue.wait(music(4), POSITION, music(4), LATER)
    first, second = await queue.spoken()
    said = await queue.hear(first)
    assert said == ["You are number three in the queue.", "The wait is about four minutes."]
    await queue.hear(second)
    queue.places.places[CALL] = QueuePlace(2, estimated_wait_s=180)
    said = await queue.hear(first)
    assert said == ["You are number two in the queue.", "The wait is about three minutes."]
    del queue.places.places[CALL]
    await queue.hear(second)
    assert await queue.hear(first) == []


async def test_an_offer_is_heard_when_it_was_played_to_its_end_and_never_again(
    queue: Queue,
) -> None:
    await queue.wait(music(4), OFFER, music(4), LATER)
    first, second = await queue.spoken()
    assert await queue.hear(first) == [OFFER.text]
    await queue.bus.drain()
    assert queue.events == [HoldMessagesReached(CALL, NOW, kinds=("offer",))]
    assert await queue.hear(first) == [OFFER.text]
    async with asyncio.timeout(30):
        while not queue.offers_met():
            await asyncio.sleep(0.001)
    await queue.hear(second)
    assert await queue.hear(first) == []
    assert queue.offers_met() == [("warranty", OfferPlace.HOLD, OfferAnswer.HEARD)]


def put_the_clock_forward(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    now = loop.time
    monkeypatch.setattr(loop, "time", lambda: now() + seconds)


async def test_who_is_answered_meanwhile_has_not_heard_the_offer(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = HoldEntryPlanned("offer", text="A very good offer indeed. " * 40, offer="warranty")
    await queue.wait(music(4), long, music(4), LATER)
    name = queue.programmes.class_of(CALL)
    assert name is not None
    first, second = await queue.spoken()
    await queue.hear(first)
    await queue.tell(AgentAnswered(CALL, NOW, "sales", "PJSIP/agent1"))
    put_the_clock_forward(monkeypatch, 60)
    # Timers go off in the order of their times: the offer's, were it still set, before this one.
    await asyncio.sleep(0.001)
    await queue.bus.drain()
    assert queue.offers_met() == []
    # An agent's hold button plays the same class: music alone.
    assert await queue.hear(second) == STRAY
    playlist = await queue.programmes.playlist(name)
    assert len(playlist) == 2
    assert not any("/pbx/hold/" in url for url in playlist)


async def test_who_waits_on_for_as_long_has_heard_it(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = HoldEntryPlanned("offer", text="A very good offer indeed. " * 40, offer="warranty")
    await queue.wait(music(4), long, music(4), LATER)
    first, _ = await queue.spoken()
    await queue.hear(first)
    assert queue.offers_met() == []
    put_the_clock_forward(monkeypatch, 60)
    await asyncio.sleep(0.001)
    await queue.bus.drain()
    assert queue.offers_met() == [("warranty", OfferPlace.HOLD, OfferAnswer.HEARD)]


async def test_what_is_fetched_as_the_agent_answers_is_not_told(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue.wait(music(4), OFFER, CALLBACK, music(4))
    [first, _] = await queue.spoken()
    whole = HoldSounds.join

    async def answered_meanwhile(sounds: HoldSounds, *parts: Any) -> Joined:
        await queue.tell(AgentAnswered(CALL, NOW, "sales", "PJSIP/agent1"))
        return await whole(sounds, *parts)

    monkeypatch.setattr(HoldSounds, "join", answered_meanwhile)
    assert await queue.hear(first) == STRAY
    await asyncio.sleep(0.05)
    await queue.bus.drain()
    assert [type(event) for event in queue.events] == [AgentAnswered]


async def test_no_second_offer_after_one_in_the_menu(queue: Queue) -> None:
    menu = OfferMet(CALL, NOW, "other", OfferPlace.MENU, OfferAnswer.HEARD)
    await queue.tell(menu)
    await queue.wait(music(4), OFFER, LATER, music(4))
    assert await queue.rounds(1) == [[LATER.text]] * 2
    assert queue.offers_met() == [("other", OfferPlace.MENU, OfferAnswer.HEARD)]


async def test_two_offers_in_one_breath_are_one(queue: Queue) -> None:
    other = HoldEntryPlanned("offer", text="And our insurance?", offer="insurance")
    await queue.wait(music(4), OFFER, other, music(4))
    assert (await queue.rounds(1))[0] == [OFFER.text]


async def test_a_new_plan_is_heard_from_the_next_entry_on(queue: Queue) -> None:
    await queue.wait(music(4), LATER, music(4), OFFER)
    first, second = await queue.spoken()
    assert await queue.hear(first) == [LATER.text]
    await queue.programmes.replan(CALL, (SORRY, music(10), CALLBACK), "en")
    await queue.all_rendered()
    # The list has 4 s of music before the first place comes round again; the rest is added.
    assert await queue.hear(second) == [SORRY.text, "♪6"]
    assert await queue.hear(first) == [CALLBACK.text, "♪26"]
    assert await queue.hear(second) == [SORRY.text, "♪6"]


async def test_the_same_plan_again_changes_nothing(queue: Queue) -> None:
    entries = (music(4), SORRY, music(4), LATER)
    await queue.wait(*entries)
    first, second = await queue.spoken()
    await queue.hear(first)
    await queue.programmes.replan(CALL, entries, "en")
    assert await queue.hear(second) == [LATER.text]
    await queue.programmes.replan(CallId("pbx", "nobody"), entries, "en")


async def test_a_programme_of_music_alone_can_be_replanned(queue: Queue) -> None:
    await queue.wait(music(4))
    first, second = await queue.spoken()
    assert await queue.hear(first) == []
    await queue.programmes.replan(CALL, (SORRY, music(4)), "en")
    await queue.all_rendered()
    assert await queue.hear(second) == [SORRY.text]
    await queue.programmes.replan(CALL, (), "en")
    await queue.all_rendered()
    assert await queue.hear(first) == ["♪26"]


async def test_while_nothing_can_be_rendered_the_music_goes_on(queue: Queue) -> None:
    queue.engine.broken = True
    await queue.wait(music(4), SORRY, music(4), LATER)
    assert await queue.rounds(2) == [[]] * 4


async def test_a_call_back_is_offered_in_our_words_where_there_are_no_others(queue: Queue) -> None:
    await queue.wait(music(4), HoldEntryPlanned("callback"), music(4), SORRY)
    ours = "If you would rather not wait, press 1 and we will call you back."
    assert await queue.rounds(1) == [[ours], [SORRY.text]]


async def test_a_message_that_is_late_has_its_turn_once_more(queue: Queue) -> None:
    queue.engine.gate.clear()
    name = await queue.programmes.prepare(
        CALL, (music(4), SORRY, music(4), LATER), "en", deadline=Deadline.after(0.5)
    )
    assert name is not None
    first, second = await queue.spoken()
    token = first.split("/")[-2]
    assert read_back(await queue.programmes.entry(token, 0)) == []
    queue.engine.gate.set()
    await queue.all_rendered()
    assert await queue.hear(second) == [SORRY.text]
    assert await queue.hear(first) == [LATER.text]


async def test_an_empty_programme_leaves_the_queues_own_music(queue: Queue) -> None:
    now = Deadline.after(30)
    assert await queue.programmes.prepare(CALL, (), "en", deadline=now) is None
    assert len(queue.programmes) == 0


async def test_a_call_is_forgotten_at_its_end(queue: Queue) -> None:
    name = await queue.wait(music(4), SORRY)
    first, _ = await queue.spoken()
    ended = CallEnded(CALL, NOW, outcome=CallOutcome.ANSWERED)
    await queue.tell(ended, ended)
    assert not queue.programmes.is_live(name)
    assert await queue.programmes.playlist(name) == ()
    assert await queue.hear(first) == STRAY
    assert len(queue.programmes) == 0


async def test_addresses_go_round_among_callers_and_classes_do_not(queue: Queue) -> None:
    names, addresses = set(), set()
    for number in range(5):
        call = CallId("pbx", str(number))
        name = await queue.wait(music(4), SORRY, call=call)
        names.add(name)
        addresses.update(await queue.spoken(name))
        await queue.tell(CallEnded(call, NOW, outcome=CallOutcome.ANSWERED))
    assert len(names) == 5
    assert len(addresses) == 2


async def test_calls_whose_end_nobody_saw_do_not_pile_up(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "LIVE_LIMIT", 3)
    waiting = [CallId("pbx", str(number)) for number in range(5)]
    addresses = [
        tuple(await queue.spoken(await queue.wait(music(4), SORRY, call=call))) for call in waiting
    ]
    assert len(queue.programmes) == 3
    assert queue.programmes.class_of(waiting[4]) is not None
    assert queue.programmes.class_of(waiting[1]) is None
    # A caller who may still listen there never hears what is meant for another.
    assert len(set(addresses)) == 5
    assert await queue.hear(addresses[0][0]) == STRAY


async def test_who_waits_a_second_time_begins_again(queue: Queue) -> None:
    await queue.wait(music(4), OFFER, music(4), LATER)
    first, _ = await queue.spoken()
    await queue.hear(first)
    await queue.tell(OfferMet(CALL, NOW, "warranty", OfferPlace.HOLD, OfferAnswer.HEARD))
    await queue.wait(music(4), OFFER, music(4), LATER)
    assert len(queue.programmes) == 1
    assert await queue.rounds(1) == [[], [LATER.text]]
