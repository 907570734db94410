"""`switchboard score`: all contacts' segments and counters, and what is bought together, from all
purchases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import Table, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.ports import CallHistories, ContactPurchases, PurchaseHistories
from config.call_moments import MomentOf, servers_moment
from config.settings import ScoringSettings
from scoring.association_counts import AssociationCounts
from scoring.associations import MAX_ROWS, association_row
from scoring.call_catch_up import catch_up
from scoring.features import state_rows
from scoring.memory_tables import product_associations
from scoring.moment_recount import recount_moments
from scoring.segmenting.purchases import Summary, summarise
from scoring.segmenting.run import begin_run
from scoring.tables import contact_segments
from storage.database import Database

log = logging.getLogger(__name__)

_ROWS_AT_ONCE = 2_000

#: Called with contacts read so far and all contacts.
Progress = Callable[[int, int], None]


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


async def score_all(
    *,
    database: Database,
    histories: PurchaseHistories,
    settings: ScoringSettings,
    calls: CallHistories | None = None,
    moment_of: MomentOf = servers_moment,
    today: date | None = None,
    progress: Progress = _silent,
) -> int:
    """How many contacts were scored. Written in many small transactions, so that a server that
    takes calls meanwhile never waits long for its turn; contacts that are gone lose theirs last.
    Of `calls` those are counted that ended while no server ran to count them, and what is chosen at
    which moment is counted anew, by the clock that `moment_of` says.
    """
    now = datetime.now(UTC)
    if calls is not None:
        missed = await catch_up(database, calls, now)
        if missed:
            log.info("counted %d calls that had ended uncounted", missed)
        await recount_moments(database, calls, moment_of, now)
    total = await histories.count()
    seen_from = now if today is None else datetime.combine(today, time.max, UTC)
    population: list[Summary] = []
    baskets = AssociationCounts(seen_from.date())
    states: list[dict[str, Any]] = []
    async for history in histories.histories():
        population.append(summarise(history, today or now.date()))
        baskets.add(first_bought(history))
        states.append(state_rows.purchases_row(history, seen_from) | {"updated_at": now})
        if len(states) >= _ROWS_AT_ONCE:
            await _save_states(database, states)
            states = []
        progress(len(population), max(total, len(population)))
    if states:
        await _save_states(database, states)
    await database.writer.write(partial(state_rows.forget_purchases, before=now))
    run = await begin_run(
        database,
        population,
        vip_capacity=settings.vip_capacity,
        today=today or now.date(),
        now=now,
    )
    await _replace(database, contact_segments, run.rows(), now)
    await run.finish(database)
    found = (association_row(each, now) for each in baskets.associations())
    await _replace(database, product_associations, islice(found, MAX_ROWS), now)
    return len(population)


def first_bought(history: ContactPurchases) -> dict[str, date]:
    """By product: the day in UTC; returns aside."""
    found: dict[str, date] = {}
    for line in history.lines:
        if line.product and line.amount >= 0:
            found.setdefault(line.product, line.at.astimezone(UTC).date())
    return found


async def _save_states(database: Database, rows: list[dict[str, Any]]) -> None:
    await database.writer.write(partial(state_rows.save_purchases, rows=rows))


async def _replace(
    database: Database, table: Table, rows: Iterator[dict[str, Any]], now: datetime
) -> None:
    while batch := await asyncio.to_thread(_take, rows):
        await database.writer.write(partial(_upsert, table=table, rows=batch))
    # Not what is newer: another run's, that began after this one.
    old = delete(table).where(table.c.computed_at < now)
    await database.writer.write(lambda link: link.execute(old))


def _take(rows: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(islice(rows, _ROWS_AT_ONCE))


async def _upsert(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]]) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    keys = [column.name for column in table.primary_key]
    changes = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    not_newer = table.c.computed_at <= statement.excluded.computed_at
    await connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changes, where=not_newer), rows
    )
