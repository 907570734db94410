"""Calls that outlived the process which took them: told again at the start, so that the next agent
they ring sees the caller and not an empty screen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select

from calls.call import Call, CallId
from calls.decision import PopWish
from calls.events import CallRemembered
from crm_adapter.call_state import key_presses
from crm_adapter.call_tables import calls
from storage.database import Database

#: More than one Asterisk will hold for us.
MOST_CALLS = 5_000


async def remembered_calls(database: Database, *, system: str) -> list[CallRemembered]:
    """The newest `MOST_CALLS` open calls of this Asterisk, oldest first. Some may be over: the
    resync with Asterisk says so."""
    query = (
        select(calls)
        .where(calls.c.system == system, calls.c.ended_at.is_(None))
        .order_by(calls.c.arrived_at.desc())
        .limit(MOST_CALLS)
    )
    at = datetime.now(UTC)
    async with database.read() as connection:
        return [_remembered(row, at) for row in reversed((await connection.execute(query)).all())]


def _remembered(row: Row[Any], at: datetime) -> CallRemembered:
    call = Call(
        id=CallId(row.system, row.linkedid),
        channel=row.channel,
        from_raw=row.from_raw,
        from_name=row.from_name,
        withheld=row.withheld,
        dialled=row.dialled,
        language=row.language,
        arrived_at=row.arrived_at,
        attestation=row.attestation,
    )
    return CallRemembered(
        call.id,
        at,
        call,
        key_presses(row.menu_path),
        row.queue,
        row.queued_at,
        _pop_wish(row.decision),
    )


def _pop_wish(decision: dict[str, Any] | None) -> PopWish:
    """Decisions of version 0.1 say nothing of it."""
    said = (decision or {}).get("pop") or {}
    return PopWish(shown=said.get("shown", True), note=said.get("note"))
