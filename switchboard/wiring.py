"""Builds the one process out of the features: who gets which port, what starts in which order.

Up: storage, rulebook, CRM, desk, records, bus, speech, web, AMI, and FastAGI last, so that no call
is taken before everything behind it works. Down: the same in reverse.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from calls.errors import Misconfigured
from config.settings import Settings
from switchboard import readiness
from switchboard.caller_side import CallerSide
from switchboard.desk_side import DeskSide
from switchboard.process import Process
from switchboard.proxies import behind


class Centre(Process):
    """`async with Centre(settings)`: on return calls are served; on leaving, dialogs have ended or
    gone to the queue, and what the CRM is owed is in the outbox. `nightly` is the command that does
    the nightly work; without it nobody does."""

    def __init__(self, settings: Settings, *, nightly: Sequence[str] = ()) -> None:
        if settings.nodes.asterisks:
            raise Misconfigured(
                "nodes.asterisks: several Asterisks need `switchboard run --part calls` and "
                "`--part desk`; take them out, or give a part"
            )
        super().__init__(settings)
        self._nightly = nightly

    @property
    def status(self) -> str:
        return f"FastAGI {self.settings.agi.host}:{self.agi.port}, web {self._ground.web_url}"

    async def _start(self) -> None:
        ground = self._ground
        await ground.start()
        desk = DeskSide(ground, nightly=self._nightly)
        [bridge] = desk.asterisks.bridges
        callers = CallerSide(
            ground, places=bridge.places, exits=bridge.exits, recordings=bridge.recordings
        )
        await desk.build()
        await ground.remember(callers.models)
        await ground.stages.enter("bus", ground.bus, 5)
        await desk.remember()
        await callers.build()
        await self._start_web(desk, callers)
        await desk.follow()
        self.agi = await callers.accept(journal=desk.journal, calls=bridge.tracker)
        readiness.add_parts(ground.health, desk.parts())
        readiness.add_callers_parts(ground.health, agi=self.agi, warm_up=callers.warm_up)
        desk.watch()
        ground.watch()

    async def _start_web(self, desk: DeskSide, callers: CallerSide) -> None:
        ground = self._ground
        app = web.Application(
            client_max_size=256 * 1024,
            middlewares=[behind(ground.settings.web.trusted_proxies)],
        )
        ground.crowd.bound(app)
        ground.doorkeeper(admission=desk.desk.admission).keep(app)
        ground.health.add_routes(app)
        callers.add_routes(app)
        desk.add_routes(app)
        await self._serve_web(app)
