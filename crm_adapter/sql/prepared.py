"""A mapping and the tables it found: every statement that will be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, select

from config.problems import Problem, Severity
from crm_adapter.adapter import HitKind, KeyField, Unavailable
from crm_adapter.mapped.files import Way
from crm_adapter.sql.expressions import SqlColumn
from crm_adapter.sql.histories import Cases, History, Orders
from crm_adapter.sql.inserts import Inserts
from crm_adapter.sql.mapping import LoadedSql
from crm_adapter.sql.people import People, as_text
from crm_adapter.sql.plans import scanned_tables
from crm_adapter.sql.shapes import KeyPart, SqlMapping
from crm_adapter.sql.tables import Catalogue, Source, WrongColumn

#: Asked for by `check`: reserved for drama (Ofcom), so nobody has it.
NOBODY = "+442079460999"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeySelect:
    """A key in the contact's own row (`column`), or in another table."""

    column: ColumnElement[Any]
    contact: ColumnElement[Any] | None = None
    source: Source | None = None

    def among(self, digits: str) -> Select[Any] | None:
        """Ids of contacts, where they are in another table."""
        if self.contact is None or self.source is None:
            return None
        found = select(self.contact).select_from(self.source.tables)
        return found.where(as_text(self.column) == digits, *self.source.conditions)


@dataclass(frozen=True, slots=True)
class Prepared:
    people: dict[HitKind, People]
    keys: dict[KeyField, KeySelect]
    history: History | None
    orders: Orders | None
    cases: Cases | None
    lead: Inserts | None
    call: Inserts | None
    task: Inserts | None
    #: Of the contact's own table, by our name for the field.
    updates: dict[str, Column[Any]]
    also: dict[str, Column[Any]]


def prepare(connection: Connection, loaded: LoadedSql) -> Prepared:
    """Raises Unavailable with file and line of everything that the database lacks."""
    catalogue = Catalogue(connection, loaded.file)
    made = _Making(catalogue, loaded.mapping)
    prepared = made.all()
    if catalogue.problems or prepared is None:
        found = sorted(set(catalogue.problems))
        raise Unavailable("\n".join(str(problem) for problem in found))
    return prepared


def slow_look_ups(
    connection: Connection, loaded: LoadedSql, prepared: Prepared
) -> tuple[Problem, ...]:
    """Warnings of look-ups that read a whole table."""
    found: list[Problem] = []
    for kind, people in prepared.people.items():
        tables = sorted(
            {
                table
                for asked in people.look_ups(NOBODY)
                for table in scanned_tables(connection, asked)
            }
        )
        key = "contact" if kind is HitKind.CONTACT else "open_leads"
        part = people.part
        way: Way = (key, "phone_index") if part.phone_index is not None else (key, "phones")
        for table in tables:
            sentence = f"the look-up of a number reads all of '{table}': an index is missing"
            found.append(Problem.at(loaded.file.place(way), sentence, Severity.WARNING))
    return tuple(found)


class _Making:
    """Goes on after a mistake, so that all of them are told."""

    def __init__(self, catalogue: Catalogue, mapping: SqlMapping) -> None:
        self._catalogue = catalogue
        self._mapping = mapping

    def all(self) -> Prepared | None:
        mapping, catalogue = self._mapping, self._catalogue
        contact = self._made(People, mapping.contact, "contact", catalogue)
        leads = self._made(People, mapping.open_leads, "open_leads", catalogue)
        found = {HitKind.CONTACT: contact, HitKind.LEAD: leads}
        prepared = Prepared(
            people={kind: people for kind, people in found.items() if people is not None},
            keys={} if contact is None else self._keys(contact),
            history=self._made(History, mapping.history, catalogue),
            orders=self._made(Orders, mapping.orders, catalogue),
            cases=self._made(Cases, mapping.cases, catalogue),
            lead=self._insert("lead"),
            call=self._insert("call"),
            task=self._insert("task"),
            updates={} if contact is None else self._allowed(contact.source.main),
            also={} if contact is None else self._also(contact.source.main),
        )
        return None if contact is None else prepared

    def _insert(self, name: str) -> Inserts | None:
        part = getattr(self._mapping, name)
        made = self._made(Inserts, part, name, self._catalogue)
        if made is not None:
            for extra in ("withdraw", "confirm", "close"):
                for column in getattr(part, extra, None) or ():
                    self._column(made.table, column, (name, extra, column))
        return made

    def _keys(self, contact: People) -> dict[KeyField, KeySelect]:
        found: dict[KeyField, KeySelect] = {}
        for field, part in self._mapping.keys.items():
            made = self._made(self._key, part, field, contact)
            if made is not None:
                found[field] = made
        return found

    def _key(self, part: SqlColumn | KeyPart, field: KeyField, contact: People) -> KeySelect:
        if not isinstance(part, KeyPart):
            return KeySelect(contact.source.named(part, ("keys", field.value)))
        source = Source(part, ("keys", field.value), self._catalogue)
        column = source.column(part.column, "column")
        return KeySelect(column, source.column(part.contact, "contact"), source)

    def _allowed(self, table: Table) -> dict[str, Column[Any]]:
        part = self._mapping.update
        return {
            field: table.c[column.name]
            for field, column in (part.allow.items() if part else ())
            if self._column(table, column.name, ("update", "allow", field))
        }

    def _also(self, table: Table) -> dict[str, Column[Any]]:
        part = self._mapping.update
        return {
            name: table.c[name]
            for name in (part.also if part else ())
            if self._column(table, name, ("update", "also", name))
        }

    def _column(self, table: Table, name: str, way: Way) -> bool:
        return self._made(self._catalogue.column, table, name, way) is not None

    def _made(self, make: Callable[..., T], part: Any, *given: Any) -> T | None:
        """None where the mapping has no such part, or a wrong one."""
        if part is None:
            return None
        try:
            return make(part, *given)
        except WrongColumn:
            return None
