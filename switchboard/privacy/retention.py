"""Removes what is older than the settings let it be kept: a few rows at a time, and never what a
call, a desktop or the outbox still needs."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, Protocol, cast

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as Counted
from redis.exceptions import RedisError
from sqlalchemy import Table, and_, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Unavailable
from config.privacy_settings import KeptKind
from config.settings import Settings
from crm_adapter.call_tables import calls
from crm_adapter.embedded.tables import call_records
from storage.audit_chain import Entry
from storage.database import Database
from switchboard.nodes.event_stream import connected
from switchboard.privacy import told_events, voices
from switchboard.privacy.held import Age, Held, Key, Kind
from switchboard.privacy.registry import AGEING

log = logging.getLogger(__name__)

EVERY_S: Final = 3_600.0
#: So that a start is not made slower.
FIRST_AFTER_S: Final = 60.0
#: Of one table in one run, so that others have their turn.
BATCHES: Final = 1_000
#: Until the next run, where one was not enough.
AGAIN_S: Final = 10.0
#: Rows that are removed in one transaction; longer ones are felt by who writes beside.
ROWS: Final = 100
#: Between two of them, for those on whom a caller waits.
BREATH_S: Final = 0.05

Counts = Counter[str]


class Work(Protocol):
    """In a transaction; how many rows are gone."""

    async def __call__(
        self, link: AsyncConnection, /, *, keys: Sequence[Key], before: datetime
    ) -> int: ...


class Retention:
    """`run` once, or `watch` as long as the process. Nothing of it is asked by a call."""

    def __init__(
        self,
        *,
        database: Database,
        settings: Settings,
        now: Callable[[], datetime],
        metrics: CollectorRegistry | None = None,
        batches: int = BATCHES,
        at_once: int = ROWS,
    ) -> None:
        self._database = database
        self._settings = settings
        self._now = now
        self._batches = batches
        self._at_once = at_once
        self._is_behind = False
        self._removed = Counted(
            "switchboard_privacy_pruned",
            "rows and files removed because of their age",
            ["kind"],
            registry=metrics,
        )
        self._last = Gauge(
            "switchboard_privacy_pruned_timestamp_seconds",
            "when old rows were last looked for, to the end",
            registry=metrics,
        )

    async def watch(self) -> None:
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            try:
                await self.run()
            except (SQLAlchemyError, Unavailable, OSError):
                log.exception("privacy: what is old was not removed; it is tried again")
            await asyncio.sleep(self.next_s)

    @property
    def next_s(self) -> float:
        """Seconds until the next run."""
        return AGAIN_S if self._is_behind else EVERY_S

    async def run(self, *, only_count: bool = False) -> Counts:
        """By kind, how many rows and files. Raises what the database raises."""
        counts: Counts = Counter()
        self._is_behind = False
        for held in AGEING:
            before = self._before(held.kind)
            if before is not None:
                counts[held.kind] += await (
                    self._count(held, before) if only_count else self._remove(held, before)
                )
        counts[Kind.MESSAGES] += await self._voices(only_count=only_count)
        if not only_count:
            counts[Kind.TRACES] += await self._stream()
            if not self._is_behind:
                self._last.set(self._now().timestamp())
            if +counts:
                told_of = {"counts": dict(+counts)}
                self._database.audit.note(Entry(action="privacy.prune", details=told_of))
            if told := ", ".join(f"{kind}: {count}" for kind, count in counts.items() if count):
                log.info("privacy: removed for their age: %s", told)
        return counts

    def _before(self, kind: str) -> datetime | None:
        days = self._settings.privacy.keep_days[cast(KeptKind, kind)]
        return self._now() - timedelta(days=days) if days else None

    def _note(self, kind: str, count: int) -> int:
        self._removed.labels(kind).inc(count)
        return count

    async def _count(self, held: Held, before: datetime) -> int:
        assert held.age is not None
        question = select(func.count()).select_from(held.table).where(held.age.is_due(before))
        async with self._database.read() as link:
            return await link.scalar(question) or 0

    async def _remove(self, held: Held, before: datetime) -> int:
        return await self._in_batches(held, before, held.remove_due)

    async def _in_batches(self, held: Held, before: datetime, work: Work) -> int:
        """Looked for by a reader: whoever writes meanwhile waits for the removing alone."""
        removed = 0
        for _ in range(self._batches):
            async with self._database.read() as link:
                keys = await held.due(link, before, self._at_once)
            if not keys:
                break
            gone = await self._database.writer.write(partial(work, keys=keys, before=before))
            removed += self._note(held.kind, gone)
            await asyncio.sleep(BREATH_S)
        else:
            self._is_behind = True
        return removed

    async def _voices(self, *, only_count: bool) -> int:
        folder, before = self._settings.privacy.recordings_dir, self._before(Kind.MESSAGES)
        if folder is None or before is None:
            return 0
        try:
            paths = await asyncio.to_thread(lambda: list(voices.old(folder, before)))
            if not only_count:
                await asyncio.to_thread(_unlink, paths)
        except OSError as error:
            log.warning("privacy: recordings are not removed: %s: %s", folder, error.strerror)
            return 0
        if only_count:
            return len(paths)
        for held in _TOLD_OF_VOICES:
            await self._in_batches(held, before, partial(_forget_voices, held))
        return self._note(Kind.MESSAGES, len(paths))

    async def _stream(self) -> int:
        """Of Redis, where there is one. While it is away: the next time."""
        url, before = self._settings.redis.url, self._before(Kind.TRACES)
        if url is None or before is None:
            return 0
        client = connected(url)
        try:
            oldest = f"{int(before.timestamp() * 1000)}-0"
            gone = 0
            for stream in told_events.streams(self._settings):
                # Approximately, whole hundreds would stay, in a quiet stream for ever.
                gone += int(await client.xtrim(stream, minid=oldest, approximate=False))
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("privacy: Redis is away (%s)", type(error).__name__)
            return 0
        finally:
            await client.aclose()
        return self._note(Kind.TRACES, gone)


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


async def _forget_voices(
    held: Held, link: AsyncConnection, *, keys: Sequence[Key], before: datetime
) -> int:
    """Whose files are gone; the rows stay, and are not counted."""
    await link.execute(update(held.table).where(held.among(keys)).values(recordings=None))
    return 0


def _tells_of_voices(table: Table) -> Held:
    of = table.c
    only = and_(of.ended_at.is_not(None), of.recordings.is_not(None))
    return Held(table, Kind.MESSAGES, age=Age(of.arrived_at, only))


_TOLD_OF_VOICES: Final = (_tells_of_voices(calls), _tells_of_voices(call_records))
