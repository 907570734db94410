"""`switchboard import`: contacts, what they buy and what they may ask for from CSV files, all of
them or nothing.

The files are read once: every row is looked at and laid aside, where nobody sees it, and nothing
is locked for longer than a moment. Where anything is wrong all of it is dropped; else the import
is decided and loaded in parts (`import_journal`). Rows known by their id are brought up to date.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from calls.errors import Misconfigured, SwitchboardError, Unavailable
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
from crm_adapter.embedded.import_finish import Outcome, clear_away, finish, load_decided
from crm_adapter.embedded.import_journal import ImportJournal
from crm_adapter.embedded.import_rows import CURRENCY, ImportRow
from crm_adapter.embedded.import_values import Value, value_of
from crm_adapter.embedded.merge_tables import merged_contacts
from storage.database import Database

T = TypeVar("T")

#: Loaded in one transaction: some 20 ms on SQLite, in which no call can be journaled.
_ROWS_AT_ONCE = 250
#: Of lines that fit no more the first are named.
_NAMED = 20


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


class ImportUnderWay(SwitchboardError):
    """Another import is not over yet."""


class ImportUnfinished(SwitchboardError):
    """Broken off when everything had been read and found good: it will be finished."""


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
    Raises ImportRefused with everything wrong at once, ImportUnderWay, ImportUnfinished (also where
    it is cancelled while it loads), Misconfigured for what is no currency, Unavailable where the
    database is away. `progress` gets bytes; reading and loading count the same."""
    if not re.fullmatch(CURRENCY, currency):
        raise Misconfigured(f"currency {currency!r}: use three capital letters, e.g. USD")
    journal = ImportJournal(database=database)
    run = _Run(database, journal, region, currency, progress)
    try:
        return await run.import_all(list(paths))
    except SQLAlchemyError as error:
        raise Unavailable("the database does not answer: see storage.url") from error


class _Run:
    def __init__(
        self,
        database: Database,
        journal: ImportJournal,
        region: str,
        currency: str,
        progress: Progress,
    ) -> None:
        self._database = database
        self._journal = journal
        self._region = region
        self._currency = currency
        self._progress = progress
        self._total = 0
        self._before = 0
        self._notices: list[str] = []

    async def import_all(self, paths: list[Path]) -> Imported:
        problems = Problems()
        files = await asyncio.to_thread(open_files, paths, problems)
        self._total = 2 * sum(file.size for file in files)
        id_ = await self._begin()
        try:
            await self._read_all(id_, files, problems)
            _refuse_if_any(problems)
            await self._journal.decide(id_)
        except BaseException:
            await asyncio.shield(clear_away(self._journal, id_))
            raise
        outcome = await self._load_all(id_)
        self._progress(self._total, self._total)
        self._notices += [notice for file in files for notice in file.notices()]
        self._notices += _notices(outcome)
        rows = {kind: rows for kind, rows in outcome.rows.items() if rows}
        return Imported(rows, tuple(self._notices))

    async def _begin(self) -> int:
        """After what an earlier import left behind."""
        while (id_ := await self._journal.begin()) is None:
            found = await self._journal.under_way()
            if found is None:
                continue
            began = f"{found.begun_at.astimezone():%H:%M:%S}"
            if found.is_alive:
                raise ImportUnderWay(
                    f"another import, begun at {began}, is not over: wait for it (or, if it was "
                    "killed, for a minute)"
                )
            outcome = await finish(self._journal, found)
            if outcome is not None:
                self._notices.append(
                    f"the import begun at {began} had been broken off and was finished first: "
                    f"{outcome.rows.total()} rows"
                )
                self._notices += _notices(outcome)
        return id_

    async def _read_all(self, id_: int, files: list[SourceFile], problems: Problems) -> None:
        known, place = await self._known_ids(), 0
        for file in files:
            rows = check_file(file, known, problems, self._region)
            while batch := await asyncio.to_thread(_take, rows):
                self._progress(self._before + batch[-1][2], self._total)
                if not problems.count:
                    values = await asyncio.to_thread(self._values, batch, known)
                    name, kind = file.path.name, file.kind.called
                    await self._journal.add(id_, place, name, kind, values)
                    place += 1
            self._before += file.size

    def _values(self, batch: list[tuple[int, ImportRow, int]], known: KnownIds) -> list[Value]:
        return [
            value_of(
                line,
                row,
                region=self._region,
                currency=self._currency,
                pin_hash=known.pin_hashes.get(row.own_key),
            )
            for line, row, _ in batch
        ]

    async def _load_all(self, id_: int) -> Outcome:
        half = self._total // 2

        def in_bytes(done: int, total: int) -> None:
            self._progress(half + half * done // total, self._total)

        try:
            return await load_decided(self._journal, id_, in_bytes)
        except BaseException as error:
            await asyncio.shield(self._journal.let_go(id_))
            if not isinstance(error, asyncio.CancelledError):
                raise
            raise ImportUnfinished(
                "everything was good, and part of it is loaded: the running server loads the rest "
                "within a minute, else the next switchboard import does"
            ) from None

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
        )


def _take(rows: Iterator[T]) -> list[T]:
    return list(islice(rows, _ROWS_AT_ONCE))


def _notices(outcome: Outcome) -> Iterator[str]:
    if outcome.left_out:
        yield (
            f"{outcome.left_out} rows of contacts that were merged into others were left out "
            "(switchboard contacts merges lists them)"
        )
    if outcome.refused:
        named = ", ".join(outcome.refused[:_NAMED])
        more = ", ..." if len(outcome.refused) > _NAMED else ""
        yield (
            f"{len(outcome.refused)} rows were left out, since the CRM was changed while they were "
            f"imported and they fit no more (another contact has the number now): {named}{more}"
        )


def _refuse_if_any(problems: Problems) -> None:
    if problems.count:
        raise ImportRefused(problems.kept, problems.count)
