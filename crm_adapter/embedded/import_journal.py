"""The import under way, as it stands in the database: read first, then decided, then loaded.

While files are read their rows wait in a table that nobody else looks at. Once all of them are
good the import is decided, and its rows go to the CRM's tables part by part, each in a short
transaction that takes the part away: whoever finds a decided import finishes it.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import SwitchboardError
from crm_adapter.embedded.import_load import load_rows
from crm_adapter.embedded.import_tables import import_parts, imports
from crm_adapter.embedded.import_values import Value
from storage.database import Database

#: Who has not touched its import for so long is dead. Longer than a part of accounts takes whose
#: PINs are hashed.
SILENT = timedelta(seconds=60)
#: Parts that are dropped in one transaction.
_DROPPED_AT_ONCE = 10
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class State(enum.StrEnum):
    READING = "reading"
    DECIDED = "decided"
    GIVEN_UP = "given_up"


class ImportLost(SwitchboardError):
    """Somebody else took this import for broken off, and gave it up."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The import there is now. `is_alive`: its process is at work on it."""

    id: int
    state: State
    begun_at: datetime
    is_alive: bool


@dataclass(frozen=True, slots=True)
class LoadedPart:
    """`rows` of the `kind` were loaded. `left_out` are of contacts merged into others; `refused`
    are `file:line` of what does not fit any more, such as a customer number given away."""

    kind: str
    rows: int
    left_out: int = 0
    refused: tuple[str, ...] = field(default=())


_Load = Callable[[AsyncConnection, Row[Any]], Awaitable[LoadedPart]]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ImportJournal:
    def __init__(self, *, database: Database, now: Callable[[], datetime] = _utc_now) -> None:
        self._database = database
        self._now = now

    async def under_way(self) -> UnderWay | None:
        async with self._database.read() as link:
            row = (await link.execute(select(imports))).one_or_none()
        if row is None:
            return None
        is_alive = abs(self._now() - row.touched_at) < SILENT
        return UnderWay(row.id, State(row.state), row.begun_at, is_alive)

    async def begin(self) -> int | None:
        """The new import's id; None where there is one already."""
        at = self._now()
        row = {"slot": 1, "state": State.READING.value, "begun_at": at, "touched_at": at}

        async def work(link: AsyncConnection) -> int:
            return int(
                (
                    await link.execute(insert(imports).values(row).returning(imports.c.id))
                ).scalar_one()
            )

        try:
            return await self._database.writer.write(work)
        except IntegrityError:
            return None

    async def add(self, id_: int, place: int, file: str, kind: str, values: list[Value]) -> None:
        """One part, the `place`th. Raises ImportLost."""
        part = {"import_id": id_, "place": place, "file": file[:255], "kind": kind, "rows": values}

        async def work(link: AsyncConnection) -> None:
            await self._touch(link, id_, State.READING)
            # Again, where it is not known whether the commit was.
            where = (import_parts.c.import_id == id_, import_parts.c.place == place)
            await link.execute(delete(import_parts).where(*where))
            await link.execute(insert(import_parts).values(part))

        await self._database.writer.write(work)

    async def decide(self, id_: int) -> None:
        """From now on it is finished, whatever happens. Raises ImportLost."""

        async def work(link: AsyncConnection) -> None:
            known = select(imports.c.state).where(imports.c.id == id_)
            if await link.scalar(known) == State.DECIDED:
                return  # again, where it is not known whether the commit was
            await self._touch(link, id_, State.READING, State.DECIDED)

        await self._database.writer.write(work)

    async def give_up(self, id_: int) -> bool:
        """Drops one that was not decided, some parts at a time: False once nothing is left."""

        async def work(link: AsyncConnection) -> bool:
            mine = imports.c.id == id_
            undecided = imports.c.state != State.DECIDED
            change = update(imports).where(mine, undecided).values(state=State.GIVEN_UP.value)
            if (await link.execute(change)).rowcount == 0:
                return False
            of_it = import_parts.c.import_id == id_
            first = select(import_parts.c.place).where(of_it).limit(_DROPPED_AT_ONCE)
            dropped = await link.execute(
                delete(import_parts).where(of_it, import_parts.c.place.in_(first))
            )
            if dropped.rowcount == 0:
                await link.execute(delete(imports).where(mine))
            return dropped.rowcount > 0

        return await self._database.writer.write(work)

    async def let_go(self, id_: int) -> None:
        """Whoever comes next need not wait to see whether we live."""

        async def work(link: AsyncConnection) -> None:
            await link.execute(
                update(imports).where(imports.c.id == id_).values(touched_at=_BEGINNING)
            )

        await self._database.writer.write(work)

    async def parts_left(self, id_: int) -> int:
        count = select(func.count()).where(import_parts.c.import_id == id_)
        async with self._database.read() as link:
            return int(await link.scalar(count) or 0)

    async def load_next(self, id_: int) -> LoadedPart | None:
        """Loads the first part that is left of a decided import, in one transaction; None where
        there is none, and the import is over."""

        async def whole(link: AsyncConnection) -> LoadedPart | None:
            return await self._load_next(link, id_, _load_whole)

        async def row_by_row(link: AsyncConnection) -> LoadedPart | None:
            return await self._load_next(link, id_, _load_row_by_row)

        try:
            return await self._database.writer.write(whole)
        except IntegrityError:
            return await self._database.writer.write(row_by_row)

    async def _load_next(self, link: AsyncConnection, id_: int, load: _Load) -> LoadedPart | None:
        query = select(imports).where(imports.c.id == id_).with_for_update()
        found = (await link.execute(query)).one_or_none()
        if found is None or found.state != State.DECIDED:
            return None
        of_it = import_parts.c.import_id == id_
        query = select(import_parts).where(of_it).order_by(import_parts.c.place).limit(1)
        part = (await link.execute(query)).one_or_none()
        if part is None:
            await link.execute(delete(imports).where(imports.c.id == id_))
            return None
        loaded = await load(link, part)
        await link.execute(delete(import_parts).where(of_it, import_parts.c.place == part.place))
        await self._touch(link, id_, State.DECIDED)
        return loaded

    async def _touch(
        self, link: AsyncConnection, id_: int, state: State, then: State | None = None
    ) -> None:
        found = await link.execute(
            update(imports)
            .where(imports.c.id == id_, imports.c.state == state.value)
            .values(state=(then or state).value, touched_at=self._now())
        )
        if found.rowcount == 0:
            raise ImportLost("the import was silent for too long and was given up; do it again")


async def _load_whole(link: AsyncConnection, part: Row[Any]) -> LoadedPart:
    rows = await load_rows(link, part.kind, part.rows)
    return LoadedPart(part.kind, rows, len(part.rows) - rows)


async def _load_row_by_row(link: AsyncConnection, part: Row[Any]) -> LoadedPart:
    """Something in it does not fit what the CRM has become since it was read: all else does."""
    rows, refused = 0, []
    for value in part.rows:
        try:
            async with link.begin_nested():
                rows += await load_rows(link, part.kind, [value])
        except IntegrityError:
            refused.append(f"{part.file}:{value['line']}")
    return LoadedPart(part.kind, rows, len(part.rows) - rows - len(refused), tuple(refused))
