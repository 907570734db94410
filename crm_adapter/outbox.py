"""What the CRM is still owed: rows written together with the state they report.

A row is pending, then claimed by one worker for the length of a lease, then done or dead. A worker
that dies leaves a claim behind; it is pending again once the lease is over, and its key lets the
adapter find what the dead worker may have written.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from calls.call import CallId
from crm_adapter.call_tables import outbox
from storage.insert_once import insert_once
from storage.storable import storable
from storage.tables import UtcDateTime

CREATE_LEAD = "create_lead"
LOG_CALL = "log_call"
CREATE_TASK = "create_task"
CLOSE_TASK = "close_task"
CONFIRM_LEAD = "confirm_lead"
UNDO_LEAD = "undo_lead"
WEBHOOK = "webhook"

#: Of everything that goes to the CRM.
CRM_LANE = "crm"

_NAMESPACE = uuid.UUID("5b0a2b36-6a0f-4c47-9b59-0d3c5a3cf2a7")
_UNSETTLED = ("pending", "claimed")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something to tell the CRM. `depends_on` is the key of an entry to be settled first."""

    key: str
    operation: str
    entity: str
    payload: dict[str, Any]
    depends_on: str | None = None
    #: Whoever delivers it; what one lane waits for holds no other up.
    lane: str = CRM_LANE


@dataclass(frozen=True, slots=True)
class ClaimedEntry:
    """An entry that is ours until the lease ends. `attempts` counts this one."""

    key: str
    operation: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    claimed_by: str


def entry_key(
    *, tenant: str, adapter: str, operation: str, call_id: CallId, leg: str = "", revision: int = 1
) -> str:
    """The same fact has the same key, in every process and after every restart. Also the
    idempotency key that the CRM gets."""
    # \x1f cannot occur in any of the parts, so that no two sets of parts run together.
    parts = (tenant, adapter, operation, str(call_id), leg, str(revision))
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


def call_entity(call_id: CallId) -> str:
    """Of a call's record, whatever its revision."""
    return storable(f"call/{call_id}", 120)


def follow_up_entry(
    operation: str, entity: str, of: str, more: Mapping[str, Any] | None = None
) -> NewEntry:
    """Something more to tell of what the entry with the key `of` made in the CRM: after it, as it
    is of the same entity."""
    key = str(uuid.uuid5(_NAMESPACE, f"{operation}\x1f{of}"))
    return NewEntry(key, operation, entity, {"v": 1, "of": of, **(more or {})})


async def enqueue(
    connection: AsyncConnection, entries: Sequence[NewEntry], *, at: datetime
) -> None:
    """In the caller's transaction. An entry whose key is there already changes nothing."""
    await insert_once(
        connection,
        outbox,
        [
            {
                "key": entry.key,
                "lane": storable(entry.lane, 60),
                "operation": entry.operation,
                "entity": storable(entry.entity, 120),
                "depends_on": entry.depends_on,
                "payload": entry.payload,
                "state": "pending",
                "attempts": 0,
                "created_at": at,
                "not_before": at,
            }
            for entry in entries
        ],
    )


async def take_back(
    connection: AsyncConnection, *, operation: str, entities: Collection[str]
) -> None:
    """What nobody has tried to tell yet, because what is enqueued next says it and more. In the
    same transaction."""
    if entities:
        await connection.execute(_TAKE_BACK, {"of": operation, "entities": list(entities)})


async def take_back_one(connection: AsyncConnection, key: str, *, at: datetime) -> bool:
    """The same of one entry. It stays, as settled: enqueued again it changes nothing. False where
    somebody has tried to tell it, or there is no such entry."""
    await connection.execute(_TAKE_BACK_ONE, {"of_key": key, "at": at})
    found = await connection.execute(
        select(outbox.c.state, outbox.c.attempts).where(outbox.c.key == key)
    )
    row = found.one_or_none()
    return row is not None and row.state == "done" and row.attempts == 0


async def anything_due(connection: AsyncConnection, *, at: datetime, lane: str = CRM_LANE) -> bool:
    """Cheap, and without a lock; a claim may still find nothing."""
    return await connection.scalar(_ANYTHING_DUE, {"now": at, "of_lane": lane}) is not None


async def result_of(connection: AsyncConnection, key: str) -> str | None:
    """What the CRM calls that which this entry made; None where it made nothing."""
    found: str | None = await connection.scalar(
        select(outbox.c.result).where(outbox.c.key == key, outbox.c.state == "done")
    )
    return found


async def claim(
    connection: AsyncConnection,
    *,
    at: datetime,
    limit: int,
    lease: timedelta,
    worker: str,
    lane: str = CRM_LANE,
    untried_first: bool = False,
) -> list[ClaimedEntry]:
    """Up to `limit` entries, oldest first (`untried_first`: those tried least often), at most one
    of each entity, none whose dependency is unsettled. Two workers never hold the same entry."""
    asked = {"now": at, "of_lane": lane}
    await connection.execute(_END_LEASES, asked)
    taken = await connection.execute(
        _CLAIM_UNTRIED if untried_first else _CLAIM,
        asked | {"most": limit, "worker": worker, "until": at + lease},
    )
    return [
        ClaimedEntry(row.key, row.operation, row.payload, row.attempts, row.created_at, worker)
        for row in sorted(taken, key=lambda row: row.seq)
    ]


# Made once: building a statement costs more than running it.
_TAKE_BACK = delete(outbox).where(
    outbox.c.entity.in_(bindparam("entities", expanding=True)),
    outbox.c.operation == bindparam("of"),
    outbox.c.state == "pending",
    outbox.c.attempts == 0,
)
_TAKE_BACK_ONE = (
    update(outbox)
    .where(outbox.c.key == bindparam("of_key"))
    .where(outbox.c.state == "pending", outbox.c.attempts == 0)
    .values(state="done", finished_at=bindparam("at", type_=UtcDateTime))
)
_NOW = bindparam("now", type_=UtcDateTime)
_OF_LANE = outbox.c.lane == bindparam("of_lane")
#: Also for what nobody has tried and is of a time to come: the clock was set back since.
_IS_TIME = or_(
    outbox.c.not_before <= _NOW,
    and_(outbox.c.attempts == 0, outbox.c.created_at > _NOW),
)
_LEASE_IS_OVER = and_(outbox.c.state == "claimed", outbox.c.leased_until <= _NOW)
_ANYTHING_DUE = (
    select(outbox.c.seq)
    .where(
        _OF_LANE,
        or_(and_(outbox.c.state == "pending", _IS_TIME), _LEASE_IS_OVER),
    )
    .limit(1)
)
_END_LEASES = (
    update(outbox)
    .where(_OF_LANE, _LEASE_IS_OVER)
    .values(state="pending", claimed_by=None, leased_until=None)
)


def _claim_statement(*order: ColumnElement[Any]) -> ReturningUpdate[Any]:
    earlier, needed = outbox.alias("earlier"), outbox.alias("needed")
    behind_another = (
        select(earlier.c.seq)
        .where(
            earlier.c.entity == outbox.c.entity,
            earlier.c.seq < outbox.c.seq,
            earlier.c.state.in_(_UNSETTLED),
        )
        .exists()
    )
    waits_for_another = (
        select(needed.c.seq)
        .where(needed.c.key == outbox.c.depends_on, needed.c.state.in_(_UNSETTLED))
        .exists()
    )
    due = (
        select(outbox.c.seq)
        .where(
            _OF_LANE,
            outbox.c.state == "pending",
            _IS_TIME,
            ~behind_another,
            ~waits_for_another,
        )
        .order_by(*order)
        .limit(bindparam("most", type_=Integer))
        # PostgreSQL; SQLite has one writer and knows no such words.
        .with_for_update(skip_locked=True, of=outbox)
        .cte("due")
    )
    taken = outbox.c
    return (
        update(outbox)
        .where(taken.seq.in_(select(due.c.seq)), taken.state == "pending")
        .values(
            state="claimed",
            claimed_by=bindparam("worker"),
            leased_until=bindparam("until", type_=UtcDateTime),
            attempts=taken.attempts + 1,
        )
        .returning(
            taken.seq, taken.key, taken.operation, taken.payload, taken.attempts, taken.created_at
        )
    )


_CLAIM = _claim_statement(outbox.c.seq)
_CLAIM_UNTRIED = _claim_statement(outbox.c.attempts, outbox.c.seq)


async def settle(
    connection: AsyncConnection,
    entry: ClaimedEntry,
    *,
    at: datetime,
    state: str,
    result: str | None = None,
    error: str | None = None,
    not_before: datetime | None = None,
) -> bool:
    """To `done`, `dead`, or back to `pending` (with `not_before`). False, and nothing is changed,
    where the lease was lost to somebody else meanwhile."""
    values: dict[str, Any] = {"state": state, "claimed_by": None, "leased_until": None}
    if result is not None:
        values["result"] = storable(result, 120)
    if error is not None:
        values["last_error"] = storable(error, 240)
    if state == "pending":
        values["not_before"] = not_before or at
    else:
        values["finished_at"] = at
    changed = await connection.execute(
        update(outbox)
        .where(
            outbox.c.key == entry.key,
            outbox.c.state == "claimed",
            outbox.c.claimed_by == entry.claimed_by,
        )
        .values(values)
    )
    return changed.rowcount == 1


async def replay_dead(connection: AsyncConnection, *, at: datetime, key: str | None = None) -> int:
    """Gives every dead entry, or the one with this key, another life, counted from now; returns
    how many. Not those of which the CRM has a newer version: they would undo it."""
    newer = outbox.alias("newer")
    outdated = (
        select(newer.c.seq)
        .where(
            newer.c.entity == outbox.c.entity,
            newer.c.seq > outbox.c.seq,
            newer.c.state == "done",
        )
        .exists()
    )
    changed = await connection.execute(
        update(outbox)
        .where(outbox.c.state == "dead", ~outdated, *([outbox.c.key == key] if key else []))
        .values(state="pending", attempts=0, created_at=at, not_before=at, finished_at=None)
    )
    return changed.rowcount
