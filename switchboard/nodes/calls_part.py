"""`switchboard run --part calls`: the callers' side alone, as often as there are processors and
machines. Whoever keeps the desk is told what callers do, and answers what browsers ask here."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket

from aiohttp import web

from ami_bridge.asterisks import Asterisks
from ami_bridge.bridge import AmiBridge
from calls.bus import EventBus
from calls.events import CallEvent
from config.settings import Settings
from crm_adapter.journal import DatabaseJournal
from switchboard import readiness
from switchboard.caller_side import CallerSide
from switchboard.health import PartState
from switchboard.nodes.desk_part import check, lease_of, systems_of
from switchboard.nodes.desk_relay import DeskFinder, DeskRelay
from switchboard.nodes.direct_line import HttpDirectLine
from switchboard.nodes.event_stream import connected, stream_of
from switchboard.nodes.event_teller import EventTeller
from switchboard.nodes.hold_elsewhere import HoldElsewhere
from switchboard.nodes.news_stream import NewsReader, news_of
from switchboard.nodes.node_addresses import NodeAddresses
from switchboard.nodes.told_dialogs import ToldDialogs
from switchboard.process import Process
from switchboard.proxies import behind

#: Dialogs that live when we stop have so long: other processes take who calls meanwhile.
DRAIN_S = 30.0
#: What is told as we stop has so long.
_LAST_WORDS_S = 2.0


class CallsPart(Process):
    """`async with CallsPart(settings)`: on return calls are served."""

    def __init__(self, settings: Settings) -> None:
        self._redis_url = check(settings)
        systems_of(settings)
        super().__init__(settings)
        #: What Asterisk tells; it is not told on, as the desk's process hears it too.
        self._pbx = EventBus()

    @property
    def status(self) -> str:
        port = self.agi.port
        return f"FastAGI {self.settings.agi.host}:{port}, web {self._ground.web_url}"

    async def _start(self) -> None:
        ground, stages = self._ground, self._ground.stages
        await ground.start()
        every = self.settings.asterisks
        asterisks = Asterisks(
            [AmiBridge(settings=ami, journal=None, bus=self._pbx) for ami in every],
            login_of=lambda _: None,
        )
        addresses = NodeAddresses(
            database=ground.database,
            address=ground.web_url,
            holder=f"{socket.gethostname()[:60]}:{os.getpid()}",
        )
        await stages.enter("address", addresses, 2)
        callers = CallerSide(
            ground,
            places=asterisks,
            exits=asterisks.exits,
            recordings=asterisks.recordings,
            also_told_by=[self._pbx],
            node=addresses.node,
        )
        await ground.remember(callers.models)
        await stages.enter("pbx bus", self._pbx, 5)
        dialogs = ToldDialogs(here=asterisks, bus=ground.bus)
        system = self.settings.ami.system
        self._finder = DeskFinder(database=ground.database, lease=lease_of(system))
        direct = HttpDirectLine(self._finder, system=system)
        self._tell(dialogs, await stages.enter("direct line", direct, 2))
        await stages.enter("bus", ground.bus, 5)
        await callers.build()
        others = HoldElsewhere(addresses)
        await stages.enter("hold elsewhere", others, 2)
        relay = await stages.enter("relay", DeskRelay(self._finder), 3)
        await self._start_web(callers, others, relay)
        for bridge in asterisks.bridges:
            await stages.enter("ami", bridge, 5)
        journal = DatabaseJournal(database=ground.database)
        self.agi = await callers.accept(journal=journal, calls=dialogs, grace_s=DRAIN_S)
        readiness.add_parts(ground.health, ground.parts(*asterisks.bridges))
        readiness.add_callers_parts(ground.health, agi=self.agi, warm_up=callers.warm_up)
        for bridge in asterisks.bridges:
            for task in bridge.tasks:
                ground.side_tasks.watch(task)
        ground.side_tasks.start("nodes:address", addresses.run())
        ground.side_tasks.start("nodes:desk", self._look_for_the_desk(relay, dialogs))
        ground.watch()

    def _tell(self, dialogs: ToldDialogs, direct: HttpDirectLine) -> None:
        ground = self._ground
        client = connected(self._redis_url)
        ground.stages.on_stop("redis", client.aclose, 2)
        teller = EventTeller(
            client=client,
            stream=stream_of(self.settings.ami.system),
            who=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
            direct=direct,
            # We may have been given up for dead meanwhile.
            returned=dialogs.tell_again,
        )
        news = NewsReader(
            client=client,
            stream=news_of(self.settings.ami.system),
            forget=ground.connection.forget,
        )
        ground.side_tasks.start("nodes:news", news.run())
        ground.bus.subscribe("nodes", teller.tell, CallEvent)
        ground.stages.on_stop("last words", lambda: teller.settle(_LAST_WORDS_S), 3)
        ground.side_tasks.start("nodes:events", teller.run())
        ground.health.add_counters(
            lambda: {
                "nodes_events_waiting": float(teller.waiting),
                "nodes_events_shed_total": float(teller.shed),
                "nodes_events_dropped_total": float(teller.dropped),
                "nodes_events_kept": float(teller.kept),
                "nodes_events_repeated_total": float(teller.repeated),
                "nodes_events_direct_total": float(teller.directly),
                "nodes_redis_connected": float(teller.is_connected),
            }
        )

    async def _start_web(
        self, callers: CallerSide, others: HoldElsewhere, relay: DeskRelay
    ) -> None:
        ground = self._ground
        app = web.Application(
            client_max_size=256 * 1024,
            middlewares=[behind(ground.settings.web.trusted_proxies)],
        )
        ground.crowd.bound(app)
        ground.doorkeeper().keep(app)
        ground.health.add_routes(app)
        callers.add_routes(app, others)
        relay.add_routes(app)
        await self._serve_web(app)

    async def _look_for_the_desk(self, relay: DeskRelay, dialogs: ToldDialogs) -> None:
        """A new one is told who talks with us now."""
        token: int | None = None
        there = False

        def state() -> PartState:
            if there:
                return PartState(True, "another process keeps the desk")
            return PartState(
                False, "nobody keeps the desk", remedy="start `switchboard run --part desk`"
            )

        self._ground.health.add_part("desk", state)
        while True:
            desk = await self._finder.find()
            there = desk is not None
            if desk is not None and desk.token != token:
                token = desk.token
                relay.desk_is(token)
                dialogs.tell_again()
            await asyncio.sleep(0.5)
