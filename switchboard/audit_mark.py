"""Keeps outside the database how far the audit log came, and tells it to who watches: rows cut off
at the end, or an older database in place of this one, are seen by that alone."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy.exc import SQLAlchemyError

from calls.errors import SwitchboardError
from config.settings import Settings
from storage.audit_log import read_head
from storage.database import Database
from switchboard.audit_files import SeenHead

log = logging.getLogger(__name__)

EVERY_S: Final = 30.0


class AuditMark:
    def __init__(
        self, *, database: Database, settings: Settings, metrics: CollectorRegistry | None = None
    ) -> None:
        self._database = database
        self._file = SeenHead.of(settings)
        self._seq = 0
        if metrics is not None:
            metrics.register(self)

    def collect(self) -> list[Metric]:
        rows = GaugeMetricFamily("switchboard_audit_rows", "rows of the audit log", self._seq)
        lost = CounterMetricFamily(
            "switchboard_audit_lost", "what the audit log should tell, and does not"
        )
        lost.add_metric([], self._database.audit.lost)
        return [rows, lost]

    async def watch(self) -> None:
        while True:
            try:
                await self.keep()
            except (SQLAlchemyError, SwitchboardError, OSError) as error:
                log.warning("audit: how far the log came is not kept (%s)", error)
            await asyncio.sleep(EVERY_S)

    async def keep(self) -> None:
        """Raises what database and folder raise."""
        async with self._database.read() as link:
            head = await read_head(link)
        self._seq = head.seq
        if head.seq and await asyncio.to_thread(self._file.keep, head):
            log.info("audit: the log has %d rows, the last is %s", head.seq, head.mac)
