"""Inserts that leave what is there alone: the same on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_once(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    computed: tuple[tuple[str, ColumnElement[Any]], ...] = (),
) -> None:
    """Inserts each row unless any unique key of the table already holds its like. On PostgreSQL it
    waits for another transaction that is about to insert the same key. `computed` are columns that
    the database fills in itself, with what `rows` bring for their parameters; make them once, not
    for each call."""
    if not rows:
        return
    await connection.execute(_insert(connection.dialect.name, table, computed), rows)


@cache
def _insert(
    dialect: str, table: Table, computed: tuple[tuple[str, ColumnElement[Any]], ...]
) -> Insert:
    """Kept: building a statement costs more than running it."""
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(table)
    if computed:
        statement = statement.values(dict(computed))
    return statement.on_conflict_do_nothing()
