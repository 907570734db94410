"""F57: we are killed at any step.

Started again, the server takes over what it missed: each call is closed and recorded once, each
stranger is one lead, whom an agent talks with is on their screen once, and whoever was in a dialog
is in the default queue. The table above is of `make kill-matrix`.

Also shown by `tests/integration/crm_adapter/test_kill_matrix.py::
test_killed_anywhere_the_crm_has_everything_once`,
`tests/integration/crm_adapter/test_kill_matrix.py::
test_a_crm_that_outlives_us_and_whose_answers_are_lost`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from calls import crash_points
from tests.kill_matrix import matrix, migration, whole
from tests.kill_matrix.centre import ServerNursery

pytestmark = [pytest.mark.integration, pytest.mark.long, pytest.mark.timeout(900)]

AT_ONCE = 3


async def test_whole_servers_are_killed_and_nothing_is_lost_or_doubled(
    postgres_cluster: str, tmp_path: Path
) -> None:
    databases = {
        "SQLite": matrix.sqlite_empty,
        "PostgreSQL": matrix.postgres_empty_in(postgres_cluster),
    }
    places = iter([(point, name) for point in crash_points.CALL_POINTS for name in databases])
    cells: list[matrix.Cell] = []

    async def work(nursery: ServerNursery) -> None:
        for point, name in places:
            cells.append(
                await whole.run_cell(
                    nursery, point, name, databases[name], prompts=tmp_path, crashes=1
                )
            )

    async with AsyncExitStack() as stack:
        nurseries = [await stack.enter_async_context(ServerNursery()) for _ in range(AT_ONCE)]
        await asyncio.gather(*map(work, nurseries))
    assert len(cells) == 2 * len(crash_points.CALL_POINTS)
    assert {cell.point: cell.problems for cell in cells if cell.problems} == {}
    assert {cell.crashes for cell in cells} == {1}


@pytest.mark.parametrize("point", crash_points.MIGRATION_POINTS)
async def test_a_migration_is_whole_or_was_never_begun(postgres_cluster: str, point: str) -> None:
    databases = {
        "SQLite": matrix.sqlite_empty,
        "PostgreSQL": matrix.postgres_empty_in(postgres_cluster),
    }
    async with matrix.Nursery() as nursery:
        for name, empty in databases.items():
            cell = await migration.run_cell(nursery, point, name, empty, seed=1)
            assert (cell.crashes, cell.problems) == (1, ())
