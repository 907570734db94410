"""What is chosen at which moment, counted anew from the calls themselves: what was called before
there were such counts, by another clock, or lost with a process. Servers count on meanwhile."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from heapq import nlargest

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import Direction
from calls.past_calls import PastCallTold
from calls.ports import CallHistories
from config.call_moments import MomentOf
from scoring import choice_rows
from scoring.choice_rows import HOUSE, Counted, cell_ref
from scoring.decay import HALF_LIFE, Decayed
from scoring.features.moment import cells_of
from scoring.house_choices import MAX_MOMENTS
from scoring.memory_tables import menu_choices
from storage.database import Database
from storage.insert_once import insert_once

#: A choice further back weighs less than a sixteenth.
LOOKS_BACK = 4 * HALF_LIFE
#: Cells counted at once; further ones, of numbers or areas never seen before, are left out.
MAX_CELLS = 20_000
#: A clock that ran ahead by more: nobody calls from the future.
_AHEAD = timedelta(minutes=1)
_MATCH = "match"

_Cells = dict[str, dict[tuple[str, str], Counted]]


async def recount_moments(
    database: Database, histories: CallHistories, moment_of: MomentOf, now: datetime
) -> None:
    """In one transaction; the heaviest MAX_MOMENTS rows are kept. A call whose end a server is
    counting just now may count twice or not at all until the next time. Raises what the database
    raises."""
    cells: _Cells = {}
    async for past in histories.calls(now - LOOKS_BACK):
        if past.direction is Direction.INBOUND and past.arrived_at <= now + _AHEAD:
            _count(cells, past, moment_of)
    rows = (
        ((cell, menu, intent), counted)
        for cell, choices in cells.items()
        for (menu, intent), counted in choices.items()
    )
    heaviest = nlargest(MAX_MOMENTS, rows, key=lambda row: (row[1].count.seen_from(now), row[0]))
    await database.writer.write(partial(_replace, counted=dict(heaviest)))


def _count(cells: _Cells, past: PastCallTold, moment_of: MomentOf) -> None:
    steps = [step for step in past.choices if step.outcome == _MATCH and step.intent]
    if not steps:
        return
    moment = moment_of(past.dialled, past.arrived_at, past.area)
    for cell in cells_of(moment, is_known=past.contact is not None):
        if cell not in cells and len(cells) >= MAX_CELLS:
            continue
        choices = cells.setdefault(cell, {})
        for step in steps:
            assert step.intent
            new = Counted(step.digits, Decayed(1.0, step.at))
            choice_rows.add(choices, step.menu, step.intent, new)


async def _replace(
    connection: AsyncConnection, counted: dict[tuple[str, str, str], Counted]
) -> None:
    of_cells = (
        menu_choices.c.contact_crm == HOUSE.crm,
        menu_choices.c.contact_id != HOUSE.id,
    )
    # Locked in the order in which servers add to them: no two wait for each other.
    keys = menu_choices.primary_key.columns
    await connection.execute(select(*keys).where(*of_cells).order_by(*keys).with_for_update())
    await connection.execute(delete(menu_choices).where(*of_cells))
    rows = [
        choice_rows.row((cell_ref(cell).crm, cell_ref(cell).id, menu, intent), each)
        for (cell, menu, intent), each in sorted(counted.items(), key=lambda item: item[0])
    ]
    await insert_once(connection, menu_choices, rows)
