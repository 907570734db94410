"""A real Asterisk with an agent whose phone is in the page, and our side of it: AMI, FastAGI, the
desktop's server. The network between browser and server is in the hands of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from aiohttp import web
from playwright.async_api import Page, expect

from calls import events
from calls.agents import Agent
from calls.ports import CallChannel, QueueRequest
from config.settings import WebSettings
from crm_adapter.follow_ups import DatabaseFollowUps
from scoring.offer_ledger import DatabaseOfferLedger
from screenpop.agents.softphones import softphones
from screenpop.desk.admission import Admission
from screenpop.desk.desk import Desk
from screenpop.desk.routes import add_routes
from screenpop.desk.static_files import STATIC
from storage.database import Database
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import CallersAtWork
from switchboard.demo.sip_scenarios import CallerShape
from tests.acceptance import queue_house
from tests.acceptance.listening import Recording, callers_channel, record
from tests.acceptance.queue_house import House
from tests.acceptance.waiting import until
from tests.fakes.desk_server import DeskServer, QueueControlTwin, add_agents
from tests.fakes.ringing_call import now, victoria
from tests.faults.proxy import FaultProxy

VERA = Agent("vera", "Vera Web", (), ("support",), softphone=True)
QUEUE = "support"

#: Lets a test hear what a page hears, count its rings, and see what it shows outside itself.
LISTEN = """
window.__connections = [];
const Native = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  constructor(...given) { super(...given); window.__connections.push(this); }
};
window.__sounds = [];
const Sounding = window.AudioContext;
window.AudioContext = class extends Sounding {
  constructor(...given) { super(...given); window.__sounds.push(this); }
};
window.__tones = 0;
const made = BaseAudioContext.prototype.createOscillator;
BaseAudioContext.prototype.createOscillator = function () {
  window.__tones += 1;
  return made.call(this);
};
window.__notices = [];
const Told = window.Notification;
window.Notification = class extends Told {
  constructor(title, options) {
    super(title, options);
    window.__notices.push(this);
    this.addEventListener("close", () => (this.closed = true));
  }
};
"""
_HEARD = """async seconds => {
  const [receiver] = window.__connections.at(-1).getReceivers();
  const audio = new AudioContext();
  await audio.resume();
  const analyser = audio.createAnalyser();
  analyser.fftSize = 8192;
  audio.createMediaStreamSource(new MediaStream([receiver.track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const ends = performance.now() + seconds * 1000;
  let [loudest, hertz] = [0, 0];
  while (performance.now() < ends) {
    await new Promise(done => setTimeout(done, 50));
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length);
    if (rms <= loudest) continue;
    analyser.getFloatFrequencyData(bins);
    loudest = rms;
    hertz = bins.indexOf(Math.max(...bins)) * audio.sampleRate / analyser.fftSize;
  }
  await audio.close();
  return {loudest, hertz};
}"""


class Heard(TypedDict):
    loudest: float
    hertz: float


@dataclass
class PhoneWorld:
    house: House
    server: DeskServer
    network: FaultProxy
    pbx: PrivatePbx

    def ring(self, shape: CallerShape | None = None) -> CallersAtWork:
        """A caller whom the CRM knows, in the queue of the agent alone."""
        return self.house.ring(shape or CallerShape())

    async def contacts(self) -> list[str]:
        """Where Asterisk would ring the agent."""
        shown = await self.pbx.rx("pjsip show contacts")
        return [line for line in shown.splitlines() if f" {VERA.login}/sip:" in line]

    async def registered(self) -> None:
        async def there() -> bool:
            return len(await self.contacts()) == 1

        await until(there, "the phone's registration")

    async def can_ring(self, wanted: bool) -> bool:
        """Whether the server knows of the agent's phone in the queue that it can ring, or not."""
        member = self.house.bridge.members.find(f"PJSIP/{VERA.login}", QUEUE)
        return member is not None and member.reachable is wanted

    async def caller(self) -> Recording:
        """What the caller hears from now on."""
        return await record(self.pbx, await callers_channel(self.pbx))

    async def channels(self) -> list[str]:
        shown = await self.pbx.rx("core show channels concise")
        return [line for line in shown.splitlines() if "!" in line]

    async def silence(self) -> None:
        """Until no call is left."""

        async def none() -> bool:
            return not await self.channels()

        await until(none, "the end of every call")


async def heard(page: Page, seconds: float = 0.6) -> Heard:
    """The loudest moment of what the other side says, and its strongest frequency."""
    told: Heard = await page.evaluate(_HEARD, seconds)
    return told


async def hears_the_caller(page: Page) -> None:
    """The tone that callers play: 180 and 240 Hz."""
    told = await heard(page)
    assert told["loudest"] > 0.01, told
    assert 160 < told["hertz"] < 260, told


async def accepts(page: Page) -> None:
    phone = page.get_by_test_id("phone")
    await phone.get_by_role("button", name="Accept").click()
    await expect(phone.get_by_text("Talking", exact=True)).to_be_visible()


@asynccontextmanager
async def phone_world(pbx: PrivatePbx, url: str, folder: Path) -> AsyncIterator[PhoneWorld]:
    async with desk_world(pbx, url, folder, VERA) as world, _only_member(pbx):
        yield world


@asynccontextmanager
async def desk_world(
    pbx: PrivatePbx, url: str, folder: Path, *agents: Agent
) -> AsyncIterator[PhoneWorld]:
    """Of these agents alone; the others of Asterisk's queues have no desktop."""
    async with Database(url) as database, AsyncExitStack() as stack:
        await add_agents(database, *agents)
        if pbx.http_port is not None:
            await pbx.tell_softphones(await softphones(database))
        built: list[Desk] = []

        async def more(app: web.Application, house: House) -> Admission:
            settings = WebSettings()
            desk = Desk(
                database=database,
                bus=house.bus,
                queue_control=house.bridge.queue_control,
                transfers=house.bridge.transfers,
                recordings=house.bridge.recordings,
                offers=DatabaseOfferLedger(database=database),
                follow_ups=DatabaseFollowUps(database=database),
                web=settings,
                softphone=pbx.softphone_settings if pbx.http_port is not None else None,
            )
            built.append(await stack.enter_async_context(desk))
            add_routes(app, desk=desk, settings=settings, static=STATIC)
            return desk.admission

        async def dialog(channel: CallChannel) -> None:
            house.bus.publish(events.CallerIdentified(channel.call.id, now(), victoria()))
            await channel.answer()
            await channel.to_queue(QueueRequest(QUEUE))

        async with queue_house.opened(pbx, folder, more=more) as house, FaultProxy() as network:
            house.dialog = dialog
            port = urlsplit(pbx.web_url).port
            assert port is not None
            network.target = ("127.0.0.1", port)
            base_url = f"http://127.0.0.1:{network.port}"
            server = DeskServer(base_url, built[0], house.bus, QueueControlTwin(), database)
            world = PhoneWorld(house, server, network, pbx)
            try:
                yield world
            finally:
                # A caller whose program was killed waits on, and would ring in the next test.
                await pbx.rx("channel request hangup all")
                await world.silence()
                built[0].hub.close_all()


@asynccontextmanager
async def _only_member(pbx: PrivatePbx) -> AsyncIterator[None]:
    others = [f"PJSIP/{agent.endpoint}" for agent in pbx.agents]
    for other in others:
        await pbx.rx(f"queue pause member {other} queue {QUEUE}")
    member = f"PJSIP/{VERA.login}"
    await pbx.rx(f"queue add member {member} to {QUEUE} penalty 0 as Vera state_interface {member}")
    try:
        yield
    finally:
        await pbx.rx(f"queue remove member {member} from {QUEUE}")
        await asyncio.gather(
            *(pbx.rx(f"queue unpause member {other} queue {QUEUE}") for other in others)
        )
