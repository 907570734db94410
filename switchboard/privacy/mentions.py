"""A person's numbers and names in the rows of others: a note that says whom to call back."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from sqlalchemy import JSON, Column, ColumnElement, String, Text, cast, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter.spellings import last_digits
from switchboard.privacy.held import Held, Key, Kind
from switchboard.privacy.person import Person
from switchboard.privacy.registry import REGISTRY

#: Instead of a number in somebody else's row.
ERASED: Final = "(erased)"
#: Shorter ones stand in many numbers.
_LEAST_DIGITS = 7
#: A name of one short word is many people's.
_LEAST_NAME = 6
#: By which people part the digits of a number.
_MARKS = "- ./"
#: Of no number and no name.
_BETWEEN = "\n"


@dataclass(frozen=True, slots=True)
class Mention:
    """`values` is what the row is to hold instead."""

    held: Held
    key: Key
    values: dict[str, Any]

    async def strike(self, link: AsyncConnection) -> None:
        of = self.held
        await link.execute(update(of.table).where(of.among([self.key])).values(self.values))


def pattern_of(person: Person) -> re.Pattern[str] | None:
    """A longer number that one of theirs begins or ends is somebody else's."""
    alternatives = "|".join(re.escape(each) for each in sorted(_spelled(person), key=len)[::-1])
    return re.compile(rf"(?<![\d+])(?:{alternatives})(?!\d)") if alternatives else None


def _spelled(person: Person) -> list[str]:
    found = [each for each in person.spellings if _digits(each) >= _LEAST_DIGITS]
    groups = [re.findall(r"\d+", each) for each in found if not each.removeprefix("+").isdigit()]
    return sorted({*found, *(mark.join(group) for group in groups for mark in _MARKS)})


async def of_numbers(link: AsyncConnection, person: Person) -> list[Mention]:
    pattern = pattern_of(person)
    if pattern is None:
        return []
    # What all spellings with these digits contain, and those that part them.
    parts = sorted(
        {last_digits(number, 15) or number for number in person.numbers}
        | {each for each in _spelled(person) if not each.removeprefix("+").isdigit()}
    )
    found = []
    for held, columns in _texts():
        text = _together(columns)
        question = select(*held.key, *columns).where(or_(*(text.contains(each) for each in parts)))
        for row in await link.execute(question):
            values = {column.name: row._mapping[column] for column in columns}
            struck = {name: _replaced(value, pattern) for name, value in values.items()}
            changed = {name: value for name, value in struck.items() if value != values[name]}
            if changed:
                key = tuple(row._mapping[column] for column in held.key)
                found.append(Mention(held, key, changed))
    return found


async def of_names(link: AsyncConnection, person: Person) -> Counter[str]:
    """By table: in how many rows a name of theirs still stands. People share names, so nothing is
    struck out."""
    plain = {name for name in person.names if len(name) >= _LEAST_NAME and " " in name.strip()}
    # In JSON other letters than ASCII are written as their numbers.
    names = sorted({each.lower() for name in plain for each in (name, json.dumps(name)[1:-1])})
    counts: Counter[str] = Counter()
    for held, columns in _texts() if names else ():
        text = func.lower(_together(columns))
        has_one = or_(*(text.contains(name, autoescape=True) for name in names))
        count = await link.scalar(select(func.count()).select_from(held.table).where(has_one))
        if count:
            counts[held.table.name] += count
    return counts


def _together(columns: Sequence[Column[Any]]) -> ColumnElement[str]:
    """All texts of a row as one: a question of few words."""
    texts = [func.coalesce(cast(column, Text), "") for column in columns]
    return reduce(lambda before, text: before.concat(_BETWEEN).concat(text), texts)


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
