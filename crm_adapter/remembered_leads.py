"""The leads that were on their owners' desktops when the last process ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from calls.events import LeadCreated
from crm_adapter.call_tables import leads, outbox
from crm_adapter.crm_delivery import lead_created
from storage.database import Database

#: Older ones belong to a shift that is over; they are in the CRM.
HOURS = 12
MOST = 1_000


async def remembered_leads(database: Database, *, now: datetime) -> list[LeadCreated]:
    """Those nobody has confirmed or closed, oldest first, told as when the CRM had them. One that
    an agent only dismissed comes back once more."""
    question = (
        select(leads.c.lead_id, leads.c.created_at, outbox.c.payload)
        .join(outbox, outbox.c.key == leads.c.key)
        .where(
            leads.c.created_at > now - timedelta(hours=HOURS),
            leads.c.owner.is_not(None),
            leads.c.lead_id.is_not(None),
            leads.c.confirmed_at.is_(None),
            leads.c.closed_at.is_(None),
        )
        .order_by(leads.c.created_at.desc())
        .limit(MOST)
    )
    async with database.read() as connection:
        rows = (await connection.execute(question)).all()
    return [lead_created(row.payload, row.lead_id, row.created_at) for row in reversed(rows)]
