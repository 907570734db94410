"""The rows of choices: a call's keys are counted into them once, whoever writes and how often."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from calls.caller import ContactRef
from scoring.decay import Decayed
from scoring.memory_tables import folded_calls, menu_choices
from storage.insert_once import insert_once

#: Whose rows count everybody's choices.
HOUSE = ContactRef("", "")
MAX_NAME, MAX_DIGITS = 80, 8
_MAX_CELL = 120

_ROWS = menu_choices.c
_KEYS = (_ROWS.contact_crm, _ROWS.contact_id, _ROWS.menu, _ROWS.intent)
_CHANGE = (
    update(menu_choices)
    .where(*(column == bindparam(f"of_{column.name}") for column in _KEYS))
    .values(digit=bindparam("digit"), weight=bindparam("weight"), last_at=bindparam("last_at"))
)

#: By menu and intent.
Counts = Mapping[tuple[str, str], "Counted"]


@dataclass(frozen=True, slots=True)
class Counted:
    """`digit` is the one last pressed."""

    digit: str
    count: Decayed

    def joined(self, other: Counted) -> Counted:
        """Of two at the same time the other's digit counts."""
        newest = other if other.count.at >= self.count.at else self
        return Counted(newest.digit, self.count.joined(other.count))


def name_of(menu: str, intent: str) -> tuple[str, str]:
    return (menu[:MAX_NAME], intent[:MAX_NAME])


def add(counts: dict[tuple[str, str], Counted], menu: str, intent: str, new: Counted) -> None:
    key = name_of(menu, intent)
    counts[key] = counts[key].joined(new) if key in counts else new


def cell_ref(cell: str) -> ContactRef:
    """Whose rows count the choices of a cell (`scoring.features.moment`): of no CRM, so that no
    contact can be mistaken for it."""
    return ContactRef(HOUSE.crm, cell[:_MAX_CELL])


async def fold(
    connection: AsyncConnection,
    source: CallId,
    counts: Iterable[tuple[ContactRef, Counts]],
    *,
    at: datetime,
) -> bool:
    """Adds the counts to those of each contact; False where `source` was added before."""
    if not await _first_time(connection, source, at):
        return False
    new = {
        (contact.crm, contact.id, *name): counted
        for contact, by_name in counts
        for name, counted in by_name.items()
    }
    if not new:
        return True
    # In one order everywhere: two nodes that add to the same rows never wait for each other.
    keys = sorted(new)
    empty = [row(key, Counted("", Decayed(0.0, new[key].count.at))) for key in keys]
    await insert_once(connection, menu_choices, empty)
    query = select(menu_choices).where(tuple_(*_KEYS).in_(keys)).order_by(*_KEYS).with_for_update()
    for found in list(await connection.execute(query)):
        key = (found.contact_crm, found.contact_id, found.menu, found.intent)
        if found.weight:
            before = Counted(found.digit, Decayed(found.weight, found.last_at))
            new[key] = before.joined(new[key])
    changes = [
        {f"of_{name}" if name in _KEY_NAMES else name: value for name, value in row(*item).items()}
        for item in sorted(new.items())
    ]
    await connection.execute(_CHANGE, changes)
    return True


_KEY_NAMES = frozenset(column.name for column in _KEYS)


async def _first_time(connection: AsyncConnection, source: CallId, at: datetime) -> bool:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(folded_calls).on_conflict_do_nothing()
    values = {"system": source.system, "linkedid": source.linkedid, "at": at}
    return bool((await connection.execute(statement, values)).rowcount)


def row(key: tuple[str, str, str, str], counted: Counted) -> dict[str, Any]:
    crm, contact_id, menu, intent = key
    return {
        "contact_crm": crm,
        "contact_id": contact_id,
        "menu": menu,
        "intent": intent,
        "digit": counted.digit[:MAX_DIGITS],
        "weight": counted.count.weight,
        "last_at": counted.count.at,
    }
