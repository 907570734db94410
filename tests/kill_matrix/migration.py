"""A database that is brought to its shape by processes that die of it."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import inspect, text

from calls import crash_points
from storage import migrate
from storage.database import Database
from storage.shapes import VERSION_TABLE, known_revisions
from tests.declared_tables import declared_metadata
from tests.kill_matrix.matrix import Cell, Databases, Nursery


async def main(url: str) -> None:
    crash_points.check()
    async with Database(url) as database:
        await migrate.upgrade(database)


async def run_cell(
    nursery: Nursery, point: str, name: str, databases: Databases, *, crashes: int = 1, seed: int
) -> Cell:
    """After each death the database is as it was, or whole; the last upgrade finishes."""
    chance = random.Random(f"{seed} {point} {name}")
    revisions = len(known_revisions()) if point == "migration.revision_made" else 1
    died, problems = 0, list[str]()
    with TemporaryDirectory(prefix="switchboard-kill-") as folder:
        for _ in range(crashes):
            async with databases(Path(folder)) as url:
                nth = chance.randint(1, revisions)
                died += await nursery.life([url], f"{point}:{nth}", program="migration") != 0
                problems += await _amiss(url, {0, len(declared_metadata().tables) + 1})
                await nursery.life([url], None, program="migration")
                problems += await _amiss(url, {len(declared_metadata().tables) + 1})
            for left in Path(folder).iterdir():
                left.unlink()
    return Cell(point, name, died, len(problems), 0, 0, tuple(problems), seed)


async def _amiss(url: str, right: set[int]) -> list[str]:
    """Where it has any other number of tables, or another version than the newest."""
    async with Database(url) as database, database.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        found = [] if len(tables) in right else [f"{len(tables)} tables"]
        if VERSION_TABLE in tables:
            version = await connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
            found += [] if version == known_revisions()[-1] else [f"at {version}"]
        return found
