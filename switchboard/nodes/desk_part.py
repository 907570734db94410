"""`switchboard run --part desk`: the desk's side alone. Of several such processes one has the lease
and works; the others stand by, with everything ready that can be ready."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from calls.errors import Misconfigured
from config.settings import Settings
from storage.lease_group import LeaseGroup
from storage.leases import Lease
from switchboard import readiness
from switchboard.desk_side import DeskSide
from switchboard.health import PartState
from switchboard.nodes import direct_line
from switchboard.nodes.desk_relay import ASKED_BY
from switchboard.nodes.event_intake import EventIntake
from switchboard.nodes.event_reader import EventReader
from switchboard.nodes.event_stream import connected, stream_of
from switchboard.nodes.lease_keeper import LeaseKeeper
from switchboard.nodes.news_stream import NewsTeller, news_of
from switchboard.nodes.told_dialogs import HeardDialogs
from switchboard.process import Process, serve


def lease_of(system: str) -> str:
    """Of whoever follows this Asterisk, and keeps its callers' desks."""
    return f"desk:{system}"


def systems_of(settings: Settings) -> list[str]:
    """The names of all Asterisks that the desk follows. Raises Misconfigured where two have the
    same."""
    names = [one.system for one in settings.asterisks]
    if len(set(names)) < len(names):
        raise Misconfigured(
            f"nodes.asterisks: each Asterisk has a `system` of its own, `ami` too, not {names}: "
            "their calls' ids would be the same"
        )
    return names


def check(settings: Settings) -> str:
    """Redis's address. Raises Misconfigured where several processes cannot work together."""
    if not settings.storage.url.startswith("postgresql"):
        raise Misconfigured(
            "storage.url: `--part` needs a PostgreSQL that all parts share, like "
            "postgresql://USER@HOST/NAME; one process alone works with SQLite"
        )
    if settings.redis.url is None:
        raise Misconfigured("redis.url: `--part` needs a Redis that all parts share")
    return settings.redis.url


class DeskPart(Process):
    """`async with DeskPart(settings)`: stands by on return, and keeps the desk as soon as no other
    process does."""

    def __init__(self, settings: Settings, *, nightly: Sequence[str] = ()) -> None:
        self._redis_url = check(settings)
        self._systems = systems_of(settings)
        super().__init__(settings)
        self._nightly = nightly
        # The secret shows the other processes to us: see direct_line.
        self._holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(16)}"

    @property
    def status(self) -> str:
        return f"the desk of {', '.join(self._systems)}, for the others at {self._address}"

    async def _start(self) -> None:
        ground = self._ground
        await ground.start()
        self._lease = LeaseGroup([self._lease_of(system) for system in self._systems])
        self._keeper = LeaseKeeper(self._lease)
        standby = await self._stand_by()
        self._working = ground.side_tasks.start_once("desk", self._work(standby))

    async def __aexit__(self, *exc: object) -> None:
        self.side_tasks.expect_the_end()
        self._working.cancel()
        await asyncio.gather(self._working, return_exceptions=True)
        await super().__aexit__(*exc)

    def _lease_of(self, system: str) -> Lease:
        return Lease(
            database=self._ground.database,
            name=lease_of(system),
            holder=self._holder,
            address=self._address,
            ttl_s=self.settings.nodes.lease_s,
        )

    async def _work(self, standby: Callable[[], Awaitable[None]]) -> None:
        """Once the lease is ours."""
        ground = self._ground
        try:
            await self._keeper.wait()
            # At once: what stands by may take most of the lease's time to stop.
            self._keep_lease()
        finally:
            await standby()
        ground.database.writer.fence = self._lease.fence
        desk = DeskSide(ground, nightly=self._nightly, more=self.settings.nodes.asterisks)
        self._act_only_while_certain(desk)
        await desk.build()
        await ground.remember(None)
        await ground.stages.enter("bus", ground.bus, 5)
        await desk.remember()
        intakes = self._intakes(desk)
        await self._start_web(desk, intakes)
        await desk.follow()
        self._listen(intakes)
        readiness.add_parts(ground.health, desk.parts())
        desk.watch()
        ground.watch()

    def _keep_lease(self) -> None:
        """It is given back when everything that needs it has stopped."""
        ground, keeper = self._ground, self._keeper
        keeping = asyncio.create_task(keeper.keep(), name="lease")
        ground.side_tasks.watch(keeping)

        async def give_back() -> None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await keeper.give_back()

        ground.stages.on_stop("lease", give_back, 2)

    def _act_only_while_certain(self, desk: DeskSide) -> None:
        """Another may have the desk by now whom we cannot see. What Asterisk was not told
        meanwhile it is told afterwards."""
        for bridge in desk.asterisks.bridges:
            bridge.client.may_act = lambda: self._keeper.is_certain
        self._keeper.certain_again = desk.desk.agents.wish_all

    async def _stand_by(self) -> Callable[[], Awaitable[None]]:
        """Health alone, where the desk will be."""
        app = web.Application()
        health = self._ground.health
        health.add_part(
            "lease",
            lambda: PartState(True, "keeps the desk" if self._keeper.is_held else "stands by"),
        )
        self._ground.doorkeeper().keep(app)
        health.add_routes(app)
        return await self._serve(app)

    async def _start_web(self, desk: DeskSide, intakes: Mapping[str, EventIntake]) -> None:
        app = web.Application(
            client_max_size=256 * 1024, middlewares=[asked_by(self.settings.nodes.trusted)]
        )
        keeper = self._ground.doorkeeper(admission=desk.desk.admission, node_secret=self._holder)
        keeper.keep(app)
        self._ground.health.add_routes(app)
        direct_line.add_routes(app, intakes=intakes)
        desk.add_routes(app)
        self._ground.stages.on_stop("web", await self._serve(app), 10)

    async def _serve(self, app: web.Application) -> Callable[[], Awaitable[None]]:
        nodes = self.settings.nodes
        return await serve(
            app,
            "the desk's web server",
            self._ground.connections,
            section="nodes",
            host=nodes.desk_host,
            port=nodes.desk_port,
        )

    def _intakes(self, desk: DeskSide) -> dict[str, EventIntake]:
        """By the Asterisk of their settings' `ami`: what the processes tell that talk with
        callers."""
        ground = self._ground

        async def settled() -> None:
            await ground.bus.drain()
            await desk.records.settled()
            await desk.desk.flush()
            # Whoever lost the desk has written nothing of it, and must not say so.
            await self._keeper.prove()

        def an_intake() -> EventIntake:
            dialogs = HeardDialogs(calls=desk.asterisks, publish=ground.bus.publish)
            return EventIntake(take=dialogs.take, gone=dialogs.gone, settled=settled)

        return {system: an_intake() for system in desk.asterisks.by_system}

    def _listen(self, intakes: Mapping[str, EventIntake]) -> None:
        """Of each a stream of its own."""
        ground = self._ground
        client = connected(self._redis_url)
        readers = [
            EventReader(client=client, stream=stream_of(system), intake=intake)
            for system, intake in intakes.items()
        ]
        ground.stages.on_stop("redis", client.aclose, 2)
        news = NewsTeller(client=client, streams=[news_of(system) for system in intakes])
        ground.connection.tell = news.tell
        ground.side_tasks.start("nodes:news", news.run())
        for reader in readers:
            ground.side_tasks.start("nodes:events", reader.run())
        ground.health.add_counters(
            lambda: {
                "nodes_events_strange_total": float(sum(one.strange for one in intakes.values())),
                "nodes_events_missed_total": float(sum(one.missed for one in intakes.values())),
                "nodes_redis_connected": float(all(one.is_connected for one in readers)),
            }
        )

    @property
    def _address(self) -> str:
        nodes = self.settings.nodes
        return nodes.desk_url or f"http://{nodes.desk_host}:{nodes.desk_port}"


def asked_by(trusted: Sequence[str]) -> Middleware:
    """Who asked is who the others say, where one of `trusted` says it."""

    @web.middleware
    async def told(request: web.Request, handler: Handler) -> web.StreamResponse:
        asked_by = request.headers.get(ASKED_BY)
        if asked_by is not None and request.remote in trusted:
            request = request.clone(remote=asked_by[:45])
        return await handler(request)

    return told
