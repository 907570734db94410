"""Would a look-up read the whole table? The database itself says how it would go about it."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Select


def scanned_tables(connection: Connection, statement: Select[Any]) -> list[str]:
    """Names of the tables that would be read from end to end for `statement`, whose values are our
    own: they become part of the text. Empty for databases that are not asked."""
    dialect = connection.dialect
    if dialect.name not in ("sqlite", "postgresql"):
        return []
    text = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    # The driver takes a percent sign for the beginning of a parameter in neither dialect; asyncpg
    # and aiosqlite get the text as it is.
    if dialect.name == "sqlite":
        return _sqlite(connection, text)
    # A table that is small today is read to its end with an index too: ask as if it were large.
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {text}").scalar_one()
    parsed = json.loads(plan) if isinstance(plan, str) else plan
    return sorted(set(_sequential(parsed)))


def _sqlite(connection: Connection, text: str) -> list[str]:
    found: set[str] = set()
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}"):
        words = str(row[-1]).split()
        # `SCAN customers`; `SCAN c USING INDEX ...` still reads all of it; `SEARCH` does not.
        if words[:1] == ["SCAN"] and len(words) > 1 and words[1] != "CONSTANT":
            found.add(words[1])
    return sorted(found)


def _sequential(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for inner in node for name in _sequential(inner)]
    if not isinstance(node, dict):
        return []
    inner = [name for value in node.values() for name in _sequential(value)]
    kind = node.get("Node Type")
    # By an index, but only for the order: still every row.
    is_whole = kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node
    if kind == "Seq Scan" or (is_whole and "Filter" in node):
        return [str(node.get("Relation Name")), *inner]
    return inner
