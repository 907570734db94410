"""Whom an older database brought back, erased again: those of `erased_list` whom it does not know
as erased, as far as a number or a contact in it is one of theirs."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import ContactRef
from config.settings import Settings
from crm_adapter.call_tables import calls
from crm_adapter.embedded import tables as crm
from crm_adapter.embedded.adapter import CRM as EMBEDDED
from crm_adapter.embedded.merge_tables import merged_contacts
from crm_adapter.phone_numbers import read_number
from storage.database import Database
from storage.erasure_tables import erasures
from storage.sealed.columns import SealedKey
from switchboard.privacy import erasing
from switchboard.privacy.erased_list import ErasedList, Line
from switchboard.privacy.person import Known, known_again
from switchboard.privacy.registry import REGISTRY, with_what_names_them

log = logging.getLogger(__name__)

_TABLES = tuple(held.table for held in REGISTRY)


@dataclass(slots=True)
class Again:
    """`people` stand in the list `file` and are not known as erased, of whom `found` were there.
    `left` is for people to do."""

    file: Path
    people: int = 0
    found: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        counts = dict(self.counts)
        return {"people": self.people, "found": self.found, "counts": counts, "left": self.left}

    def lines(self) -> list[str]:
        told = []
        if self.people:
            told.append(f"erased again: {self.found:,} of {self.people:,} people erased since")
        told += [f"  {name}: {count:,} erased" for name, count in sorted(self.counts.items())]
        return told + [f"left to do: {what}" for what in self.left]


async def missing(database: Database, listed: ErasedList) -> tuple[list[Line], int]:
    """Whom the list has and the database does not, and how many lines say nothing."""
    lines, unread = await asyncio.to_thread(listed.read)
    if not lines:
        return [], unread
    async with database.read() as link:
        known = set(await link.scalars(select(erasures.c.at)))
    return [line for line in lines if line.at not in known], unread


async def warn_if_older(database: Database, settings: Settings) -> None:
    """At a server's start: somebody put an older database back by other means than ours."""
    listed = ErasedList.of(settings)
    try:
        lines, _ = await missing(database, listed)
    except OSError as error:
        log.warning("privacy: %s is not read (%s)", listed.file, error.strerror)
        return
    if lines:
        log.warning(
            "privacy: %s has erasures that this database does not know of: %d. An older one was "
            "put back: stop the server and run `switchboard privacy erase-again`",
            listed.file,
            len(lines),
        )


async def erase_again(database: Database, settings: Settings) -> Again:
    """Nobody else uses the database. Raises what `erasing.erase` does; then it goes on where it was
    when it is asked once more."""
    listed = ErasedList.of(settings)
    lines, unread = await missing(database, listed)
    done = Again(listed.file, people=len(lines))
    if unread:
        done.left.append(f"lines of {listed.file} that say nothing: {unread}")
    others = [line for line in lines if line.key_id != listed.key.id]
    if others:
        done.left.append(
            f"people who stand in {listed.file} by another key of the audit log: {len(others)} "
            f"(erased from {others[0].at:%Y-%m-%d} to {others[-1].at:%Y-%m-%d}): put that key back "
            "and run `switchboard privacy erase-again`, or erase them by their numbers"
        )
    mine = [line for line in lines if line.key_id == listed.key.id]
    if not mine:
        return done
    async with database.read() as link:
        numbers = await _numbers(link, settings, listed, {m for one in mine for m in one.numbers})
        contacts = await _contacts(link, listed, {m for one in mine for m in one.contacts})
    for line in mine:
        known = Known(
            numbers={numbers[mark] for mark in line.numbers if mark in numbers},
            contacts={contacts[mark] for mark in line.contacts if mark in contacts},
            had_contacts=bool(line.contacts),
        )
        await _erase(database, settings, line, known, done)
    return done


async def _erase(
    database: Database, settings: Settings, line: Line, known: Known, done: Again
) -> None:
    async with database.read() as link:
        person, doubts = await known_again(link, known)
        person = await with_what_names_them(link, person)
        plan = await erasing.plan(link, person, at=line.at)
    done.left += doubts
    if not plan.counts and not plan.voices:

        async def note(link: AsyncConnection) -> None:
            await link.execute(insert(erasures).values(at=line.at, counts={}))

        await database.writer.write(note)
        return
    erased = await erasing.erase(database, settings, plan, at=line.at, now=True)
    done.found += 1
    done.counts += Counter(erased.counts)
    done.left += erased.left
    if plan.at_work:
        whom = ", ".join(sorted(person.numbers) or map(str, sorted(person.contacts, key=str)))
        done.left.append(
            f"{'; '.join(plan.at_work)}: so it was when the backup was made. Once the server runs, "
            f"erase once more: {whom}"
        )


async def _numbers(
    link: AsyncConnection, settings: Settings, listed: ErasedList, wanted: Collection[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    async for value in _all_numbers(link):
        number = value
        if not value.startswith("+"):
            own = settings.crm.own_numbers
            number = read_number(value, region=settings.crm.region, own_numbers=own).e164 or ""
        if number and (mark := listed.number(number)) in wanted:
            found[mark] = number
    return found


async def _all_numbers(link: AsyncConnection) -> AsyncIterator[str]:
    """Where numbers stand by themselves, in whatever spelling."""
    for column in (column for table in _TABLES for column in table.c):
        kind = column.type
        if isinstance(kind, SealedKey) and kind.place == "number":
            async with link.stream(select(column).where(column.is_not(None)).distinct()) as rows:
                async for (value,) in rows:
                    yield value
    async with link.stream(select(calls.c.callback).where(calls.c.callback.is_not(None))) as rows:
        async for (callback,) in rows:
            if isinstance(callback, dict) and isinstance(callback.get("number"), str):
                yield callback["number"]


async def _contacts(
    link: AsyncConnection, listed: ErasedList, wanted: Collection[str]
) -> dict[str, ContactRef]:
    found: dict[str, ContactRef] = {}
    for crm_name, contact in _contact_columns():
        question = select(crm_name, contact).where(contact.is_not(None)).distinct()
        async with link.stream(question) as rows:
            async for row in rows:
                ref = ContactRef(*row)
                if (mark := listed.contact(str(ref))) in wanted:
                    found[mark] = ref
    return found


def _contact_columns() -> Sequence[tuple[ColumnElement[str], Column[str]]]:
    """Where contacts stand: the CRM's name, and theirs in it."""
    here: ColumnElement[str] = literal(EMBEDDED)
    found = [(here, crm.contacts.c.id), (here, merged_contacts.c.id)]
    for table in _TABLES:
        contact = _first(table, "contact_id", "ref")
        if contact is not None:
            crm_name = _first(table, "contact_crm", "crm")
            found.append((here if crm_name is None else crm_name, contact))
    return found


def _first(table: Table, *names: str) -> Column[str] | None:
    return next((table.c[name] for name in names if name in table.c), None)
