"""What a contact types to say who they are, and what they may then ask: balance, appointments."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Integer, Row, Select, String, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import Appointment
from calls.money import Money
from crm_adapter.adapter import KeyField
from crm_adapter.embedded import tables
from crm_adapter.embedded.merge_tables import merged_contacts
from storage.tables import UtcDateTime

#: Of those to come; a caller hears the next one.
SOON = 5
BOOKED = "booked"


def _by(key: Column[Any], owner: Column[Any], merged: Column[Any] | None = None) -> Select[Any]:
    """`merged`: what was typed to be known as a contact that was merged into another."""
    digits = bindparam("digits", type_=key.type)
    found: Any = select(owner).where(key == digits)
    if merged is not None:
        found = found.union(select(merged_contacts.c.contact_id).where(merged == digits))
    contacts = tables.contacts
    return (
        select(contacts)
        .where(contacts.c.id.in_(found))
        .order_by(contacts.c.id)
        .limit(bindparam("most", type_=Integer))
    )


# Made once: building a statement costs more than running it.
_BY_KEY = {
    KeyField.CUSTOMER_ID: _by(
        tables.contacts.c.customer_number,
        tables.contacts.c.id,
        merged_contacts.c.customer_number,
    ),
    KeyField.ACCOUNT_NUMBER: _by(
        tables.accounts.c.number,
        tables.accounts.c.contact_id,
        merged_contacts.c.account_number,
    ),
    KeyField.ORDER_NUMBER: _by(tables.orders.c.number, tables.orders.c.contact_id),
}
_booked = tables.appointments.c
_APPOINTMENTS = (
    select(tables.appointments)
    .where(
        _booked.contact_id == bindparam("contact", type_=String),
        _booked.at >= bindparam("now", type_=UtcDateTime),
        _booked.status == BOOKED,
    )
    .order_by(_booked.at, _booked.id)
    .limit(SOON)
)
_PIN = select(tables.accounts.c.pin_hash).where(
    tables.accounts.c.contact_id == bindparam("contact", type_=String)
)


async def named(
    connection: AsyncConnection, field: KeyField, digits: str, limit: int
) -> list[Row[Any]]:
    """Rows of `tables.contacts`."""
    # A longer one is nobody's; PostgreSQL refuses NUL.
    if not (digits.isascii() and digits.isdigit() and len(digits) <= tables.DIGITS):
        return []
    found = await connection.execute(_BY_KEY[field], {"digits": digits, "most": limit})
    return list(found)


async def appointments(
    connection: AsyncConnection, contact_id: str, now: datetime
) -> tuple[Appointment, ...]:
    """Booked and not over, the next first."""
    found = await connection.execute(_APPOINTMENTS, {"contact": contact_id, "now": now})
    return tuple(Appointment(row.id, row.at, row.subject) for row in found)


async def pin_hash(connection: AsyncConnection, contact_id: str) -> str | None:
    """None where the contact has no PIN, or is none."""
    found: str | None = await connection.scalar(_PIN, {"contact": contact_id})
    return found


def balance(row: Row[Any]) -> Money | None:
    """Of a row with `balance` and `currency`."""
    if row.balance is None or row.currency is None:
        return None
    return Money(row.balance, row.currency)
