"""Killed at every step of a call, of its record, its lead and its task, and of a migration: what
Asterisk, the agents and the CRM have afterwards. Writes the table into docs/operations.md; exits 1
where anything was lost or doubled.

    python -m benchmarks.kill_matrix [--crashes N] [--points NAME ...] [--minutes M]

What was measured is kept in a file, and a run goes on where the last one ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from calls import crash_points
from switchboard.demo.private_servers import private_postgres
from tests.kill_matrix import matrix, migration, whole
from tests.kill_matrix.centre import ServerNursery
from tests.kill_matrix.matrix import Cell, Nursery

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "operations.md"
KEPT = ROOT / "var" / "kill-matrix.jsonl"
POINTS = crash_points.CALL_POINTS + crash_points.POINTS + crash_points.MIGRATION_POINTS
#: At each point on each database, in histories of so many in a row.
CRASHES, IN_A_ROW = 20, 5
AT_ONCE = 4
#: Histories in which a point is not come by often enough are not tried for ever.
HISTORIES_MOST = 24
#: The time at which a process dies of coming to the point, by seed.
NTH = (3, 1, 2, 4)
_BETWEEN = re.compile(r"(<!-- kill-matrix: [^\n]* -->\n).*?(<!-- /kill-matrix -->)", re.DOTALL)


def kept() -> list[Cell]:
    if not KEPT.exists():
        return []
    rows = map(json.loads, KEPT.read_text(encoding="utf-8").splitlines())
    return [Cell(**row | {"problems": tuple(row["problems"])}) for row in rows]


def keep(cell: Cell) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(asdict(cell))}\n")
    print(
        f"{cell.point}, {cell.database}, seed {cell.seed}: killed {cell.crashes} times, "
        f"{cell.lost} lost, {cell.doubled} doubled",
        file=sys.stderr,
        flush=True,
    )
    for problem in cell.problems:
        print(f"      {problem}", file=sys.stderr)


#: Point and database.
Place = tuple[str, str]


@dataclass
class Nurseries:
    records: Nursery
    servers: ServerNursery


class Killing:
    """`async with`, then `run` until each point has its deaths on each database."""

    def __init__(self, *, points: tuple[str, ...], cluster: str, crashes: int) -> None:
        self._crashes = crashes
        self._databases = {
            "SQLite": matrix.sqlite_empty,
            "PostgreSQL": matrix.postgres_empty_in(cluster),
        }
        self._places = [(point, name) for point in points for name in self._databases]
        self._busy: set[Place] = set()
        self._stack = AsyncExitStack()
        self._nurseries: list[Nurseries] = []
        self.cells = kept()

    async def __aenter__(self) -> Self:
        folder = TemporaryDirectory(prefix="switchboard-prompts-")
        self._prompts = Path(self._stack.enter_context(folder))
        for _ in range(AT_ONCE):
            nurseries = Nurseries(Nursery(), ServerNursery())
            self._nurseries.append(nurseries)
            await self._stack.enter_async_context(nurseries.records)
            await self._stack.enter_async_context(nurseries.servers)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def run(self, seconds: float) -> None:
        """No history begins later than that."""
        until = time.monotonic() + seconds

        async def work(nurseries: Nurseries) -> None:
            while time.monotonic() < until and (place := self._next()) is not None:
                self._busy.add(place)
                crashes = min(self._left(*place), IN_A_ROW)
                cell = await self._history(nurseries, *place, crashes, self._seed(*place))
                keep(cell)
                self.cells.append(cell)
                self._busy.remove(place)

        async with asyncio.TaskGroup() as group:
            for nurseries in self._nurseries:
                group.create_task(work(nurseries))

    async def _history(
        self, nurseries: Nurseries, point: str, name: str, crashes: int, seed: int
    ) -> Cell:
        empty = self._databases[name]
        if point in crash_points.MIGRATION_POINTS:
            return await migration.run_cell(
                nurseries.records, point, name, empty, crashes=crashes, seed=seed
            )
        if point in crash_points.CALL_POINTS:
            return await whole.run_cell(
                nurseries.servers, point, name, empty, prompts=self._prompts, crashes=crashes,
                seed=seed,
            )  # fmt: skip
        return await matrix.run_cell(
            nurseries.records, point, name, matrix.with_tables(empty), nth=NTH[seed % len(NTH)],
            crashes=crashes, seed=seed,
        )  # fmt: skip

    def _next(self) -> Place | None:
        """The one with the fewest deaths so far: a run that is broken off has been everywhere."""
        places = [place for place in self._places if place not in self._busy and self._left(*place)]
        return max(places, key=lambda place: self._left(*place), default=None)

    def _of(self, point: str, name: str) -> list[Cell]:
        return [cell for cell in self.cells if (cell.point, cell.database) == (point, name)]

    def _seed(self, point: str, name: str) -> int:
        return 1 + max((cell.seed for cell in self._of(point, name)), default=0)

    def _left(self, point: str, name: str) -> int:
        done = self._of(point, name)
        if len(done) >= HISTORIES_MOST:
            return 0
        return max(0, self._crashes - sum(cell.crashes for cell in done))


def in_order(cells: list[Cell]) -> list[Cell]:
    known = [cell for cell in cells if cell.point in POINTS]
    return sorted(known, key=lambda cell: (POINTS.index(cell.point), cell.database != "SQLite"))


def section(cells: list[Cell]) -> str:
    total = sum(cell.crashes for cell in cells)
    lost, doubled = sum(cell.lost for cell in cells), sum(cell.doubled for cell in cells)
    points, most = len({cell.point for cell in cells}), max(cell.seed for cell in cells)
    seeds = "seed 1" if most == 1 else f"the seeds 1 to {most}"
    told = (
        f"Measured {datetime.now(UTC):%Y-%m-%d}: killed {total} times at {points} points, "
        f"on the way of {sum(cell.calls for cell in cells)} calls, on SQLite and on PostgreSQL, by "
        f"{seeds}; {lost} lost, {doubled} doubled."
    )
    return f"{told}\n\n{matrix.table(in_order(cells))}"


def write(cells: list[Cell], page: Path = PAGE) -> None:
    text = page.read_text(encoding="utf-8")
    if not _BETWEEN.search(text):
        raise ValueError(f"{page.name} has no markers for kill-matrix")
    new = _BETWEEN.sub(lambda found: f"{found[1]}{section(cells)}\n{found[2]}", text)
    page.write_text(new, encoding="utf-8")


async def _kill(killing: Killing, seconds: float) -> None:
    async with killing:
        await killing.run(seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument(
        "--crashes", type=int, default=CRASHES, help="deaths at each point on each database"
    )
    parser.add_argument("--points", nargs="+", metavar="NAME", help="these alone")
    parser.add_argument(
        "--minutes", type=float, default=24 * 60, help="then none begins; run again to go on"
    )
    options = parser.parse_args()
    if unknown := set(options.points or ()) - set(POINTS):
        parser.error(f"no such point: {', '.join(sorted(unknown))}")
    points = tuple(options.points or POINTS)
    with private_postgres() as cluster:
        killing = Killing(points=points, cluster=cluster, crashes=options.crashes)
        asyncio.run(_kill(killing, options.minutes * 60))
    write(killing.cells)
    return 0 if all((cell.lost, cell.doubled) == (0, 0) for cell in killing.cells) else 1


if __name__ == "__main__":
    sys.exit(main())
