"""Who has this number? From our own phone index at 10,000 to 10 million contacts, on SQLite and
PostgreSQL: one question after the other, nine in ten of somebody, each of another number.

    python -m benchmarks.crm_lookup [--quick] [--most N] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg

from benchmarks.measuring import quantile
from calls.deadlines import Deadline
from crm_adapter.live.phone_index import PhoneIndex
from storage import migrate
from storage.database import Database
from tests.private_servers import private_postgres

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
QUICK_SIZES = (1_000, 5_000)
AIM_P99_MS, AIM_GROWTH = 5.0, 1.3
CRM = "crm"
COLUMNS = ("crm", "ref", "e164", "nsn", "kind", "name", "seen_at")
_BATCH = 100_000
_ROUNDS = 3


def number_of(contact: int) -> str:
    """Spread over the range, so that neighbours in the index are strangers to each other."""
    return f"+49{30_000_000_00 + contact * 7_919 % 6_999_999_967}"


def _rows(first: int, last: int, seen_at: Any) -> Iterator[tuple[Any, ...]]:
    for contact in range(first, last):
        e164 = number_of(contact)
        yield CRM, f"C-{contact}", e164, e164[3:], "contact", f"Contact {contact}", seen_at


async def _fill_sqlite(path: Path, first: int, last: int) -> None:
    def fill() -> None:
        link = sqlite3.connect(path)
        names, marks = ",".join(COLUMNS), ",".join("?" * len(COLUMNS))
        statement = f"INSERT INTO crm_phone_index ({names}) VALUES ({marks})"
        for start in range(first, last, _BATCH):
            with link:
                link.executemany(
                    statement,
                    _rows(start, min(start + _BATCH, last), "2026-03-02 09:30:00.000000"),
                )
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        link.close()

    await asyncio.to_thread(fill)


async def _fill_postgres(url: str, first: int, last: int) -> None:
    link = await asyncpg.connect(url)
    seen_at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    for start in range(first, last, _BATCH):
        await link.copy_records_to_table(
            "crm_phone_index",
            records=_rows(start, min(start + _BATCH, last), seen_at),
            columns=COLUMNS,
        )
    await link.execute("VACUUM ANALYZE crm_phone_index")
    await link.close()


async def measure(url: str, sizes: tuple[int, ...], asked: int) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    async with Database(url) as database:
        await migrate.upgrade(database)
        index = PhoneIndex(database=database, region="DE")
        there = 0
        for size in sizes:
            if url.startswith("sqlite"):
                await _fill_sqlite(Path(url.removeprefix("sqlite:///")), there, size)
            else:
                await _fill_postgres(url, there, size)
            there = size
            print(f"      {database.engine.dialect.name} {size:,}", file=sys.stderr, flush=True)
            rows[str(size)] = await _timed(index, size, asked)
        await index.close()
    first, last = rows[str(sizes[0])], rows[str(sizes[-1])]
    growth = {
        f"growth_{name}": round(last[name] / first[name], 2)
        for name in ("p50_ms", "p99_ms", "undisturbed_p99_ms")
    }
    return {"sizes": rows, **growth}


async def _timed(index: PhoneIndex, size: int, asked: int) -> dict[str, float]:
    draw = random.Random(size)
    numbers = [
        number_of(draw.randrange(size)) if draw.random() < 0.9 else number_of(size + one)
        for one in range(asked)
    ]
    for number in numbers[: asked // 10]:
        await _ask(index, number)
    rounds = [[await _ask(index, number) for number in numbers] for _ in range(_ROUNDS)]
    every = [ms for one in rounds for ms in one]
    least = [min(of_one) for of_one in zip(*rounds, strict=True)]
    return {
        "p50_ms": round(quantile(every, 0.5), 3),
        "p99_ms": round(quantile(every, 0.99), 3),
        "undisturbed_p99_ms": round(quantile(least, 0.99), 3),
    }


async def _ask(index: PhoneIndex, number: str) -> float:
    began = time.perf_counter()
    await index.holders(number, crms=(CRM,), limit=10, deadline=Deadline.after(5))
    return (time.perf_counter() - began) * 1000


async def _both(sizes: tuple[int, ...], asked: int) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        sqlite = await measure(f"sqlite:///{folder}/index.db", sizes, asked)
    with private_postgres() as server:
        link = await asyncpg.connect(f"{server}/postgres")
        await link.execute("CREATE DATABASE lookups")
        await link.close()
        postgres = await measure(f"{server}/lookups", sizes, asked)
    return {
        "benchmark": "crm_lookup",
        "asked": asked * _ROUNDS,
        "aim_p99_ms": AIM_P99_MS,
        "aim_growth": AIM_GROWTH,
        "databases": {"SQLite": sqlite, "PostgreSQL": postgres},
    }


def run(*, quick: bool = False, most: int = SIZES[-1]) -> dict[str, Any]:
    sizes = QUICK_SIZES if quick else tuple(size for size in SIZES if size <= most)
    return asyncio.run(_both(sizes, 100 if quick else 2_000))


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
        print(f"{name:>12} p99 growth {rows['growth_p99_ms']} x")


if __name__ == "__main__":
    main()
