"""Inserts that leave what is there alone: the same on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_once(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]
) -> None:
    """Inserts each row unless any unique key of the table already holds its like. On PostgreSQL it
    waits for another transaction that is about to insert the same key."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        await connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)
    else:
        await connection.execute(postgresql.insert(table).on_conflict_do_nothing(), rows)
