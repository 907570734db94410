"""Inserts that leave what is there alone: the same on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_once(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]
) -> None:
    """Inserts each row unless any unique key of the table already holds its like. On PostgreSQL it
    waits for another transaction that is about to insert the same key."""
    if not rows:
        return
    await connection.execute(_insert(connection.dialect.name, table), rows)


@cache
def _insert(dialect: str, table: Table) -> Insert:
    """Kept: building a statement costs more than running it."""
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()
