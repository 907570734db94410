"""Those who deliver to webhooks: one for each, so that none waits for another."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Self

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.hook_delivery import HookDelivery, HookTarget
from crm_adapter.outbox_worker import DeliveryPace, OutboxWorker
from storage.database import Database


def _utc_now() -> datetime:
    return datetime.now(UTC)


class HookWorkers:
    """`async with HookWorkers(...)`. What waits in a lane that begins with `prefix` and has no
    target any more is given up as they start."""

    def __init__(
        self,
        *,
        database: Database,
        targets: Sequence[HookTarget],
        prefix: str,
        now: Callable[[], datetime] = _utc_now,
        pace: DeliveryPace | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self._database = database
        self._prefix = prefix
        self._now = now
        self._lanes = [target.lane for target in targets]
        self._deliveries = [HookDelivery(target) for target in targets]
        self.workers = [
            OutboxWorker(
                database=database,
                delivery=delivery,
                now=now,
                lane=lane,
                pace=pace,
                jitter=jitter,
            )
            for lane, delivery in zip(self._lanes, self._deliveries, strict=True)
        ]

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """To be watched while it runs: one that ends by itself is a fault."""
        return [task for task in (one.task for one in self.workers) if task is not None]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        await self._database.writer.write(self._give_up_unknown)
        for worker in self.workers:
            await worker.start()

    async def stop(self, *, limit_s: float = 5.0) -> None:
        await asyncio.gather(*(one.stop(limit_s=limit_s) for one in self.workers))
        for delivery in self._deliveries:
            await delivery.close()

    def wake(self) -> None:
        """Something was enqueued."""
        for worker in self.workers:
            worker.wake()

    async def _give_up_unknown(self, connection: AsyncConnection) -> int:
        """What waits for webhooks that the settings name no more; how many entries that is."""
        given_up = await connection.execute(
            update(outbox_table)
            .where(
                outbox_table.c.lane.startswith(self._prefix, autoescape=True),
                outbox_table.c.lane.not_in(self._lanes),
                outbox_table.c.state == "pending",
            )
            .values(
                state="dead", finished_at=self._now(), last_error="NoSuchWebhook: named no more"
            )
        )
        return given_up.rowcount
