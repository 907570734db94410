"""Which contacts changed since when, and changing them ourselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.adapter import Conflict, Invalid, NotFound
from crm_adapter.embedded import tables
from storage.storable import storable

#: Fields that may be changed from outside, with their longest values.
LONGEST = {"first_name": 200, "last_name": 200, "company": 200, "language": 16, "owner": 64}
#: A transaction may be seen later than it says: so much of the past is told again.
OVERLAP = timedelta(seconds=2)

_contact = tables.contacts.c


async def page(
    connection: AsyncConnection, cursor: str | None, limit: int
) -> tuple[list[tuple[Row[Any], tuple[str, ...]]], str, bool]:
    """Contacts with their numbers, the next cursor, and whether there is more."""
    since, after = _parsed(cursor)
    query = (
        select(tables.contacts)
        .where(tuple_(_contact.updated_at, _contact.id) > tuple_(since, after))
        .order_by(_contact.updated_at, _contact.id)
        .limit(limit)
    )
    rows = list(await connection.execute(query))
    more = len(rows) == limit
    numbers = await _numbers(connection, [row.id for row in rows])
    found = [(row, tuple(numbers.get(row.id, ()))) for row in rows]
    if more:
        return found, _text(rows[-1].updated_at, rows[-1].id), True
    newest = rows[-1].updated_at - OVERLAP if rows else since
    # Never back: what is told again and again would be all that is told.
    return found, _text(max(newest, since), after if newest <= since else ""), False


async def _numbers(connection: AsyncConnection, ids: list[str]) -> dict[str, list[str]]:
    known = tables.contact_numbers.c
    query = select(known.contact_id, known.e164).where(known.contact_id.in_(ids)).order_by(known.id)
    numbers: dict[str, list[str]] = {}
    for row in await connection.execute(query):
        numbers.setdefault(row.contact_id, []).append(row.e164)
    return numbers


def _text(at: datetime, contact_id: str) -> str:
    return f"{at.isoformat()}|{contact_id}"


def _parsed(cursor: str | None) -> tuple[datetime, str]:
    if cursor is None:
        return datetime(1, 1, 1, tzinfo=UTC), ""
    at, bar, contact_id = cursor.partition("|")
    try:
        since = datetime.fromisoformat(at)
    except ValueError as error:
        raise Invalid("the cursor is not one of ours", field="cursor") from error
    if not bar or since.tzinfo is None:
        raise Invalid("the cursor is not one of ours", field="cursor")
    return since, contact_id


async def change(
    connection: AsyncConnection,
    contact_id: str,
    changes: Mapping[str, str],
    *,
    expect_version: str | None,
    at: datetime,
) -> None:
    """Raises NotFound, or Conflict where the contact has another version by now."""
    unknown = sorted(set(changes) - set(LONGEST))
    if unknown:
        raise Invalid(f"'{unknown[0]}' cannot be changed from outside", field=unknown[0])
    values: dict[str, Any] = {
        name: storable(value, LONGEST[name]) for name, value in changes.items()
    }
    wanted = update(tables.contacts).where(_contact.id == contact_id)
    if expect_version is not None:
        if not (expect_version.isascii() and expect_version.isdecimal()):
            raise Invalid("a version is a whole number", field="expect_version")
        wanted = wanted.where(_contact.version == int(expect_version))
    done = await connection.execute(
        wanted.values(values | {"version": _contact.version + 1, "updated_at": at})
    )
    if done.rowcount == 1:
        return
    found = await connection.scalar(select(_contact.id).where(_contact.id == contact_id))
    if found is None:
        raise NotFound(f"there is no contact {contact_id}")
    raise Conflict("somebody else has changed the contact meanwhile", existing=contact_id)
