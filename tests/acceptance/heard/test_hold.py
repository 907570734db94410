"""Hold programmes on a real Asterisk, told by what was recorded on the caller's line."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

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
from ivr.hold import HoldProgrammes
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech_engines import engine_for
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape
from tests.acceptance.conftest import PhonesFor
from tests.acceptance.listening import Recording, callers_channel, record
from tests.fakes.fast_agi import ScriptedAgi, route_to
from tests.fakes.hold_programmes import hold_programmes
from tests.fakes.queue_state import FakePlaces

pytestmark = pytest.mark.acceptance

SHOP = "+18005550100"
#: What MixMonitor, sipp and Asterisk's 20 ms packets may be off by.
NEAR_S = 0.6
CALL = CallId("pbx", "of-the-test")

THANKS = "Thank you for waiting, all our people are busy."
SORRY = "We are sorry about your late delivery."
GUARANTEE = "Did you know that we guarantee it for three years?"
CALLBACK = "To be called back instead, press 1."


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

    async def until(self, condition: Callable[[], bool], deadline_s: float = 55.0) -> None:
        try:
            async with asyncio.timeout(deadline_s), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            raise AssertionError(
                f"in vain for {deadline_s} s; asked for: {self.fetched}; told: {self.events}"
            ) from None

    async def wav(self, text: str) -> bytes:
        """How a text of one sentence sounds."""
        url = await self.prompts.render(text, "en", deadline=Deadline.after(30))
        assert url is not None
        path = self.store.path(Path(urlsplit(url).path).stem)
        return await asyncio.to_thread(path.read_bytes)

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
        http_routes.add_routes(app, store=store, hold=side.programmes)
        side.runner = web.AppRunner(app)
        await side.runner.setup()
        address = urlsplit(pbx.web_url)
        await web.TCPSite(side.runner, address.hostname, address.port).start()
        yield side
        await side.runner.cleanup()
    await engine.close()


class Wait:
    """A caller in the queue `support`, recorded, while one phone rings and nobody answers."""

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
        await stack.enter_async_context(ScriptedAgi(port=pbx.agi_port, commands=to_queue))
        await stack.enter_async_context(self._phones({"agent1": PhoneShape(ring_ms=None)}))
        shape = CallerShape(hang_up_after_ms=60_000)
        work = self._callers.start([ScriptedCall("+12025550170", SHOP, shape=shape)])
        stack.push_async_callback(pbx.rx, "channel request hangup all")
        stack.push_async_callback(work.stop)
        self._recording = await record(pbx, await callers_channel(pbx))
        stack.push_async_callback(self._recording.stop)

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()


async def test_music_and_messages_are_heard_in_the_planned_order(
    side: HoldSide, callers: SipCallers, phones: PhonesFor
) -> None:
    offer = HoldEntryPlanned("offer", text=GUARANTEE, offer="guarantee")
    name = await side.prepare(
        music(2), say(THANKS), music(4), offer, music(2), HoldEntryPlanned("position")
    )
    three, two = (f"You are number {place} in the queue." for place in ("three", "two"))
    sounds = {text: await side.wav(text) for text in (THANKS, GUARANTEE, three, two)}
    side.places.places[CALL] = QueuePlace(3)
    async with Wait(side, callers, phones, name) as recording:
        await side.until(lambda: len(side.fetched) >= 3)
        side.places.places[CALL] = QueuePlace(2)
        await side.until(lambda: len(side.fetched) >= 7)
    # The offer once only; the place as it was at the moment.
    assert recording.heard(sounds)[:5] == [THANKS, GUARANTEE, three, THANKS, two]
    [(thanks_at, alike), *_] = recording.find(sounds[THANKS])
    [(guarantee_at, _)] = recording.find(sounds[GUARANTEE])
    assert alike > 0.9
    assert thanks_at <= 2 + NEAR_S
    talk_s = sound.decode_wav(sounds[THANKS]).size / sound.RATE
    assert guarantee_at - thanks_at == pytest.approx(talk_s + 4, abs=NEAR_S)
    # Between them there is music all the time.
    begin = thanks_at + talk_s + 0.5
    for second in range(3):
        assert recording.loudness(begin + second, begin + second + 1) > 0.01
    reached = [event.kinds for event in side.events if isinstance(event, HoldMessagesReached)]
    assert reached[:4] == [("say",), ("offer",), ("position",), ("say",)]


async def test_a_new_plan_is_heard_from_the_next_message_on(
    side: HoldSide, callers: SipCallers, phones: PhonesFor
) -> None:
    name = await side.prepare(music(2), say(THANKS), music(4), say(GUARANTEE), music(4))
    sounds = {text: await side.wav(text) for text in (THANKS, GUARANTEE, SORRY, CALLBACK)}
    async with Wait(side, callers, phones, name) as recording:
        await side.until(lambda: len(side.fetched) >= 1)
        callback = HoldEntryPlanned("callback", text=CALLBACK)
        await side.programmes.replan(CALL, (say(SORRY), music(6), callback, music(3)), "en")
        await side.until(lambda: len(side.fetched) >= 4)
    assert recording.heard(sounds)[:3] == [THANKS, SORRY, CALLBACK]
    assert GUARANTEE not in recording.heard(sounds)
    # The new programme has longer music than the list: 6 s and not 4.
    [(sorry_at, _), *_] = recording.find(sounds[SORRY])
    [(callback_at, _), *_] = recording.find(sounds[CALLBACK])
    talk_s = sound.decode_wav(sounds[SORRY]).size / sound.RATE
    assert callback_at - sorry_at == pytest.approx(talk_s + 6, abs=NEAR_S)
    reached = [event.kinds for event in side.events if isinstance(event, HoldMessagesReached)]
    assert reached[:3] == [("say",), ("say",), ("callback",)]


async def test_an_offer_counts_as_heard_when_its_sound_is_over(
    side: HoldSide, callers: SipCallers, phones: PhonesFor
) -> None:
    offer = HoldEntryPlanned("offer", text=GUARANTEE, offer="guarantee")
    name = await side.prepare(music(1), offer, music(3))
    async with Wait(side, callers, phones, name) as recording:
        await side.until(lambda: any(isinstance(event, OfferMet) for event in side.events))
        met_s = datetime.now(UTC)
    reached, met = side.events[:2]
    assert isinstance(reached, HoldMessagesReached)
    assert isinstance(met, OfferMet)
    talk_s = sound.decode_wav(await side.wav(GUARANTEE)).size / sound.RATE
    assert (met.at - reached.at).total_seconds() == pytest.approx(talk_s, abs=0.1)
    assert (met_s - met.at).total_seconds() < 1
    # Played whole by then, but for what was still on its way into the file.
    wav = sound.decode_wav(await side.wav(GUARANTEE))
    assert len(recording.find(wav[: -sound.RATE // 2])) == 1


async def test_the_music_goes_on_when_we_are_gone(
    side: HoldSide, callers: SipCallers, phones: PhonesFor
) -> None:
    name = await side.prepare(music(2), say(THANKS), music(2), say(GUARANTEE), music(2))
    async with Wait(side, callers, phones, name) as recording:
        await side.until(lambda: len(side.fetched) >= 3)
        await side.runner.cleanup()
        gone_at = recording.now_s
        # Time itself is what is measured: music for seven seconds and more by the recording's own
        # length, which is what Asterisk played; nothing else tells that it still plays.
        await asyncio.sleep(9)
    assert recording.seconds > gone_at + 7
    starts = itertools.takewhile(
        lambda at: at + 1 < recording.seconds, itertools.count(gone_at + 3, 1.0)
    )
    assert all(recording.loudness(at, at + 1) > 0.005 for at in starts)
