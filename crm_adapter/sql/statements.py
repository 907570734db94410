"""What a database was asked and what it answered, for an administrator's eyes: `switchboard crm
test` prints it beside the exchanges of CRMs over HTTP."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from crm_adapter.http.traces import LONGEST, SQL, Exchange, Trace

#: Of an answer; `crm test` asks for few.
_MOST_ROWS = 50
_QUESTIONS = ("select", "with")
#: What is asked about the database itself: how its tables look.
_ITS_OWN = ("pg_catalog", "sqlite_master", "sqlite_schema", "pragma_")


def trace_statements(engine: AsyncEngine, trace: Trace) -> None:
    """Tells `trace` of every question from now on; `status` is how many rows came."""

    def before(
        _link: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool
    ) -> None:
        context.switchboard_began = time.perf_counter()

    def after(_link: Any, cursor: Any, sql: str, values: Any, context: Any, _many: bool) -> None:
        told = sql.lower()
        if not told.lstrip().startswith(_QUESTIONS) or any(word in told for word in _ITS_OWN):
            return
        seconds = time.perf_counter() - context.switchboard_began
        # SQLAlchemy's asynchronous drivers have fetched all by now, and keep it here.
        rows = list(getattr(cursor, "_rows", ()))
        names = [column[0] for column in cursor.description or ()]
        lines = [" | ".join(names), *(_line(row) for row in rows[:_MOST_ROWS])]
        answer = "\n".join(lines) if rows else ""
        trace(Exchange(SQL, "", f"{sql}\n{values}", len(rows), answer[:LONGEST], seconds))

    event.listen(engine.sync_engine, "before_cursor_execute", before)
    event.listen(engine.sync_engine, "after_cursor_execute", after)


def _line(row: Any) -> str:
    return " | ".join("NULL" if value is None else str(value) for value in row)
