"""One run over all contacts: who stands where, who may be leaving, and what that comes to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import ContactRef
from calls.segments import Segments
from scoring.segmenting import churn
from scoring.segmenting.census import Census
from scoring.segmenting.churn import ChurnWarning, Told
from scoring.segmenting.lifecycle import stage_of
from scoring.segmenting.purchases import Summary
from scoring.segmenting.rfm import RfmScale
from scoring.segmenting.segment_rows import row_of, segments_in
from scoring.segmenting.segments import held_rfm, segment_population
from scoring.segmenting.tiers import pareto_share, value_by, worth_of
from scoring.tables import churn_warnings, contact_segments, segment_runs
from storage.database import Database

#: Runs kept; two are compared.
KEPT_RUNS = 2
_ROWS_AT_ONCE = 500
_LONGEST_REASON = 300


@dataclass(slots=True)
class SegmentRun:
    """`begin_run`, then write `rows()`, then `finish`."""

    population: Sequence[Summary]
    held: dict[ContactRef, Segments]
    #: Warnings that stand, with why.
    warned: dict[ContactRef, Told]
    vip_capacity: float
    now: datetime
    _census: Census = field(default_factory=Census)

    def rows(self) -> Iterator[dict[str, Any]]:
        computed = segment_population(
            self.population, vip_capacity=self.vip_capacity, held=self.held, warned=self.warned
        )
        for contact, segments in computed:
            self._census.add(segments, self.held.get(contact))
            yield row_of(contact, segments, self.now)

    async def finish(self, database: Database) -> None:
        """After the rows."""
        by = value_by(self.population)
        run = {
            "ran_at": self.now,
            "contacts": self._census.contacts,
            "value_by": by,
            "pareto_share": pareto_share([worth_of(each, by) for each in self.population]),
            "sizes": self._census.sizes(),
            "movements": self._census.movements(),
        }

        async def write(link: AsyncConnection) -> None:
            await link.execute(insert(segment_runs), [run])
            kept = select(segment_runs.c.ran_at).order_by(segment_runs.c.ran_at.desc())
            newest = (await link.execute(kept.limit(KEPT_RUNS))).scalars().all()
            await link.execute(delete(segment_runs).where(segment_runs.c.ran_at < newest[-1]))

        await database.writer.write(write)


async def begin_run(
    database: Database,
    population: Sequence[Summary],
    *,
    vip_capacity: float,
    today: date,
    now: datetime,
) -> SegmentRun:
    """Warnings are written before anything else of the run: who dies in the middle has warned
    already, and warns nobody twice."""
    held, standing = await _held(database), await _standing(database)
    of = {summary.contact: summary for summary in population}
    over = [
        contact
        for contact, (raised_on, _) in standing.items()
        if contact not in of or churn.is_over(of[contact], raised_on, today)
    ]
    warned = {who: because for who, (_, because) in standing.items()}
    for contact in over:
        del warned[contact]
    fresh = list(_fresh(population, held, warned, today, now))
    await _write(database, over, _forget)
    await _write(database, [_warning_row(each) for each in fresh], _raise)
    warned |= {each.contact: Told(*_cut(each)) for each in fresh}
    return SegmentRun(population, held, warned, vip_capacity, now)


def _fresh(
    population: Sequence[Summary],
    held: dict[ContactRef, Segments],
    warned: dict[ContactRef, Told],
    today: date,
    now: datetime,
) -> Iterator[ChurnWarning]:
    scale = RfmScale(population)
    for summary in population:
        before = held.get(summary.contact)
        if before is None or summary.contact in warned:
            continue
        recency = scale.rate(summary, held_rfm(before)).recency
        standing = stage_of(summary)
        found = churn.raised(summary, before, standing, recency, today=today, now=now)
        if found is not None:
            yield found


async def _held(database: Database) -> dict[ContactRef, Segments]:
    async with database.read() as connection:
        rows: Iterable[Any] = await connection.execute(select(contact_segments))
        return {ContactRef(row.crm, row.contact_id): segments_in(row) for row in rows}


async def _standing(database: Database) -> dict[ContactRef, tuple[date, Told]]:
    async with database.read() as connection:
        rows: Iterable[Any] = await connection.execute(select(churn_warnings))
        return {
            ContactRef(row.crm, row.contact_id): (row.raised_on, Told(row.because, row.because_zh))
            for row in rows
        }


async def _write(
    database: Database,
    everything: Sequence[Any],
    write: Callable[[Sequence[Any], AsyncConnection], Awaitable[None]],
) -> None:
    for start in range(0, len(everything), _ROWS_AT_ONCE):
        some = everything[start : start + _ROWS_AT_ONCE]
        await database.writer.write(partial(write, some))


async def _raise(rows: Sequence[dict[str, Any]], link: AsyncConnection) -> None:
    await link.execute(insert(churn_warnings), rows)


async def _forget(contacts: Sequence[ContactRef], link: AsyncConnection) -> None:
    columns = churn_warnings.c
    those = (and_(columns.crm == each.crm, columns.contact_id == each.id) for each in contacts)
    await link.execute(delete(churn_warnings).where(or_(*those)))


def _cut(warning: ChurnWarning) -> tuple[str, str]:
    return warning.because[:_LONGEST_REASON], warning.because_zh[:_LONGEST_REASON]


def _warning_row(warning: ChurnWarning) -> dict[str, Any]:
    because, because_zh = _cut(warning)
    return {
        "crm": warning.contact.crm,
        "contact_id": warning.contact.id,
        "raised_on": warning.raised_on,
        "raised_at": warning.raised_at,
        "from_stage": warning.from_stage.value,
        "to_stage": warning.to_stage.value,
        "because": because,
        "because_zh": because_zh,
    }
