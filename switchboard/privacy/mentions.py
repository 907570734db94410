"""A person's numbers, contacts and names in the rows of others: a note that says whom to call back,
the candidates of a call that was somebody else's."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from sqlalchemy import JSON, Column, ColumnElement, String, Text, cast, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import ContactRef
from crm_adapter.spellings import last_digits
from storage.sealed.columns import SealedJson, SealedText, SealedWords, seals_of
from switchboard.privacy.held import Held, Key, Kind
from switchboard.privacy.person import Person, is_any_in
from switchboard.privacy.registry import REGISTRY

#: Instead of a number in somebody else's row.
ERASED: Final = "(erased)"
#: Shorter ones stand in many numbers.
_LEAST_DIGITS = 7
#: A name of one short word is many people's.
_LEAST_NAME = 6
#: Marks of sealed words follow from the pops.
_OF_TEXT = String | JSON | SealedText | SealedJson | SealedWords
#: By which people part the digits of a number.
_MARKS = "- ./"
#: Of no number and no name.
_BETWEEN = "\n"


@dataclass(frozen=True, slots=True)
class Mention:
    """A row that is somebody else's. What it is to hold instead is made of what it holds when it is
    struck: a running server writes it, too."""

    held: Held
    key: Key

    async def strike(self, link: AsyncConnection, marks: Marks) -> dict[str, Any]:
        """In a transaction that writes. By column: what was changed."""
        of = self.held
        mine = of.among([self.key])
        question = select(*_texts_of(of)).where(mine).with_for_update()
        row = (await link.execute(question)).one_or_none()
        changed = {} if row is None else marks.struck(dict(row._mapping))
        if changed:
            await link.execute(update(of.table).where(mine).values(changed))
        return changed


@dataclass(frozen=True, slots=True)
class Marks:
    """By what a person is known in a text or in JSON."""

    pattern: re.Pattern[str] | None
    contacts: frozenset[ContactRef]

    @classmethod
    def of(cls, person: Person) -> Marks:
        return cls(pattern_of(person), person.contacts)

    def struck(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those of `values` that change, without the person."""
        new = {name: self._without(value) for name, value in values.items()}
        return {name: value for name, value in new.items() if value != values[name]}

    def _without(self, value: Any) -> Any:
        if self._is_them(value):
            return None
        if isinstance(value, str):
            if self._named(value):
                return ERASED
            return self.pattern.sub(ERASED, value) if self.pattern is not None else value
        if isinstance(value, list):
            return [self._without(each) for each in value if not self._is_them(each)]
        if isinstance(value, dict):
            return {self._without(name): self._without(each) for name, each in value.items()}
        return value

    def _is_them(self, value: Any) -> bool:
        """With all that is said of them there: a name, a company."""
        if isinstance(value, dict):
            pair = (value.get("crm"), value.get("id"))
            ref = value.get("ref")
            return (isinstance(ref, str) and self._named(ref)) or pair in self._pairs
        return isinstance(value, list) and len(value) == 2 and tuple(value) in self._pairs

    def _named(self, text: str) -> bool:
        return any(text == str(ref) for ref in self.contacts)

    @property
    def _pairs(self) -> list[tuple[str, str]]:
        return [(ref.crm, ref.id) for ref in self.contacts]


def pattern_of(person: Person) -> re.Pattern[str] | None:
    """A longer number that one of theirs begins or ends is somebody else's."""
    alternatives = "|".join(re.escape(each) for each in sorted(_spelled(person), key=len)[::-1])
    return re.compile(rf"(?<![\d+])(?:{alternatives})(?!\d)") if alternatives else None


def _spelled(person: Person) -> list[str]:
    found = [each for each in person.spellings if _digits(each) >= _LEAST_DIGITS]
    groups = [re.findall(r"\d+", each) for each in found if not each.removeprefix("+").isdigit()]
    return sorted({*found, *(mark.join(group) for group in groups for mark in _MARKS)})


async def of_person(link: AsyncConnection, person: Person) -> list[Mention]:
    """Of their numbers and contacts."""
    marks = Marks.of(person)
    # What all spellings with these digits contain, and those that part them.
    parts = sorted(
        {last_digits(number, 15) or number for number in person.numbers}
        | {each for each in _spelled(person) if not each.removeprefix("+").isdigit()}
        | set(person.contacts_told)
    )
    found = []
    for held, columns in _texts() if parts else ():
        text = _together(columns)
        question = select(*held.key, *columns)
        # Where SQL cannot look into them every row is read.
        if not _is_sealed(link, columns):
            question = question.where(is_any_in(text, parts))
        async for row in await link.stream(question):
            if marks.struck({column.name: row._mapping[column] for column in columns}):
                found.append(Mention(held, tuple(row._mapping[column] for column in held.key)))
    return found


async def of_names(link: AsyncConnection, person: Person) -> Counter[str]:
    """By table: in how many rows a name of theirs still stands. People share names, so nothing is
    struck out."""
    plain = {name for name in person.names if len(name) >= _LEAST_NAME and " " in name.strip()}
    # In JSON other letters than ASCII are written as their numbers.
    names = sorted({each.lower() for name in plain for each in (name, json.dumps(name)[1:-1])})
    counts: Counter[str] = Counter()
    for held, columns in _texts() if names else ():
        if _is_sealed(link, columns):
            counts[held.table.name] += await _named_in(link, columns, plain)
            continue
        text = func.lower(_together(columns))
        has_one = or_(*(text.contains(name, autoescape=True) for name in names))
        count = await link.scalar(select(func.count()).select_from(held.table).where(has_one))
        if count:
            counts[held.table.name] += count
    return +counts


def _is_sealed(link: AsyncConnection, columns: Sequence[Column[Any]]) -> bool:
    kinds = SealedText | SealedJson | SealedWords
    return seals_of(link.dialect) is not None and any(isinstance(c.type, kinds) for c in columns)


async def _named_in(
    link: AsyncConnection, columns: Sequence[Column[Any]], names: Collection[str]
) -> int:
    """How many rows, read one after the other."""
    lowered, count = [name.lower() for name in names], 0
    async for row in await link.stream(select(*columns)):
        text = json.dumps(list(row), ensure_ascii=False, default=str).lower()
        count += any(name in text for name in lowered)
    return count


def _together(columns: Sequence[Column[Any]]) -> ColumnElement[str]:
    """All texts of a row as one: a question of few words."""
    texts = [func.coalesce(cast(column, Text), "") for column in columns]
    return reduce(lambda before, text: before.concat(_BETWEEN).concat(text), texts)


def _texts() -> Iterator[tuple[Held, list[Column[Any]]]]:
    """Columns that can hold a text of anybody's. A number of the house in an agent's row is the
    agent's."""
    for held in REGISTRY:
        # A row of the audit log names people where the registry looks, and is not rewritten.
        if held.kind in (Kind.STAFF, Kind.AUDIT):
            continue
        if columns := _texts_of(held):
            yield held, columns


def _texts_of(held: Held) -> list[Column[Any]]:
    return [
        column
        for column in held.table.c
        if isinstance(column.type, _OF_TEXT) and not column.primary_key
    ]


def _digits(text: str) -> int:
    return sum(letter.isdigit() for letter in text)
