"""Rows into tables: what has an id we know is brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    String,
    Table,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.embedded import merged_rows, tables
from crm_adapter.embedded.import_values import CONTACT, TABLES, Value, row_of
from storage.sealed.columns import seals_of

#: Empty in a file, they stay as they are: many lists have no such column.
_KEPT = {
    "contacts": ("customer_number",),
    "accounts": ("balance", "currency", "pin_hash"),
    "orders": ("is_paid",),
}
#: What tells one row from another, where it is not the id.
_KEYS = {"products": "code", "accounts": "contact_id"}


async def load_rows(connection: AsyncConnection, kind: str, values: list[Value]) -> int:
    """Returns how many of them were loaded."""
    values = await merged_rows.led_on(connection, kind, values)
    if not values:
        return 0
    rows = [row_of(kind, value) for value in values]
    compared: tuple[str, ...] = ()
    if kind == "contacts":
        now, compared = datetime.now(UTC), CONTACT
        rows = [row | {"updated_at": now} for row in rows]
        if seals_of(connection.dialect) is not None:
            rows = await _that_differ(connection, rows)
    key, kept = _KEYS.get(kind, "id"), _KEPT.get(kind, ())
    if rows:
        await _upsert(connection, TABLES[kind], key, rows, compared=compared, kept=kept)
    if kind == "contacts":
        await _load_reaches(connection, values)
    return len(values)


async def _that_differ(
    connection: AsyncConnection, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Of contacts: those that are new, or otherwise in a compared field. The database cannot tell:
    the same name is never sealed alike. Whoever changes one meanwhile waits for the same writer, or
    (on PostgreSQL) is compared with what was there."""
    known, names = tables.contacts.c, [name for name in CONTACT if name != "id"]
    asked = select(known.id, *(known[name] for name in names)).where(
        known.id.in_([row["id"] for row in rows])
    )
    there = {row.id: row._asdict() for row in await connection.execute(asked)}
    kept = _KEPT["contacts"]
    return [row for row in rows if _differs(row, there.get(row["id"]), names, kept)]


def _differs(
    row: dict[str, Any], there: Mapping[str, Any] | None, names: list[str], kept: tuple[str, ...]
) -> bool:
    if there is None:
        return True
    return any(row[n] != there[n] and (row[n] is not None or n not in kept) for n in names)


async def _load_reaches(connection: AsyncConnection, values: list[Value]) -> None:
    """The file's numbers replace all the contact had, but for those that came by a merge; e-mails
    only where the file has any for the contact."""
    numbers = [
        {"contact_id": value["row"]["id"], "e164": e164}
        for value in values
        for e164 in value["numbers"]
    ]
    ids = [value["row"]["id"] for value in values]
    await _replace(connection, tables.contact_numbers, ids, numbers)
    emails = [
        {"contact_id": value["row"]["id"], "address": address, "folded": address.casefold()}
        for value in values
        for address in value["emails"]
    ]
    having = [value["row"]["id"] for value in values if value["emails"]]
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
    compared: tuple[str, ...],
    kept: tuple[str, ...],
) -> None:
    """Where `compared` are given, a row in which none of them differs stays as it is, and one
    that does gets the next version. An empty field of `kept` changes nothing."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    new = statement.excluded
    changes: dict[str, Any] = {name: new[name] for name in values[0] if name != key}
    changes |= {name: func.coalesce(new[name], table.c[name]) for name in kept}
    if table in (tables.orders, tables.cases):
        known, said = table.c.closed_at, new.closed_at
        changes["closed_at"] = _ended_at(~new.is_open, said, known, was_open=table.c.is_open)
    if table is tables.orders:
        known, said = table.c.paid_at, new.paid_at
        changes["paid_at"] = _ended_at(changes["is_paid"], said, known, was_open=~table.c.is_paid)
    where = None
    if compared:
        changes["version"] = table.c.version + 1
        where = or_(*(_plain(table.c[name]).is_distinct_from(changes[name]) for name in compared))
    statement = statement.on_conflict_do_update(index_elements=[key], set_=changes, where=where)
    await connection.execute(statement, values)


def _plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """As it stands there: sealed, what differs was found out before."""
    return type_coerce(column, String)


def _ended_at(
    is_over: Any, said: Any, known: Any, *, was_open: ColumnElement[bool]
) -> ColumnElement[Any]:
    """As the file says, else what we knew; else now for what was open here until now. Open again,
    it ended at no time."""
    now = case((was_open, literal(datetime.now(UTC), known.type)))
    return case((is_over, func.coalesce(said, known, now)))
