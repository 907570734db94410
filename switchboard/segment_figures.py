"""What the last run of scoring found of all contacts, as plain data for a table or a page."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import Select, func, select

from config.conditions import Seen
from config.rulebook import Rulebook
from config.settings import Settings
from crm_adapter.churn_tables import churn_tasks
from ivr.facts import segment_facts
from ivr.own_segments import own_segments
from scoring.segmenting.churn_teller import waiting_for_a_task
from scoring.segmenting.segment_rows import segments_in
from scoring.tables import churn_warnings, contact_segments, segment_runs
from storage.database import Database
from switchboard.offline import rulebook_in_use


async def segment_figures(
    database: Database, settings: Settings, *, most_warnings: int
) -> dict[str, Any] | None:
    """None where nothing was scored yet. Own segments are those of the rulebook in use, counted
    as of the last run."""
    newest = select(segment_runs).order_by(segment_runs.c.ran_at.desc()).limit(2)
    runs = await _rows(database, newest)
    if not runs:
        return None
    last, before = runs[0], runs[1] if len(runs) > 1 else None
    rulebook = rulebook_in_use(settings)
    own = await _own_sizes(database, rulebook)
    return {
        "ran_at": last.ran_at.isoformat(timespec="seconds"),
        "compared_with": before.ran_at.isoformat(timespec="seconds") if before else None,
        "contacts": last.contacts,
        "value_by": last.value_by,
        "pareto_share": last.pareto_share,
        "sizes": {**last.sizes, **({"own": own} if own else {})},
        "sizes_before": before.sizes if before else {},
        "movements": last.movements,
        "titles": {name: dict(one.titles) for name, one in rulebook.segments.items()},
        "churn_warnings": {
            **await _warnings(database, last.ran_at, most_warnings),
            "waiting": await waiting_for_a_task(database, settings.crm.churn_task_tiers),
        },
    }


async def _own_sizes(database: Database, rulebook: Rulebook) -> dict[str, int]:
    if not rulebook.segments:
        return {}
    found = Counter(dict.fromkeys(rulebook.segments, 0))
    async with (
        database.read() as connection,
        connection.stream(select(contact_segments)) as rows,
    ):
        async for row in rows:
            found.update(own_segments(rulebook, Seen(segment_facts(segments_in(row)))))
    return dict(found)


async def _warnings(database: Database, ran_at: Any, most: int) -> dict[str, Any]:
    columns = churn_warnings.c
    everybody = select(func.count()).select_from(churn_warnings)
    fresh = everybody.where(columns.raised_at >= ran_at)
    tasks = churn_tasks.c
    listed = (
        select(churn_warnings, tasks.created_at.label("task_at"))
        .outerjoin(
            churn_tasks,
            (tasks.crm == columns.crm) & (tasks.contact_id == columns.contact_id),
        )
        .order_by(columns.raised_at.desc(), columns.crm, columns.contact_id)
    )
    async with database.read() as connection:
        count = int((await connection.execute(everybody)).scalar_one())
        new = int((await connection.execute(fresh)).scalar_one())
        rows = list(await connection.execute(listed.limit(most)))
    return {
        "count": count,
        "new": new,
        "newest": [
            {
                "contact": f"{row.crm}:{row.contact_id}",
                "raised_at": row.raised_at.isoformat(timespec="seconds"),
                "from": row.from_stage,
                "to": row.to_stage,
                "because": row.because,
                "task_at": row.task_at.isoformat(timespec="seconds") if row.task_at else None,
            }
            for row in rows
        ],
    }


async def _rows(database: Database, query: Select[Any]) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(query))
