"""Each point and database: killed there, started again, and what the CRM has in the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import asyncpg

from calls import crash_points
from storage.database import Database
from tests.declared_tables import declared_metadata
from tests.kill_matrix import ledger
from tests.kill_matrix.asterisk import Asterisk
from tests.kill_matrix.outside import OutsideCrm
from tests.kill_matrix.stories import CALLS

ROOT = Path(__file__).parents[2]
#: Lives at once: most of their time they wait.
AT_ONCE = 5
#: More lives than this no call needs.
MOST_LIVES = 40

Databases = Callable[[Path], AbstractAsyncContextManager[str]]


@dataclass(frozen=True)
class Cell:
    """One row and column of the table."""

    point: str
    database: str
    crashes: int
    lost: int
    doubled: int
    #: Calls that ended in the moment of a death, so that only that is known.
    ends_unseen: int
    problems: tuple[str, ...] = ()
    #: What chance made of it.
    seed: int = 0
    #: That were made.
    calls: int = 0


async def create_tables(url: str) -> None:
    database = Database(url)
    async with database.engine.begin() as connection:
        await connection.run_sync(declared_metadata().create_all)
    await database.engine.dispose()


async def _administer(cluster: str, statement: str) -> None:
    connection = await asyncpg.connect(f"{cluster}/postgres", timeout=60)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def sqlite_empty(folder: Path) -> AsyncIterator[str]:
    yield f"sqlite:///{folder / 'switchboard.db'}"


def postgres_empty_in(cluster: str) -> Databases:
    @asynccontextmanager
    async def postgres(_folder: Path) -> AsyncIterator[str]:
        name = f"kill_{uuid.uuid4().hex}"
        await _administer(cluster, f"CREATE DATABASE {name}")
        yield f"{cluster}/{name}"
        await _administer(cluster, f"DROP DATABASE {name} WITH (FORCE)")

    return postgres


def with_tables(databases: Databases) -> Databases:
    @asynccontextmanager
    async def made(folder: Path) -> AsyncIterator[str]:
        async with databases(folder) as url:
            await create_tables(url)
            yield url

    return made


sqlite = with_tables(sqlite_empty)


def postgres_in(cluster: str) -> Databases:
    return with_tables(postgres_empty_in(cluster))


class Nursery:
    """`async with Nursery() as nursery`: begins lives, one at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._home = TemporaryDirectory(prefix="switchboard-nursery-")
        self._log = Path(self._home.name) / "log"

    async def __aenter__(self) -> Self:
        environment = {
            name: value for name, value in os.environ.items() if name != crash_points.VARIABLE
        }
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.kill_matrix.nursery",
                cwd=ROOT,
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._process is not None
        await self._process.communicate(b"")
        self._home.cleanup()

    async def life(
        self, arguments: Sequence[str], crash_at: str | None, *, program: str = "records"
    ) -> int:
        """Its exit status: 0, or minus SIGKILL. Raises RuntimeError with what it said where it
        ended in any other way."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        order = json.dumps({"program": program, "arguments": arguments, "crash_at": crash_at})
        process.stdin.write(f"{order}\n".encode())
        ended = await process.stdout.readline()
        status = int(ended or "-1")
        if status not in (0, -signal.SIGKILL):
            said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"a life ended with {status}: {said}")
        return status


async def run_cell(
    nursery: Nursery,
    point: str,
    name: str,
    databases: Databases,
    *,
    nth: int = 2,
    crashes: int = 1,
    crm: OutsideCrm | None = None,
    seed: int = 0,
) -> Cell:
    """Dies at the `nth` time that each life comes to the point, until it has died `crashes` times;
    then one life is left in peace."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="switchboard-kill-")))
        url = await stack.enter_async_context(databases(folder))
        database = await stack.enter_async_context(Database(url))
        file, died, unseen = folder / "asterisk", 0, set[str]()
        for number in range(1, MOST_LIVES):
            crash_at = f"{point}:{nth}" if died < crashes else None
            words = [url, str(file), str(number), *([crm.as_word()] if crm else [])]
            if await nursery.life(words, crash_at) == 0:
                break
            died += 1
            asterisk = Asterisk(file)
            unseen |= asterisk.ended_unseen(await ledger.open_calls(database))
            asterisk.close()
        asterisk = Asterisk(file)
        if crm is None:
            verdict = await ledger.examine(database, asterisk, unseen)
        else:
            verdict = await ledger.examine_outside(database, asterisk, unseen, crm)
        asterisk.close()
        problems = tuple(verdict.problems)
        lost, doubled = verdict.lost, verdict.doubled
        return Cell(point, name, died, lost, doubled, len(unseen), problems, seed, len(CALLS))


async def run_cells(
    points: Iterable[str],
    databases: dict[str, Databases],
    *,
    nth: int = 2,
    crashes: int = 1,
    done: Callable[[Cell], None] = lambda cell: None,
) -> list[Cell]:
    free: asyncio.Queue[Nursery] = asyncio.Queue()

    async def one(point: str, name: str) -> Cell:
        nursery = await free.get()
        cell = await run_cell(nursery, point, name, databases[name], nth=nth, crashes=crashes)
        free.put_nowait(nursery)
        done(cell)
        return cell

    async with AsyncExitStack() as stack:
        for _ in range(AT_ONCE):
            free.put_nowait(await stack.enter_async_context(Nursery()))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(point, name)) for point in points for name in databases]
        return [task.result() for task in tasks]


def table(cells: Sequence[Cell]) -> str:
    """A row for each point and database, whatever the number of its histories."""
    histories: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        histories.setdefault((cell.point, cell.database), []).append(cell)
    lines = [
        "| point | database | calls | killed | lost | doubled | ends nobody saw |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for (point, name), all_of_it in histories.items():
        sums = (
            sum(getattr(cell, figure) for cell in all_of_it)
            for figure in ("calls", "crashes", "lost", "doubled", "ends_unseen")
        )
        lines.append(f"| `{point}` | {name} | {' | '.join(map(str, sums))} |")
    return "\n".join(lines)
