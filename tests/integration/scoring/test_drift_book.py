"""What was measured is kept, read back the worst first, and forgotten in time."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from scoring.drift.findings import Finding, Level
from scoring.drift.findings_book import KEPT_RUNS, MOST_FINDINGS, FindingsBook
from storage.database import Database

pytestmark = pytest.mark.integration

AT = datetime(2026, 11, 28, 2, 31, tzinfo=UTC)


def finding(subject: str, level: Level, value: float) -> Finding:
    return Finding(
        model="offers",
        measure="psi",
        subject=subject,
        level=level,
        value=value,
        reference=math.nan,
        rows=500,
        said=f"{subject} has moved",
        version="20260601-023000-0123abcd",
    )


async def test_kept_and_read_the_worst_first(any_database: Database) -> None:
    book = FindingsBook(any_database)
    assert await book.last() is None
    found = [
        finding("a", Level.STEADY, 0.01),
        finding("b", Level.WATCH, 0.12),
        finding("c", Level.RETRAIN, math.inf),
        finding("d", Level.WATCH, 0.2),
        finding("e", Level.UNKNOWN, math.nan),
    ]
    await book.keep(AT - timedelta(days=1), found[:1])
    await book.keep(AT, found)
    await book.keep(AT, found)
    last = await book.last()
    assert last is not None
    assert last.at == AT
    assert [each.subject for each in last.findings] == ["c", "d", "b", "a", "e"]
    assert last.findings[1] == finding("d", Level.WATCH, 0.2) or math.isnan(
        last.findings[1].reference
    )
    assert math.isnan(last.findings[0].value)


async def test_the_worst_are_kept_of_too_many(any_database: Database) -> None:
    book = FindingsBook(any_database)
    many = [finding(f"column {n}", Level.STEADY, 0.0) for n in range(MOST_FINDINGS + 100)]
    await book.keep(AT, [*many, finding("moved", Level.RETRAIN, 0.5)])
    last = await book.last()
    assert last is not None
    assert len(last.findings) == MOST_FINDINGS
    assert last.findings[0].subject == "moved"


async def test_old_runs_are_forgotten(any_database: Database) -> None:
    book = FindingsBook(any_database)
    for day in range(KEPT_RUNS + 3):
        await book.keep(AT + timedelta(days=day), [finding("a", Level.STEADY, 0.0)])
    async with any_database.read() as connection:
        rows = await connection.exec_driver_sql("SELECT count(*) FROM drift_findings")
        assert rows.scalar() == KEPT_RUNS
