"""The newest entries of the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.audit_tables import audit_entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """None: any. `action` is one, or what stands before its dot."""

    action: str | None = None
    actor: str | None = None
    result: str | None = None
    since: datetime | None = None
    last: int = 50


async def newest(link: AsyncConnection, wanted: Wanted) -> Sequence[Mapping[Any, Any]]:
    """The oldest of them first."""
    of = audit_entries.c
    question = select(audit_entries).order_by(of.seq.desc()).limit(wanted.last)
    if wanted.action is not None:
        of_kind = of.action.startswith(f"{wanted.action}.", autoescape=True)
        question = question.where(or_(of.action == wanted.action, of_kind))
    if wanted.actor is not None:
        question = question.where(of.actor == wanted.actor)
    if wanted.result is not None:
        question = question.where(of.result == wanted.result)
    if wanted.since is not None:
        question = question.where(of.at >= wanted.since)
    rows = (await link.execute(question)).mappings().all()
    return rows[::-1]
