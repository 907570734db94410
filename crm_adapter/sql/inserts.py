"""Rows written once for each key; a later record of the same call rewrites its row."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Integer,
    String,
    Table,
    Uuid,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.adapter import Invalid
from crm_adapter.mapped.record_values import Values
from crm_adapter.sql.mapping import literal, name_in
from crm_adapter.sql.people import bound, typed
from crm_adapter.sql.shapes import InsertPart
from crm_adapter.sql.tables import Catalogue, conditions
from storage.storable import storable

#: Keys become UUIDs in here, the same on every node.
_NAMESPACE = uuid.UUID("5d1c0f6e-6b0f-4a55-8f0a-0f4c3d1a9b77")


class Inserts:
    """One kind of row: lead, call or task of the mapping. Raises WrongColumn."""

    def __init__(self, part: InsertPart, key: str, catalogue: Catalogue) -> None:
        table = catalogue.table(part.table, (key, "table"))
        self.table: Table = table
        self._columns: dict[str, Column[Any]] = {}
        for name in part.insert:
            catalogue.column(table, name, (key, "insert", name))
            self._columns[name] = table.c[name]
        self._values = dict(part.insert)
        catalogue.column(table, part.unique.name, (key, "unique"))
        self.unique: Column[Any] = table.c[part.unique.name]
        self.id: Column[Any] = self._id_column(part, key, catalogue)
        if not catalogue.has_unique_index(table, part.unique.name):
            raise catalogue.wrong(
                (key, "unique"),
                f"'{part.table}' has no unique index on '{part.unique.name}' alone: what is sent "
                "twice would be written twice",
            )
        self._revision = next(
            (name for name, value in part.insert.items() if name_in(value) == "revision"), None
        )

        still = getattr(part, "unconfirmed", None) or getattr(part, "is_open", None) or {}
        field = "unconfirmed" if hasattr(part, "unconfirmed") else "is_open"
        self._changeable = conditions(still, (key, field), table, catalogue)

    def _id_column(self, part: InsertPart, key: str, catalogue: Catalogue) -> Column[Any]:
        if part.id is not None:
            catalogue.column(self.table, part.id.name, (key, "id"))
            return self.table.c[part.id.name]
        keys = list(self.table.primary_key.columns)
        if len(keys) != 1:
            what = f"'id' is missing: '{part.table}' has no primary key of one column"
            raise catalogue.wrong((key, "table"), what)
        return keys[0]

    def row(self, values: Values, *, now: datetime) -> dict[str, Any]:
        """By column, as the columns hold it."""
        known = {
            **values,
            "now": now,
            "uuid": str(uuid.uuid5(_NAMESPACE, f"{self.table.name}:{values['idem']}")),
            "call_uuid": str(uuid.uuid5(_NAMESPACE, f"call:{values['call_id']}")),
        }
        return {
            name: fitting(self._columns[name], _known(value, known))
            for name, value in self._values.items()
        }

    async def write(
        self, connection: AsyncConnection, row: Mapping[str, Any], *, again: bool
    ) -> str:
        """The row's id. `again`: what is there already is rewritten, unless it is newer."""
        if await self._inserted(connection, row):
            return await self._kept_id(connection, row)
        if again:
            fixed = {self.unique.name, self.id.name}
            changed = {name: value for name, value in row.items() if name not in fixed}
            statement = update(self.table).where(self.unique == row[self.unique.name])
            if self._revision is not None:
                revision = self.table.c[self._revision]
                statement = statement.where(revision <= row[self._revision])
            await connection.execute(statement.values(changed))
        return await self._kept_id(connection, row)

    async def _inserted(self, connection: AsyncConnection, row: Mapping[str, Any]) -> bool:
        dialects = {"sqlite": sqlite, "postgresql": postgresql}
        dialect: Any = dialects.get(connection.dialect.name)
        if dialect is None:
            try:
                async with connection.begin_nested():
                    await connection.execute(insert(self.table).values(row))
            except IntegrityError:
                return False
            return True
        statement = dialect.insert(self.table).values(row)
        # Any conflict: of two processes that write one key at once, the slower one may be told of
        # another of the same row's unique columns. Whether it is that row, `_kept_id` sees.
        done = await connection.execute(statement.on_conflict_do_nothing())
        return bool(done.rowcount == 1)

    async def _kept_id(self, connection: AsyncConnection, row: Mapping[str, Any]) -> str:
        key = row[self.unique.name]
        kept = await connection.scalar(select(self.id).where(self.unique == key))
        if kept is None:
            what = f"another row of '{self.table.name}' has what must be unique in this one"
            raise Invalid(what, field="idem")
        return str(kept)

    async def mark(
        self,
        connection: AsyncConnection,
        row_id: str,
        values: Mapping[str, Any],
        *,
        known: Mapping[str, Any],
    ) -> bool:
        """Sets columns of one row that may still be changed. False where it may not, or is gone;
        True also where it is so already."""
        wanted = typed(self.id, row_id)
        if wanted is None:
            return False
        is_it = self.id == bound(self.id, wanted)
        changed = {
            name: fitting(self.table.c[name], _known(value, known))
            for name, value in values.items()
        }
        statement = update(self.table).where(is_it, *self._changeable).values(changed)
        if (await connection.execute(statement)).rowcount:
            return True
        # A time says when it was done, not whether.
        told = [name for name, value in values.items() if name_in(value) != "now"]
        columns = [self.table.c[name] for name in told] or [self.id]
        row = (await connection.execute(select(*columns).where(is_it))).first()
        return row is not None and bool(told) and tuple(row) == tuple(changed[n] for n in told)


def _known(value: Any, known: Mapping[str, Any]) -> Any:
    name = name_in(value)
    return literal(value) if name is None else known[name]


def fitting(column: Column[Any], value: Any) -> Any:
    """As the column's driver takes it: texts cut to their column, times in UTC."""
    kind = column.type
    if value is None:
        return None
    if isinstance(value, datetime):
        return _time(kind, value)
    if isinstance(kind, String):
        return storable(str(value), kind.length or 100_000)
    return _of_text(column, value) if isinstance(value, str) else value


def _of_text(column: Column[Any], text: str) -> Any:
    if isinstance(column.type, JSON):
        try:
            return json.loads(text)
        except ValueError:
            return text
    if isinstance(column.type, Boolean):
        return text.lower() in ("1", "true")
    # A contact's id, say, which is a text to us.
    return typed(column, text) if isinstance(column.type, Integer | Uuid) else text


def _time(kind: Any, value: datetime) -> Any:
    utc = value.astimezone(UTC)
    if isinstance(kind, DateTime):
        return utc if kind.timezone else utc.replace(tzinfo=None)
    if isinstance(kind, Date):
        return date(utc.year, utc.month, utc.day)
    if isinstance(kind, Integer):
        return int(utc.timestamp())
    return utc.isoformat()
