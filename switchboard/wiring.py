"""Builds the one process out of the features: who gets which port, what starts in which order.

Up: storage, rulebook, bus, desk, records, speech, web, AMI, and FastAGI last, so that no call is
taken before everything behind it works. Down: the same in reverse.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Self

from aiohttp import web

from ami_bridge import queue_routes
from ami_bridge.agi_server import AgiServer
from ami_bridge.bridge import AmiBridge
from ami_bridge.placing import Placing
from ami_bridge.prompt_delays import PromptDelays
from calls.bus import EventBus
from calls.call_moment import CallMoment
from calls.follow_up import FollowUp
from config.call_moments import call_moment
from config.problems import Problem
from config.publishing import Rulebooks
from config.rulebook import Rulebook
from config.settings import Settings
from crm_adapter import webhooks_in
from crm_adapter.adapters.choice import names_of
from crm_adapter.churn_tasks import ChurnTasks, ContactsTasks
from crm_adapter.connection import CrmConnection
from crm_adapter.directory import Directory
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.follow_ups import DatabaseFollowUps
from crm_adapter.journal import DatabaseJournal
from crm_adapter.late_identity import LateIdentifier
from crm_adapter.outbox_gauge import OutboxGauge
from crm_adapter.outbox_worker import DeliveryPace
from crm_adapter.pins import Pins
from crm_adapter.records import Records
from crm_adapter.remembered_calls import remembered_calls, unknown_calls
from crm_adapter.remembered_leads import remembered_leads
from crm_adapter.webhooks_in import WebhooksIn
from ivr import http_routes
from ivr.direct_dial import Extensions
from ivr.hold import HoldProgrammes
from ivr.hold_addresses import key_of_this_process
from ivr.hold_keys import CallbackKeys
from ivr.hold_sounds import HoldSounds
from ivr.inbound import InboundCalls
from ivr.music import Music
from ivr.prompt_store import PromptStore
from ivr.prompts import Prompts
from ivr.recordings import Recordings
from ivr.speech_engines import engine_for
from ivr.webhooks import HttpWebhooks
from ivr.withdrawn import WithdrawnCalls
from scoring.associations import Associations
from scoring.call_follower import CallFollower
from scoring.house_choices import HouseChoices
from scoring.memories import Memories
from scoring.nightly.nights import read_time
from scoring.nightly.run_book import RunBook
from scoring.offer_ledger import DatabaseOfferLedger, utc_now
from scoring.policy.learned import LearnedPolicies
from scoring.policy.watch import ExperimentWatch
from scoring.refresher import Refresher
from scoring.scorer import Scorer
from scoring.segmenting.churn_teller import ChurnTeller
from scoring.serving.scorer_made import models_in, scorer_of
from screenpop.delivery import routes as event_routes
from screenpop.desk import routes as desk_routes
from storage import migrate
from storage.database import Database
from supervisor.publishing import try_out
from switchboard import readiness, warm_up
from switchboard.agent_side import agent_side
from switchboard.health import Health
from switchboard.listening import listening
from switchboard.nightly.child import Child
from switchboard.nightly.gauge import NightlyGauge
from switchboard.nightly.schedule import NightlySchedule
from switchboard.probes import Probe, redis_ping
from switchboard.stages import SideTasks, Stages
from switchboard.supervisor_page import SupervisorPage

log = logging.getLogger(__name__)

#: Dialogs that live when we stop have this long; then their callers get the fallback queue.
DIALOG_GRACE_S = 10.0
_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


class Centre:
    """`async with Centre(settings)`: on return calls are served; on leaving, dialogs have ended or
    gone to the queue, and what the CRM is owed is in the outbox. `nightly` is the command that does
    the nightly work; without it nobody does."""

    def __init__(self, settings: Settings, *, nightly: Sequence[str] = ()) -> None:
        self.settings = settings
        self._nightly = nightly
        self.bus = EventBus()
        self.health = Health()
        self.side_tasks = SideTasks()
        self._stages = Stages()

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stages.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.side_tasks.expect_the_end()
        await self._stages.stop()

    async def _start(self) -> None:
        settings, stages = self.settings, self._stages
        self.database = await stages.enter("storage", Database(settings.storage.url), 10)
        await migrate.upgrade(self.database)
        self.rulebooks = await stages.enter(
            "rulebook", Rulebooks(settings=settings.rulebook, examine=self._try_out), 5
        )
        journal = DatabaseJournal(database=self.database)
        placing = Placing(
            login_of=self._login_of,
            outbound=settings.crm.record_outbound,
            internal=settings.crm.record_internal,
        )
        self.bridge = AmiBridge(
            settings=settings.ami,
            journal=journal,
            bus=self.bus,
            placing=placing,
            agents_context=settings.softphone.context,
        )
        await self._start_records()
        await self._start_voice()
        await self._start_web()
        await stages.enter("ami", self.bridge, 5)
        self.agi = AgiServer(
            settings=settings.agi,
            system=settings.ami.system,
            journal=journal,
            bus=self.bus,
            calls=self.bridge.tracker,
            handler=self.inbound.serve,
            withdrawn=WithdrawnCalls(house=self.inbound, exits=self.bridge.exits).serve,
            prompt_delays=PromptDelays(self.health.registry),
        )
        self.crm_probe = Probe(self.crm.check)
        self.outbox_gauge = OutboxGauge(database=self.database, now=lambda: datetime.now(UTC))
        self.redis_probe = Probe(
            redis_ping(settings.redis.url), remedy="start Redis, or take redis.url out"
        )
        readiness.add_parts(self.health, self._parts())
        at = read_time(settings.scoring.nightly_at) if self._nightly else None
        self.nightly_gauge = NightlyGauge(database=self.database, at=at, now=utc_now)
        self.health.add_part("nightly", self.nightly_gauge.state)
        self.health.registry.register(self.nightly_gauge)
        agi = settings.agi
        with listening("FastAGI", section="agi", host=agi.host, port=agi.port):
            await self.agi.start()
        stages.on_stop("agi", lambda: self.agi.stop(DIALOG_GRACE_S), DIALOG_GRACE_S + 5)
        self._watch(
            self.rulebooks.tasks,
            self.records.tasks,
            self.pop_hook_workers.tasks,
            self.bridge.tasks,
            self.console.tasks,
        )
        if at is not None:
            self._start_nightly(at)

    async def _start_records(self) -> None:
        """Everything that listens to calls is subscribed before the first one comes."""
        settings, stages = self.settings, self._stages
        self.ledger = DatabaseOfferLedger(database=self.database)
        follow_ups = DatabaseFollowUps(database=self.database, adapter=names_of(settings)[0])
        self.desk, workers = agent_side(
            settings=settings,
            database=self.database,
            bus=self.bus,
            queue_control=self.bridge.queue_control,
            membership=self.bridge.membership,
            transfers=self.bridge.transfers,
            offers=self.ledger,
            follow_ups=follow_ups,
            registry=self.health.registry,
        )
        self.pop_hook_workers = await stages.enter("webhooks of pops", workers, 6)
        connection = CrmConnection(settings=settings, database=self.database)
        connection.subscribe(self.bus)
        self.connection = await stages.enter("crm", connection, 5)
        self.health.add_counters(connection.counters)
        self.crm = connection.adapter
        self.records = Records(
            database=self.database,
            bus=self.bus,
            crm=ContactsTasks(
                writer=connection.writer,
                crm=connection.adapter,
                agents=self.desk.agents,
                default_owner=settings.crm.default_owner,
            ),
            adapter=names_of(settings)[0],
            roster=self.desk.agents,
            agents=self.desk.agents,
            default_owner=settings.crm.default_owner,
            follow_up_of=self._follow_up_of,
            hooks=settings.crm.webhooks_out,
            titles={str(kind): title for kind, title in settings.crm.titles.items()},
            pace=DeliveryPace(give_up_after=timedelta(hours=settings.crm.outbox_attempts_h)),
        )
        follow_ups.subscribe(self.bus, self.records.wake)
        scorer = Scorer(database=self.database, settings=settings.scoring)
        self.directory = Directory(
            adapter=self.crm,
            segments=scorer,
            settings=settings.crm,
            look_up=connection.look_up,
        )
        stages.on_stop("scorer", scorer.close, 2)
        LateIdentifier(bus=self.bus, directory=self.directory, settings=settings.crm).subscribe()
        await self._start_memory()
        await stages.enter("records", self.records, 15)
        await stages.enter("desk", self.desk, 5)
        self.supervisor_page = SupervisorPage(
            settings=settings,
            database=self.database,
            bus=self.bus,
            bridge=self.bridge,
            desk=self.desk,
            rulebooks=self.rulebooks,
            health=self.health,
        )
        self.console = await stages.enter("supervisor page", self.supervisor_page.console(), 2)
        await stages.enter("bus", self.bus, 5)
        churn = ChurnTeller(
            database=self.database,
            bus=self.bus,
            owing=ChurnTasks(
                tiers=settings.crm.churn_task_tiers,
                days=settings.crm.churn_task_days,
                a_night=settings.crm.churn_tasks_a_night,
                adapter=names_of(settings)[0],
            ),
            owed=self.records.wake,
        )
        self.churn_teller = await stages.enter("churn warnings", churn, 2)
        for lead in await remembered_leads(self.database, now=datetime.now(UTC)):
            self.bus.publish(lead)
        # Before AMI tells of ringing agents.
        for event in await remembered_calls(self.database, system=settings.ami.system):
            self.bus.publish(event)
        now = datetime.now(UTC)
        for unknown in await unknown_calls(self.database, system=settings.ami.system, now=now):
            self.bus.publish(unknown)

    async def _start_memory(self) -> None:
        """What earlier calls left behind, and what it makes likely."""
        database, stages = self.database, self._stages
        house, associations = HouseChoices(database=database), Associations(database=database)
        self.memories = Memories(database=database, settings=self.settings.scoring)
        models = models_in(self.settings.scoring.models_dir)
        self.propensities = scorer_of(
            house=house,
            associations=associations,
            models=models,
            horizon_days=self.settings.scoring.horizon_days,
            metrics=self.health.registry,
        )
        self.pins = Pins(database=database, hashes=EmbeddedCrm(database=database))
        stages.on_stop("memories", self.memories.close, 2)
        stages.on_stop("pins", self.pins.close, 2)
        follower = CallFollower(
            database=database,
            ledger=self.ledger,
            house=house,
            roster=self.desk.agents,
            moment_of=self._moment_of,
        )
        follower.subscribe(self.bus)
        self.policies = LearnedPolicies(database=database, settings=self.settings.scoring)
        self.experiments = ExperimentWatch(
            database=database,
            bus=self.bus,
            experiments=lambda: self.rulebooks.current.experiments,
        )
        self.experiments.subscribe()
        await stages.enter("experiments", self.experiments, 5)
        refresher = Refresher(
            house=house, associations=associations, policies=self.policies, models=models
        )
        self.refresher = await stages.enter("scoring", refresher, 5)

    def _try_out(self, rulebook: Rulebook) -> Sequence[Problem]:
        extensions = Extensions.of(self.settings.rulebook.direct_dial)
        return try_out(rulebook, datetime.now(UTC), extensions=extensions)

    def _login_of(self, interface: str) -> str | None:
        return self.desk.agents.login_of(interface)

    def _moment_of(self, dialled: str, arrived_at: datetime, area: str) -> CallMoment:
        return call_moment(self.rulebooks.current, dialled, arrived_at, area)

    def _follow_up_of(self, dialled: str) -> FollowUp:
        number = self.rulebooks.current.number_for(dialled)
        return FollowUp(number.lead, number.missed_task_s)

    async def _start_voice(self) -> None:
        settings, speech = self.settings, self.settings.speech
        engine = await self._stages.enter("speech", engine_for(speech), 3)
        self.prompt_store = await self._stages.enter(
            "prompts",
            PromptStore(
                folder=speech.cache_dir, limit_bytes=speech.cache_mb * 2**20, base_url=self.web_url
            ),
            limit_s=5,
        )
        recordings = Recordings(sound_path=self.rulebooks.versions.sound_path)
        prompts = Prompts(
            store=self.prompt_store,
            engine=engine,
            stand_in=engine.stand_in,
            recordings=recordings,
        )
        self.health.add_counters(self.prompt_store.counters)
        music = Music(store=self.prompt_store, file=speech.music)
        await music.open()
        await self._start_hold(prompts, music)
        webhooks = HttpWebhooks(settings=settings.rulebook)
        self.inbound = await self._stages.enter(
            "dialogs",
            InboundCalls(
                directory=self.directory,
                rulebooks=self.rulebooks,
                speech=prompts,
                hold=self.hold,
                bus=self.bus,
                memories=self.memories,
                scorer=self.propensities,
                ledger=self.ledger,
                policies=self.policies,
                experiments=self.experiments,
                pins=self.pins,
                webhooks=await self._stages.enter("webhooks", webhooks, 3),
                crm=settings.crm,
                rulebook=settings.rulebook,
                speech_deadline_s=speech.deadline_s,
            ),
            limit_s=5,
        )
        self.warm_up = warm_up.WarmUp(prompts=prompts, rulebooks=self.rulebooks)
        await self._stages.enter("warm-up", self.warm_up, 5)

    async def _start_hold(self, prompts: Prompts, music: Music) -> None:
        sounds = HoldSounds(speech=prompts, music=music, store=self.prompt_store)
        await sounds.open()
        keys = self.settings.speech.cache_dir / "hold.keys"
        key = await asyncio.to_thread(key_of_this_process, keys, datetime.now(UTC))
        self.hold = HoldProgrammes(
            sounds=sounds,
            places=self.bridge.places,
            bus=self.bus,
            base_url=self.web_url,
            key=key,
        )
        self.hold.subscribe()
        CallbackKeys(exits=self.bridge.exits, bus=self.bus).subscribe()

    async def _start_web(self) -> None:
        if self.settings.web.public_url is None and self.settings.web.host in _EVERY_ADDRESS:
            log.warning(
                "web.host is every address and web.public_url is not set: an Asterisk on another "
                "machine cannot fetch prompts"
            )
        app = web.Application(client_max_size=256 * 1024)
        self.health.add_routes(app)
        http_routes.add_routes(app, store=self.prompt_store, hold=self.hold)
        queue_routes.add_routes(app, roster=self.desk.agents, members=self.bridge.members)
        webhooks_in.add_routes(
            app, WebhooksIn(hooks=self.settings.crm.webhooks_in, sink=self.connection)
        )
        desk_routes.add_routes(app, desk=self.desk, settings=self.settings.web)
        event_routes.add_routes(app, desk=self.desk, settings=self.settings.web)
        self.supervisor_page.routes(self.console).add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        self._stages.on_stop("web", runner.cleanup, 10)
        host, port = self.settings.web.host, self.settings.web.port
        with listening("the web server", section="web", host=host, port=port):
            await web.TCPSite(runner, host, port).start()

    @property
    def web_url(self) -> str:
        """How Asterisk fetches prompts. Listening on every address is no address to call: then the
        one that an Asterisk on this machine reaches."""
        settings = self.settings.web
        if settings.public_url:
            return settings.public_url
        host = _EVERY_ADDRESS.get(settings.host, settings.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"

    def _parts(self) -> readiness.Parts:
        return readiness.Parts(
            agi=self.agi,
            bridge=self.bridge,
            bus=self.bus,
            rulebooks=self.rulebooks,
            crm=self.crm,
            crm_probe=self.crm_probe,
            outbox=self.outbox_gauge,
            recorder=self.records.recorder,
            redis=self.redis_probe if self.settings.redis.url is not None else None,
            database=self.database.engine.dialect.name,
            warm_up=self.warm_up,
        )

    def _start_nightly(self, at: time) -> None:
        limit_s = self.settings.scoring.nightly_limit_h * 3600
        child = Child(self._nightly, limit_s=limit_s)
        book = RunBook(database=self.database, now=utc_now)
        schedule = NightlySchedule(at=at, book=book, start=child.run, now=utc_now)
        self.side_tasks.start("nightly", schedule.watch())

    def _watch(self, *groups: Iterable[asyncio.Task[None]]) -> None:
        self.side_tasks.start("loop-lag", self.health.lag.watch())
        self.side_tasks.start("outbox gauge", self.outbox_gauge.watch())
        self.side_tasks.start("nightly gauge", self.nightly_gauge.watch())
        self.side_tasks.start("probe:crm", self.crm_probe.watch())
        for name, work in self.connection.side_tasks():
            self.side_tasks.start(name, work)
        if self.settings.redis.url is not None:
            self.side_tasks.start("probe:redis", self.redis_probe.watch())
        refreshing = self.refresher.tasks
        for task in (*refreshing, self.experiments.task, self.churn_teller.task):
            if task is not None:
                self.side_tasks.watch(task)
        for group in groups:
            for task in group:
                self.side_tasks.watch(task)
        self._stages.on_stop("side tasks", self.side_tasks.stop, 5)
