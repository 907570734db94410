"""One person goes: files and Redis first, then every row in one transaction, so that whoever is
interrupted leaves either all rows or none, and finds the rest again."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from calls.errors import SwitchboardError
from config.settings import Settings
from crm_adapter.call_tables import calls, outbox
from crm_adapter.embedded import tables as crm
from crm_adapter.embedded.import_tables import imports
from screenpop.pops.pop_tables import pops
from storage.audit_chain import Entry
from storage.audit_check import ERASE
from storage.audit_log import AuditLog
from storage.database import Database
from storage.erasure_tables import erasures
from switchboard.privacy import mentions, pop_searches, told_events, voices
from switchboard.privacy.held import AT_ONCE, Held, Key
from switchboard.privacy.mentions import Marks, Mention
from switchboard.privacy.person import Person
from switchboard.privacy.registry import OF_PEOPLE

log = logging.getLogger(__name__)

#: As long as SQLite's writers wait for each other.
LOCK_MS = 5_000
VOICES, STREAM, MENTIONS = "recordings", "redis", "mentions"


class StillAtWork(SwitchboardError):
    """Something of theirs goes on just now, and would be written again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What there is to erase. `voices` are the names of what they said."""

    person: Person
    rows: tuple[tuple[Held, tuple[Key, ...]], ...]
    mentions: tuple[Mention, ...]
    voices: frozenset[str]
    at_work: tuple[str, ...]

    @property
    def counts(self) -> Counter[str]:
        found = Counter({held.table.name: len(keys) for held, keys in self.rows if keys})
        if self.mentions:
            found[MENTIONS] = len(self.mentions)
        return found


@dataclass(frozen=True, slots=True)
class Erased:
    """`left` is for people to do; `named` where a name of theirs still stands, with how many
    rows."""

    counts: Mapping[str, int]
    left: Sequence[str] = ()
    named: Mapping[str, int] = field(default_factory=dict)


async def plan(link: AsyncConnection, person: Person, *, at: datetime) -> Plan:
    """Reads only."""
    rows = []
    for held in OF_PEOPLE:
        rows.append((held, tuple(await held.keys_of(link, person))))
    going = {(held.table.name, key) for held, keys in rows for key in keys}
    found = await mentions.of_person(link, person)
    others = [one for one in found if (one.held.table.name, one.key) not in going]
    return Plan(
        person,
        tuple(rows),
        tuple(others),
        await _voices(link, person),
        (*await _at_work(link, person, at), *await _named_at_work(link, others)),
    )


async def _voices(link: AsyncConnection, person: Person) -> frozenset[str]:
    """Names of recordings in their calls, leads and tasks."""
    found: set[str] = set()
    of_calls = select(calls.c.recordings).where(
        person.has_call(calls.c.system, calls.c.linkedid), calls.c.recordings.is_not(None)
    )
    for told in await link.scalars(of_calls):
        found |= {str(one.get("name")) for one in told}
    lead, task = crm.leads.c, crm.tasks.c
    for question in (
        select(lead.recording).where(person.has_number(lead.number)),
        select(lead.name_recording).where(person.has_number(lead.number)),
        select(task.recording).where(
            or_(person.has_number(task.number), person.has_contact(task.contact_id))
        ),
    ):
        found |= {name for name in await link.scalars(question) if name}
    return frozenset(found)


async def _at_work(link: AsyncConnection, person: Person, at: datetime) -> list[str]:
    told = []
    for part in person.in_parts():
        live = select(calls.c.linkedid).where(
            part.has_call(calls.c.system, calls.c.linkedid), calls.c.ended_at.is_(None)
        )
        told += [f"the call {name} goes on" for name in await link.scalars(live)]
        shown = select(pops.c.agent).where(
            pops.c.pop_id.in_(sorted(part.pops)), pops.c.state != "closed"
        )
        told += [f"{agent} has them on the desktop" for agent in await link.scalars(shown)]
    owed = [held for held in OF_PEOPLE if held.table is outbox]
    for held in owed:
        keys = await held.keys_of(link, person)
        for some in _batches(keys):
            leased = select(outbox.c.key).where(
                held.among(some), outbox.c.state == "claimed", outbox.c.leased_until > at
            )
            told += [f"the outbox delivers {key} now" for key in await link.scalars(leased)]
    if await link.scalar(select(imports.c.id).limit(1)) is not None:
        told.append("an import is under way, which may bring them back")
    return told


async def _named_at_work(link: AsyncConnection, others: Sequence[Mention]) -> list[str]:
    """What names them and is open: the server would write it again as it knows it."""
    told = []
    for table, is_open, say in (
        (calls, calls.c.ended_at.is_(None), "the call {}, which names them, goes on"),
        (pops, pops.c.state != "closed", "the pop {}, which names them, is on a desktop"),
    ):
        named = [one for one in others if one.held.table is table]
        for start in range(0, len(named), AT_ONCE):
            some = named[start : start + AT_ONCE]
            mine = some[0].held.among([one.key for one in some])
            question = select(*some[0].held.key).where(mine, is_open)
            told += [say.format(row[-1]) for row in await link.execute(question)]
    return told


async def erase(
    database: Database, settings: Settings, wanted: Plan, *, at: datetime, now: bool = False
) -> Erased:
    """Raises StillAtWork (unless `now`), and what database, Redis or folder raise: then the rows
    are all there still."""
    if wanted.at_work and not now:
        raise StillAtWork(
            f"not erased: {'; '.join(wanted.at_work)}. Wait for the end, or give --now and erase "
            "once more after it"
        )
    left: list[str] = []
    counts: Counter[str] = Counter()
    folder = settings.privacy.recordings_dir
    if folder is not None:
        counts[VOICES] = await asyncio.to_thread(_remove_voices, folder, wanted.voices)
    elif wanted.voices:
        left.append(
            "recordings on Asterisk's machine, in `monitor` of its astspooldir (or set "
            f"privacy.recordings_dir): {', '.join(sorted(wanted.voices))}"
        )
    if settings.redis.url is not None:
        counts[STREAM] = await told_events.forget(settings, wanted.person)
    crash_points.reached("privacy.files_gone")
    work = partial(_erase_rows, wanted=wanted, at=at, audit=database.audit)
    counts |= await database.writer.write(work)
    crash_points.reached("privacy.rows_gone")
    named: Counter[str] = Counter()
    try:
        async with database.read() as link:
            named = await mentions.of_names(link, wanted.person)
    except (SQLAlchemyError, OSError) as error:
        # The rows are gone, and that is what is to be told.
        left.append(f"whether a name of theirs still stands was not seen ({type(error).__name__})")
    return Erased(+counts, tuple(left), dict(named))


def _remove_voices(folder: Path, names: frozenset[str]) -> int:
    paths = voices.named(folder, names)
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


async def _erase_rows(
    link: AsyncConnection, *, wanted: Plan, at: datetime, audit: AuditLog
) -> Counter[str]:
    if link.dialect.name == "sqlite":
        # What is deleted is overwritten (sqlite.org/pragma.html#pragma_secure_delete).
        await link.exec_driver_sql("PRAGMA secure_delete=ON")
    else:
        # Who waits for a row holds others that a server waits for.
        await link.exec_driver_sql(f"SET LOCAL lock_timeout = {LOCK_MS}")
    counts: Counter[str] = Counter()
    marks = Marks.of(wanted.person)
    for mention in wanted.mentions:
        changed = await mention.strike(link, marks)
        counts[MENTIONS] += bool(changed)
        if mention.held.table is pops and "payload" in changed:
            await pop_searches.renew(link, *mention.key)
    for held, keys in wanted.rows:
        for some in _batches(keys):
            counts[held.table.name] += await _remove(link, held, some)
    told = {name: count for name, count in counts.items() if count}
    await link.execute(insert(erasures).values(at=at, counts=told))
    await audit.append(link, Entry(action=ERASE, details={"counts": told}))
    return counts


async def _remove(link: AsyncConnection, held: Held, keys: Sequence[Key]) -> int:
    if not held.blank:
        return (await link.execute(delete(held.table).where(held.among(keys)))).rowcount
    if not any(callable(value) for value in held.blank.values()):
        blank = update(held.table).where(held.among(keys)).values(dict(held.blank))
        return (await link.execute(blank)).rowcount
    for key in keys:
        values: dict[str, Any] = {
            name: value() if callable(value) else value for name, value in held.blank.items()
        }
        await link.execute(update(held.table).where(held.among([key])).values(values))
    return len(keys)


def _batches(keys: Sequence[Key]) -> list[Sequence[Key]]:
    return [keys[start : start + AT_ONCE] for start in range(0, len(keys), AT_ONCE)]
