"""Calls between the database and `CallState`: a few statements for any number of calls."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from crm_adapter import decision_rows
from crm_adapter.call_state import CallState, LegState
from crm_adapter.call_tables import call_legs, calls
from storage.insert_once import insert_once

_KEY = ("system", "linkedid")
#: Known at arrival, never changed later.
_FIXED = ("arrived_at", "from_raw", "from_name", "withheld", "dialled", "direction")
_NO_COLUMN = ("legs", "decision", "replaced", "decided_before", "amended")
_ROW = tuple(f.name for f in fields(CallState) if f.name not in _NO_COLUMN)
_LEG = tuple(f.name for f in fields(LegState))

_CHANGING = tuple(name for name in _ROW if name not in (*_KEY, *_FIXED))
_LEG_CHANGING = ("agent", "answered_at", "ended_at", "disposition", "note")

_THIS_CALL = and_(
    calls.c.system == bindparam("of_system"), calls.c.linkedid == bindparam("of_linkedid")
)
# Statements are made once: building one costs more than running it.
_SAVE_CALL = update(calls).where(_THIS_CALL).values({name: bindparam(name) for name in _CHANGING})
_SAVE_LEG = (
    update(call_legs)
    .where(
        call_legs.c.system == bindparam("of_system"),
        call_legs.c.linkedid == bindparam("of_linkedid"),
        call_legs.c.position == bindparam("of_position"),
    )
    .values({name: bindparam(name) for name in _LEG_CHANGING})
)
_LOAD = (
    select(*(calls.c[name] for name in _ROW))
    .where(tuple_(calls.c.system, calls.c.linkedid).in_(bindparam("wanted", expanding=True)))
    .order_by(calls.c.system, calls.c.linkedid)
    .with_for_update()
)
_LOAD_OPEN = _LOAD.where(calls.c.ended_at.is_(None))
_LOAD_WITH_ENDED = _LOAD.where(
    or_(
        calls.c.ended_at.is_(None),
        tuple_(calls.c.system, calls.c.linkedid).in_(bindparam("also_ended", expanding=True)),
    )
)
_LOAD_LEGS = (
    select(call_legs.c.system, call_legs.c.linkedid, *(call_legs.c[name] for name in _LEG))
    .where(
        tuple_(call_legs.c.system, call_legs.c.linkedid).in_(bindparam("wanted", expanding=True))
    )
    .order_by(call_legs.c.position)
)


async def load(
    connection: AsyncConnection, ids: Collection[CallId], *, also_ended: Collection[CallId] = ()
) -> list[CallState]:
    """The calls among `ids` that have not ended, and those `also_ended`. On PostgreSQL they stay
    locked to the end of the transaction (in one order, so that two of us never wait for each
    other); on SQLite the writer holds the only lock there is."""
    query, asked = _LOAD_OPEN, {"wanted": _pairs(ids)}
    if also_ended:
        query, asked = _LOAD_WITH_ENDED, asked | {"also_ended": _pairs(also_ended)}
    states = {
        (row.system, row.linkedid): CallState(**row._mapping)
        for row in await connection.execute(query, asked)
    }
    if states:
        await _load_legs(connection, states)
    return list(states.values())


def _pairs(ids: Collection[CallId]) -> list[tuple[str, str]]:
    return [(call_id.system, call_id.linkedid) for call_id in ids]


async def _load_legs(connection: AsyncConnection, states: dict[tuple[str, str], CallState]) -> None:
    for row in await connection.execute(_LOAD_LEGS, {"wanted": list(states)}):
        leg = LegState(**{name: getattr(row, name) for name in _LEG})
        states[row.system, row.linkedid].legs.append(leg)


async def save(connection: AsyncConnection, states: Sequence[CallState]) -> None:
    """Writes calls that were loaded in this transaction."""
    if not states:
        return
    # First: what is replaced is kept under the version that the row still names.
    await decision_rows.save(connection, [one for one in states if one.decision is not None])
    rows = [_key_of(state) | {name: getattr(state, name) for name in _CHANGING} for state in states]
    await connection.execute(_SAVE_CALL, rows)
    await _save_legs(connection, states)


async def _save_legs(connection: AsyncConnection, states: Sequence[CallState]) -> None:
    new, changed = [], []
    for state in states:
        for leg in state.legs:
            values: dict[str, Any] = {name: getattr(leg, name) for name in _LEG}
            new.append({"system": state.system, "linkedid": state.linkedid} | values)
            changed.append(
                _key_of(state)
                | {"of_position": leg.position}
                | {name: values[name] for name in _LEG_CHANGING}
            )
    if new:
        await insert_once(connection, call_legs, new)
        await connection.execute(_SAVE_LEG, changed)


def _key_of(state: CallState) -> dict[str, Any]:
    return {"of_system": state.system, "of_linkedid": state.linkedid}
