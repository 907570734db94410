"""What we write into the customer's database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, DateTime, Integer, Update, false, update

from calls.caller import ContactRef
from crm_adapter.adapter import Conflict, HitKind, Invalid, NotFound, Unsupported
from crm_adapter.mapped.record_values import Values
from crm_adapter.sql.contacts import place_of
from crm_adapter.sql.inserts import Inserts, fitting
from crm_adapter.sql.mapping import literal, name_in
from crm_adapter.sql.people import People, bound, equal, typed
from crm_adapter.sql.prepared import Prepared
from crm_adapter.sql.shapes import SqlMapping
from crm_adapter.sql.store import Store


class Writes:
    def __init__(self, *, store: Store, mapping: SqlMapping, now: Callable[[], datetime]) -> None:
        self._store = store
        self._mapping = mapping
        self._now = now

    async def lead(self, values: Values) -> str:
        return await self._insert((await self._store.ready()).lead, values, again=False)

    async def call(self, values: Values) -> str:
        return await self._insert((await self._store.ready()).call, values, again=True)

    async def task(self, values: Values) -> str:
        return await self._insert((await self._store.ready()).task, values, again=False)

    async def _insert(self, inserts: Inserts | None, values: Values, *, again: bool) -> str:
        if inserts is None:
            raise Unsupported("the mapping names no table for that")
        row = inserts.row(values, now=self._now())
        async with self._store.writing() as connection:
            return await inserts.write(connection, row, again=again)

    async def withdraw_lead(self, lead_id: str) -> bool:
        part = self._mapping.lead
        values = None if part is None else part.withdraw
        return await self._mark((await self._store.ready()).lead, lead_id, values)

    async def confirm_lead(self, lead_id: str, agent: str) -> bool:
        part = self._mapping.lead
        values = None if part is None else part.confirm
        return await self._mark((await self._store.ready()).lead, lead_id, values, agent=agent)

    async def close_task(self, task_id: str) -> bool:
        part = self._mapping.task
        values = None if part is None else part.close
        return await self._mark((await self._store.ready()).task, task_id, values)

    async def _mark(
        self,
        inserts: Inserts | None,
        row_id: str,
        values: Mapping[str, Any] | None,
        *,
        agent: str | None = None,
    ) -> bool:
        if inserts is None or values is None:
            raise Unsupported("the mapping does not say how that is marked")
        known = {"now": self._now(), "agent": agent}
        async with self._store.writing() as connection:
            return await inserts.mark(connection, row_id, values, known=known)

    async def change(
        self, ref: ContactRef, changes: Mapping[str, str], expect_version: str | None
    ) -> None:
        """Raises NotFound, or Conflict where the contact has another version by now."""
        part = self._mapping.update
        if part is None:
            raise Unsupported("the mapping lets no field be changed")
        for field in changes:
            if field not in part.allow:
                raise Invalid(f"'{field[:60]}' may not be changed (update.allow)", field=field)
        prepared = await self._store.ready()
        kind, people, contact_id = place_of(prepared, ref)
        if kind is not HitKind.CONTACT:
            raise Unsupported("only contacts can be changed")
        if expect_version is not None and people.version is None:
            raise Invalid("the mapping names no version (contact.version)", field="expect_version")
        statement = _update(people, contact_id).values(self._changed(prepared, changes))
        if expect_version is not None:
            statement = statement.where(_has_version(people, expect_version))
        async with self._store.writing() as connection:
            if (await connection.execute(statement)).rowcount:
                return
            # One statement looked at the version and wrote, so that nobody could come between.
            if (await connection.execute(people.one(contact_id))).first() is None:
                raise NotFound(f"there is no contact {ref}")
        raise Conflict("somebody else has changed the contact meanwhile", existing=ref.id)

    def _changed(self, prepared: Prepared, changes: Mapping[str, str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for field, value in changes.items():
            column = prepared.updates[field]
            values[column.name] = fitting(column, value)
        part = self._mapping.update
        for name, written in part.also.items() if part is not None else ():
            values[name] = self._also(prepared.also[name], written)
        return values

    def _also(self, column: Column[Any], value: Any) -> Any:
        name = name_in(value)
        if name == "next":
            return column + 1
        return fitting(column, self._now() if name == "now" else literal(value))


def _update(people: People, contact_id: Any) -> Update:
    key = people.source.main.c[people.part.id.name]
    return update(people.source.main).where(
        key == bound(key, contact_id), *people.source.conditions
    )


def _has_version(people: People, version: str) -> ColumnElement[bool]:
    """`version` as we read it, compared as its column holds it."""
    column = people.version
    assert column is not None
    if isinstance(column.type, Integer):
        return column == bound(column, typed(column, version))
    if isinstance(column.type, DateTime):
        try:
            return column == datetime.fromisoformat(version)
        except ValueError:
            return false()
    return equal(column, version)
