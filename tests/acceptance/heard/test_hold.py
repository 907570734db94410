"""Hold programmes on a real Asterisk, told by what was recorded on the caller's line."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from aiohttp import web

from calls.bus import EventBus
from calls.call import CallId
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.events import CallEvent, HoldMessagesReached, OfferMet
from calls.ports import QueuePlace
from config.settings import SpeechSettings
from ivr import http_routes, sound
from ivr import music as music_pieces
from ivr.hold import HoldProgrammes
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech_engines import engine_for
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.listening import Recording, callers_channel, record, rendered
from tests.acceptance.queue_house import door_open
from tests.acceptance.waiting import until
from tests.fakes.fast_agi import ScriptedAgi, route_to
from tests.fakes.hold_programmes import hold_programmes
from tests.fakes.queue_state import FakePlaces
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

SHOP = "+18005550100"
CALL = CallId("pbx", "of-the-test")

THANKS = "Thank you for waiting."
SORRY = "We are sorry for the delay."
GUARANTEE = "We guarantee it for three years."
CALLBACK = "To be called back, press 1."


def say(text: str) -> HoldEntryPlanned:
    return HoldEntryPlanned("say", text=text)


def music(seconds: float) -> HoldEntryPlanned:
    return HoldEntryPlanned("music", seconds=seconds)


class HoldSide:
    """Our half of a wait: a server that Asterisk asks for music and messages."""

    def __init__(
        self, *, pbx: PrivatePbx, store: PromptStore, prompts: Prompts, bus: EventBus
    ) -> None:
        self.pbx = pbx
        self.store = store
        self.prompts = prompts
        self.bus = bus
        self.places = FakePlaces()
        self.programmes: HoldProgrammes
        self.runner: web.AppRunner
        self.events: list[CallEvent] = []
        #: Paths of callers' own entries, oldest first.
        self.fetched: list[str] = []
        self._news = asyncio.Condition()
        self._tune = music_pieces.tune()

    async def seen(self, event: CallEvent) -> None:
        async with self._news:
            self.events.append(event)
            self._news.notify_all()

    @web.middleware
    async def witness(self, request: web.Request, handler: object) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)  # type: ignore[operator]
        async with self._news:
            self.fetched += [request.path] if "/pbx/hold/" in request.path else []
            self._news.notify_all()
        return response

    async def until(self, condition: Callable[[], bool], deadline_s: float = 40.0) -> None:
        try:
            async with asyncio.timeout(deadline_s), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            raise AssertionError(
                f"in vain for {deadline_s} s; asked for: {self.fetched}; told: {self.events}"
            ) from None

    async def wav(self, text: str) -> bytes:
        """How a text of one sentence sounds."""
        url = await rendered(self.prompts, text)
        path = self.store.path(Path(urlsplit(url).path).stem)
        return await asyncio.to_thread(path.read_bytes)

    async def sound_of(self, *parts: str | tuple[int, int]) -> sound.Samples:
        """One sound of texts and of music (start in the tune, length; seconds): between them is
        nothing."""
        pieces = []
        for part in parts:
            if isinstance(part, str):
                pieces.append(sound.decode_wav(await self.wav(part)))
            else:
                pieces.append(music_pieces.cut(self._tune, start_s=part[0], seconds=part[1]))
        return np.concatenate(pieces)

    async def prepare(self, *entries: HoldEntryPlanned) -> str:
        """The music class, all messages rendered."""
        for entry in entries:
            if entry.text:
                await self.wav(entry.text)
        name = await self.programmes.prepare(CALL, entries, "en", deadline=Deadline.after(30))
        assert name is not None
        return name


@pytest.fixture
async def side(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[HoldSide]:
    engine = engine_for(SpeechSettings())
    async with (
        EventBus() as bus,
        PromptStore(folder=tmp_path / "p", limit_bytes=10**8, base_url=pbx.web_url) as store,
    ):
        prompts = Prompts(store=store, engine=engine)
        tune = Music(store=store, file=None)
        await tune.open()
        side = HoldSide(pbx=pbx, store=store, prompts=prompts, bus=bus)
        side.programmes = await hold_programmes(
            speech=prompts,
            music=tune,
            store=store,
            bus=bus,
            base_url=pbx.web_url,
            places=side.places,
        )
        bus.subscribe("test", side.seen, CallEvent)
        app = web.Application(middlewares=[side.witness])
        door_open(app)
        http_routes.add_routes(app, store=store, hold=side.programmes)
        side.runner = web.AppRunner(app)
        await side.runner.setup()
        address = urlsplit(pbx.web_url)
        await web.TCPSite(side.runner, address.hostname, address.port).start()
        yield side
        await side.runner.cleanup()
    await engine.close()


class Wait:
    """A caller in the queue `support`, recorded from before the music begins, while one phone rings
    and nobody answers."""

    def __init__(
        self, side: HoldSide, callers: SipCallers, phones: PhonesFor, music_class: str
    ) -> None:
        self._side = side
        self._callers = callers
        self._phones = phones
        self._class = music_class

    async def __aenter__(self) -> Recording:
        async with AsyncExitStack() as stack:
            await self._enter(stack)
            self._stack = stack.pop_all()
        return self._recording

    async def _enter(self, stack: AsyncExitStack) -> None:
        pbx = self._side.pbx
        to_queue = [
            "ANSWER",
            f"SET VARIABLE CHANNEL(musicclass) {self._class}",
            *route_to("support"),
        ]
        recorded = asyncio.Event()
        agi = ScriptedAgi(port=pbx.agi_port, commands=to_queue, begin=recorded)
        await stack.enter_async_context(agi)
        await stack.enter_async_context(self._phones({"agent1": PhoneShape(ring_ms=None)}))
        shape = CallerShape(hang_up_after_ms=60_000)
        work = self._callers.start([ScriptedCall("+12025550170", SHOP, shape=shape)])
        stack.push_async_callback(pbx.rx, "channel request hangup all")
        stack.push_async_callback(work.stop)
        self._recording = await record(pbx, await callers_channel(pbx))
        stack.push_async_callback(self._recording.stop)
        recorded.set()

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()


def never_silent(recording: Recording, begin_s: float, end_s: float) -> bool:
    """Not for one whole second."""
    seconds = range(math.ceil(begin_s), math.floor(end_s))
    return all(recording.loudness(second, second + 1) > 0.005 for second in seconds)


async def test_music_and_messages_are_heard_in_the_planned_order(
    side: HoldSide, callers: SipCallers, phones: PhonesFor
) -> None:
    offer = HoldEntryPlanned("offer", text=GUARANTEE, offer="guarantee")
    name = await side.prepare(
        music(1), HoldEntryPlanned("position"), music(1), offer, music(1), say(THANKS)
    )
    three, two = (f"You are number {place} in the queue." for place in ("three", "two"))
    sounds = {text: await side.wav(text) for text in (THANKS, GUARANTEE, three, two)}
    side.places.places[CALL] = QueuePlace(3)
    async with Wait(side, callers, phones, name) as recording:
        await side.until(lambda: len(side.fetched) >= 3)
        side.places.places[CALL] = QueuePlace(2)
        await side.until(lambda: len(side.fetched) >= 6)
    # The offer once only; the place as it was at the moment.
    assert recording.heard(sounds)[:4] == [three, GUARANTEE, THANKS, two]
    assert len(recording.find(sounds[GUARANTEE])) == 1
    # Between them is the music that was planned, and nothing else.
    planned = await side.sound_of((0, 1), three, (1, 1), GUARANTEE, (2, 1), THANKS, (0, 1), two)
    [(begin, _)] = recording.find(planned)
    assert never_silent(recording, begin, begin + planned.size / sound.RATE)
    reached = [event.kinds for event in side.events if isinstance(event, HoldMessagesReached)]
    assert reached[:5] == [("position",), ("offer",), ("say",), ("position",), ("say",)]


async def test_a_new_plan_is_heard_from_the_next_message_on(
    side: HoldSide, callers: SipCallers, phones: PhonesFor
) -> None:
    name = await side.prepare(music(1), say(THANKS), music(2), say(GUARANTEE), music(1))
    sounds = {text: await side.wav(text) for text in (THANKS, GUARANTEE, SORRY, CALLBACK)}
    async with Wait(side, callers, phones, name) as recording:
        await side.until(lambda: len(side.fetched) >= 1)
        callback = HoldEntryPlanned("callback", text=CALLBACK)
        await side.programmes.replan(CALL, (say(SORRY), music(3), callback, music(2)), "en")
        await side.until(lambda: len(side.fetched) >= 4)
    assert recording.heard(sounds)[:3] == [THANKS, SORRY, CALLBACK]
    assert GUARANTEE not in recording.heard(sounds)
    # The new programme has longer music there than the list: 3 s and not 1 + 1.
    planned = await side.sound_of((0, 1), THANKS, (1, 2), SORRY, (2, 1), (3, 1), (0, 1), CALLBACK)
    assert len(recording.find(planned)) == 1
    reached = [event.kinds for event in side.events if isinstance(event, HoldMessagesReached)]
    assert reached[:3] == [("say",), ("say",), ("callback",)]


async def test_an_offer_counts_as_heard_when_its_sound_is_over(
    side: HoldSide, callers: SipCallers, phones: PhonesFor
) -> None:
    offer = HoldEntryPlanned("offer", text=GUARANTEE, offer="guarantee")
    name = await side.prepare(music(1), offer, music(3))
    async with Wait(side, callers, phones, name) as recording:
        await side.until(lambda: any(isinstance(event, OfferMet) for event in side.events))
    reached, met = side.events[:2]
    assert isinstance(reached, HoldMessagesReached)
    assert isinstance(met, OfferMet)
    wav = sound.decode_wav(await side.wav(GUARANTEE))
    # The loop's clock and the calendar's differ by a little; a busy machine may be late.
    assert -0.02 < (met.at - reached.at).total_seconds() - wav.size / sound.RATE < 0.5
    # Played by then, but for what was still on its way into the file.
    assert len(recording.find(wav[: -sound.RATE // 2])) == 1


async def test_the_music_goes_on_when_we_are_gone(
    side: HoldSide, callers: SipCallers, phones: PhonesFor
) -> None:
    name = await side.prepare(music(1), say(THANKS), music(1), say(GUARANTEE), music(1))

    async def failed() -> bool:
        return side.pbx.log().count("Unable to open file 'http") >= before + 3

    async with Wait(side, callers, phones, name) as recording:
        await side.until(lambda: len(side.fetched) >= 3)
        await side.runner.cleanup()
        before = side.pbx.log().count("Unable to open file 'http")
        gone_at = recording.now_s
        # The whole list once round, and a little more.
        await until(failed, "three messages that Asterisk fetched in vain")
    around = await side.sound_of(THANKS, (1, 1), (2, 1), (0, 1), (1, 1))
    [*_, (at, _)] = recording.find(around)
    assert at > gone_at - 1
    assert never_silent(recording, at, gone_at + around.size / sound.RATE)
