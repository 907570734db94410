"""The records side of a centre as one thing to start and stop: recorder and outbox."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

from calls.bus import EventBus
from calls.ports import AgentBook, AgentRoster
from config.webhook_settings import WebhookOut
from crm_adapter.adapter import CrmWriter
from crm_adapter.call_history import CallHistory
from crm_adapter.call_records import CallRecorder
from crm_adapter.crm_delivery import CrmDelivery
from crm_adapter.hook_workers import HookWorkers
from crm_adapter.journal import DatabaseJournal
from crm_adapter.lead_owners import NoAgents, Owners
from crm_adapter.lead_policy import FollowUpOf, nobody
from crm_adapter.leads import close_lead
from crm_adapter.outbox import replay_dead
from crm_adapter.outbox_worker import DeliveryPace, OutboxWorker
from crm_adapter.webhooks_out import LANES, WebhooksOut, target_of
from storage.database import Database


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Records:
    """`async with Records(...)`: subscribed before it starts, drained when it stops.

    `adapter` is the short name of the CRM that is written to; with `tenant` it is part of every
    key, so that changing either makes new records. `follow_up_of` a number dialled is asked for
    strangers whom no dialog served. Leads and tasks go to `agents`; `default_owner` is the log-in
    that the word `default` stands for.
    """

    def __init__(
        self,
        *,
        database: Database,
        bus: EventBus,
        crm: CrmWriter,
        roster: AgentRoster,
        adapter: str = "embedded",
        tenant: str = "default",
        now: Callable[[], datetime] = _utc_now,
        agents: AgentBook | None = None,
        default_owner: str | None = None,
        follow_up_of: FollowUpOf = nobody,
        titles: Mapping[str, str] | None = None,
        hooks: Sequence[WebhookOut] = (),
        pace: DeliveryPace | None = None,
        at_once: int | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        """`at_once`: what the CRM, unlike webhooks, is told at the same time; None: as `pace` has
        it."""
        self._database = database
        self._now = now
        self._tenant = tenant
        also_owed = WebhooksOut(hooks=hooks, tenant=tenant)
        self._hooks = HookWorkers(
            database=database,
            targets=[target_of(hook) for hook in hooks],
            prefix=LANES,
            now=now,
            pace=pace,
            jitter=jitter,
        )
        self.hook_workers = self._hooks.workers
        self.outbox = OutboxWorker(
            database=database,
            delivery=CrmDelivery(
                database=database, crm=crm, publish=bus.publish, also_owed=also_owed.of_created
            ),
            now=now,
            pace=pace if at_once is None else replace(pace or DeliveryPace(), concurrency=at_once),
            jitter=jitter,
        )
        self.recorder = CallRecorder(
            database=database,
            roster=roster,
            now=now,
            enqueued=self.wake,
            also_owed=also_owed.of_ended,
            owners=Owners(agents=agents or NoAgents(), tenant=tenant, default=default_owner),
            follow_up_of=follow_up_of,
            tenant=tenant,
            adapter=adapter,
            titles=titles,
        )
        self.journal = DatabaseJournal(database=database)
        self.history = CallHistory(database=database, tenant=tenant, adapter=adapter)
        self.recorder.subscribe(bus)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """To be watched while it runs: one that ends by itself is a fault."""
        return [
            task
            for task in (self.recorder.task, self.outbox.task, *self._hooks.tasks)
            if task is not None
        ]

    async def __aenter__(self) -> Self:
        await self.recorder.start()
        await self.outbox.start()
        await self._hooks.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def stop(self, *, limit_s: float = 10.0) -> None:
        """Writes what was noted, then delivers what is due; each for at most half of `limit_s`.
        What the CRM did not get stays in the outbox."""
        await self.recorder.stop(limit_s=limit_s / 2)
        await asyncio.gather(
            self.outbox.stop(limit_s=limit_s / 2), self._hooks.stop(limit_s=limit_s / 2)
        )

    def wake(self) -> None:
        """Something was enqueued."""
        self.outbox.wake()
        self._hooks.wake()

    async def settled(self) -> None:
        """Returns when all events noted so far are in the database."""
        await self.recorder.settled()

    async def close_lead(self, number: str) -> None:
        """Won, lost or turned into a contact: the number's next call may make a new lead."""
        await self._database.writer.write(
            lambda link: close_lead(link, tenant=self._tenant, number=number, at=self._now())
        )

    async def replay_dead(self) -> int:
        """Sends everything the CRM refused once more; returns how many entries that is."""
        count = await self._database.writer.write(lambda link: replay_dead(link, at=self._now()))
        self.outbox.wake()
        return count
