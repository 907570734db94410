"""A contact's card for the agent's screen: who, how to reach, what was bought, earlier calls."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from calls.ports import PastCall
from crm_adapter.embedded import tables

RECENT_CALLS = 20


async def numbers(connection: AsyncConnection, contact_id: str) -> tuple[str, ...]:
    known = tables.contact_numbers.c
    query = select(known.e164).where(known.contact_id == contact_id).order_by(known.id)
    return tuple((await connection.execute(query)).scalars())


async def version(connection: AsyncConnection, contact_id: str) -> int:
    query = select(tables.contacts.c.version).where(tables.contacts.c.id == contact_id)
    return int((await connection.execute(query)).scalar_one())


async def calls(connection: AsyncConnection, contact_id: str) -> tuple[PastCall, ...]:
    records = tables.call_records.c
    query = (
        select(tables.call_records)
        .where(records.contact_id == contact_id)
        .order_by(records.arrived_at.desc(), records.id.desc())
        .limit(RECENT_CALLS)
    )
    return tuple(
        PastCall(
            call_id=CallId(row.system, row.linkedid),
            arrived_at=row.arrived_at,
            dialled=row.dialled,
            outcome=row.outcome,
            queue=row.queue,
            talk_s=row.talk_s,
        )
        for row in await connection.execute(query)
    )
