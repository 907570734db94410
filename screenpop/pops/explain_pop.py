"""Why did the pop come, or not come? What `switchboard explain-pop CALL` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from screenpop.pops.pop_stops import NOT_SHOWN
from screenpop.pops.pop_tables import pop_deliveries, pops
from storage.database import Database


@dataclass(frozen=True, slots=True)
class DeliveryTrace:
    """One frame on its way: the event seen, the agent mapped, sockets alive, sent, on screen. Or,
    of `kind` NOT_SHOWN, why there was none."""

    agent: str
    interface: str
    pop_id: str
    seq: int
    kind: str
    event_at: datetime
    sent_at: datetime
    #: Live desktops at that moment; 0 means it waited for a reconnect.
    sockets: int
    acked_at: datetime | None
    rendered_ms: float | None
    #: As in the tables.
    known_by: str | None = None
    logged_in: bool | None = None
    #: When the pop closed, and why.
    closed_at: datetime | None = None
    close_reason: str | None = None

    def sentence(self) -> str:
        """The trace in one English line."""
        if self.kind == NOT_SHOWN:
            rang = f"{self.event_at:%H:%M:%S} the phone of {self.whose()} rang"
            return f"{rang}: the rulebook shows no pop for this number"
        if self.acked_at is None:
            fate = "never acknowledged"
        elif self.rendered_ms is None:
            fate = f"acknowledged {self.acked_at:%H:%M:%S}, not painted (hidden tab or repetition)"
        else:
            fate = f"on the screen after {self.rendered_ms:.0f} ms"
        reach = f"sent to {self.sockets} desktop(s)" if self.sockets else "no desktop was open"
        what = f"{self.event_at:%H:%M:%S} {self.kind} for {self.whose()}"
        return f"{what}: {reach}, {fate}"

    def whose(self) -> str:
        known_by = f", known by {self.known_by}" if self.known_by else ""
        return f"{self.agent} ({self.interface}{known_by})"


async def explain_pop(database: Database, call_id: CallId) -> Sequence[DeliveryTrace]:
    """In the order of events; empty where no agent was offered this call."""
    question = (
        sa.select(
            pop_deliveries.c.agent,
            pops.c.interface,
            pop_deliveries.c.pop_id,
            pop_deliveries.c.seq,
            pop_deliveries.c.kind,
            pop_deliveries.c.event_at,
            pop_deliveries.c.sent_at,
            pop_deliveries.c.sockets,
            pop_deliveries.c.acked_at,
            pop_deliveries.c.rendered_ms,
            pops.c.known_by,
            pop_deliveries.c.logged_in,
            pops.c.closed_at,
            pops.c.close_reason,
        )
        .join(pops, pops.c.pop_id == pop_deliveries.c.pop_id)
        .where(pop_deliveries.c.call_id == str(call_id))
        .order_by(pop_deliveries.c.event_at, pop_deliveries.c.agent, pop_deliveries.c.seq)
    )
    async with database.read() as connection:
        rows = (await connection.execute(question)).mappings()
        shown = [DeliveryTrace(**row) for row in rows]
        return [*await _not_shown(connection, call_id), *shown]


async def _not_shown(connection: AsyncConnection, call_id: CallId) -> list[DeliveryTrace]:
    question = (
        sa.select(pops)
        .where(pops.c.call_id == str(call_id), pops.c.close_reason == NOT_SHOWN)
        .order_by(pops.c.offered_at, pops.c.agent)
    )
    return [
        DeliveryTrace(
            agent=row.agent,
            interface=row.interface,
            pop_id=row.pop_id,
            seq=0,
            kind=NOT_SHOWN,
            event_at=row.offered_at,
            sent_at=row.offered_at,
            sockets=0,
            acked_at=None,
            rendered_ms=None,
            known_by=row.known_by,
            closed_at=row.closed_at,
            close_reason=row.close_reason,
        )
        for row in await connection.execute(question)
    ]
