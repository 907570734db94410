"""Seals what a database holds already, opens it again, or seals it with another key: some rows at a
time, each where it stands, so that whoever was interrupted goes on.

Nobody else may use the database meanwhile: one who asks by a sealed number finds no plain one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    and_,
    delete,
    func,
    insert,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from calls.errors import Misconfigured
from storage.database import SQLITE_BEGIN, Database
from storage.seal_tables import seals as seals_table
from storage.sealed import guard
from storage.sealed.columns import SealedJson, SealedText, SealedWords, found_by
from storage.sealed.seals import PREFIX, WORDS_PREFIX, NotOpened, Seals

#: Rows of one transaction.
_AT_ONCE: Final = 500
Report = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Resealing:
    """To `target` (None: plain) from what `source` sealed (None: from plain)."""

    target: Seals | None
    source: Seals | None

    def text(self, raw: str, kind: SealedText) -> str:
        plain = self._plain(raw, kind.place, alike=kind.alike)
        if plain is None:
            return raw
        return (
            plain
            if self.target is None
            else self.target.sealed(plain, kind.place, alike=kind.alike)
        )

    def json(self, raw: Any, kind: SealedJson) -> Any:
        is_text = isinstance(raw, str) and raw.startswith(PREFIX)
        told = raw if is_text else json.dumps(raw)
        plain = self._plain(told, kind.place, alike=False)
        if plain is None:
            return raw
        value = json.loads(plain)
        return value if self.target is None else kind.sealed(value, self.target)

    def words(self, raw: str) -> str:
        """Marks cannot be read back: whoever has the pops makes the words anew."""
        if raw.startswith(WORDS_PREFIX) or self.target is None:
            return raw
        return self.target.marks(found_by(raw))

    def _plain(self, raw: str, place: str, *, alike: bool) -> str | None:
        """None where it is as it shall be. Raises NotOpened."""
        if raw.startswith(PREFIX):
            for seals, done in ((self.target, True), (self.source, False)):
                if seals is None:
                    continue
                try:
                    plain = seals.opened(raw, place, alike=alike)
                except NotOpened:
                    continue
                return None if done else plain
            if self.source is not None:
                raise NotOpened(f"{place}: a value was sealed with neither key, or is damaged")
        # A caller may call themselves what looks like something sealed.
        return None if self.target is None else raw


async def count(database: Database, tables: Sequence[Table]) -> dict[str, int]:
    async with database.read() as link:
        return {
            table.name: int(await link.scalar(select(func.count()).select_from(table)) or 0)
            for table in tables
        }


async def begin(database: Database, wanted: Resealing, state: str) -> None:
    """Says in the database what is under way. Raises Misconfigured where the keys do not fit."""
    async with database.read() as link:
        found = await guard.state_of(link)
    source, target = wanted.source, wanted.target
    before = source.fingerprint if source is not None and target is not None else None
    if found is not None and found.state != guard.SEALED:
        if found.state != state or found.before != before:
            raise Misconfigured(
                f"this database is half {found.state}: another command was broken off; run that "
                "one to its end first"
            )
        guard.prove(found, target or _known(source))
        return
    if source is None:
        if found is not None:
            raise Misconfigured(
                f"this database is sealed already, with the key {found.fingerprint}"
            )
    elif found is None:
        raise Misconfigured("this database is not sealed")
    else:
        guard.prove(found, source)
    row = guard.row_of(target or _known(source), state, before=before)

    async def mark(link: AsyncConnection) -> None:
        await link.execute(delete(seals_table))
        await link.execute(insert(seals_table).values(row))

    await database.writer.write(mark)


def _known(seals: Seals | None) -> Seals:
    assert seals is not None
    return seals


async def finish(database: Database, wanted: Resealing) -> None:
    async def mark(link: AsyncConnection) -> None:
        await link.execute(delete(seals_table))
        if wanted.target is not None:
            row = guard.row_of(wanted.target, guard.SEALED)
            await link.execute(insert(seals_table).values(row))

    await database.writer.write(mark)


async def reseal(database: Database, table: Table, wanted: Resealing, report: Report) -> int:
    """Every row of `table`; how many were changed. `database` has no seals of its own."""
    columns = guard.sealed_columns([table])[table]
    engine: AsyncEngine = database.engine.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"})
    after: tuple[Any, ...] | None = None
    changed = 0
    while True:
        async with engine.begin() as link:
            rows = await _page(link, table, columns, after)
            for row in rows:
                changed += await _renew(link, table, columns, row, wanted)
        report(table.name, len(rows))
        if len(rows) < _AT_ONCE:
            return changed
        after = tuple(rows[-1][: len(table.primary_key)])


async def _page(
    link: AsyncConnection, table: Table, columns: Sequence[Column[Any]], after: Any
) -> Sequence[Any]:
    """By the key as it stands: one that is sealed meanwhile comes once more, and is sealed then."""
    key = [_raw(column) for column in table.primary_key]
    question = select(*table.primary_key, *columns).order_by(*key).limit(_AT_ONCE)
    if after is not None:
        question = question.where(tuple_(*key) > after)
    return (await link.execute(question)).all()


async def _renew(
    link: AsyncConnection,
    table: Table,
    columns: Sequence[Column[Any]],
    row: Any,
    wanted: Resealing,
) -> bool:
    key = list(table.primary_key)
    told = row[len(key) :]
    values = {}
    for column, raw in zip(columns, told, strict=True):
        if raw is None:
            continue
        kind = column.type
        if isinstance(kind, SealedText):
            new: Any = wanted.text(raw, kind)
        elif isinstance(kind, SealedJson):
            new = wanted.json(raw, kind)
        else:
            assert isinstance(kind, SealedWords)
            new = wanted.words(raw)
        if new != raw:
            values[column] = new
    if values:
        mine = and_(*(column == value for column, value in zip(key, row, strict=False)))
        await link.execute(update(table).where(mine).values(values))
    return bool(values)


def _raw(column: Column[Any]) -> ColumnElement[Any]:
    kind = column.type
    return type_coerce(column, kind.impl_instance) if isinstance(kind, SealedText) else column
