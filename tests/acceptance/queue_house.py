"""Our side of a real Asterisk, with a dialog that the test chooses: FastAGI, AMI, and the web
addresses that Asterisk asks for queues and hold music."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretStr

from ami_bridge import queue_routes
from ami_bridge.agi_server import AgiServer, Handler
from ami_bridge.bridge import AmiBridge
from ami_bridge.placing import Placing
from calls import events
from calls.bus import EventBus
from calls.call import CallId, CallOutcome
from calls.ports import CallChannel, CallJournal, QueueRequest
from config.neighbours import Neighbours
from config.settings import AgiSettings, AmiSettings, WebSettings
from screenpop.desk.admission import Admission
from screenpop.desk.doorkeeper import Doorkeeper
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import CallersAtWork, ScriptedCall, SipCallers
from switchboard.demo.sip_scenarios import CallerShape
from tests.acceptance.waiting import until
from tests.fakes.call_journal import MemoryJournal

DIALLED = "+18005550100"


class Roster:
    """Implements `calls.ports.AgentRoster`: anna is PJSIP/agent1, and so on."""

    def __init__(self, interfaces: Mapping[str, str]) -> None:
        self._interfaces = interfaces

    def login_of(self, interface: str) -> str | None:
        return next((k for k, v in self._interfaces.items() if v == interface), None)

    def interface_of(self, login: str) -> str | None:
        return self._interfaces.get(login)


@dataclass
class House:
    pbx: PrivatePbx
    callers: SipCallers
    bridge: AmiBridge
    bus: EventBus
    told: list[events.CallEvent] = field(default_factory=list)
    dialog: Handler | None = None
    withdrawn: Handler | None = None
    #: Where the dialplan asked for realtime rows.
    fetched: list[str] = field(default_factory=list)
    #: Ended with the house at the latest: a test that fails leaves no callers to the next.
    at_work: list[CallersAtWork] = field(default_factory=list)

    async def tell(self, event: events.CallEvent) -> None:
        self.told.append(event)

    async def serve(self, channel: CallChannel) -> None:
        assert self.dialog is not None
        await self.dialog(channel)

    async def serve_withdrawn(self, channel: CallChannel) -> None:
        assert self.withdrawn is not None
        await self.withdrawn(channel)

    def ring(self, *shapes: CallerShape, rate_per_s: float = 10.0) -> CallersAtWork:
        calls = [
            ScriptedCall(f"+12025550{100 + n}", DIALLED, "", shape)
            for n, shape in enumerate(shapes)
        ]
        self.at_work.append(self.callers.start(calls, rate_per_s=rate_per_s))
        return self.at_work[-1]

    def of(self, kind: type[events.CallEvent]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]

    async def some(self, kind: type[events.CallEvent], count: int = 1) -> list[Any]:
        async def seen() -> list[Any]:
            found = self.of(kind)
            return found if len(found) >= count else []

        return await until(seen, kind.__name__, deadline_s=60, every_s=0.01)

    async def outcome(self) -> CallOutcome:
        ended: list[events.CallEnded] = await self.some(events.CallEnded)
        return ended[0].outcome

    def queue_log(self, *kinds: str) -> list[list[str]]:
        """What app_queue wrote of this test's calls: queue, agent, event, data."""
        return [row[2:] for row in self.pbx.queue_log() if row[4] in kinds and self._is_ours(row)]

    def _is_ours(self, row: list[str]) -> bool:
        return CallId("pbx", row[1]) in {event.call_id for event in self.told}


MoreRoutes = Callable[[web.Application, House], Awaitable[Admission | None]]


def to(request: QueueRequest) -> Callable[[CallChannel], Awaitable[None]]:
    async def dialog(channel: CallChannel) -> None:
        await channel.answer()
        await channel.to_queue(request)

    return dialog


def door_open(app: web.Application, admission: Admission | None = None) -> None:
    """For whoever the server would let in on this machine."""
    Doorkeeper(settings=WebSettings(), neighbours=Neighbours(), admission=admission).keep(app)


@asynccontextmanager
async def opened(
    pbx: PrivatePbx,
    folder: Path,
    *,
    more: MoreRoutes | None = None,
    journal: CallJournal | None = None,
    placing: Placing | None = None,
) -> AsyncIterator[House]:
    """`more` may add to the web addresses before anybody asks there, and says who logs in.
    Without `placing` calls of agents are none of ours."""
    # Calls of other tests that the dialplan served alone would be told of as soon as we connect.
    for family in ("swb_fallback", "swb_ended"):
        await pbx.rx(f"database deltree {family}")
    bus, journal = EventBus(), journal or MemoryJournal()
    settings = AmiSettings(port=pbx.ami_port, secret=SecretStr(pbx.ami_secret))
    bridge = AmiBridge(
        settings=settings,
        journal=journal,
        bus=bus,
        placing=placing,
        agents_context="from-agents",
        settle_s=0.1,
    )
    house = House(pbx, SipCallers(trunk=pbx.trunk, folder=folder), bridge, bus)
    bus.subscribe("told", house.tell, events.CallEvent)
    agi = AgiServer(
        settings=AgiSettings(port=pbx.agi_port),
        system="pbx",
        journal=journal,
        bus=bus,
        calls=bridge.tracker,
        handler=house.serve,
        withdrawn=house.serve_withdrawn,
    )

    @web.middleware
    async def note(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        house.fetched.append(request.path)
        return await handler(request)

    app = web.Application(middlewares=[note])
    roster = Roster({"anna": "PJSIP/agent1", "ben": "PJSIP/agent2", "chen": "PJSIP/agent3"})
    queue_routes.add_routes(app, roster=roster, members=bridge.members)
    admission = await more(app, house) if more is not None else None
    door_open(app, admission)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", urlsplit(pbx.web_url).port).start()
    await agi.start()
    try:
        async with bus, bridge:

            async def in_step() -> bool:
                return bridge.is_connected

            await until(in_step, "a first resync", deadline_s=60)
            yield house
    finally:
        for work in house.at_work:
            await work.stop()
        await agi.stop(0)
        await runner.cleanup()
        await asyncio.sleep(0)
