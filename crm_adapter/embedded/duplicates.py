"""Contacts that may be one person, found without comparing everybody with everybody.

Contacts are compared that share a number, an e-mail, or a name and a company (below 0.8 also those
who share a name alone). What is shared stands in a scratch file, sorted by SQLite: memory does not
grow with the contacts.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, String, exists, func, select, type_coerce
from sqlalchemy.exc import SQLAlchemyError

from calls.errors import Unavailable
from crm_adapter.embedded import tables
from crm_adapter.embedded.likeness import Likeness, Person, folded, likeness, whole_name
from crm_adapter.embedded.scratch import Scratch
from storage.database import Database
from storage.sealed.columns import SealedKey, SealedKeys

Progress = Callable[[int, int], None]

PROPOSED = 0.8
#: A name alone is worth looking at from here down.
_NAME_ALONE = 0.6
_BATCH = 2_000
#: So many contacts with one number, e-mail or name are compared each with each; of more, each with
#: its next neighbours by name.
_CROWD = 40
_NEIGHBOURS = 8


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contacts that may be one. `likeness` says why."""

    one: Person
    two: Person
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The surest `pairs` first; `count` are all, and `by_kind` what they share (a pair that
    shares number and e-mail counts for both)."""

    pairs: tuple[Pair, ...]
    count: int
    by_kind: dict[str, int]
    contacts: int


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


async def find_duplicates(
    database: Database,
    *,
    least: float = PROPOSED,
    limit: int = 1_000,
    only: frozenset[str] | None = None,
    progress: Progress = _silent,
) -> Duplicates:
    """Pairs whose confidence is `least` or more; of these the `limit` surest. `only`: at least
    one of a pair is among these ids. Raises Unavailable."""
    search = _Search(least, limit, only)
    with Scratch() as scratch:
        try:
            contacts = await _copy(database, scratch, search, progress)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the database does not answer: see storage.url") from error
        total = await asyncio.to_thread(scratch.shared_count)
        blocks = scratch.blocks()
        done = 0
        while took := await asyncio.to_thread(search.take, blocks):
            done += took
            progress(contacts + min(done, total), contacts + total)
        progress(contacts + total, contacts + total)
    return search.result(contacts)


async def _copy(database: Database, scratch: Scratch, search: _Search, progress: Progress) -> int:
    async with database.read() as link:
        total = int(await link.scalar(select(func.count()).select_from(tables.contacts)) or 0)
        done = 0
        async with link.stream(_people()) as rows:
            async for batch in rows.partitions(_BATCH):
                people = [_person(row) for row in batch]
                await asyncio.to_thread(scratch.add, [(one, search.keys(one)) for one in people])
                done += len(people)
                # Comparing is about as much work again.
                progress(done, 2 * total)
    return done


def _people() -> Select[Any]:
    contact, number, email = tables.contacts.c, tables.contact_numbers.c, tables.contact_emails.c
    numbers = select(_listed(number.e164)).where(number.contact_id == contact.id)
    emails = select(_listed(email.folded)).where(email.contact_id == contact.id)
    return select(
        contact.id,
        contact.first_name,
        contact.last_name,
        func.coalesce(contact.company, "").label("company"),
        numbers.scalar_subquery().label("numbers"),
        emails.scalar_subquery().label("emails"),
        exists().where(tables.purchases.c.contact_id == contact.id).label("has_history"),
    )


def _listed(column: ColumnElement[str]) -> ColumnElement[list[str]]:
    assert isinstance(column.type, SealedKey)
    together = func.aggregate_strings(type_coerce(column, String), " ")
    return type_coerce(together, SealedKeys(column.type.place))


def _person(row: Row[Any]) -> Person:
    return Person(
        row.id,
        row.first_name,
        row.last_name,
        row.company,
        frozenset(row.numbers or ()),
        frozenset(row.emails or ()),
        bool(row.has_history),
    )


class _Search:
    def __init__(self, least: float, limit: int, only: frozenset[str] | None) -> None:
        self._least = least
        self._limit = limit
        self._only = only
        #: The least sure on top, so that a surer one takes its place.
        self._best: list[tuple[float, int, Pair]] = []
        self._count = 0
        self._by_kind: dict[str, int] = {}
        self._crowds: set[str] = set()

    def keys(self, one: Person) -> list[str]:
        """What it is compared by. Sorted: a pair is compared under the first key it shares."""
        keys = [f"e {email}" for email in one.emails]
        keys += [f"p {number}" for number in one.numbers]
        name, company = whole_name(one.first, one.last), folded(one.company)
        if name and company:
            # The first letters of each part: a typing error later in the name changes nothing.
            start = " ".join(part[:2] for part in name.split())
            keys.append(f"c {company}/{start}")
        if name and self._least <= _NAME_ALONE:
            keys.append(f"n {name}")
        return sorted(keys)

    def take(self, blocks: Iterator[tuple[str, list[Person]]]) -> int:
        """Compares the contacts of some keys; returns how many entries that were, 0 at the end."""
        taken = 0
        for key, people in blocks:
            taken += len(people)
            for one, two in self._to_compare(key, people):
                if key == self._first_shared(one, two):
                    self._look_at(one, two)
            if taken >= _BATCH:
                break
        return taken

    def _to_compare(self, key: str, people: list[Person]) -> Iterator[tuple[Person, Person]]:
        if len(people) <= _CROWD:
            reach = len(people)
        else:
            self._crowds.add(key)
            people.sort(key=lambda one: (whole_name(one.first, one.last), one.id))
            reach = _NEIGHBOURS
        for index, one in enumerate(people):
            for two in people[index + 1 : index + 1 + reach]:
                yield one, two

    def _first_shared(self, one: Person, two: Person) -> str | None:
        """Of those under which the two certainly meet; in a crowd they may not."""
        shared = set(self.keys(one)) & set(self.keys(two))
        return min(shared - self._crowds, default=None) or min(shared)

    def _look_at(self, one: Person, two: Person) -> None:
        if self._only is not None and not {one.id, two.id} & self._only:
            return
        found = likeness(one, two)
        if found.confidence < self._least:
            return
        self._count += 1
        for kind in found.shared or ("name",):
            self._by_kind[kind] = self._by_kind.get(kind, 0) + 1
        # The fuller record first: it is the one to keep.
        earlier, later = sorted((one, two), key=lambda person: person.id)
        second, first = sorted((later, earlier), key=_fullness)
        entry = (found.confidence, -self._count, Pair(first, second, found))
        if len(self._best) < self._limit:
            heapq.heappush(self._best, entry)
        elif self._best and entry > self._best[0]:
            heapq.heapreplace(self._best, entry)

    def result(self, contacts: int) -> Duplicates:
        surest = sorted(self._best, key=lambda entry: (-entry[0], entry[2].one.id, entry[2].two.id))
        pairs = tuple(pair for _, _, pair in surest)
        return Duplicates(pairs, self._count, self._by_kind, contacts)


def _fullness(person: Person) -> tuple[bool, int]:
    fields = (person.first, person.last, person.company)
    said = sum(map(bool, fields)) + len(person.numbers) + len(person.emails)
    return person.has_history, said
