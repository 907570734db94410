"""Killed at every step of a lead, a task and a call's record: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from crm_adapter.embedded import tables
from storage.database import Database
from tests.crm_worlds import tryton_world
from tests.fakes.crm_server import Fault
from tests.fakes.espocrm_server import EspoCrmServer
from tests.fakes.http_fault_proxy import Fault as HttpFault
from tests.fakes.http_fault_proxy import HttpFaultProxy
from tests.kill_matrix import ledger, matrix, outside
from tests.kill_matrix.asterisk import Asterisk
from tests.servers.tryton.server import TrytonServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def _told(cells: list[matrix.Cell], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{matrix.table(cells)}\n")


def _is_whole(cells: list[matrix.Cell]) -> None:
    assert {one.point: one.problems for one in cells if one.problems} == {}
    assert [one for one in cells if (one.lost, one.doubled) != (0, 0)] == []
    assert [one for one in cells if one.crashes != 1] == []


async def test_killed_anywhere_the_crm_has_everything_once(
    postgres_cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The points take turns; `make kill-matrix` has each of them on each database."""
    cells = [
        *await matrix.run_cells(crash_points.POINTS[::2], {"SQLite": matrix.sqlite}, nth=3),
        *await matrix.run_cells(
            crash_points.POINTS[1::2], {"PostgreSQL": matrix.postgres_in(postgres_cluster)}, nth=3
        ),
    ]
    _told(cells, capsys)
    assert len(cells) == len(crash_points.POINTS)
    # Some hung up in the moment of a death; the ledger wants a task of each who was not answered.
    assert sum(one.ends_unseen for one in cells) > 0
    _is_whole(cells)


LOST = ("outbox.before_send", "outbox.before_settle", "outbox.settle_before_commit")


@pytest.mark.long
async def test_a_crm_that_outlives_us_and_whose_answers_are_lost(
    postgres_cluster: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every write is carried out, and its answer never arrives; besides, we die. All at once: most
    of the time is spent waiting for the next try."""
    databases = {"SQLite": matrix.sqlite, "PostgreSQL": matrix.postgres_in(postgres_cluster)}
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_cell_of_lost_answers(point, name, databases[name]))
            for point in LOST
            for name in databases
        ]
    cells = [task.result() for task in tasks]
    _told(cells, capsys)
    _is_whole(cells)


async def _cell_of_lost_answers(point: str, name: str, databases: matrix.Databases) -> matrix.Cell:
    async with EspoCrmServer() as server, matrix.Nursery() as nursery:
        server.faults.append(
            Fault(reset=True, after=True, times=10_000, only=lambda asked: asked.method == "POST")
        )
        cell = await matrix.run_cell(
            nursery, point, name, databases, nth=3, crm=outside.espocrm(server)
        )
        # At the least the records and the leads.
        assert server.faults[0].times <= 10_000 - 34
        return cell


async def test_a_real_tryton_whose_answers_are_lost(
    tryton_server: TrytonServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """As above, over HTTP to the real thing: each of its creates is committed and never answered,
    and we die between that and knowing of it."""
    [kind] = tryton_world.WORLDS
    async with (
        kind.opened(tryton_server) as world,
        HttpFaultProxy(tryton_server.url) as proxy,
        matrix.Nursery() as nursery,
    ):
        await proxy.fail(HttpFault.RESET_AFTER_COMMIT, holding=b'.create"')
        cell = await matrix.run_cell(
            nursery,
            "outbox.before_settle",
            "SQLite",
            matrix.sqlite,
            nth=3,
            crm=outside.tryton(world, proxy.url),
        )
        _told([cell], capsys)
        assert proxy.failed >= 34
        _is_whole([cell])


async def test_what_is_missing_or_doubled_is_seen(tmp_path: Path) -> None:
    async with matrix.sqlite(tmp_path) as url, Database(url) as database:
        file = tmp_path / "asterisk"
        async with matrix.Nursery() as nursery:
            assert await nursery.life([url, str(file), "1"], None) == 0
        asterisk = Asterisk(file)
        before = await ledger.examine(database, asterisk, set())
        assert (before.lost, before.doubled, before.problems) == (0, 0, [])

        async def tamper(connection: AsyncConnection) -> None:
            lead = (await connection.execute(select(tables.leads).limit(1))).one()
            again = lead._asdict() | {"id": "L-again", "idem": "again"}
            await connection.execute(insert(tables.leads), again)
            record = tables.call_records
            await connection.execute(delete(record).where(record.c.linkedid == "1700000000.9"))
            older = update(record).where(record.c.linkedid == "1700000000.2").values(revision=1)
            await connection.execute(older)

        await database.writer.write(tamper)
        after = await ledger.examine(database, asterisk, set())
        # The record that is older than it should be counts as the right one missing.
        assert (after.lost, after.doubled) == (2, 2)
        asterisk.close()
