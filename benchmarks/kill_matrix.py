"""Killed at every step of a lead, a task and a call's record: what the CRM has afterwards. Writes
the table into docs/operations.md; exits 1 where anything was lost or doubled.

    python -m benchmarks.kill_matrix [--crashes N] [--points NAME ...]
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from calls import crash_points
from switchboard.demo.private_servers import private_postgres
from tests.kill_matrix import matrix
from tests.kill_matrix.stories import CALLS, STRANGERS

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"
#: In a row, of one process after the other.
CRASHES = 5
#: Each dies as it comes to the point for this time: no call's first.
NTH = 3
_BETWEEN = re.compile(r"(<!-- kill-matrix: [^\n]* -->\n).*?(<!-- /kill-matrix -->)", re.DOTALL)


def measure(points: tuple[str, ...], crashes: int) -> list[matrix.Cell]:
    total = 2 * len(points)
    done: list[matrix.Cell] = []

    def told(cell: matrix.Cell) -> None:
        done.append(cell)
        print(
            f"[{len(done)}/{total}] {cell.point}, {cell.database}: killed {cell.crashes} times, "
            f"{cell.lost} lost, {cell.doubled} doubled",
            file=sys.stderr,
            flush=True,
        )
        for problem in cell.problems:
            print(f"      {problem}", file=sys.stderr)

    with private_postgres() as cluster:
        databases = {"SQLite": matrix.sqlite, "PostgreSQL": matrix.postgres_in(cluster)}
        return asyncio.run(matrix.run_cells(points, databases, nth=NTH, crashes=crashes, done=told))


def section(cells: list[matrix.Cell]) -> str:
    total = sum(cell.crashes for cell in cells)
    lost, doubled = sum(cell.lost for cell in cells), sum(cell.doubled for cell in cells)
    told = (
        f"Measured {datetime.now(UTC):%Y-%m-%d}: killed {total} times on the way of {len(CALLS)} "
        f"calls by {len(STRANGERS)} strangers, a customer and a withheld number, at each point on "
        f"each database anew; {lost} lost, {doubled} doubled."
    )
    return f"{told}\n\n{matrix.table(cells)}"


def write(cells: list[matrix.Cell], page: Path = PAGE) -> None:
    text = page.read_text(encoding="utf-8")
    if not _BETWEEN.search(text):
        raise ValueError(f"{page.name} has no markers for kill-matrix")
    new = _BETWEEN.sub(lambda found: f"{found[1]}{section(cells)}\n{found[2]}", text)
    page.write_text(new, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--crashes", type=int, default=CRASHES, help="deaths in a row")
    parser.add_argument("--points", nargs="+", metavar="NAME", help="these alone; writes nothing")
    options = parser.parse_args()
    if unknown := set(options.points or ()) - set(crash_points.POINTS):
        parser.error(f"no such point: {', '.join(sorted(unknown))}")
    cells = measure(tuple(options.points or crash_points.POINTS), options.crashes)
    if options.points:
        print(matrix.table(cells))
    else:
        write(cells)
    return 0 if all((cell.lost, cell.doubled) == (0, 0) for cell in cells) else 1


if __name__ == "__main__":
    sys.exit(main())
