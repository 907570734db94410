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
from storage.audit_chain import Head
from storage.audit_check import goes_on_from
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
        self._misses = False
        if metrics is not None:
            metrics.register(self)

    def collect(self) -> list[Metric]:
        rows = GaugeMetricFamily("switchboard_audit_rows", "rows of the audit log", self._seq)
        lost = CounterMetricFamily(
            "switchboard_audit_lost", "what the audit log should tell, and does not"
        )
        lost.add_metric([], self._database.audit.lost)
        misses = GaugeMetricFamily(
            "switchboard_audit_rows_missing", "1: the log lacks rows that were there", self._misses
        )
        return [rows, lost, misses]

    async def watch(self) -> None:
        while True:
            try:
                await self.keep()
            except (SQLAlchemyError, SwitchboardError, OSError) as error:
                log.warning("audit: how far the log came is not kept (%s)", error)
            await asyncio.sleep(EVERY_S)

    async def keep(self) -> None:
        """Only the head of a log that has the row that was kept before: one that became shorter,
        and has grown since, is what the file is there to show. Raises what database and folder
        raise."""
        before = await asyncio.to_thread(self._file.read)
        async with self._database.read() as link:
            head = await read_head(link)
            misses = before is not None and not await goes_on_from(link, before)
        newly, self._misses, self._seq = misses > self._misses, misses, head.seq
        if newly:
            log.error("audit: rows that were there are gone: see `switchboard audit verify`")
        if misses or head == (before or Head()):
            return
        if await asyncio.to_thread(self._file.keep, head, instead_of=before):
            log.info("audit: the log has %d rows, the last is %s", head.seq, head.mac)
