"""`switchboard import`: contacts, what they buy and what they may ask for from CSV files, all of
them or nothing.

The files are read twice: once to find everything wrong with them, with no transaction open, and
once to load them, in one transaction. Rows known by their id are brought up to date.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Misconfigured, SwitchboardError
from crm_adapter.embedded import tables
from crm_adapter.embedded.csv_lines import Problem
from crm_adapter.embedded.import_check import (
    KnownIds,
    Problems,
    Progress,
    SourceFile,
    check_file,
    open_files,
)
from crm_adapter.embedded.import_load import load_rows
from crm_adapter.embedded.import_rows import CURRENCY, ImportRow
from crm_adapter.embedded.merge_tables import merged_contacts
from storage.database import Database

T = TypeVar("T")

_ROWS_AT_ONCE = 1_000
_LEFT_OUT = "left out"


class ImportRefused(SwitchboardError):
    """Nothing was imported; `problems` are the first of `count`, in the order of files and
    lines."""

    def __init__(self, problems: Sequence[Problem], count: int) -> None:
        lines = [str(problem) for problem in problems]
        if count > len(lines):
            lines.append(f"... and {count - len(lines)} more")
        super().__init__("\n".join(lines))
        self.problems = tuple(problems)
        self.count = count


@dataclass(frozen=True, slots=True)
class Imported:
    """Rows loaded, by kind: contacts, products, purchases, orders, accounts, appointments."""

    rows: Mapping[str, int]
    #: Sentences for whoever imports, such as columns that nothing was made of.
    notices: tuple[str, ...] = ()


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


async def import_files(
    database: Database,
    paths: Sequence[Path],
    *,
    region: str,
    currency: str = "USD",
    progress: Progress = _silent,
) -> Imported:
    """`region` is the ISO country of numbers without one, `currency` of amounts without one.
    Raises ImportRefused with everything wrong at once, Misconfigured for what is no currency,
    Unavailable where the database is away. `progress` gets bytes; both readings count."""
    if not re.fullmatch(CURRENCY, currency):
        raise Misconfigured(f"currency {currency!r}: use three capital letters, e.g. USD")
    run = _Run(database, region, currency, progress)
    return await run.import_all(list(paths))


class _Run:
    def __init__(self, database: Database, region: str, currency: str, progress: Progress) -> None:
        self._database = database
        self._region = region
        self._currency = currency
        self._progress = progress
        self._total = 0
        self._before = 0

    async def import_all(self, paths: list[Path]) -> Imported:
        problems = Problems()
        files = await asyncio.to_thread(open_files, paths, problems)
        self._total = 2 * sum(file.size for file in files)
        known = await self._known_ids()
        for file in files:
            places = check_file(file, known, problems, self._region)
            while batch := await asyncio.to_thread(_take, places):
                self._progress(self._before + batch[-1], self._total)
            self._before += file.size
        _refuse_if_any(problems)
        halfway = self._before

        async def work(connection: AsyncConnection) -> Counter[str]:
            self._before = halfway
            return await self._load_all(connection, files, known)

        loaded = await self._database.writer.write(work)
        self._progress(self._total, self._total)
        notices = [notice for file in files for notice in file.notices()]
        if left_out := loaded.pop(_LEFT_OUT, 0):
            notices.append(
                f"{left_out} rows of contacts that were merged into others were left out "
                "(switchboard contacts merges lists them)"
            )
        return Imported({kind: rows for kind, rows in loaded.items() if rows}, tuple(notices))

    async def _load_all(
        self, connection: AsyncConnection, files: list[SourceFile], known: KnownIds
    ) -> Counter[str]:
        loaded: Counter[str] = Counter()
        read = 0
        for file in files:
            problems = Problems()
            rows = file.rows(problems, self._region)
            while batch := await asyncio.to_thread(_take, rows):
                parsed: list[ImportRow] = [row for _, row, _ in batch]
                loaded[file.kind.called] += await load_rows(
                    connection, parsed, self._region, self._currency, known
                )
                read += len(batch)
                self._progress(self._before + batch[-1][2], self._total)
            # The file was good a moment ago: somebody is writing to it.
            _refuse_if_any(problems)
            self._before += file.size
        loaded[_LEFT_OUT] = read - loaded.total()
        return loaded

    async def _known_ids(self) -> KnownIds:
        async with self._database.read() as connection:
            known = tables.contacts.c
            contacts = (await connection.execute(select(known.id, known.customer_number))).all()
            products = await connection.execute(select(tables.products.c.code))
            gone = (await connection.execute(select(merged_contacts))).all()
        return KnownIds(
            {row.id for row in contacts} | {row.id for row in gone},
            set(products.scalars()),
            customers={
                row.customer_number: row.id for row in (*contacts, *gone) if row.customer_number
            },
            merged={row.id: row.contact_id for row in gone},
        )


def _take(rows: Iterator[T]) -> list[T]:
    return list(islice(rows, _ROWS_AT_ONCE))


def _refuse_if_any(problems: Problems) -> None:
    if problems.count:
        raise ImportRefused(problems.kept, problems.count)
