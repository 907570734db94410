"""Today's service level and the pops' way to the screen, read from what is kept of every call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from crm_adapter.call_tables import calls
from screenpop.pops.pop_stops import PopStop, stop_of
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage.database import Database
from storage.transient import is_outage
from supervisor.console.board import LostPop, PopLevel

log = logging.getLogger(__name__)

#: Calls whose pops are looked at, the newest of a day.
POPS_LOOKED_AT = 500
#: Of those that nobody saw.
MOST_LOST = 10
_DAY = timedelta(hours=24)
LOOK_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class QueueToday:
    offered: int
    answered: int
    in_time: int


class DayFigures:
    """What `look` read last. `now` is aware, on the house's clock, at whose midnight days begin."""

    def __init__(self, *, database: Database, within_s: float, now: Callable[[], datetime]) -> None:
        self._database = database
        self._within_s = within_s
        self._now = now
        self.queues: Mapping[str, QueueToday] = {}
        self.pops: PopLevel | None = None
        self.at: datetime | None = None

    async def look(self) -> bool:
        """False where the database did not answer: the figures before stay."""
        now = self._now()
        try:
            async with asyncio.timeout(LOOK_DEADLINE_S), self._database.read() as connection:
                queues = await _queues(connection, _midnight(now), self._within_s)
                level = await _pops(connection, now)
        except Exception as error:
            if not isinstance(error, TimeoutError) and not is_outage(error):
                raise
            log.warning("supervisor page: the figures of today are not read (%s)", type(error))
            return False
        self.queues, self.pops, self.at = queues, level, now
        return True


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


async def _queues(
    connection: AsyncConnection, since: datetime, within_s: float
) -> dict[str, QueueToday]:
    waited = _seconds(connection.dialect.name, calls.c.first_queued_at, calls.c.answered_at)
    in_time = sa.case((waited <= within_s, 1), else_=0)
    question = (
        sa.select(
            calls.c.queue,
            sa.func.count(),
            sa.func.count(calls.c.answered_at),
            sa.func.coalesce(sa.func.sum(in_time), 0),
        )
        .where(
            calls.c.arrived_at >= since,
            calls.c.direction.is_(None),
            calls.c.queue.is_not(None),
            calls.c.first_queued_at.is_not(None),
            sa.or_(calls.c.answered_at.is_not(None), calls.c.ended_at.is_not(None)),
        )
        .group_by(calls.c.queue)
    )
    return {row[0]: QueueToday(*map(int, row[1:])) for row in await connection.execute(question)}


def _seconds(dialect: str, start: Any, end: Any) -> Any:
    """From one time to the other; NULL where either is."""
    if dialect == "sqlite":
        return (sa.func.julianday(end) - sa.func.julianday(start)) * 86_400
    return sa.extract("epoch", end - start)


async def _pops(connection: AsyncConnection, now: datetime) -> PopLevel:
    newest = (
        sa.select(calls.c.system, calls.c.linkedid)
        .where(calls.c.arrived_at >= now - _DAY)
        .order_by(calls.c.arrived_at.desc())
        .limit(POPS_LOOKED_AT)
    )
    ids = [str(CallId(*row)) for row in await connection.execute(newest)]
    offers = sa.select(pop_deliveries.c.rendered_ms).where(
        pop_deliveries.c.call_id.in_(ids), pop_deliveries.c.kind == "pop.offer"
    )
    rows = (await connection.execute(offers)).all()
    rendered = sorted(row.rendered_ms for row in rows if row.rendered_ms is not None)
    lost = await _lost(connection, ids, now)
    return PopLevel(
        offered=len(rows),
        rendered=len(rendered),
        p50_ms=quantile(rendered, 0.5),
        p95_ms=quantile(rendered, 0.95),
        undelivered=len(lost),
        lost=tuple(lost[:MOST_LOST]),
    )


async def _lost(
    connection: AsyncConnection, ids: Sequence[str], now: datetime
) -> Sequence[LostPop]:
    """The newest first; without those that may still be seen, and those that were over before
    any desktop could have shown them: nothing was to be seen."""
    offer, other = pop_deliveries.c, pop_deliveries.alias().c
    # Who opens a desktop later acknowledges the newest frame of a pop only.
    is_seen = sa.exists().where(other.pop_id == offer.pop_id, other.acked_at.is_not(None))
    question = (
        sa.select(*(column for column in offer if column is not offer.payload), pops.c.closed_at)
        .outerjoin(pops, pops.c.pop_id == offer.pop_id)
        .where(offer.call_id.in_(ids), offer.kind == "pop.offer", ~is_seen)
        .order_by(offer.event_at.desc())
    )
    rows: Sequence[Any] = (await connection.execute(question)).all()
    return [
        LostPop(call=row.call_id, agent=row.agent, at=row.event_at.timestamp() * 1000, why=stop)
        for row in rows
        if (stop := stop_of(row, now)) is not None and stop is not PopStop.WITHDRAWN
    ]


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest that at least this share does not exceed."""
    if not ordered:
        return None
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
