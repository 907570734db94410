"""Rows into tables: what has an id we know is brought up to date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, delete, insert, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.embedded import tables
from crm_adapter.embedded.import_rows import ContactRow, ImportRow, ProductRow, PurchaseRow

_CONTACT = ("first_name", "last_name", "company", "language", "url", "owner")


async def load_rows(
    connection: AsyncConnection, rows: Sequence[ImportRow], region: str, currency: str
) -> str:
    """All `rows` are of one kind, of which it returns the name."""
    if contacts := [row for row in rows if isinstance(row, ContactRow)]:
        await _load_contacts(connection, contacts, region)
        return "contacts"
    if products := [row for row in rows if isinstance(row, ProductRow)]:
        values = [row.model_dump() for row in products]
        await _upsert(connection, tables.products, "code", values)
        return "products"
    purchases = [row for row in rows if isinstance(row, PurchaseRow)]
    values = [row.model_dump() | {"currency": row.currency or currency} for row in purchases]
    await _upsert(connection, tables.purchases, "id", values)
    return "purchases"


async def _load_contacts(
    connection: AsyncConnection, contacts: Sequence[ContactRow], region: str
) -> None:
    """The file's numbers replace all the contact had."""
    now = datetime.now(UTC)
    values = [row.model_dump(include={"id", *_CONTACT}) | {"updated_at": now} for row in contacts]
    await _upsert(connection, tables.contacts, "id", values, compared=_CONTACT)
    numbers = tables.contact_numbers
    ids = [row.id for row in contacts]
    await connection.execute(delete(numbers).where(numbers.c.contact_id.in_(ids)))
    known = [
        {"contact_id": row.id, "e164": e164}
        for row in contacts
        for e164 in row.e164_numbers(region)
    ]
    if known:
        await connection.execute(insert(numbers), known)


async def _upsert(
    connection: AsyncConnection,
    table: Table,
    key: str,
    values: list[dict[str, Any]],
    *,
    compared: tuple[str, ...] = (),
) -> None:
    """Where `compared` are given, a row in which none of them differs stays as it is, and one
    that does gets the next version."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    new = statement.excluded
    changes = {name: new[name] for name in values[0] if name != key}
    where = None
    if compared:
        changes["version"] = table.c.version + 1
        where = or_(*(table.c[name].is_distinct_from(new[name]) for name in compared))
    statement = statement.on_conflict_do_update(index_elements=[key], set_=changes, where=where)
    await connection.execute(statement, values)
