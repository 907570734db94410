"""How good the contacts are: which numbers can be dialled, and what is missing."""

from __future__ import annotations

import asyncio
import enum
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import phonenumbers
from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.exc import SQLAlchemyError

from calls.errors import Unavailable
from crm_adapter.embedded import tables
from crm_adapter.embedded.duplicates import Duplicates
from storage.database import Database

Progress = Callable[[int, int], None]

_BATCH = 2_000


class NumberQuality(enum.StrEnum):
    """What libphonenumber says of a number."""

    VALID = "valid"
    #: Of a length that can be dialled, in no range it knows.
    POSSIBLE = "possible"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class FieldGap:
    """`filled` of all contacts have the field."""

    field: str
    filled: int


@dataclass(frozen=True, slots=True)
class Quality:
    contacts: int
    #: How many numbers are of each quality.
    numbers: dict[NumberQuality, int]
    fields: tuple[FieldGap, ...]
    #: With neither number nor e-mail.
    unreachable: int
    #: Numbers that several contacts have.
    shared_numbers: int
    duplicates: Duplicates | None = None

    def missing(self, field: str) -> int:
        [filled] = [gap.filled for gap in self.fields if gap.field == field]
        return self.contacts - filled


def quality_of_number(e164: str) -> NumberQuality:
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return NumberQuality.UNREADABLE
    if phonenumbers.is_valid_number(number):
        return NumberQuality.VALID
    is_possible = phonenumbers.is_possible_number(number)
    return NumberQuality.POSSIBLE if is_possible else NumberQuality.UNREADABLE


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


async def measure(
    database: Database, *, duplicates: Duplicates | None = None, progress: Progress = _silent
) -> Quality:
    """Raises Unavailable. `duplicates` were found before, and are told with the rest."""
    try:
        contacts, fields, unreachable, shared = await _count(database)
        numbers = await _numbers(database, progress)
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable("the database does not answer: see storage.url") from error
    return Quality(contacts, numbers, fields, unreachable, shared, duplicates)


def _has(table: Any) -> ColumnElement[bool]:
    return exists().where(table.c.contact_id == tables.contacts.c.id)


def _filled() -> dict[str, ColumnElement[bool]]:
    contact = tables.contacts.c
    said = {
        name: func.coalesce(contact[name], "") != ""
        for name in ("first_name", "last_name", "company", "language", "owner", "customer_number")
    }
    name = or_(said["first_name"], said["last_name"])
    return {
        "number": _has(tables.contact_numbers),
        "email": _has(tables.contact_emails),
        "name": name,
        **said,
    }


async def _count(database: Database) -> tuple[int, tuple[FieldGap, ...], int, int]:
    filled = _filled()
    unreachable = and_(not_(filled["number"]), not_(filled["email"]))
    query = select(
        func.count(),
        func.count().filter(unreachable),
        *(func.count().filter(is_filled) for is_filled in filled.values()),
    ).select_from(tables.contacts)
    number = tables.contact_numbers.c
    several = select(number.e164).group_by(number.e164).having(func.count() > 1).subquery()
    async with database.read() as link:
        contacts, cannot, *counts = (await link.execute(query)).one()
        shared = await link.scalar(select(func.count()).select_from(several))
    gaps = tuple(FieldGap(name, count) for name, count in zip(filled, counts, strict=True))
    return contacts, gaps, cannot, int(shared or 0)


async def _numbers(database: Database, progress: Progress) -> dict[NumberQuality, int]:
    found: Counter[NumberQuality] = Counter()
    done = 0
    async with database.read() as link:
        number = tables.contact_numbers.c.e164
        total = int(await link.scalar(select(func.count(number))) or 0)
        async with link.stream(select(number)) as rows:
            async for batch in rows.scalars().partitions(_BATCH):
                found.update(await asyncio.to_thread(_qualities, list(batch)))
                done += len(batch)
                progress(done, total)
    return {quality: found[quality] for quality in NumberQuality}


def _qualities(numbers: list[str]) -> Counter[NumberQuality]:
    return Counter(map(quality_of_number, numbers))
