"""Rows into tables: what has an id we know is brought up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, delete, func, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.embedded import merged_rows, tables
from crm_adapter.embedded.import_check import KnownIds
from crm_adapter.embedded.import_rows import (
    AccountRow,
    ContactRow,
    ImportRow,
    OrderRow,
    ProductRow,
    PurchaseRow,
)
from crm_adapter.embedded.order_numbers import order_number

_CONTACT = (
    "first_name",
    "last_name",
    "company",
    "language",
    "url",
    "owner",
    "customer_number",
)
#: Empty here, they stay as they are: many lists have no such column.
_KEPT_CONTACT = ("customer_number",)
_KEPT_ACCOUNT = ("balance", "currency", "pin_hash")


async def load_rows(
    connection: AsyncConnection,
    rows: Sequence[ImportRow],
    region: str,
    currency: str,
    known: KnownIds,
) -> int:
    """All `rows` are of one kind. Returns how many of them were loaded."""
    rows = await merged_rows.led_on(connection, rows, known.merged)
    if not rows:
        return 0
    match rows[0]:
        case ContactRow():
            contacts = [row for row in rows if isinstance(row, ContactRow)]
            await _load_contacts(connection, contacts, region)
        case ProductRow():
            await _upsert(connection, tables.products, "code", [row.model_dump() for row in rows])
        case PurchaseRow():
            bought = [row for row in rows if isinstance(row, PurchaseRow)]
            values = [row.model_dump() | {"currency": row.currency or currency} for row in bought]
            await _upsert(connection, tables.purchases, "id", values)
        case OrderRow():
            ordered = [row for row in rows if isinstance(row, OrderRow)]
            values = [
                row.model_dump() | {"number": row.number or order_number(row.id)} for row in ordered
            ]
            await _upsert(connection, tables.orders, "id", values)
        case AccountRow():
            held = [row for row in rows if isinstance(row, AccountRow)]
            values = [_account(row, currency, known.pin_hashes) for row in held]
            await _upsert(connection, tables.accounts, "contact_id", values, kept=_KEPT_ACCOUNT)
        case _:
            values = [row.model_dump() for row in rows]
            await _upsert(connection, tables.appointments, "id", values)
    return len(rows)


def _account(row: AccountRow, currency: str, pin_hashes: Mapping[str, str]) -> dict[str, Any]:
    has_balance = row.balance is not None
    return {
        "contact_id": row.contact_id,
        "number": row.account_number,
        "balance": row.balance,
        "currency": (row.currency or currency) if has_balance else None,
        "pin_hash": pin_hashes.get(row.contact_id),
    }


async def _load_contacts(
    connection: AsyncConnection, contacts: Sequence[ContactRow], region: str
) -> None:
    """The file's numbers replace all the contact had, but for those that came by a merge; e-mails
    only where the file has any for the contact."""
    now = datetime.now(UTC)
    values = [row.model_dump(include={"id", *_CONTACT}) | {"updated_at": now} for row in contacts]
    await _upsert(connection, tables.contacts, "id", values, compared=_CONTACT, kept=_KEPT_CONTACT)
    numbers = [
        {"contact_id": row.id, "e164": e164}
        for row in contacts
        for e164 in row.e164_numbers(region)
    ]
    await _replace(connection, tables.contact_numbers, [row.id for row in contacts], numbers)
    emails = [
        {"contact_id": row.id, "address": address, "folded": address.casefold()}
        for row in contacts
        for address in row.emails()
    ]
    having = list({each["contact_id"]: None for each in emails})
    await _replace(connection, tables.contact_emails, having, emails)


async def _replace(
    connection: AsyncConnection, table: Table, ids: list[str], values: list[dict[str, Any]]
) -> None:
    if not ids:
        return
    own = table.c.merge_id.is_(None)
    await connection.execute(delete(table).where(table.c.contact_id.in_(ids), own))
    if values:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        same = ["contact_id", "e164" if "e164" in table.c else "folded"]
        new = dialect.insert(table)
        # A merge brought it, and now the file says it too: it belongs to the contact itself.
        new = new.on_conflict_do_update(index_elements=same, set_={"merge_id": None})
        await connection.execute(new, values)


async def _upsert(
    connection: AsyncConnection,
    table: Table,
    key: str,
    values: list[dict[str, Any]],
    *,
    compared: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
) -> None:
    """Where `compared` are given, a row in which none of them differs stays as it is, and one
    that does gets the next version. An empty field of `kept` changes nothing."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    new = statement.excluded
    changes: dict[str, Any] = {name: new[name] for name in values[0] if name != key}
    changes |= {name: func.coalesce(new[name], table.c[name]) for name in kept}
    where = None
    if compared:
        changes["version"] = table.c.version + 1
        where = or_(*(table.c[name].is_distinct_from(changes[name]) for name in compared))
    statement = statement.on_conflict_do_update(index_elements=[key], set_=changes, where=where)
    await connection.execute(statement, values)
