"""Rows that belong to a contact: moved to another contact, journaled, and put back.

Each feature says of its own tables how their rows belong to a contact; whoever merges contacts
moves the rows of all features in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ColumnElement, Table, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.sealed.columns import SealedJson

#: JSON: `row` by column, and whether it `went` to the other contact.
Kept = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ContactRows:
    """How the rows of `table` belong to a contact."""

    table: Table
    contact: str = "contact_id"
    #: The column of the CRM's name, where the table knows several CRMs.
    crm: str | None = None
    #: Of the rows of one contact each has other values in these columns: a row whose values the
    #: other contact has already does not move. Empty: a contact has one row at most. None: rows
    #: never collide.
    distinct: tuple[str, ...] | None = None
    #: Names the merge that brought a row, in tables that say it.
    mark: str | None = None

    def of(self, crm: str, contact_id: str) -> ColumnElement[bool]:
        mine = self.table.c[self.contact] == contact_id
        return mine if self.crm is None else and_(mine, self.table.c[self.crm] == crm)

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key but for the contact."""
        names = (column.name for column in self.table.primary_key)
        return tuple(name for name in names if name not in (self.contact, self.crm))


@dataclass(frozen=True, slots=True)
class Move:
    """From one contact of `crm` to another, by the merge `merge_id`."""

    crm: str
    from_id: str
    to_id: str
    merge_id: int


async def move(link: AsyncConnection, rows: ContactRows, asked: Move) -> list[Kept]:
    """Returns what `put_back` needs: of rows that can collide all columns, of others the key. Rows
    that would collide are deleted."""
    mine = rows.of(asked.crm, asked.from_id)
    if rows.distinct is None:
        names = [rows.table.c[name] for name in rows.key]
        found = await link.execute(select(*names).where(mine).order_by(*rows.table.primary_key))
        kept = [{"went": True, "row": _to_json(rows.table, row._asdict())} for row in found]
        if kept:
            await link.execute(update(rows.table).where(mine).values({rows.contact: asked.to_id}))
        return kept
    order = tuple(rows.table.primary_key)
    found = await link.execute(select(rows.table).where(mine).order_by(*order))
    moving = [row._asdict() for row in found]
    there = await _taken(link, rows, asked)
    kept = []
    new: dict[str, Any] = {rows.contact: asked.to_id}
    if rows.mark is not None:
        new[rows.mark] = asked.merge_id
    for row in moving:
        is_it = and_(mine, *(rows.table.c[name] == row[name] for name in rows.key))
        goes = tuple(row[name] for name in rows.distinct) not in there
        change = update(rows.table).values(new) if goes else delete(rows.table)
        await link.execute(change.where(is_it))
        kept.append({"went": goes, "row": _to_json(rows.table, row)})
    return kept


async def _taken(link: AsyncConnection, rows: ContactRows, asked: Move) -> set[tuple[Any, ...]]:
    theirs = rows.of(asked.crm, asked.to_id)
    found = await link.execute(select(rows.table).where(theirs))
    return {tuple(row._asdict()[name] for name in rows.distinct or ()) for row in found}


async def put_back(
    link: AsyncConnection, rows: ContactRows, asked: Move, kept: Sequence[Kept]
) -> None:
    """`asked` as it was for `move`, and what that returned. A row that was changed meanwhile, of
    those that can collide, stays as it is now, and the contact gets back what it had."""
    for each in kept:
        row = _from_json(rows.table, each["row"])
        theirs = and_(
            rows.of(asked.crm, asked.to_id),
            *(rows.table.c[name] == row[name] for name in rows.key),
        )
        if rows.distinct is None:
            back = update(rows.table).where(theirs).values({rows.contact: asked.from_id})
            await link.execute(back)
            continue
        found = (await link.execute(select(rows.table).where(theirs))).one_or_none()
        as_moved = found is not None and _is_as_moved(rows, asked, row, found._asdict())
        if each["went"] and as_moved:
            await link.execute(update(rows.table).where(theirs).values(row))
        else:
            # Written by somebody who did not know yet that the contact was merged.
            late = (rows.table.c[name] == row[name] for name in rows.key)
            mine = and_(rows.of(asked.crm, asked.from_id), *late)
            await link.execute(delete(rows.table).where(mine))
            await link.execute(insert(rows.table).values(await _insertable(link, rows, row)))


def _is_as_moved(rows: ContactRows, asked: Move, row: Kept, now: Kept) -> bool:
    moved = row | {rows.contact: asked.to_id}
    if rows.mark is not None:
        moved[rows.mark] = asked.merge_id
    return moved == now


async def _insertable(link: AsyncConnection, rows: ContactRows, row: Kept) -> Kept:
    """Without its number where that was given to another row meanwhile."""
    if rows.key != ("id",):
        return row
    own = rows.table.c.id
    taken = await link.scalar(select(own).where(own == row["id"]))
    return row if taken is None else {k: v for k, v in row.items() if k != "id"}


def _to_json(table: Table, row: dict[str, Any]) -> Kept:
    return {name: _kept(table, name, value) for name, value in row.items()}


def _kept(table: Table, name: str, value: Any) -> Any:
    if isinstance(table.c[name].type, JSON | SealedJson):
        return value
    if isinstance(value, datetime):
        return {"at": value.isoformat()}
    if isinstance(value, date):
        return {"on": value.isoformat()}
    return {"exact": str(value)} if isinstance(value, Decimal) else value


def _from_json(table: Table, kept: Kept) -> Kept:
    return {name: _value(table, name, value) for name, value in kept.items()}


def _value(table: Table, name: str, value: Any) -> Any:
    if isinstance(table.c[name].type, JSON | SealedJson) or not isinstance(value, dict):
        return value
    [(kind, text)] = value.items()
    if kind == "at":
        return datetime.fromisoformat(text)
    return date.fromisoformat(text) if kind == "on" else Decimal(text)


#: For whoever keeps a row that is not one of a contact's many, such as the contact itself.
row_to_json, row_from_json = _to_json, _from_json
