"""The decision of a call and, where it was made again, those before it.

A decision is large and few calls have two: it is written, and read back only to keep it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, bindparam, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.call_state import CallState, is_same
from crm_adapter.call_tables import calls

#: Kept before the last one: the newest.
MOST_EARLIER = 5

_THIS_CALL = and_(
    calls.c.system == bindparam("of_system"), calls.c.linkedid == bindparam("of_linkedid")
)
# Statements are made once: building one costs more than running it.
_SAVE = update(calls).where(_THIS_CALL).values(decision=bindparam("decision"))
_SAVE_ALL = _SAVE.values(earlier_decisions=bindparam("earlier_decisions"))
_LOAD = select(
    calls.c.system,
    calls.c.linkedid,
    calls.c.rulebook_version,
    calls.c.decision,
    calls.c.earlier_decisions,
).where(tuple_(calls.c.system, calls.c.linkedid).in_(bindparam("wanted", expanding=True)))


async def save(connection: AsyncConnection, states: Sequence[CallState]) -> None:
    """Of calls with a new decision, whose rows still name the rulebook version of the old one."""
    first = [state for state in states if not state.decided_before and not state.replaced]
    again = [state for state in states if state.decided_before or state.replaced]
    if first:
        await connection.execute(
            _SAVE, [_key_of(one) | {"decision": one.decision} for one in first]
        )
    if not again:
        return
    wanted = [(state.system, state.linkedid) for state in again]
    kept = {
        (row.system, row.linkedid): row
        for row in await connection.execute(_LOAD, {"wanted": wanted})
    }
    rows = [
        _key_of(state) | _with_earlier(kept[state.system, state.linkedid], state) for state in again
    ]
    await connection.execute(_SAVE_ALL, rows)


def _with_earlier(row: Any, state: CallState) -> dict[str, Any]:
    """What is told again counts from the first time; another one between makes it a new one."""
    assert state.decision is not None
    decisions = list(row.earlier_decisions or ())
    if row.decision is not None:
        decisions.append({"rulebook_version": row.rulebook_version, "decision": row.decision})
    current = {"rulebook_version": state.rulebook_version, "decision": state.decision}
    found: list[dict[str, Any]] = []
    for one in (*decisions, *state.replaced, current):
        told = one["decision"]
        if found and is_same(found[-1]["decision"], told):
            told = told | {"at": found.pop()["decision"].get("at")}
        found.append(one | {"decision": told})
    *earlier, last = found
    return {"decision": last["decision"], "earlier_decisions": earlier[-MOST_EARLIER:]}


def _key_of(state: CallState) -> dict[str, Any]:
    return {"of_system": state.system, "of_linkedid": state.linkedid}
