"""Databases of a private PostgreSQL that tests borrow: each with all tables and not one row.

Making one from a template copies some six hundred files, a third of a second of processor. What a
test leaves is emptied instead, which takes a tenth of that, and gets another name, so that no
process it left behind writes to the next one's; where it changed more than rows, or any of that
fails, the database is thrown away.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

LIMIT_S = 60.0

#: Oids of what is not PostgreSQL's own begin here (access/transam.h).
_FIRST_OWN = 16384
#: Whatever TRUNCATE leaves as it is and DDL does not: copies of one template have it in common.
_SHAPE = f"""
SELECT sum(hashtextextended(what, 0)) FROM (
  SELECT 'a' || a::text FROM pg_attribute a WHERE attrelid >= {_FIRST_OWN}
  UNION ALL SELECT 'd' || d::text FROM pg_attrdef d
  UNION ALL SELECT 'c' || c::text FROM pg_constraint c WHERE oid >= {_FIRST_OWN}
  UNION ALL SELECT 'i' || i::text FROM pg_index i WHERE indexrelid >= {_FIRST_OWN}
  UNION ALL SELECT 's' || s::text FROM pg_sequence s
  UNION ALL SELECT 't' || t::text FROM pg_trigger t
  UNION ALL SELECT 'p' || p::text FROM pg_proc p WHERE oid >= {_FIRST_OWN}
  UNION ALL SELECT 'e' || e::text FROM pg_enum e
  UNION ALL SELECT 'x' || x::text FROM pg_extension x
  UNION ALL SELECT 'n' || n::text FROM pg_namespace n WHERE nspname !~ '^pg_'
  UNION ALL SELECT 'r' || concat_ws(' ', oid, relname, relkind, relowner, relacl, reloptions)
    FROM pg_class WHERE oid >= {_FIRST_OWN} AND relkind <> 't'
  UNION ALL SELECT 'o' || o::text FROM pg_db_role_setting o JOIN pg_database b
    ON b.oid = setdatabase AND datname = current_database()
) AS whats(what)
"""
_TABLES = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
#: Whoever comes back between the two has the second one refused.
_RENAMED = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{old}';
ALTER DATABASE {old} RENAME TO {new}
"""
_COUNT_ANEW = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL
"""


async def administer(cluster: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{cluster}/postgres", timeout=LIMIT_S)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _new_name() -> str:
    return f"test_{uuid.uuid4().hex}"


class PostgresPool:
    """`template` is a database of `cluster` with all tables, and nobody in it."""

    def __init__(self, cluster: str, template: str) -> None:
        self._cluster = cluster
        self._template = template
        self._shape: object = None
        self._with_rows = ""
        self._free: list[str] = []

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[str]:
        """The URL of one that is nobody else's until the end of the block."""
        name = self._free.pop() if self._free else await self._made()
        try:
            yield f"{self._cluster}/{name}"
        finally:
            await self._take_back(name)

    async def _take_back(self, old: str) -> None:
        new, is_as_new = _new_name(), False
        try:
            with contextlib.suppress(asyncpg.PostgresError):
                await administer(self._cluster, _RENAMED.format(old=old, new=new))
                is_as_new = await self._is_as_new(new)
        finally:
            if is_as_new:
                self._free.append(new)
            else:
                for name in (old, new):
                    await administer(self._cluster, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _made(self) -> str:
        name = _new_name()
        await administer(self._cluster, f"CREATE DATABASE {name} TEMPLATE {self._template}")
        if self._shape is None:
            link = await self._entered(name)
            try:
                self._shape = await link.fetchval(_SHAPE)
                tables = [row[0] for row in await link.fetch(_TABLES)]
            finally:
                await link.close()
            self._with_rows = " UNION ALL ".join(
                f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables
            )
        return name

    async def _is_as_new(self, name: str) -> bool:
        """Emptied, unless more than rows was changed."""
        link = await self._entered(name)
        try:
            if await link.fetchval(_SHAPE) != self._shape:
                return False
            if filled := [row[0] for row in await link.fetch(self._with_rows)]:
                await link.execute(f"TRUNCATE {', '.join(filled)} CASCADE")
            await link.execute(_COUNT_ANEW)
            return True
        finally:
            await link.close()

    async def _entered(self, name: str) -> asyncpg.Connection:
        return await asyncpg.connect(
            f"{self._cluster}/{name}", timeout=LIMIT_S, command_timeout=LIMIT_S
        )
