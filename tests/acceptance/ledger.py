"""The books of a centre: what it kept of each call, and what the CRM got."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Row, func, select

from crm_adapter.call_tables import calls, outbox
from crm_adapter.embedded.tables import call_records
from storage.database import Database
from tests.acceptance.waiting import until


@dataclass(frozen=True, slots=True)
class Entry:
    """All rows of one caller's number; in good order each has one."""

    calls: tuple[Row[Any], ...]
    records: tuple[Row[Any], ...]

    @property
    def call(self) -> Row[Any]:
        [row] = self.calls
        return row


class Ledger:
    """`async with Ledger(storage_url)`; reads beside the running server."""

    def __init__(self, storage_url: str) -> None:
        self._database = Database(storage_url)

    async def __aenter__(self) -> Self:
        await self._database.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._database.__aexit__(*exc)

    async def arrived(self) -> int:
        async with self._database.read() as link:
            return int((await link.execute(select(func.count()).select_from(calls))).scalar_one())

    async def open_or_owed(self) -> tuple[int, int]:
        """Calls not ended, and outbox entries that the CRM has not got."""
        still_open = select(func.count()).where(calls.c.ended_at.is_(None)).scalar_subquery()
        owed = select(func.count()).where(outbox.c.state != "done").scalar_subquery()
        async with self._database.read() as link:
            row = (await link.execute(select(still_open, owed))).one()
            return int(row[0]), int(row[1])

    async def entries(self) -> dict[str, Entry]:
        """By the caller's number as the network gave it."""
        async with self._database.read() as link:
            call_rows = (await link.execute(select(calls))).all()
            record_rows = (await link.execute(select(call_records))).all()
        by_id: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
        for record in record_rows:
            by_id[record.system, record.linkedid].append(record)
        by_number: dict[str, list[Row[Any]]] = defaultdict(list)
        for call in call_rows:
            by_number[call.from_raw].append(call)
        return {
            number: Entry(
                tuple(rows),
                tuple(record for row in rows for record in by_id[row.system, row.linkedid]),
            )
            for number, rows in by_number.items()
        }

    async def settled(self, *, deadline_s: float) -> dict[str, Entry]:
        """Once no call is open and the CRM is owed nothing."""

        async def settled() -> bool:
            return await self.open_or_owed() == (0, 0)

        try:
            await until(settled, "all calls closed and delivered", deadline_s=deadline_s)
        except AssertionError as error:
            raise AssertionError(f"{error}: {await self.open_or_owed()} open, owed") from None
        return await self.entries()

    async def balanced(self, wanted: Iterable[str], *, deadline_s: float) -> dict[str, Entry]:
        """Once no call is open and the CRM is owed nothing: exactly one call and one record of
        each number, and of nobody else."""

        entries = await self.settled(deadline_s=deadline_s)
        shape = {number: (len(e.calls), len(e.records)) for number, e in entries.items()}
        wrong = {number: found for number, found in shape.items() if found != (1, 1)}
        assert wrong == {}
        assert set(shape) == set(wanted)
        return entries


def outcomes(entries: dict[str, Entry]) -> Counter[str]:
    return Counter(entry.call.outcome for entry in entries.values())


async def reached(ledger: Ledger, count: int, *, deadline_s: float = 30.0) -> None:
    """Returns when that many calls have arrived."""

    async def enough() -> bool:
        await asyncio.sleep(0)
        return await ledger.arrived() >= count

    await until(enough, f"{count} calls arrived", deadline_s=deadline_s)
