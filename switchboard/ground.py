"""What both sides of a centre stand on: database, rulebook, CRM, and what scoring remembers."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

from ami_bridge.bridge import AmiBridge
from calls.bus import EventBus
from calls.call_moment import CallMoment
from calls.follow_up import FollowUp
from config.call_moments import call_moment
from config.crm_secrets import known_secrets
from config.neighbours import Neighbours
from config.problems import Problem
from config.publishing import Rulebooks
from config.rulebook import Rulebook
from config.settings import Settings
from crm_adapter.connection import CrmConnection
from crm_adapter.directory import Directory
from ivr.direct_dial import Extensions
from scoring.associations import Associations
from scoring.house_choices import HouseChoices
from scoring.offer_ledger import DatabaseOfferLedger
from scoring.policy.learned import LearnedPolicies
from scoring.policy.watch import ExperimentWatch
from scoring.refresher import Refresher
from scoring.scorer import Scorer
from scoring.serving.models_in_use import ModelsInUse
from screenpop.desk.admission import Admission
from screenpop.desk.doorkeeper import Doorkeeper
from storage import migrate
from storage.audit_chain import Entry
from storage.database import Database
from storage.sealed import guard
from supervisor.publishing import try_out
from switchboard import audit_files, readiness, seal_key
from switchboard.audit_mark import AuditMark
from switchboard.connections import Connections
from switchboard.crowd import Crowd
from switchboard.health import Health
from switchboard.openings import openings
from switchboard.privacy.forgetting import Forgetting
from switchboard.probes import Probe, redis_ping
from switchboard.proxies import are_proxies
from switchboard.stages import SideTasks, Stages

log = logging.getLogger(__name__)

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- read, not bound


class Ground:
    """Started first and stopped last; what is entered into `stages` stops in reverse."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.bus = EventBus()
        self.health = Health()
        self.crowd = Crowd()
        self.health.add_counters(lambda: {"http_requests_refused_total": float(self.crowd.refused)})
        self._neighbours = Neighbours.of(settings)
        self.connections = Connections(
            most=settings.web.max_connections,
            is_near=self._is_near,
            is_proxy=are_proxies(settings.web.trusted_proxies),
        )
        self.health.add_counters(self.connections.counters)
        self.side_tasks = SideTasks()
        self.stages = Stages()

    async def start(self) -> None:
        """Raises Misconfigured or OSError where it cannot be."""
        settings, stages = self.settings, self.stages
        key = await asyncio.to_thread(audit_files.key_of, settings)
        seals = await asyncio.to_thread(seal_key.seals_of, settings)
        database = Database(settings.storage.url, audit_key=lambda: key, seals=seals)
        database.audit.origin = socket.gethostname()
        self.database = await stages.enter("storage", database, 10)
        await migrate.upgrade(self.database)
        await guard.check(self.database)
        for known in known_secrets(settings):
            log.warning("%s", known.told)
        opened = openings(settings)
        database.audit.note(Entry(action="server.started", details={"opened": opened}))
        self._audit_mark = AuditMark(
            database=database, settings=settings, metrics=self.health.registry
        )
        self.rulebooks = await stages.enter(
            "rulebook", Rulebooks(settings=settings.rulebook, examine=self._try_out), 5
        )
        connection = CrmConnection(settings=settings, database=self.database)
        connection.subscribe(self.bus)
        self.connection = await stages.enter("crm", connection, 5)
        self.health.add_counters(connection.counters)
        self.crm = connection.adapter
        self.forgetting = Forgetting(database=self.database)
        self.forgetting.add("answers of the CRM", connection.look_up.forget_everything)
        self.crm_probe = Probe(self.crm.check)
        self.redis_probe = Probe(
            redis_ping(settings.redis.url), remedy="start Redis, or take redis.url out"
        )
        scorer = Scorer(database=self.database, settings=settings.scoring)
        self.directory = Directory(
            adapter=self.crm,
            segments=scorer,
            settings=settings.crm,
            look_up=connection.look_up,
        )
        stages.on_stop("scorer", scorer.close, 2)
        self.ledger = DatabaseOfferLedger(database=self.database)
        self.house = HouseChoices(database=self.database)
        self.associations = Associations(database=self.database)
        self.policies = LearnedPolicies(database=self.database, settings=settings.scoring)
        self.experiments = ExperimentWatch(
            database=self.database,
            bus=self.bus,
            experiments=lambda: self.rulebooks.current.experiments,
        )

    async def remember(self, models: ModelsInUse | None) -> None:
        """What earlier calls left behind is read, and kept up to date. Whatever counts calls is
        subscribed before."""
        await self.stages.enter("experiments", self.experiments, 5)
        self._refresher = await self.stages.enter(
            "scoring",
            Refresher(
                house=self.house,
                associations=self.associations,
                policies=self.policies,
                models=models,
            ),
            5,
        )

    def parts(self, *bridges: AmiBridge) -> readiness.Parts:
        """For /readyz, of every process."""
        return readiness.Parts(
            bridges=bridges,
            bus=self.bus,
            rulebooks=self.rulebooks,
            crm=self.crm,
            crm_probe=self.crm_probe,
            redis=self.redis_probe if self.settings.redis.url is not None else None,
            database=self.database.engine.dialect.name,
        )

    def watch(self) -> None:
        """The tasks without which nothing goes on."""
        tasks = self.side_tasks
        tasks.start("loop-lag", self.health.lag.watch())
        tasks.start("probe:crm", self.crm_probe.watch())
        tasks.start("privacy:forgetting", self.forgetting.watch())
        tasks.start("audit:mark", self._audit_mark.watch())
        for name, work in self.connection.side_tasks():
            tasks.start(name, work)
        if self.settings.redis.url is not None:
            tasks.start("probe:redis", self.redis_probe.watch())
        for task in (*self._refresher.tasks, self.experiments.task):
            if task is not None:
                tasks.watch(task)
        for task in self.rulebooks.tasks:
            tasks.watch(task)
        self.stages.on_stop("side tasks", tasks.stop, 5)

    @property
    def web_url(self) -> str:
        """How Asterisk fetches prompts. Listening on every address is no address to call: then the
        one that an Asterisk on this machine reaches."""
        settings = self.settings.web
        if settings.public_url:
            return settings.public_url
        host = _EVERY_ADDRESS.get(settings.host, settings.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"

    def doorkeeper(
        self, *, admission: Admission | None = None, node_secret: str | None = None
    ) -> Doorkeeper:
        """Of a web server; see `Doorkeeper`."""
        return Doorkeeper(
            settings=self.settings.web,
            neighbours=self._neighbours,
            admission=admission,
            node_secret=node_secret,
        )

    def _is_near(self, peer: str) -> bool:
        """An Asterisk known by its name alone is near once it has asked for something."""
        near = self._neighbours
        return near.watches(peer) or bool(near.is_asterisk_at_once(peer))

    def warn_of_every_address(self) -> None:
        web = self.settings.web
        if web.public_url is None and web.host in _EVERY_ADDRESS:
            log.warning(
                "web.host is every address and web.public_url is not set: an Asterisk on another "
                "machine cannot fetch prompts"
            )

    def moment_of(self, dialled: str, arrived_at: datetime, area: str) -> CallMoment:
        return call_moment(self.rulebooks.current, dialled, arrived_at, area)

    def follow_up_of(self, dialled: str) -> FollowUp:
        number = self.rulebooks.current.number_for(dialled)
        return FollowUp(number.lead, number.missed_task_s)

    def _try_out(self, rulebook: Rulebook) -> Sequence[Problem]:
        extensions = Extensions.of(self.settings.rulebook.direct_dial)
        return try_out(rulebook, datetime.now(UTC), extensions=extensions)
