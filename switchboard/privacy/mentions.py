"""A person's numbers and names in the rows of others: a note that says whom to call back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import JSON, Column, String, Text, cast, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from switchboard.privacy.held import Held, Key, Kind
from switchboard.privacy.person import Person
from switchboard.privacy.registry import REGISTRY

#: Instead of a number in somebody else's row.
ERASED: Final = "(erased)"
#: Shorter ones stand in many numbers.
_LEAST_DIGITS = 7
#: A name of one short word is many people's.
_LEAST_NAME = 6


@dataclass(frozen=True, slots=True)
class Mention:
    """`values` is what the row is to hold instead."""

    held: Held
    key: Key
    values: dict[str, Any]

    async def strike(self, link: AsyncConnection) -> None:
        of = self.held
        await link.execute(update(of.table).where(of.among([self.key])).values(self.values))


async def of_numbers(link: AsyncConnection, person: Person) -> list[Mention]:
    spelled = [each for each in person.spellings if _digits(each) >= _LEAST_DIGITS]
    if not spelled:
        return []
    # A longer number that one of them begins or ends is somebody else's.
    alternatives = "|".join(re.escape(each) for each in sorted(spelled, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\d+])(?:{alternatives})(?!\d)")
    found = []
    for held, columns in _texts():
        question = select(*held.key, *columns).where(
            or_(*(cast(column, Text).contains(each) for column in columns for each in spelled))
        )
        for row in await link.execute(question):
            values = {column.name: row._mapping[column] for column in columns}
            struck = {name: _replaced(value, pattern) for name, value in values.items()}
            changed = {name: value for name, value in struck.items() if value != values[name]}
            if changed:
                key = tuple(row._mapping[column] for column in held.key)
                found.append(Mention(held, key, changed))
    return found


async def of_names(link: AsyncConnection, person: Person) -> Counter[str]:
    """By table and column: in how many rows a name of theirs still stands. People share names, so
    nothing is struck out."""
    plain = {name for name in person.names if len(name) >= _LEAST_NAME and " " in name.strip()}
    # In JSON other letters than ASCII are written as their numbers.
    names = sorted(plain | {json.dumps(name)[1:-1] for name in plain})
    counts: Counter[str] = Counter()
    for held, columns in _texts() if names else ():
        for column in columns:
            text = func.lower(cast(column, Text))
            has_one = or_(*(text.contains(name.lower(), autoescape=True) for name in names))
            count = await link.scalar(select(func.count()).select_from(held.table).where(has_one))
            if count:
                counts[f"{held.table.name}.{column.name}"] += count
    return counts


def _texts() -> Iterator[tuple[Held, list[Column[Any]]]]:
    """Columns that can hold a text of anybody's. A number of the house in an agent's row is the
    agent's."""
    for held in REGISTRY:
        if held.kind is Kind.STAFF:
            continue
        columns = [
            column
            for column in held.table.c
            if isinstance(column.type, String | JSON) and not column.primary_key
        ]
        if columns:
            yield held, columns


def _replaced(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(ERASED, value)
    if isinstance(value, list):
        return [_replaced(each, pattern) for each in value]
    if isinstance(value, dict):
        return {_replaced(name, pattern): _replaced(each, pattern) for name, each in value.items()}
    return value


def _digits(text: str) -> int:
    return sum(letter.isdigit() for letter in text)
