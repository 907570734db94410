"""Delivers a lane of the outbox: at least once by us, once in effect by the key."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from crm_adapter import outbox
from crm_adapter.adapter import CrmError
from crm_adapter.lane_health import LaneHealth
from crm_adapter.payloads import UnreadablePayload
from crm_adapter.verdicts import Sign, Verdict, judge, told
from storage.database import Database
from storage.transient import is_outage, trouble_with

log = logging.getLogger(__name__)

#: As many times its places: what is claimed and not settled, however slow the database is.
_SETTLING_AT_MOST = 4


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
    #: An entry that fails while others get through waits longer, and is dead sooner: after so many
    #: failures of its own, some 15 hours.
    longest_own_delay_s: float = 3600.0
    own_failures: int = 40
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
        #: Sent, and not yet written down: nobody of the CRM's is kept busy by these.
        self._settling: set[asyncio.Task[None]] = set()
        self._health = LaneHealth(
            delay_s=lambda times: self._delay_s(times, self._pace.longest_delay_s)
        )
        self._stopping = False
        self._trouble: str | None = None
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
                while self._in_flight or self._settling or await self.deliver_due():
                    await asyncio.gather(*self._in_flight, *self._settling)
        unfinished = [task, *self._in_flight, *self._settling]
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
                self._note_trouble(trouble_with(error))
                started = []
            else:
                self._note_trouble(None)
            full = self._free() <= 0
            if (full or not started) and not self._stopping:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.poll_s):
                        await self._wake.wait()
                # Places that come free within a moment are filled together too.
                await asyncio.sleep(self._pace.gather_s / (4 if full else 1))

    def _free(self) -> int:
        most = self._pace.concurrency
        unsettled = len(self._in_flight) + len(self._settling)
        return min(most - len(self._in_flight), _SETTLING_AT_MOST * most - unsettled)

    def _note_trouble(self, trouble: str | None) -> None:
        """Said once: it may go on for a day."""
        if trouble is not None and trouble != self._trouble:
            log.warning("outbox: %s waits for the database: %s", self._lane, trouble)
        self._trouble = trouble

    async def _start_due(self) -> list[asyncio.Task[None]]:
        at = self._now()
        free = self._free()
        if free <= 0 or not self._health.may_send(at):
            return []
        in_doubt = self._health.in_doubt
        if in_doubt:
            # One probe decides whether the CRM is back.
            if self._in_flight or self._settling:
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
                untried_first=in_doubt,
            )

        crash_points.reached("outbox.before_claim")
        # Whoever waits longest is looked for among all.
        claimed = await self._database.writer.write(work, brief=not in_doubt)
        if claimed:
            crash_points.reached("outbox.after_claim")
        return [self._start(entry, is_probe=in_doubt) for entry in claimed]

    def _start(self, entry: outbox.ClaimedEntry, *, is_probe: bool) -> asyncio.Task[None]:
        task = asyncio.create_task(
            self._deliver(entry, is_probe=is_probe), name=f"outbox:{self._lane}:{entry.key}"
        )
        self._in_flight.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._settling.discard(task)
        self._wake.set()

    def _sent(self) -> None:
        """Its place is another's while the database is told."""
        task = asyncio.current_task()
        if task in self._in_flight:
            self._in_flight.discard(task)
            self._settling.add(task)
            self._wake.set()

    async def _deliver(self, entry: outbox.ClaimedEntry, *, is_probe: bool) -> None:
        try:
            crash_points.reached("outbox.before_send")
            verdict = await self._try(entry)
            crash_points.reached("outbox.before_settle")
            self._note_health(entry, verdict, is_probe=is_probe)
            self._sent()
            await self._settle(entry, verdict)
        except Exception:
            # One item's edge: the lease gives it back.
            log.exception("outbox: entry %s was left to its lease", entry.key)

    async def _try(self, entry: outbox.ClaimedEntry) -> Verdict:
        try:
            async with asyncio.timeout(self._pace.deadline_s):
                return Verdict("done", Sign.LIVES, result=await self._delivery.send(entry))
        except TimeoutError:
            return Verdict("pending", Sign.AWAY, error="no answer in time")
        except UnreadablePayload as error:
            return Verdict("dead", Sign.NONE, error=told(error))
        except CrmError as error:
            return judge(error)
        except Exception as error:
            log.exception("outbox: entry %s failed", entry.key)
            return Verdict("pending", Sign.NONE, error=told(error))

    def _is_given_up(self, entry: outbox.ClaimedEntry) -> bool:
        own = self._health.own_failures(entry.key)
        age = self._now() - entry.created_at
        return age >= self._pace.give_up_after or own >= self._pace.own_failures

    def _note_health(self, entry: outbox.ClaimedEntry, verdict: Verdict, *, is_probe: bool) -> None:
        at = self._now()
        match verdict.sign:
            case Sign.LIVES:
                for key in self._health.answered(at):
                    log.warning("outbox: entry %s fails while others get through", key)
            case Sign.AWAY:
                self._health.failed(entry.key, at, was_probe=is_probe)
            case Sign.REFUSES:
                self._health.refused(at, pause_s=verdict.pause_s)

    def _delay_s(self, times: int, longest_s: float) -> float:
        """Full jitter: anything from nothing to the doubled delay, so that many do not return
        at once."""
        ceiling = self._pace.first_delay_s * 2.0 ** min(times - 1, 30)
        return self._jitter.uniform(0.0, min(longest_s, ceiling))

    def _entry_delay_s(self, entry: outbox.ClaimedEntry) -> float:
        any_s = self._delay_s(entry.attempts, self._pace.longest_delay_s)
        own = self._health.own_failures(entry.key)
        if own:
            # While nothing gets through its own failures do not grow, and its tries do.
            return max(any_s, self._delay_s(own + 1, self._pace.longest_own_delay_s))
        return any_s

    async def _settle(self, entry: outbox.ClaimedEntry, verdict: Verdict) -> None:
        at = self._now()
        if verdict.state == "pending" and self._is_given_up(entry):
            verdict = replace(verdict, state="dead")
        if verdict.state == "dead":
            # The reason may hold what the CRM did not like; it stays in the row.
            log.error("outbox: entry %s is dead", entry.key)
        delay = max(verdict.pause_s, self._entry_delay_s(entry))
        if verdict.state != "pending":
            self._health.settled(entry.key)

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

        ours = await self._database.writer.write(work, brief=True)
        crash_points.reached("outbox.after_settle")
        if ours and verdict.result is not None:
            self._delivery.tell(entry, verdict.result, at)
            crash_points.reached("outbox.after_tell")
