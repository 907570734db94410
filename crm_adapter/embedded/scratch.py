"""Contacts by what they share, in a file of our own that is gone afterwards."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Self

from crm_adapter.embedded.likeness import Person

_SHARED = "SELECT key FROM entries GROUP BY key HAVING count(*) > 1"


class Scratch:
    """Used by one thread at a time. It says nothing to the disk that would survive a crash, and
    needs no such thing."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="switchboard-duplicates-")
        self._link = sqlite3.connect(
            Path(self._folder.name) / "scratch.db", isolation_level=None, check_same_thread=False
        )
        for statement in (
            "PRAGMA journal_mode=OFF",
            "PRAGMA synchronous=OFF",
            "PRAGMA cache_size=-32000",
            "PRAGMA temp_store=FILE",
            "CREATE TABLE people (n INTEGER PRIMARY KEY, person TEXT NOT NULL)",
            "CREATE TABLE entries (key TEXT NOT NULL, n INTEGER NOT NULL)",
        ):
            self._link.execute(statement)
        self._next = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._link.close()
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    def add(self, people: Sequence[tuple[Person, list[str]]]) -> None:
        persons, entries = [], []
        for person, keys in people:
            self._next += 1
            persons.append((self._next, _text(person)))
            entries += [(key, self._next) for key in keys]
        self._link.execute("BEGIN")
        self._link.executemany("INSERT INTO people VALUES (?, ?)", persons)
        self._link.executemany("INSERT INTO entries VALUES (?, ?)", entries)
        self._link.execute("COMMIT")

    def shared_count(self) -> int:
        """How many entries `blocks` will give."""
        self._link.execute("CREATE INDEX by_key ON entries (key, n)")
        query = f"SELECT count(*) FROM entries WHERE key IN ({_SHARED})"  # noqa: S608 -- our own text
        return int(self._link.execute(query).fetchone()[0])

    def blocks(self) -> Iterator[tuple[str, list[Person]]]:
        """Each key that several share, in order, with them; after `shared_count`."""
        rows = self._link.execute(
            "SELECT entries.key, people.person "  # noqa: S608 -- our own text
            f"FROM ({_SHARED} ORDER BY key) AS shared "
            "CROSS JOIN entries ON entries.key = shared.key "
            "CROSS JOIN people ON people.n = entries.n"
        )
        for key, group in groupby(rows, key=itemgetter(0)):
            yield key, [_person(text) for _, text in group]


def _text(person: Person) -> str:
    known = (person.id, person.first, person.last, person.company)
    more = (sorted(person.numbers), sorted(person.emails), person.has_history)
    return json.dumps((*known, *more), ensure_ascii=False)


def _person(text: str) -> Person:
    contact_id, first, last, company, numbers, emails, bought = json.loads(text)
    return Person(contact_id, first, last, company, frozenset(numbers), frozenset(emails), bought)
