"""Everything that is kept of one person, as JSON with a section for each kind."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.privacy.held import AT_ONCE, Held
from switchboard.privacy.person import Person, by_crm
from switchboard.privacy.registry import OF_PEOPLE

#: Why a column of ours is not told: it says something of us, not of them.
_WITHHELD = "not told: a secret"


async def export(link: AsyncConnection, person: Person, *, at: datetime) -> dict[str, Any]:
    kept: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for held in OF_PEOPLE:
        rows = await _rows(link, held, person)
        if rows:
            kept.setdefault(held.kind.value, {})[held.table.name] = rows
    return {
        "number": person.number,
        "numbers": sorted(person.numbers),
        "contacts": by_crm(person.contacts),
        "made_at": _plain(at),
        "kept": dict(sorted(kept.items())),
    }


async def _rows(link: AsyncConnection, held: Held, person: Person) -> list[dict[str, Any]]:
    keys = await held.keys_of(link, person)
    found = []
    for start in range(0, len(keys), AT_ONCE):
        some = held.among(keys[start : start + AT_ONCE])
        question = select(held.table).where(some).order_by(*held.key)
        found += [
            {
                name: _WITHHELD if name in held.secret and value is not None else _plain(value)
                for name, value in row._mapping.items()
            }
            for row in await link.execute(question)
        ]
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
