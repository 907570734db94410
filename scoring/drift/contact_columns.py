"""The features of contacts as they are now: a sample, however many contacts there are."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from scoring.features.schema import NAMES, SCHEMA
from scoring.features.state import BadState, ContactState
from scoring.features.state_tables import contact_states
from storage.database import Database

#: Enough to see a shift of a hundredth, and little enough for any machine.
MOST_CONTACTS = 20_000


async def contact_columns(
    database: Database, *, now: datetime, most: int = MOST_CONTACTS
) -> dict[str, NDArray[np.floating[Any]]]:
    """By name; empty without contacts. Each contact is as likely in the sample as another."""
    columns = contact_states.c
    query = select(columns.purchases, columns.calls).where(columns.schema == SCHEMA)
    sample: list[tuple[str | None, str | None]] = []
    # The same contacts every night: what moves between nights is then no sampling.
    draw = random.Random(7)
    seen = 0
    async with database.read() as connection, connection.stream(query) as rows:
        async for row in rows:
            seen += 1
            if len(sample) < most:
                sample.append((row.purchases, row.calls))
            elif (place := draw.randrange(seen)) < most:
                sample[place] = (row.purchases, row.calls)
    table = [one for each in sample if (one := _row(each, now)) is not None]
    if not table:
        return {}
    matrix = np.vstack(table)
    return {name: matrix[:, at] for at, name in enumerate(NAMES)}


def _row(state: tuple[str | None, str | None], now: datetime) -> NDArray[np.float32] | None:
    try:
        return ContactState.of(*state).row_at(now)
    except BadState:
        return None
