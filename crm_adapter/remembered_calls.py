"""Calls that outlived the process which took them: told again at the start, so that the next agent
they ring sees the caller and not an empty screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, or_, select

from calls.call import Call, CallId, Direction
from calls.decision import PopWish
from calls.events import CallLeftUnknown, CallRemembered
from crm_adapter.call_state import key_presses
from crm_adapter.call_tables import calls
from storage.database import Database

#: More than one Asterisk will hold for us.
MOST_CALLS = 5_000
#: Whoever called longer ago is no news to anybody.
UNKNOWN_SINCE = timedelta(hours=72)


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
        return [remembered(row, at) for row in reversed((await connection.execute(query)).all())]


async def unknown_calls(database: Database, *, system: str, now: datetime) -> list[CallLeftUnknown]:
    """Calls that ended without our dialog, and that nobody has asked the CRM about: we died
    between the one and the other. Oldest first."""
    query = (
        select(calls)
        .where(
            calls.c.system == system,
            calls.c.arrived_at >= now - UNKNOWN_SINCE,
            calls.c.ended_at.is_not(None),
            calls.c.identity_outcome.is_(None),
            or_(calls.c.fallback, calls.c.end_estimated, calls.c.direction.is_not(None)),
        )
        .order_by(calls.c.arrived_at.desc())
        .limit(MOST_CALLS)
    )
    async with database.read() as connection:
        found = (await connection.execute(query)).all()
    return [CallLeftUnknown(call.id, now, call) for call in map(_call, reversed(found))]


def _call(row: Row[Any]) -> Call:
    return Call(
        id=CallId(row.system, row.linkedid),
        channel=row.channel,
        from_raw=row.from_raw,
        from_name=row.from_name,
        withheld=row.withheld,
        dialled=row.dialled,
        language=row.language,
        arrived_at=row.arrived_at,
        attestation=row.attestation,
        direction=Direction(row.direction or Direction.INBOUND),
    )


def remembered(row: Row[Any], at: datetime) -> CallRemembered:
    """Of a row of `calls`."""
    call = _call(row)
    return CallRemembered(
        call.id,
        at,
        call,
        key_presses(row.menu_path),
        row.queue,
        row.queued_at,
        _pop_wish(row.decision),
        (row.decision or {}).get("language"),
        any(one["what"] == "call" for one in row.recordings or ()),
    )


def _pop_wish(decision: dict[str, Any] | None) -> PopWish:
    """Decisions of version 0.1 say nothing of it."""
    said = (decision or {}).get("pop") or {}
    return PopWish(shown=said.get("shown", True), note=said.get("note"))
