"""The tables of a mapping as the database has them: reflected, so that every name in a statement is
one the database gave us, and a wrong one is told with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    DateTime,
    FromClause,
    Inspector,
    MetaData,
    Numeric,
    String,
    Table,
    Time,
    and_,
    bindparam,
    cast,
    func,
    inspect,
    literal,
    null,
    or_,
    type_coerce,
)
from sqlalchemy.types import NullType

from config.problems import Problem, did_you_mean
from crm_adapter.mapped.files import MappingFile, Way
from crm_adapter.sql.expressions import ColumnName, Expression, column_name
from crm_adapter.sql.shapes import SourcePart, Where


class WrongColumn(Exception):
    """Ends the reading of one part; the problem is noted. Never leaves this package."""


@dataclass(slots=True)
class Catalogue:
    """Reflects each table once. `problems` fill up; nothing is raised but WrongColumn."""

    connection: Connection
    file: MappingFile
    metadata: MetaData = field(default_factory=MetaData)
    problems: list[Problem] = field(default_factory=list)
    _tables: dict[str, Table] = field(default_factory=dict)
    _inspector: Inspector | None = None

    def table(self, name: str, way: Way) -> Table:
        known = self._tables.get(name)
        if known is not None:
            return known
        schema, _, bare = name.rpartition(".")
        inspector = self._inspector = self._inspector or inspect(self.connection)
        if not inspector.has_table(bare, schema or None):
            names = [
                *inspector.get_table_names(schema or None),
                *inspector.get_view_names(schema or None),
            ]
            hint = did_you_mean(bare, names)
            raise self.wrong(way, f"the database has no table or view '{name[:80]}'{hint}")
        # Foreign keys would draw in half the database.
        table = Table(
            bare,
            self.metadata,
            schema=schema or None,
            autoload_with=self.connection,
            resolve_fks=False,
        )
        self._tables[name] = table
        return table

    def column(self, table: FromClause, name: str, way: Way) -> ColumnElement[Any]:
        found = table.c.get(name)
        if found is None:
            shown = str(getattr(table, "description", "") or table)
            hint = did_you_mean(name, table.c.keys()) or f"; it has: {_some(table.c.keys())}"
            raise self.wrong(way, f"'{shown}' has no column '{name[:80]}'{hint}")
        return found

    def as_stored(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """SQLite holds times and amounts as whoever wrote them pleased: they are read, ordered and
        compared as they are, and parsed by us."""
        is_loose = isinstance(column.type, Date | DateTime | Time | Numeric)
        if is_loose and self.connection.dialect.name == "sqlite":
            return type_coerce(column, NullType())
        return column

    def wrong(self, way: Way, sentence: str) -> WrongColumn:
        self.problems.append(Problem.at(self.file.place(way), sentence))
        return WrongColumn(sentence)

    def has_unique_index(self, table: Table, column: str) -> bool:
        inspector = self._inspector = self._inspector or inspect(self.connection)
        if list(table.primary_key.columns.keys()) == [column]:
            return True
        constraints = inspector.get_unique_constraints(table.name, table.schema)
        # SQLite's own index of a UNIQUE column is told only to those who ask for it.
        auto = {"include_auto_indexes": True} if inspector.dialect.name == "sqlite" else {}
        indexes = inspector.get_indexes(table.name, table.schema, **auto)
        uniques: list[Any] = [
            *(one["column_names"] for one in constraints),
            *(one["column_names"] for one in indexes if one["unique"]),
        ]
        return [column] in [list(columns) for columns in uniques]


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")


class Source:
    """One part's tables, joined; gives columns and expressions as the part names them."""

    def __init__(self, part: SourcePart, way: Way, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._way = way
        self.main: Table = catalogue.table(part.table, (*way, "table"))
        self._aliases: dict[str, FromClause] = {
            part.table.rpartition(".")[2]: self.main,
        }
        self.tables: FromClause = self.main
        for index, join in enumerate(part.joins):
            inner = (*way, "joins", index)
            joined = catalogue.table(join.table, (*inner, "table")).alias(join.alias)
            self._aliases[join.alias] = joined
            clauses = [
                catalogue.column(joined, ours, (*inner, "on", ours))
                == self.named(column_name(theirs), (*inner, "on", ours))
                for ours, theirs in join.on.items()
            ]
            clauses += self._conditions(join.where, (*inner, "where"), joined)
            self.tables = self.tables.outerjoin(joined, and_(*clauses))
        self.conditions = self._conditions(part.where, (*way, "where"), self.main)

    def column(self, name: ColumnName, key: str) -> ColumnElement[Any]:
        return self.named(name, (*self._way, key))

    def named(self, name: ColumnName, way: Way) -> ColumnElement[Any]:
        table = self.main if name.table is None else self._aliases.get(name.table)
        if table is None:
            known = list(self._aliases)
            hint = did_you_mean(name.table or "", known) or f"; there are: {', '.join(known)}"
            raise self._catalogue.wrong(way, f"no table is joined as '{name.table}'{hint}")
        return self._catalogue.as_stored(self._catalogue.column(table, name.name, way))

    def expression(self, expression: Expression | None, key: str) -> ColumnElement[Any]:
        """NULL for a part that the mapping does not have. Texts joined are never NULL: what is
        missing leaves nothing."""
        if expression is None:
            return null()
        if expression.column is not None:
            return self.column(expression.column, key)
        terms: list[ColumnElement[Any]] = [
            literal(term)
            if isinstance(term, str)
            else func.coalesce(cast(self.column(term, key), String), "")
            for term in expression.terms
        ]
        joined = terms[0]
        for term in terms[1:]:
            joined = joined.concat(term)
        return func.trim(joined) if len(terms) > 1 else joined

    def holds(self, where: Where, key: str) -> ColumnElement[bool]:
        return and_(*self._conditions(where, (*self._way, key), self.main))

    def _conditions(self, where: Where, way: Way, table: FromClause) -> list[ColumnElement[bool]]:
        return conditions(where, way, table, self._catalogue, named=self.named)


def conditions(
    where: Where,
    way: Way,
    table: FromClause,
    catalogue: Catalogue,
    *,
    named: Callable[[ColumnName, Way], ColumnElement[Any]] | None = None,
) -> list[ColumnElement[bool]]:
    """`named` finds columns of other tables. Raises WrongColumn."""
    found: list[ColumnElement[bool]] = []
    for written, wanted in where.items():
        is_not, inner = written.endswith("!"), (*way, written)
        try:
            name = column_name(written.removesuffix("!").strip())
        except ValueError as error:
            raise catalogue.wrong(inner, str(error)) from None
        if name.table is None or named is None:
            column = catalogue.column(table, name.name, inner)
        else:
            column = named(name, inner)
        found.append(_condition(column, wanted, is_not))
    return found


def _condition(column: ColumnElement[Any], wanted: Any, is_not: bool) -> ColumnElement[bool]:
    if wanted is None:
        return column.is_not(None) if is_not else column.is_(None)
    if isinstance(wanted, list):
        # NULL is none of them, as people mean it.
        others = or_(column.is_(None), column.not_in(wanted))
        return others if is_not else column.in_(wanted)
    value = bindparam(None, wanted, type_=column.type)
    is_it: ColumnElement[bool] = column == value
    return column.is_distinct_from(value) if is_not else is_it
