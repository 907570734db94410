"""Contacts put straight into the embedded CRM's tables."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import Call, CallId
from calls.caller import ContactRef
from calls.segments import Segments
from crm_adapter.embedded import tables
from storage.database import Database

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DIALLED = "+18005550100"


async def add_contact(
    database: Database,
    contact_id: str,
    *numbers: str,
    first_name: str = "",
    last_name: str = "",
    customer_number: str | None = None,
    account_number: str | None = None,
    pin_hash: str | None = None,
) -> ContactRef:
    """With an account where it has a number."""

    async def work(connection: AsyncConnection) -> None:
        row = {
            "id": contact_id,
            "first_name": first_name,
            "last_name": last_name,
            "customer_number": customer_number,
            "updated_at": NOW,
        }
        await connection.execute(insert(tables.contacts), row)
        if account_number is not None:
            account = {"contact_id": contact_id, "number": account_number, "pin_hash": pin_hash}
            await connection.execute(insert(tables.accounts), account)
        for number in numbers:
            known = {"contact_id": contact_id, "e164": number}
            await connection.execute(insert(tables.contact_numbers), known)

    await database.writer.write(work)
    return ContactRef("embedded", contact_id)


async def add_order(
    database: Database, order_id: str, contact: ContactRef, *, number: str | None
) -> None:
    row = {
        "id": order_id,
        "contact_id": contact.id,
        "status": "packed",
        "placed_at": NOW,
        "is_open": True,
        "number": number,
    }
    await database.writer.write(lambda link: link.execute(insert(tables.orders), row))


async def add_appointment(
    database: Database,
    appointment_id: str,
    contact: ContactRef,
    at: datetime,
    *,
    status: str = "booked",
) -> None:
    row = {
        "id": appointment_id,
        "contact_id": contact.id,
        "at": at,
        "subject": appointment_id,
        "status": status,
    }
    await database.writer.write(lambda link: link.execute(insert(tables.appointments), row))


def call_from(
    raw: str, *, withheld: bool = False, dialled: str = DIALLED, attestation: str | None = None
) -> Call:
    return Call(
        id=CallId("pbx", "1700000000.1"),
        channel="PJSIP/trunk-00000001",
        from_raw=raw,
        from_name="",
        withheld=withheld,
        dialled=dialled,
        language="en",
        arrived_at=NOW,
        attestation=attestation,
    )


class NoSegments:
    """Implements `calls.ports.SegmentReader`."""

    async def segments_of(self, contact: ContactRef, *, deadline: object) -> Segments | None:
        return None
