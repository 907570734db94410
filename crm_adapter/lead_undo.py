"""Takes back the leads that a rule made by mistake, in our tables and in the CRM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter import outbox
from crm_adapter.call_tables import leads


@dataclass(frozen=True, slots=True)
class Wanted:
    """Open leads that `rule` made from `since` on, before `until`; no rule: all of that time."""

    tenant: str
    rule: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def where(self) -> list[ColumnElement[bool]]:
        asked = [leads.c.tenant == self.tenant]
        if self.rule is not None:
            asked.append(leads.c.rule == self.rule)
        if self.since is not None:
            asked.append(leads.c.created_at >= self.since)
        if self.until is not None:
            asked.append(leads.c.created_at < self.until)
        return asked


@dataclass(frozen=True, slots=True)
class Counted:
    """`confirmed` ones are left alone: an agent says they are real."""

    to_withdraw: int
    confirmed: int


async def rules(connection: AsyncConnection, tenant: str) -> list[str]:
    """All that ever made a lead, by name."""
    found = await connection.execute(
        select(leads.c.rule)
        .where(leads.c.tenant == tenant, leads.c.rule.is_not(None))
        .distinct()
        .order_by(leads.c.rule)
    )
    return list(found.scalars())


_OPEN = leads.c.closed_at.is_(None)
_UNCONFIRMED = leads.c.confirmed_at.is_(None)


async def count(connection: AsyncConnection, wanted: Wanted) -> Counted:
    found = await connection.execute(
        select(_UNCONFIRMED, func.count()).where(*wanted.where(), _OPEN).group_by(_UNCONFIRMED)
    )
    counts = {bool(row[0]): row[1] for row in found}
    return Counted(counts.get(True, 0), counts.get(False, 0))


async def undo_some(
    connection: AsyncConnection, wanted: Wanted, *, at: datetime, most: int = 200
) -> int:
    """Closes up to `most` of them and owes the CRM the rest of the work; how many it was. Called
    until it answers 0; those done before are done."""
    some = select(leads.c.key).where(*wanted.where(), _OPEN, _UNCONFIRMED)
    some = some.order_by(leads.c.key).limit(most)
    closed = await connection.execute(
        update(leads)
        .where(leads.c.key.in_(some.scalar_subquery()), _OPEN, _UNCONFIRMED)
        .values(closed_at=at, withdrawn_at=at)
        .returning(leads.c.key)
    )
    keys = sorted(row.key for row in closed)
    entries = [outbox.follow_up_entry(outbox.UNDO_LEAD, f"lead/{key}", key) for key in keys]
    await outbox.enqueue(connection, entries, at=at)
    return len(keys)


async def listed(connection: AsyncConnection, wanted: Wanted, *, limit: int) -> Sequence[Row[Any]]:
    """Newest first, the closed ones too."""
    found = await connection.execute(
        select(leads).where(*wanted.where()).order_by(leads.c.created_at.desc()).limit(limit)
    )
    return found.all()
