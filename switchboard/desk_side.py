"""The side of a centre that follows Asterisk and tells what it sees: agents' desks, records, the
CRM's outbox, the supervisors' page. One process at a time does this for a centre."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from aiohttp import web

from ami_bridge import queue_routes
from ami_bridge.asterisks import Asterisks
from ami_bridge.bridge import AmiBridge
from ami_bridge.placing import Placing
from config.settings import AmiSettings
from crm_adapter import webhooks_in
from crm_adapter.adapters.choice import deliveries_at_once, names_of
from crm_adapter.churn_tasks import ChurnTasks, ContactsTasks
from crm_adapter.follow_ups import DatabaseFollowUps
from crm_adapter.journal import DatabaseJournal
from crm_adapter.late_identity import LateIdentifier
from crm_adapter.outbox_gauge import OutboxGauge
from crm_adapter.outbox_worker import DeliveryPace
from crm_adapter.records import Records
from crm_adapter.remembered_calls import remembered_calls, unknown_calls
from crm_adapter.remembered_leads import remembered_leads
from crm_adapter.webhooks_in import WebhooksIn
from scoring.call_follower import CallFollower
from scoring.nightly.nights import read_time
from scoring.nightly.run_book import RunBook
from scoring.offer_ledger import utc_now
from scoring.segmenting.churn_teller import ChurnTeller
from screenpop.delivery import routes as event_routes
from screenpop.desk import routes as desk_routes
from supervisor.console.queue_levels import QueueLevels
from switchboard import readiness
from switchboard.agent_side import agent_side
from switchboard.ground import Ground
from switchboard.nightly.child import Child
from switchboard.nightly.gauge import NightlyGauge
from switchboard.nightly.schedule import NightlySchedule
from switchboard.privacy.retention import Retention
from switchboard.supervisor_page import SupervisorPage


class DeskSide:
    """`build`, then `remember` once the bus runs; `follow` last, when everybody listens. `nightly`
    is the command that does the nightly work; without it nobody does. `more` are the Asterisks
    followed besides the one of the settings' `ami`."""

    def __init__(
        self, ground: Ground, *, nightly: Sequence[str] = (), more: Sequence[AmiSettings] = ()
    ) -> None:
        self._ground = ground
        self._nightly = nightly
        settings = ground.settings
        self.journal = DatabaseJournal(database=ground.database)
        self.asterisks = Asterisks(
            [self._bridge(each) for each in (settings.ami, *more)], login_of=self._login_of
        )
        self._follow_ups = DatabaseFollowUps(
            database=ground.database, adapter=names_of(settings)[0]
        )
        self.desk, self._workers = agent_side(
            settings=settings,
            database=ground.database,
            bus=ground.bus,
            queue_control=self.asterisks.queue_control,
            memberships=self.asterisks.memberships,
            transfers=self.asterisks.transfers,
            recordings=self.asterisks.recordings,
            offers=ground.ledger,
            follow_ups=self._follow_ups,
            registry=ground.health.registry,
        )

    def _bridge(self, ami: AmiSettings) -> AmiBridge:
        settings = self._ground.settings
        placing = Placing(
            login_of=self._login_of,
            outbound=settings.crm.record_outbound,
            internal=settings.crm.record_internal,
        )
        return AmiBridge(
            settings=ami,
            journal=self.journal,
            bus=self._ground.bus,
            placing=placing,
            agents_context=settings.softphone.context,
        )

    def _login_of(self, interface: str) -> str | None:
        return self.desk.agents.login_of(interface)

    async def build(self) -> None:
        """Everything that listens to calls is subscribed before the first one comes."""
        ground, settings, stages = self._ground, self._ground.settings, self._ground.stages
        self.asterisks.subscribe(ground.bus)
        await stages.enter("webhooks of pops", self._workers, 6)
        self.records = Records(
            database=ground.database,
            bus=ground.bus,
            crm=ContactsTasks(
                writer=ground.connection.writer,
                crm=ground.crm,
                agents=self.desk.agents,
                default_owner=settings.crm.default_owner,
            ),
            adapter=names_of(settings)[0],
            roster=self.desk.agents,
            agents=self.desk.agents,
            default_owner=settings.crm.default_owner,
            follow_up_of=ground.follow_up_of,
            hooks=settings.crm.webhooks_out,
            titles={str(kind): title for kind, title in settings.crm.titles.items()},
            pace=DeliveryPace(give_up_after=timedelta(hours=settings.crm.outbox_attempts_h)),
            at_once=deliveries_at_once(settings),
        )
        self._follow_ups.subscribe(ground.bus, self.records.wake)
        LateIdentifier(
            bus=ground.bus, directory=ground.directory, settings=settings.crm
        ).subscribe()
        CallFollower(
            database=ground.database,
            ledger=ground.ledger,
            house=ground.house,
            roster=self.desk.agents,
            moment_of=ground.moment_of,
        ).subscribe(ground.bus)
        ground.experiments.subscribe()
        self.outbox_gauge = OutboxGauge(database=ground.database, now=lambda: datetime.now(UTC))
        await stages.enter("records", self.records, 15)
        await stages.enter("desk", self.desk, 5)
        self._page = SupervisorPage(
            settings=settings,
            database=ground.database,
            bus=ground.bus,
            asterisks=self.asterisks,
            desk=self.desk,
            rulebooks=ground.rulebooks,
            health=ground.health,
        )
        self._console = await stages.enter("supervisor page", self._page.console(), 2)
        within_s = settings.supervisor.service_level_s
        levels = QueueLevels(ground.health.registry, within_s=within_s)
        ground.bus.subscribe("queue levels", levels.handle, *QueueLevels.FOLLOWED)

    async def remember(self) -> None:
        """What an earlier process left open is told again, before AMI tells of ringing agents."""
        ground, settings = self._ground, self._ground.settings
        churn = ChurnTeller(
            database=ground.database,
            bus=ground.bus,
            owing=ChurnTasks(
                tiers=settings.crm.churn_task_tiers,
                days=settings.crm.churn_task_days,
                a_night=settings.crm.churn_tasks_a_night,
                adapter=names_of(settings)[0],
            ),
            owed=self.records.wake,
        )
        self._churn_teller = await ground.stages.enter("churn warnings", churn, 2)
        now = datetime.now(UTC)
        for lead in await remembered_leads(ground.database, now=now):
            ground.bus.publish(lead)
        for system in self.asterisks.by_system:
            for event in await remembered_calls(ground.database, system=system):
                ground.bus.publish(event)
            for unknown in await unknown_calls(ground.database, system=system, now=now):
                ground.bus.publish(unknown)

    def add_routes(self, app: web.Application) -> None:
        settings = self._ground.settings
        queue_routes.add_routes(app, roster=self.desk.agents, members=self.asterisks)
        hooks = WebhooksIn(hooks=settings.crm.webhooks_in, sink=self._ground.connection)
        webhooks_in.add_routes(app, hooks)
        desk_routes.add_routes(app, desk=self.desk, settings=settings.web, oidc=settings.oidc)
        event_routes.add_routes(app, desk=self.desk)
        self._page.routes(self._console).add_to(app)

    async def follow(self) -> None:
        """Asterisk, whether it is there already or not."""
        for bridge in self.asterisks.bridges:
            await self._ground.stages.enter("ami", bridge, 5)

    def parts(self) -> readiness.Parts:
        ground = self._ground
        return replace(
            ground.parts(*self.asterisks.bridges),
            outbox=self.outbox_gauge,
            recorder=self.records.recorder,
        )

    def watch(self) -> None:
        tasks, health = self._ground.side_tasks, self._ground.health
        at = read_time(self._ground.settings.scoring.nightly_at) if self._nightly else None
        gauge = NightlyGauge(database=self._ground.database, at=at, now=utc_now)
        health.add_part("nightly", gauge.state)
        health.registry.register(gauge)
        tasks.start("outbox gauge", self.outbox_gauge.watch())
        tasks.start("nightly gauge", gauge.watch())
        retention = Retention(
            database=self._ground.database,
            settings=self._ground.settings,
            now=utc_now,
            metrics=health.registry,
        )
        tasks.start("privacy:retention", retention.watch())
        if at is not None:
            self._start_nightly(at)
        if self._churn_teller.task is not None:
            tasks.watch(self._churn_teller.task)
        groups: Iterable[Iterable[asyncio.Task[None]]] = (
            self.records.tasks,
            self._workers.tasks,
            *(bridge.tasks for bridge in self.asterisks.bridges),
            self._console.tasks,
        )
        for group in groups:
            for task in group:
                tasks.watch(task)

    def _start_nightly(self, at: time) -> None:
        limit_s = self._ground.settings.scoring.nightly_limit_h * 3600
        child = Child(self._nightly, limit_s=limit_s)
        book = RunBook(database=self._ground.database, now=utc_now)
        schedule = NightlySchedule(at=at, book=book, start=child.run, now=utc_now)
        self._ground.side_tasks.start("nightly", schedule.watch())
