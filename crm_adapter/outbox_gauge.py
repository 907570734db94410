"""How much the outbox owes, looked at now and then, for /metrics and /readyz."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from crm_adapter import outbox_status
from crm_adapter.outbox_status import Group
from storage.database import Database
from storage.transient import is_outage

log = logging.getLogger(__name__)

_OWED = ("pending", "claimed", "dead")


class OutboxGauge:
    """A collector of prometheus_client; never asks the database while it is scraped."""

    def __init__(
        self, *, database: Database, now: Callable[[], datetime], every_s: float = 10.0
    ) -> None:
        self._database = database
        self._now = now
        self._every_s = every_s
        self._groups: list[Group] = []

    async def watch(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("outbox: not looked at, the database is away")
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        async with self._database.read() as connection:
            self._groups = await outbox_status.groups(connection, states=_OWED)

    @property
    def dead(self) -> int:
        return sum(group.count for group in self._groups if group.state == "dead")

    @property
    def waiting(self) -> int:
        return sum(group.count for group in self._groups if group.state != "dead")

    @property
    def oldest_s(self) -> float:
        """Age of the oldest entry that is still to be delivered."""
        waiting = [group.oldest_at for group in self._groups if group.state != "dead"]
        return max(0.0, (self._now() - min(waiting)).total_seconds()) if waiting else 0.0

    def sentence(self) -> str:
        told = f"{self.waiting} to deliver, the oldest for {round(self.oldest_s)} s"
        if not self.dead:
            return told
        return f"{told}; {self.dead} given up: see switchboard outbox status"

    def collect(self) -> Iterable[Metric]:
        entries = GaugeMetricFamily(
            "switchboard_outbox_entries",
            "what the CRM and webhooks are owed",
            labels=["lane", "operation", "state"],
        )
        for group in self._groups:
            entries.add_metric([group.lane, group.operation, group.state], group.count)
        yield entries
        yield GaugeMetricFamily(
            "switchboard_outbox_oldest_seconds", "age of the oldest to deliver", self.oldest_s
        )
        yield GaugeMetricFamily("switchboard_outbox_dead", "given up, for a person", self.dead)
