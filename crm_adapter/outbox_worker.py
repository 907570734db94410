"""Delivers a lane of the outbox: at least once by us, once in effect by the key."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from crm_adapter import outbox
from crm_adapter.adapter import (
    AuthFailed,
    Conflict,
    CrmError,
    RateLimited,
    Unavailable,
)
from crm_adapter.payloads import UnreadablePayload
from storage.database import Database
from storage.transient import is_outage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryPace:
    """How patient the outbox is."""

    concurrency: int = 8
    #: One request to the CRM; well below the lease.
    deadline_s: float = 20.0
    lease_s: float = 30.0
    first_delay_s: float = 1.0
    longest_delay_s: float = 300.0
    #: After this long an entry is dead and somebody has to look.
    give_up_after: timedelta = timedelta(hours=72)
    #: How often due entries are looked for when nobody told us of any.
    poll_s: float = 1.0
    #: While there is no backlog, entries that come within so long are claimed together.
    gather_s: float = 0.1


class Delivery(Protocol):
    """Where the entries of one lane go."""

    async def send(self, entry: outbox.ClaimedEntry) -> str:
        """What the other side calls the result. Raises CrmError, or UnreadablePayload."""
        ...

    async def keep(
        self, connection: AsyncConnection, entry: outbox.ClaimedEntry, result: str, at: datetime
    ) -> None:
        """In the transaction that settles the entry, which may run again."""
        ...

    def tell(self, entry: outbox.ClaimedEntry, result: str, at: datetime) -> None:
        """After that is committed."""
        ...


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What came of one delivery. `pause_s` is not None where the whole CRM is away."""

    state: str
    result: str | None = None
    error: str | None = None
    pause_s: float | None = None


class OutboxWorker:
    """One per process and lane; several processes may share the outbox."""

    def __init__(
        self,
        *,
        database: Database,
        delivery: Delivery,
        now: Callable[[], datetime],
        lane: str = outbox.CRM_LANE,
        pace: DeliveryPace | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        self._database = database
        self._delivery = delivery
        self._now = now
        self._lane = lane
        self._pace = pace or DeliveryPace()
        self._jitter = jitter or random.Random()
        self._name = str(uuid.uuid4())
        self._wake = asyncio.Event()
        self._in_flight: set[asyncio.Task[None]] = set()
        self._paused_until: datetime | None = None
        self._failures = 0
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def task(self) -> asyncio.Task[None] | None:
        """To be watched: it ends only when it is stopped, or broken."""
        return self._task

    def wake(self) -> None:
        """Something was enqueued."""
        self._wake.set()

    async def start(self) -> None:
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name=f"outbox:{self._lane}")

    async def stop(self, *, limit_s: float = 5.0) -> None:
        """Delivers what is due, for at most `limit_s`. What is cut off keeps its claim until the
        lease ends: nobody knows whether the CRM got it."""
        task, self._task = self._task, None
        if task is None:
            return
        # Asked, not cancelled: a claim that is cut off would stay claimed with nobody to deliver.
        self._stopping = True
        self._wake.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await task
                while self._in_flight or await self.deliver_due():
                    await asyncio.gather(*self._in_flight)
        unfinished = [task, *self._in_flight]
        for one in unfinished:
            one.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def deliver_due(self) -> int:
        """Starts what is due and may be sent now, and waits for it; returns how many it was."""
        started = await self._start_due()
        await asyncio.gather(*started)
        return len(started)

    async def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                started = await self._start_due()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("outbox: the database is away (%s)", type(error).__name__)
                started = []
            full = len(self._in_flight) >= self._pace.concurrency
            if (full or not started) and not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.poll_s):
                        await self._wake.wait()
                if not full:
                    await asyncio.sleep(self._pace.gather_s)

    async def _start_due(self) -> list[asyncio.Task[None]]:
        at = self._now()
        free = self._pace.concurrency - len(self._in_flight)
        if free <= 0 or (self._paused_until is not None and at < self._paused_until):
            return []
        if self._failures:
            # One probe decides whether the CRM is back.
            if self._in_flight:
                return []
            free = 1
        async with self._database.read() as connection:
            if not await outbox.anything_due(connection, at=at, lane=self._lane):
                return []
        lease = timedelta(seconds=self._pace.lease_s)

        async def work(connection: AsyncConnection) -> list[outbox.ClaimedEntry]:
            return await outbox.claim(
                connection,
                at=at,
                limit=free,
                lease=lease,
                worker=self._name,
                lane=self._lane,
            )

        crash_points.reached("outbox.before_claim")
        claimed = await self._database.writer.write(work)
        if claimed:
            crash_points.reached("outbox.after_claim")
        return [self._start(entry) for entry in claimed]

    def _start(self, entry: outbox.ClaimedEntry) -> asyncio.Task[None]:
        task = asyncio.create_task(self._deliver(entry), name=f"outbox:{self._lane}:{entry.key}")
        self._in_flight.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._wake.set()

    async def _deliver(self, entry: outbox.ClaimedEntry) -> None:
        try:
            crash_points.reached("outbox.before_send")
            verdict = await self._try(entry)
            crash_points.reached("outbox.before_settle")
            self._note_health(verdict)
            await self._settle(entry, verdict)
        except Exception:
            # One item's edge: the lease gives it back.
            log.exception("outbox: entry %s was left to its lease", entry.key)

    async def _try(self, entry: outbox.ClaimedEntry) -> _Verdict:
        try:
            async with asyncio.timeout(self._pace.deadline_s):
                return _Verdict("done", result=await self._delivery.send(entry))
        except TimeoutError:
            return self._later(entry, "no answer in time", pause_s=0.0)
        except UnreadablePayload as error:
            return _Verdict("dead", error=_told(error))
        except CrmError as error:
            return self._judge(entry, error)
        except Exception as error:
            log.exception("outbox: entry %s failed", entry.key)
            return self._later(entry, _told(error))

    def _judge(self, entry: outbox.ClaimedEntry, error: CrmError) -> _Verdict:
        if isinstance(error, Conflict) and error.existing is not None:
            return _Verdict("done", result=error.existing)
        if not error.retryable:
            return _Verdict("dead", error=_told(error))
        if isinstance(error, RateLimited):
            return self._later(entry, _told(error), pause_s=error.after_s or 0.0)
        if isinstance(error, Unavailable | AuthFailed):
            return self._later(entry, _told(error), pause_s=0.0)
        return self._later(entry, _told(error))

    def _later(
        self, entry: outbox.ClaimedEntry, error: str, *, pause_s: float | None = None
    ) -> _Verdict:
        given_up = self._now() - entry.created_at >= self._pace.give_up_after
        return _Verdict("dead" if given_up else "pending", error=error, pause_s=pause_s)

    def _note_health(self, verdict: _Verdict) -> None:
        at = self._now()
        if verdict.pause_s is None:
            # What was under way when the CRM asked for a pause does not end the pause.
            if self._paused_until is None or at >= self._paused_until:
                self._failures, self._paused_until = 0, None
            return
        if self._paused_until is None or at >= self._paused_until:
            # Those that were under way when it went down count as one failure.
            self._failures += 1
            self._paused_until = at + timedelta(seconds=self._delay_s(self._failures))
        self._paused_until = max(self._paused_until, at + timedelta(seconds=verdict.pause_s))

    def _delay_s(self, attempts: int) -> float:
        """Full jitter: anything from nothing to the doubled delay, so that many do not return
        at once."""
        ceiling = self._pace.first_delay_s * 2.0 ** min(attempts - 1, 30)
        return self._jitter.uniform(0.0, min(self._pace.longest_delay_s, ceiling))

    async def _settle(self, entry: outbox.ClaimedEntry, verdict: _Verdict) -> None:
        at = self._now()
        if verdict.state == "dead":
            # The reason may hold what the CRM did not like; it stays in the row.
            log.error("outbox: entry %s is dead", entry.key)
        delay = max(verdict.pause_s or 0.0, self._delay_s(entry.attempts))

        async def work(connection: AsyncConnection) -> bool:
            ours = await outbox.settle(
                connection,
                entry,
                at=at,
                state=verdict.state,
                result=verdict.result,
                error=verdict.error,
                not_before=at + timedelta(seconds=delay),
            )
            if ours and verdict.result is not None:
                await self._delivery.keep(connection, entry, verdict.result, at)
            crash_points.reached("outbox.settle_before_commit")
            return ours

        ours = await self._database.writer.write(work)
        crash_points.reached("outbox.after_settle")
        if ours and verdict.result is not None:
            self._delivery.tell(entry, verdict.result, at)
            crash_points.reached("outbox.after_tell")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
