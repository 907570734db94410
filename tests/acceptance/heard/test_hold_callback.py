"""Who waits on the real Asterisk hears their place, and leaves by the key once it was offered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from calls import events
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.ports import CallChannel, QueueRequest
from config.settings import SpeechSettings
from ivr import http_routes, waiting_words
from ivr.hold import HoldProgrammes
from ivr.hold_keys import CallbackKeys
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.speech_engines import engine_for
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance import queue_house
from tests.acceptance.listening import Recording, record
from tests.acceptance.queue_house import House
from tests.acceptance.waiting import until
from tests.fakes.hold_programmes import hold_programmes
from tests.real_asterisk import PhonesFor

pytestmark = pytest.mark.acceptance

OFFER = HoldEntryPlanned("callback", text="If you would rather not wait, press 1.")
FIRST = (HoldEntryPlanned("music", seconds=3), OFFER, HoldEntryPlanned("music", seconds=4))
SECOND = (
    HoldEntryPlanned("music", seconds=5),
    HoldEntryPlanned("position"),
    HoldEntryPlanned("music", seconds=5),
)


class Site:
    """Two callers: the first may leave by the key, the second hears the place."""

    def __init__(self, house: House, prompts: Prompts, store: PromptStore) -> None:
        self.house = house
        self.prompts = prompts
        self.store = store
        self.programmes: HoldProgrammes
        self.recordings: list[Recording] = []
        self.withdrawn: list[int | None] = []

    async def serve(self, channel: CallChannel) -> None:
        await channel.answer()
        programme = SECOND if self.recordings else FIRST
        self.recordings.append(await record(self.house.pbx, channel.call.channel))
        await self._to_queue(channel, programme, None)

    async def serve_withdrawn(self, channel: CallChannel) -> None:
        """Thinks better of it."""
        place = self.house.bridge.exits.place_given_up(channel.call.id)
        self.withdrawn.append(place.position if place else None)
        await channel.begin_dialog()
        await self._to_queue(channel, FIRST, self.withdrawn[-1])

    async def _to_queue(
        self, channel: CallChannel, entries: tuple[HoldEntryPlanned, ...], position: int | None
    ) -> None:
        name = await self.programmes.prepare(
            channel.call.id, entries, "en", deadline=Deadline.after(30)
        )
        await channel.to_queue(QueueRequest("billing", hold_class=name, position=position))

    async def wav(self, text: str) -> bytes:
        url = await self.prompts.render(text, "en", deadline=Deadline.after(30))
        assert url is not None
        return self.store.path(Path(urlsplit(url).path).stem).read_bytes()


@pytest.fixture
async def site(pbx: PrivatePbx, tmp_path: Path) -> AsyncIterator[Site]:
    engine, sites = engine_for(SpeechSettings()), []
    async with PromptStore(folder=tmp_path, limit_bytes=10**8, base_url=pbx.web_url) as store:
        prompts = Prompts(store=store, engine=engine)
        music = Music(store=store, file=None)
        await music.open()
        sentences = [(text, "en") for text in waiting_words.every_sentence("en")]
        await prompts.prerender([*sentences, (OFFER.text or "", "en")])

        async def hold(app: web.Application, house: House) -> None:
            site = Site(house, prompts, store)
            site.programmes = await hold_programmes(
                speech=prompts,
                music=music,
                store=store,
                bus=house.bus,
                base_url=pbx.web_url,
                places=house.bridge.places,
            )
            CallbackKeys(exits=house.bridge.exits, bus=house.bus).subscribe()
            http_routes.add_routes(app, store=store, hold=site.programmes)
            house.dialog, house.withdrawn = site.serve, site.serve_withdrawn
            sites.append(site)

        async with queue_house.opened(pbx, tmp_path, more=hold):
            yield sites[0]
    await engine.close()


async def two_callers(site: Site) -> None:
    """The first leaves the queue and comes back; both are recorded to the end."""
    too_early, in_time = Press(1500, "1"), Press(6000, "1")
    waits = CallerShape(presses=(too_early, in_time), hang_up_after_ms=5000)
    first = site.house.ring(waits)

    async def queued() -> bool:
        arrived = site.house.of(events.CallArrived)
        return bool(arrived) and site.house.bridge.places.place_of(arrived[0].call_id) is not None

    await until(queued, "the first caller in the queue")
    second = site.house.ring(CallerShape(hang_up_after_ms=14_000))

    async def came_back() -> list[int | None]:
        return site.withdrawn

    await until(came_back, "the caller who left the queue")
    await first.wait(deadline_s=30)
    await second.wait(deadline_s=30)
    for recording in site.recordings:
        await recording.stop()


async def test_the_key_works_once_it_was_offered_and_who_comes_back_has_the_same_place(
    site: Site, phones: PhonesFor
) -> None:
    # A ringing agent would have the chance to answer first.
    busy = {name: PhoneShape(busy=True) for name in ("agent1", "agent2", "agent3")}
    async with phones(busy):
        await two_callers(site)
    assert site.withdrawn == [1]
    entered = [row for row in site.house.queue_log("ENTERQUEUE", "WITHDRAW") if row[0] == "billing"]
    # queue_log's ENTERQUEUE: url, caller, position.
    assert [(row[2], row[5] if row[2] == "ENTERQUEUE" else row[3]) for row in entered] == [
        ("ENTERQUEUE", "1"),
        ("ENTERQUEUE", "2"),
        ("WITHDRAW", "1"),
        ("ENTERQUEUE", "1"),
    ]
    assert len(site.recordings[0].find(await site.wav(OFFER.text or ""))) == 1
    two = await site.wav("You are number two in the queue.")
    assert len(site.recordings[1].find(two)) == 1
