"""Who has this number? From our own phone index at 10,000 to 10 million contacts, on SQLite and on
PostgreSQL with its own defaults: one question after the other, nine in ten of somebody, each of a
number that was not asked before. The sizes take turns, a block of questions each, so that what else
the machine does meets them alike; beside it, the bare driver's answer to the same statement.

    python -m benchmarks.crm_lookup [--quick] [--most N] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from benchmarks.measuring import quantile
from calls.deadlines import Deadline
from crm_adapter.live.phone_index import PhoneIndex
from storage import migrate
from storage.database import Database
from switchboard.demo.private_servers import OwnPostgres

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
QUICK_SIZES = (1_000, 5_000)
AIM_P99_MS, AIM_GROWTH = 5.0, 1.3
ROUNDS, ASKED = 7, 2_000
CRM = "crm"
#: What PostgreSQL has where nobody set anything; nothing is meant to survive.
POSTGRES = {"shared_buffers": "128MB", "fsync": "off", "max_wal_size": "4GB"}
_BLOCK = 50
_BATCH = 500_000
_FIRST, _SPREAD, _NUMBERS = 3_000_000_000, 7_919, 6_999_999_967
_FIELDS = "crm, ref, e164, nsn, kind, name, seen_at"
_ROW = (
    f"'{CRM}', 'C-' || n, '+49' || ({_FIRST} + n * {_SPREAD} % {_NUMBERS}), "
    f"{_FIRST} + n * {_SPREAD} % {_NUMBERS}, 'contact', 'Contact ' || n, "
)
_ASKED = (
    "SELECT * FROM crm_phone_index WHERE e164 = {} AND crm || '' IN ({}) "
    "ORDER BY crm || '', ref LIMIT {}"
)

Ask = Callable[[str], Awaitable[int]]
"""How many have that number."""


def number_of(contact: int) -> str:
    """Spread over the range, so that neighbours in the index are strangers to each other."""
    return f"+49{_FIRST + contact * _SPREAD % _NUMBERS}"


def _fill_sqlite(path: Path, size: int) -> None:
    link = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000"):
        link.execute(f"PRAGMA {pragma}")
    statement = (
        "WITH RECURSIVE numbers(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
        f"INSERT INTO crm_phone_index ({_FIELDS}) "
        f"SELECT {_ROW} '2026-03-02 09:30:00.000000' FROM numbers"
    )
    for start in range(0, size, _BATCH):
        link.execute(statement, (start, min(start + _BATCH, size) - 1))
    link.close()


async def _fill_postgres(url: str, size: int) -> None:
    link = await asyncpg.connect(url)
    for start in range(0, size, _BATCH):
        await link.execute(
            f"INSERT INTO crm_phone_index ({_FIELDS}) "
            f"SELECT {_ROW.replace('|| n,', '|| n::text,')} '2026-03-02 09:30+00' "
            f"FROM generate_series({start}::bigint, {min(start + _BATCH, size) - 1}) AS numbers(n)"
        )
    await link.execute("VACUUM ANALYZE crm_phone_index")
    await link.close()


@asynccontextmanager
async def _bare_sqlite(path: Path) -> AsyncIterator[Ask]:
    link = sqlite3.connect(path, isolation_level=None)
    link.execute("PRAGMA cache_size=-16000")
    statement = _ASKED.format("?", "?", "?")

    async def ask(number: str) -> int:
        return len(link.execute(statement, (number, CRM, 10)).fetchall())

    try:
        yield ask
    finally:
        link.close()


@asynccontextmanager
async def _bare_postgres(url: str) -> AsyncIterator[Ask]:
    link = await asyncpg.connect(url)
    statement = await link.prepare(_ASKED.format("$1", "$2", "$3"))

    async def ask(number: str) -> int:
        return len(await statement.fetch(number, CRM, 10))

    try:
        yield ask
    finally:
        await link.close()


@dataclass
class Asked:
    """Of one size and one way to ask: numbers that were not asked yet, and the ms, by round."""

    size: int
    ask: Ask
    draw: random.Random
    rounds: list[list[float]] = field(default_factory=list)

    async def block(self) -> None:
        for _ in range(_BLOCK):
            is_there = self.draw.random() < 0.9
            contact = self.draw.randrange(self.size) + (0 if is_there else self.size)
            number = number_of(contact)
            began = time.perf_counter()
            found = await self.ask(number)
            self.rounds[-1].append((time.perf_counter() - began) * 1000)
            assert found == is_there, number

    def shown(self) -> dict[str, float]:
        every = [ms for one in self.rounds for ms in one]
        return {
            "p50_ms": round(quantile(every, 0.5), 3),
            "p99_ms": round(quantile(every, 0.99), 3),
        }

    def by_round(self, share: float) -> list[float]:
        return [quantile(one, share) for one in self.rounds]


async def _in_turn(ways: Sequence[Asked], rounds: int, asked: int) -> None:
    """The first round is for warming up and is dropped."""
    for number in range(rounds + 1):
        if number == 1:
            for way in ways:
                way.rounds.clear()
        for way in ways:
            way.rounds.append([])
        for _ in range(max(1, asked // _BLOCK)):
            for way in ways:
                await way.block()


def _growth(fewest: Asked, most: Asked, share: float) -> dict[str, float]:
    """By how much the most contacts take longer than the fewest, round by round."""
    pairs = zip(fewest.by_round(share), most.by_round(share), strict=True)
    ratios = [last / first for first, last in pairs]
    return {
        "median": round(statistics.median(ratios), 2),
        "least": round(min(ratios), 2),
        "most": round(max(ratios), 2),
    }


async def measure(
    urls: Mapping[int, str], bare: Callable[[int], Any], rounds: int, asked: int
) -> dict[str, Any]:
    """`urls`: of a database for each size; `bare` opens its driver."""
    ours: list[Asked] = []
    drivers: list[Asked] = []
    async with AsyncExitStack() as stack:
        for size, url in urls.items():
            database = await stack.enter_async_context(Database(url))
            index = PhoneIndex(database=database, region="DE")
            stack.push_async_callback(index.close)
            ours.append(Asked(size, _asking(index), random.Random(size)))
            driver = await stack.enter_async_context(bare(size))
            drivers.append(Asked(size, driver, random.Random(size + 1)))
        both = [way for pair in zip(ours, drivers, strict=True) for way in pair]
        await _in_turn(both, rounds, asked)
    return {
        "sizes": {
            str(way.size): way.shown() | {f"bare_{name}": ms for name, ms in driver.shown().items()}
            for way, driver in zip(ours, drivers, strict=True)
        },
        "growth": {
            "p50": _growth(ours[0], ours[-1], 0.5),
            "p99": _growth(ours[0], ours[-1], 0.99),
            "bare_p50": _growth(drivers[0], drivers[-1], 0.5),
            "bare_p99": _growth(drivers[0], drivers[-1], 0.99),
        },
    }


def _asking(index: PhoneIndex) -> Ask:
    async def ask(number: str) -> int:
        return len(await index.holders(number, crms=(CRM,), limit=10, deadline=Deadline.after(5)))

    return ask


async def _migrated(url: str) -> None:
    async with Database(url) as database:
        await migrate.upgrade(database)


async def on_sqlite(folder: Path, sizes: Sequence[int], rounds: int, asked: int) -> dict[str, Any]:
    paths = {size: folder / f"{size}.db" for size in sizes}
    for size, path in paths.items():
        await _migrated(f"sqlite:///{path}")
        await asyncio.to_thread(_fill_sqlite, path, size)
        _told("SQLite", size)
    urls = {size: f"sqlite:///{path}" for size, path in paths.items()}
    return await measure(urls, lambda size: _bare_sqlite(paths[size]), rounds, asked)


async def on_postgres(server: str, sizes: Sequence[int], rounds: int, asked: int) -> dict[str, Any]:
    admin = await asyncpg.connect(f"{server}/postgres")
    urls = {size: f"{server}/of_{size}" for size in sizes}
    for size, url in urls.items():
        await admin.execute(f"CREATE DATABASE of_{size}")
        await _migrated(url)
        await _fill_postgres(url, size)
        _told("PostgreSQL", size)
    # What the filling left to be written is on the disk before anybody asks.
    await admin.execute("CHECKPOINT")
    await admin.close()
    return await measure(urls, lambda size: _bare_postgres(urls[size]), rounds, asked)


def _told(database: str, size: int) -> None:
    print(f"      {database} {size:,}", file=sys.stderr, flush=True)


async def _both(sizes: Sequence[int], rounds: int, asked: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        sqlite = await on_sqlite(Path(folder), sizes, rounds, asked)
    with OwnPostgres(options=POSTGRES) as server:
        postgres = await on_postgres(server.url, sizes, rounds, asked)
    return {
        "benchmark": "crm_lookup",
        "asked": asked,
        "rounds": rounds,
        "aim_p99_ms": AIM_P99_MS,
        "aim_growth": AIM_GROWTH,
        "databases": {"SQLite": sqlite, "PostgreSQL": postgres},
    }


def run(*, quick: bool = False, most: int = SIZES[-1]) -> dict[str, Any]:
    if quick:
        return asyncio.run(_both(QUICK_SIZES, 2, 50))
    return asyncio.run(_both([size for size in SIZES if size <= most], ROUNDS, ASKED))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="contacts")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = run(quick=options.quick, most=options.most)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, rows in result["databases"].items():
        for size, row in rows["sizes"].items():
            print(f"{name:>12} {int(size):>12,}  {row}")
        for what, growth in rows["growth"].items():
            print(f"{name:>12} growth of {what}: {growth}")


if __name__ == "__main__":
    main()
