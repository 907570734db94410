"""Menus and hold programmes heard through a real Asterisk: it fetches every sound from us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from ami_bridge.agi_server import AgiServer
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome
from calls.clocks import Clock
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.events import CallArrived, CallEvent, MenuPresented, OptionChosen
from calls.ports import CallChannel, QueueRequest
from config.actions import ToMenu, ToQueue
from config.settings import AgiSettings, SpeechSettings
from ivr import http_routes, sound
from ivr.dialog import Dialog
from ivr.hold import HoldProgrammes
from ivr.menu import PresentedMenu, PresentedOption, PresentedRetry
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech_engines import engine_for
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.listening import rendered
from tests.acceptance.queue_house import door_open
from tests.fakes.call_course import FakeCourse, FakePlan
from tests.fakes.hold_programmes import hold_programmes
from tests.fakes.line_recordings import FakeRecordings
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

SHOP = "+18005550100"


def menu(name: str, greeting: str, option: PresentedOption) -> PresentedMenu:
    person = PresentedOption("0", "person", "", ToQueue("default"), spoken="For a person, press 0.")
    return PresentedMenu(
        name=name,
        language="en",
        greeting=greeting,
        options=(option, person),
        tries=2,
        timeout_s=2,
        invalid=PresentedRetry("There is no such key here.", 2),
        timeout=PresentedRetry("I did not hear you.", 2),
        failure=ToQueue("default"),
    )


def menus(name: str) -> dict[str, PresentedMenu]:
    """Asterisk keeps what it once fetched, so each test has sentences of its own."""
    billing = PresentedOption("2", "billing", "", ToMenu("billing"), spoken="For billing, press 2.")
    invoice = PresentedOption("1", "invoice", "", ToQueue("billing"), spoken="For a copy, press 1.")
    return {
        "main": menu("main", f"Welcome to Acme, {name}. It is good to hear from you.", billing),
        "billing": menu("billing", f"This is billing, {name}, where all is in order.", invoice),
    }


def programme(name: str) -> tuple[HoldEntryPlanned, ...]:
    return (
        HoldEntryPlanned("say", text=f"We are sorry for the delay, {name}."),
        HoldEntryPlanned("music", seconds=1),
        HoldEntryPlanned("say", text=f"You are still in line, {name}, and not forgotten."),
    )


class NobodyWatches:
    """A journal and a watcher for calls that nobody needs afterwards."""

    async def open_call(self, call: Call, *, fallback: bool = False) -> None: ...

    async def open_calls(self, system: str) -> Sequence[CallId]:
        return ()

    async def open_placed(self, system: str) -> Sequence[CallId]:
        return ()

    def dialog_started(self, call_id: CallId, now: Clock | None = None) -> None: ...

    def dialog_ended(
        self, call_id: CallId, *, hung_up: bool, queued: bool, left_for: CallOutcome | None = None
    ) -> None: ...


class VoiceSide:
    """Our half of a call: menus spoken by flite, and a hold programme."""

    def __init__(
        self, *, store: PromptStore, prompts: Prompts, hold: HoldProgrammes, bus: EventBus
    ) -> None:
        self.name = "Maria"
        self.store = store
        self.prompts = prompts
        self.hold = hold
        self.bus = bus
        self.events: list[CallEvent] = []
        #: Paths asked for, oldest first.
        self.fetched: list[str] = []
        self._news = asyncio.Condition()
        bus.subscribe("test", self._seen, CallEvent)

    async def _seen(self, event: CallEvent) -> None:
        self.events.append(event)

    @web.middleware
    async def witness(self, request: web.Request, handler: object) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)  # type: ignore[operator]
        async with self._news:
            self.fetched.append(request.path)
            self._news.notify_all()
        return response

    async def until_fetched(self, *paths: str, deadline_s: float = 40.0) -> None:
        async with asyncio.timeout(deadline_s), self._news:
            await self._news.wait_for(lambda: set(paths) <= set(self.fetched))

    async def path_of(self, text: str, language: str = "en") -> str:
        return urlsplit(await rendered(self.prompts, text, language)).path

    async def seconds_of(self, text: str) -> float:
        path = self.store.path(Path(await self.path_of(text)).stem)
        return sound.decode_wav(path.read_bytes()).size / sound.RATE

    def arrived(self) -> CallId:
        [event] = [event for event in self.events if isinstance(event, CallArrived)]
        return event.call_id

    def keys(self) -> list[tuple[str, str, str]]:
        chosen = [event.key for event in self.events if isinstance(event, OptionChosen)]
        return [(key.menu, key.digits, key.outcome) for key in chosen]

    async def converse(self, channel: CallChannel) -> None:
        dialog = Dialog(
            channel=channel,
            speech=self.prompts,
            recordings=FakeRecordings(),
            bus=self.bus,
            course=FakeCourse(FakePlan(menus(self.name))),
            speech_deadline_s=5.0,
            now=lambda: datetime.now(UTC),
        )
        await channel.answer()
        await channel.begin_dialog()
        end = await dialog.run(ToMenu("main"))
        assert isinstance(end, ToQueue)
        name = await self.hold.prepare(
            channel.call.id, programme(self.name), "en", deadline=Deadline.after(30)
        )
        await channel.to_queue(QueueRequest(end.queue, hold_class=name))


@pytest.fixture
async def voice(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[VoiceSide]:
    engine = engine_for(SpeechSettings())
    async with (
        EventBus() as bus,
        PromptStore(folder=tmp_path, limit_bytes=10**8, base_url=pbx.web_url) as store,
    ):
        prompts = Prompts(store=store, engine=engine)
        music = Music(store=store, file=None)
        await music.open()
        hold = await hold_programmes(
            speech=prompts, music=music, store=store, bus=bus, base_url=pbx.web_url
        )
        side = VoiceSide(store=store, prompts=prompts, hold=hold, bus=bus)
        app = web.Application(middlewares=[side.witness])
        door_open(app)
        http_routes.add_routes(app, store=store, hold=side.hold)
        runner = web.AppRunner(app)
        await runner.setup()
        address = urlsplit(pbx.web_url)
        await web.TCPSite(runner, address.hostname, address.port).start()
        nobody = NobodyWatches()
        agi = AgiServer(
            settings=AgiSettings(port=pbx.agi_port),
            system="pbx",
            journal=nobody,
            bus=bus,
            calls=nobody,
            handler=side.converse,
        )
        await agi.start()
        yield side
        await agi.stop(grace_s=1)
        await runner.cleanup()
    await engine.close()


def shape(*presses: tuple[int, str], hang_up_after_ms: int) -> CallerShape:
    return CallerShape(
        presses=tuple(Press(after, digit) for after, digit in presses),
        hang_up_after_ms=hang_up_after_ms,
    )


async def test_a_caller_hears_the_menus_and_then_a_programme_of_their_own(
    voice: VoiceSide, callers: SipCallers, phones: PhonesFor, pbx: PrivatePbx
) -> None:
    voice.name = "Maria"
    own = ["Welcome to Acme, Maria.", "This is billing, Maria, where all is in order."]
    # Spoken before, and long waits: a key that comes before the second menu passes it in silence.
    spoken = [await voice.path_of(text) for text in own]
    patient = shape((2500, "2"), (2500, "1"), hang_up_after_ms=30_000)
    async with phones({"agent1": PhoneShape(ring_ms=None)}):
        work = callers.start([ScriptedCall("+12025550161", SHOP, shape=patient)])
        try:
            await voice.until_fetched(
                *spoken, "/pbx/musiconhold/single", "/pbx/musiconhold_entry/multi"
            )
            music_class = voice.hold.class_of(voice.arrived())
            assert music_class is not None
            playlist = await voice.hold.playlist(music_class)
            # Music is the same for everybody, so Asterisk may have it from another test.
            theirs = [urlsplit(url).path for url in playlist if "/pbx/hold/" in url]
            assert len(theirs) >= 2
            await voice.until_fetched(*theirs[:2])
        finally:
            await work.stop()
            await pbx.rx("channel request hangup all")
    assert voice.keys() == [("main", "2", "match"), ("billing", "1", "match")]


async def test_keys_typed_ahead_pass_both_menus_in_silence(
    voice: VoiceSide, callers: SipCallers, pbx: PrivatePbx
) -> None:
    voice.name = "Victoria"
    quick = shape((400, "2"), (250, "1"), hang_up_after_ms=1500)
    result = await callers.run([ScriptedCall("+12025550162", SHOP, shape=quick)])
    assert result.successful == 1, result.errors
    assert voice.keys() == [("main", "2", "match"), ("billing", "1", "match")]
    # A key cuts what is being said, or comes before it: what comes after it was never fetched.
    assert await voice.path_of("It is good to hear from you.") not in voice.fetched
    entered = {row[2] for row in pbx.queue_log() if row[1] == voice.arrived().linkedid}
    assert entered == {"billing"}


async def test_a_caller_who_presses_nothing_hears_everything_and_reaches_a_person(
    voice: VoiceSide, callers: SipCallers, pbx: PrivatePbx
) -> None:
    voice.name = "Zoe"
    options = ["For billing, press 2.", "For a person, press 0."]
    greeting = ["Welcome to Acme, Zoe.", "It is good to hear from you."]
    heard = [*greeting, *options, "I did not hear you.", *options]
    expected_s = sum([await voice.seconds_of(text) for text in heard]) + 2 * 2
    silent = shape(hang_up_after_ms=40_000)
    work = callers.start([ScriptedCall("+12025550163", SHOP, shape=silent)])
    try:
        await voice.until_fetched("/pbx/musiconhold/single")
    finally:
        await work.stop()
        await pbx.rx("channel request hangup all")
    assert voice.keys() == [("main", "", "timeout"), ("main", "", "failure")]
    begun, *_, ended = [e.at for e in voice.events if isinstance(e, MenuPresented | OptionChosen)]
    assert (ended - begun).total_seconds() == pytest.approx(expected_s, abs=1.5)


async def test_after_a_restart_of_ours_the_queues_own_music_plays(
    voice: VoiceSide, callers: SipCallers, pbx: PrivatePbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice.name = "Anna"
    monkeypatch.setattr(voice.hold, "is_live", lambda name: False)
    waiting = shape((400, "0"), hang_up_after_ms=5000)
    result = await callers.run([ScriptedCall("+12025550164", SHOP, shape=waiting)])
    assert result.successful == 1, result.errors
    assert "/pbx/musiconhold/single" in voice.fetched
    assert "/pbx/musiconhold_entry/multi" not in voice.fetched
    linkedid = voice.arrived().linkedid
    events = [row[4] for row in pbx.queue_log() if row[1] == linkedid]
    assert (events[0], events[-1]) == ("ENTERQUEUE", "ABANDON")
