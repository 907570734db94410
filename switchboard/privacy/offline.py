"""The commands of `switchboard privacy`, beside a running server."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import ContactRef
from calls.errors import SwitchboardError
from config.settings import Settings
from crm_adapter.adapters.choice import names_of
from crm_adapter.embedded.adapter import CRM as EMBEDDED
from crm_adapter.phone_numbers import NumberKind, read_number
from storage.audit_chain import Entry
from storage.database import Database
from switchboard.offline import opened
from switchboard.privacy import erasing, erasing_again, exporting, remnants
from switchboard.privacy.erased_list import ErasedList
from switchboard.privacy.erasing import Erased, Plan
from switchboard.privacy.erasing_again import Again
from switchboard.privacy.person import Person, by_crm, person_of
from switchboard.privacy.registry import with_what_names_them
from switchboard.privacy.retention import Retention

#: Who asks by hand waits for all of it.
_TO_THE_END = 1_000_000
#: Of one statement that looks through all texts of a large table, or vacuums it.
_STATEMENT_S: Final = 3_600.0

_opened = partial(opened, statement_s=_STATEMENT_S)


class NotANumber(SwitchboardError):
    """What was given is nobody's number, or our own."""


async def pruned(settings: Settings, *, dry_run: bool) -> Counter[str]:
    async with _opened(settings) as database:
        retention = Retention(database=database, settings=settings, now=_now, batches=_TO_THE_END)
        return await retention.run(only_count=dry_run)


async def exported(
    settings: Settings, number: str, only: Sequence[ContactRef], *, shared: bool
) -> dict[str, Any]:
    e164 = read(settings, number)
    async with _opened(settings) as database:
        # First: what was told to somebody is told here, too.
        await database.audit.write(Entry(action="privacy.export", details={"number": e164}))
        async with database.read() as link:
            person = await _whole(link, e164, only, shared=shared)
            told = await exporting.export(link, person, at=_now())
    return told | {"not_ours": elsewhere(settings, person)}


@dataclass(slots=True)
class Erasure:
    settings: Settings
    number: str
    only: Sequence[ContactRef] = ()
    shared: bool = False

    async def planned(self) -> Plan:
        e164 = read(self.settings, self.number)
        async with _opened(self.settings) as database:
            return await self._plan(database, e164)

    async def done(self, *, now: bool = False, vacuum: bool | None = None) -> Erased:
        """Planned anew: meanwhile somebody may have answered a question."""
        e164 = read(self.settings, self.number)
        async with _opened(self.settings) as database:
            plan, at = await self._plan(database, e164), _now()
            erased = await erasing.erase(database, self.settings, plan, at=at, now=now)
            left = [*erased.left, *await self._listed(plan.person, at)]
            left += await _tidied(self.settings, database, erased.counts, vacuum=vacuum)
        if plan.at_work:
            left.append("it was erased in the middle of something: erase once more after it")
        left += elsewhere(self.settings, plan.person)
        return replace(erased, left=tuple(left))

    async def _plan(self, database: Database, e164: str) -> Plan:
        async with database.read() as link:
            person = await _whole(link, e164, self.only, shared=self.shared)
            return await erasing.plan(link, person, at=_now())

    async def _listed(self, person: Person, at: datetime) -> list[str]:
        """By which a restore does it again; the rows are gone, whatever comes of this."""
        try:
            listed = ErasedList.of(self.settings)
            contacts = map(str, person.contacts)
            await asyncio.to_thread(listed.note, at, person.numbers, contacts)
        except (SwitchboardError, OSError) as error:
            return [
                f"not noted in audit.folder ({error}): erase once more, or after each restore of a "
                "backup of before"
            ]
        return []


async def _tidied(
    settings: Settings, database: Database, counts: Mapping[str, int], *, vacuum: bool | None
) -> list[str]:
    path = remnants.sqlite_file(settings.storage.url)
    if path is None:
        archive = "PostgreSQL's archive of its write-ahead log, where you keep one"
        failed = await remnants.vacuum_postgres(database, counts)
        return [*(f'VACUUM "{name}" in PostgreSQL ({why})' for name, why in failed), archive]
    is_wanted = path.stat().st_size <= remnants.SOON_BYTES if vacuum is None else vacuum
    work = remnants.make_anew if is_wanted else remnants.empty_log
    left = []
    try:
        if not await asyncio.to_thread(work, path):
            left.append(f"{path}-wal is in use for long: erase once more, later")
    except sqlite3.Error as error:
        left.append(f"what deleted rows leave in {path} ({error}): erase once more, later")
    if not is_wanted:
        left.append(
            f"what earlier changes left in free places of {path}: once more with --vacuum, at "
            "a quiet hour"
        )
    return left


async def erased_again(settings: Settings) -> Again:
    """With the server stopped. Raises what the database, Redis and folders do."""
    async with _opened(settings) as database:
        done = await erasing_again.erase_again(database, settings)
        if done.found:
            done.left += await _tidied(settings, database, done.counts, vacuum=None)
    return done


def read(settings: Settings, number: str) -> str:
    """Raises NotANumber."""
    found = read_number(number, region=settings.crm.region, own_numbers=settings.crm.own_numbers)
    if found.kind is NumberKind.OWN:
        raise NotANumber("this is one of crm.own_numbers: it is ours, not a person's")
    if found.e164 is None:
        raise NotANumber("this is no telephone number: write it like +12025550101")
    return found.e164


async def _whole(
    link: AsyncConnection, e164: str, only: Sequence[ContactRef], *, shared: bool
) -> Person:
    person = await person_of(link, e164, only=only, shared=shared)
    return await with_what_names_them(link, person)


def elsewhere(settings: Settings, person: Person) -> list[str]:
    """What is not in our hands, for people to do."""
    told = []
    found = by_crm(person.contacts)
    for name in names_of(settings):
        if name != EMBEDDED:
            ids = ", ".join(found.get(name, ())) or "whoever has this number"
            told.append(f"the CRM {name}: {ids}, with the calls, leads and tasks we wrote there")
    told.append(
        "backups made before now: `switchboard restore` erases again by itself, with this "
        "machine's audit.folder"
    )
    told.append("Asterisk's own call records (CDR, CEL), its logs and its own recordings")
    if any(settings.crm.webhooks_out) or any(settings.pops.webhooks):
        told.append("the systems that webhooks told of their calls")
    return told


def _now() -> datetime:
    return datetime.now(UTC)
