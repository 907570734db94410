"""The durable memory of calls: a row before the caller hears anything."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from calls.call import Call, CallId
from calls.events import CallRemembered
from crm_adapter.call_tables import calls
from crm_adapter.remembered_calls import remembered
from storage.database import Database
from storage.insert_once import insert_once
from storage.storable import storable


class DatabaseJournal:
    """Implements `calls.ports.CallJournal`. Calls that arrive together share one commit."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def open_call(self, call: Call, *, fallback: bool = False) -> None:
        """Raises Unavailable, or what the database raised, when the row could not be written."""

        async def work(connection: AsyncConnection) -> None:
            await insert_once(connection, calls, [arrived(call, fallback=fallback)])
            if fallback:
                await connection.execute(
                    update(calls)
                    .where(
                        calls.c.system == call.id.system,
                        calls.c.linkedid == call.id.linkedid,
                        calls.c.ended_at.is_(None),
                    )
                    # A server that was frozen has read of the call only as it thawed.
                    .values(
                        fallback=True,
                        arrived_at=case(
                            (calls.c.arrived_at > call.arrived_at, call.arrived_at),
                            else_=calls.c.arrived_at,
                        ),
                    )
                )
            crash_points.reached("journal.before_commit")

        await self._database.writer.write(work, urgent=not fallback)
        crash_points.reached("journal.after_commit")

    async def open_calls(self, system: str) -> Sequence[CallId]:
        query = (
            select(calls.c.linkedid)
            .where(calls.c.system == system, calls.c.ended_at.is_(None))
            .order_by(calls.c.arrived_at, calls.c.linkedid)
        )
        async with self._database.read() as connection:
            return [CallId(system, linkedid) for linkedid in await connection.scalars(query)]

    async def open_placed(self, system: str) -> Collection[CallId]:
        query = select(calls.c.linkedid).where(
            calls.c.system == system,
            calls.c.ended_at.is_(None),
            calls.c.direction.is_not(None),
        )
        async with self._database.read() as connection:
            return {CallId(system, linkedid) for linkedid in await connection.scalars(query)}

    async def talked_with(self, call_id: CallId) -> CallRemembered | None:
        query = select(calls).where(
            calls.c.system == call_id.system,
            calls.c.linkedid == call_id.linkedid,
            calls.c.ended_at.is_(None),
            calls.c.fallback.is_(False),
            calls.c.direction.is_(None),
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return remembered(row, datetime.now(UTC)) if row is not None else None


def arrived(call: Call, *, fallback: bool) -> dict[str, Any]:
    """The row of a call of which nothing is known but its arrival."""
    return {
        "system": call.id.system,
        "linkedid": call.id.linkedid,
        "channel": storable(call.channel, 120),
        "from_raw": storable(call.from_raw, 120),
        "from_name": storable(call.from_name, 120),
        "withheld": call.withheld,
        "dialled": storable(call.dialled, 80),
        "language": storable(call.language, 20),
        "attestation": storable(call.attestation, 8) if call.attestation else None,
        "arrived_at": call.arrived_at,
        "fallback": fallback,
        "direction": call.direction.value if call.is_placed else None,
        "end_estimated": False,
    }
