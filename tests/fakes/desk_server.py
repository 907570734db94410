"""The agent side alone on a free port: a real bus, a real database, real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aiohttp import web
from argon2 import PasswordHasher

from calls import events
from calls.agents import Agent
from calls.bus import EventBus
from calls.errors import Unavailable
from calls.ports import Transfers
from calls.recordings import LineRecordings
from config.agent_settings import AgentSettings
from config.dialling_settings import DiallingSettings
from config.neighbours import Neighbours
from config.oidc_settings import OidcSettings
from config.pop_settings import PopUrl, PopWebhook
from config.settings import SoftphoneSettings, WebSettings
from crm_adapter import pop_hooks
from crm_adapter.follow_ups import DatabaseFollowUps
from crm_adapter.hook_workers import HookWorkers
from crm_adapter.outbox_worker import DeliveryPace
from scoring.offer_ledger import DatabaseOfferLedger
from screenpop.agents.agent_admin import add_agent
from screenpop.agents.passwords import Passwords
from screenpop.delivery import routes as event_routes
from screenpop.delivery.open_address import OpenAddresses
from screenpop.delivery.pop_hooks import PopHooks
from screenpop.desk.desk import Desk
from screenpop.desk.doorkeeper import Doorkeeper
from screenpop.desk.routes import add_routes
from screenpop.desk.static_files import STATIC
from storage.database import Database
from switchboard.demo.desktop_client import DesktopClient
from tests.fakes.ringing_call import now

PASSWORD = "correct horse battery"
ANNA = Agent("anna", "Anna Lindqvist", ("PJSIP/agent1",), ("support", "sales"))
BEN = Agent("ben", "Ben Okafor", ("PJSIP/agent2",), ("support",))
CHEN = Agent("chen", "陈晓", ("PJSIP/agent3", "Local/300@agents"), ("support",), "zh")


MoreRoutes = Callable[[web.Application, Desk, EventBus], Awaitable[None]]


@dataclass
class QueueControlTwin:
    """Implements `calls.ports.QueueControl`; `away` makes it refuse like a lost AMI."""

    told: list[tuple[str, bool, str]] = field(default_factory=list)
    away: bool = False

    async def set_paused(self, interface: str, *, paused: bool, reason: str) -> None:
        if self.away:
            raise Unavailable("AMI is away")
        self.told.append((interface, paused, reason))


@dataclass
class DeskServer:
    base_url: str
    desk: Desk
    bus: EventBus
    queue_control: QueueControlTwin
    database: Database

    async def publish(self, *happened: events.Event) -> None:
        """Returns when every subscriber has handled them."""
        for event in happened:
            self.bus.publish(event)
        await self.bus.drain()

    def client(self, agent: Agent = ANNA) -> DesktopClient:
        return DesktopClient(self.base_url, agent.login, PASSWORD)

    def metric(self, name: str) -> float:
        return self.desk.counters.registry.get_sample_value(f"switchboard_{name}") or 0.0


def cheap() -> Passwords:
    """A hash carries its cost: checking these is cheap too."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


async def add_agents(database: Database, *agents: Agent) -> None:
    for agent in agents or (ANNA, BEN, CHEN):
        await add_agent(database, agent, PASSWORD, passwords=cheap())


@asynccontextmanager
async def desk_server(
    database: Database,
    *,
    static: Path = STATIC,
    allowed: Iterable[str] = (),
    port: int = 0,
    softphone: SoftphoneSettings | None = None,
    webhooks: Sequence[PopWebhook] = (),
    addresses: Sequence[PopUrl] = (),
    more: MoreRoutes | None = None,
    work: AgentSettings = AgentSettings(),  # noqa: B008 -- frozen
    dialling: DiallingSettings = DiallingSettings(),  # noqa: B008 -- frozen
    transfers: Transfers | None = None,
    recordings: LineRecordings | None = None,
    web_settings: WebSettings | None = None,
    oidc: OidcSettings = OidcSettings(),  # noqa: B008 -- frozen
    clock: Callable[[], datetime] = now,
) -> AsyncIterator[DeskServer]:
    settings = web_settings or WebSettings(allowed_origins=tuple(allowed))
    control = QueueControlTwin()
    workers = HookWorkers(
        database=database,
        targets=[pop_hooks.target_of(hook) for hook in webhooks],
        prefix=pop_hooks.LANES,
        pace=DeliveryPace(first_delay_s=0.01, longest_delay_s=0.05, poll_s=0.05, gather_s=0.01),
    )
    async with workers, EventBus() as bus:
        desk = Desk(
            database=database,
            bus=bus,
            queue_control=control,
            offers=DatabaseOfferLedger(database=database),
            follow_ups=DatabaseFollowUps(database=database),
            web=settings,
            softphone=softphone,
            dialling=dialling,
            transfers=transfers,
            recordings=recordings,
            opener=OpenAddresses(addresses),
            also_owed=PopHooks(hooks=webhooks, owe=pop_hooks.PopNotices().owe).of_frames,
            owed=workers.wake,
            work=work,
            passwords=cheap(),
            now=clock,
        )
        async with desk:
            app = web.Application()
            Doorkeeper(settings=settings, neighbours=Neighbours(), admission=desk.admission).keep(
                app
            )
            add_routes(app, desk=desk, settings=settings, oidc=oidc, static=static)
            event_routes.add_routes(app, desk=desk)
            if more is not None:
                await more(app, desk, bus)
            runner = web.AppRunner(app, shutdown_timeout=1.0)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            bound = runner.addresses[0][1]
            try:
                yield DeskServer(f"http://127.0.0.1:{bound}", desk, bus, control, database)
            finally:
                desk.hub.close_all()
                await runner.cleanup()
