"""Keeps what was measured, and no more of it than anybody looks at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scoring.drift.drift_tables import drift_findings
from scoring.drift.findings import Finding, Level
from storage.database import Database

KEPT_RUNS = 200
#: Of one run; the worst ones where there are more.
MOST_FINDINGS = 1_000
_COLUMNS = drift_findings.c


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one run, the worst first."""

    at: datetime
    findings: tuple[Finding, ...]


class FindingsBook:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, at: datetime, findings: Sequence[Finding]) -> None:
        """Raises Unavailable, or SQLAlchemy's errors."""
        rows = [_row(at, finding) for finding in _worst_first(findings)[:MOST_FINDINGS]]

        async def work(link: AsyncConnection) -> None:
            await link.execute(delete(drift_findings).where(_COLUMNS.run_at == at))
            if rows:
                await link.execute(drift_findings.insert(), rows)
            await _forget_old(link)

        await self._database.writer.write(work)

    async def last(self) -> Measured | None:
        newest = select(_COLUMNS.run_at).order_by(_COLUMNS.run_at.desc()).limit(1)
        async with self._database.read() as connection:
            at = (await connection.execute(newest)).scalar()
            if at is None:
                return None
            query = select(drift_findings).where(_COLUMNS.run_at == at)
            rows = list(await connection.execute(query))
        return Measured(at, tuple(_worst_first([_read(row) for row in rows])))


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(
        findings,
        key=lambda each: (-each.level.rank, each.model, each.measure, -_size(each.value)),
    )


def _size(value: float) -> float:
    return 0.0 if math.isnan(value) else value


async def _forget_old(link: AsyncConnection) -> None:
    runs = select(_COLUMNS.run_at).distinct().order_by(_COLUMNS.run_at.desc())
    oldest = (await link.execute(runs.offset(KEPT_RUNS).limit(1))).scalar()
    if oldest is not None:
        await link.execute(delete(drift_findings).where(_COLUMNS.run_at <= oldest))


def _row(at: datetime, finding: Finding) -> dict[str, Any]:
    return {
        "run_at": at,
        "model": finding.model,
        "measure": finding.measure,
        "subject": finding.subject[:120],
        "version": finding.version,
        "level": finding.level.value,
        "value": finding.value if math.isfinite(finding.value) else None,
        "reference": finding.reference if math.isfinite(finding.reference) else None,
        "rows": finding.rows,
        "said": finding.said,
    }


def _read(row: Any) -> Finding:
    return Finding(
        model=row.model,
        measure=row.measure,
        subject=row.subject,
        level=Level(row.level),
        value=math.nan if row.value is None else row.value,
        reference=math.nan if row.reference is None else row.reference,
        rows=row.rows,
        said=row.said,
        version=row.version,
    )
