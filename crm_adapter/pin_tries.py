"""The book of wrong PINs: durable, and exact for every process that shares the database."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import ContactRef
from crm_adapter.call_tables import pin_tries
from storage.database import Database
from storage.insert_once import insert_once

MOST_WRONG = 5
WITHIN = timedelta(hours=1)


class PinTries:
    """A try is counted as a wrong one before it is judged, and given back where it was right: so
    no number of callers at once gets more than `MOST_WRONG` wrong answers into any `WITHIN`."""

    def __init__(self, *, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    async def begin(self, contact: ContactRef) -> str | None:
        """The try's id, or None where the contact has had too many. Raises what the writer does."""
        mine, at = str(uuid.uuid4()), self._now()

        async def work(link: AsyncConnection) -> bool:
            key = {"contact_crm": contact.crm, "contact_id": contact.id}
            await insert_once(link, pin_tries, [key | {"tries": []}])
            recent = [one for one in await _locked(link, contact) if _age(one, at) < WITHIN]
            if any(one[1] == mine for one in recent):
                return True  # this work ran before, and was committed after all
            allowed = len(recent) < MOST_WRONG
            await _write(link, contact, [*recent, [at.isoformat(), mine]] if allowed else recent)
            return allowed

        allowed = await self._database.writer.write(work, urgent=True)
        return mine if allowed else None

    async def give_back(self, contact: ContactRef, one: str) -> None:
        async def work(link: AsyncConnection) -> None:
            kept = [each for each in await _locked(link, contact) if each[1] != one]
            await _write(link, contact, kept)

        await self._database.writer.write(work, urgent=True)


def _is_of(contact: ContactRef) -> Any:
    return and_(pin_tries.c.contact_crm == contact.crm, pin_tries.c.contact_id == contact.id)


async def _locked(link: AsyncConnection, contact: ContactRef) -> list[list[str]]:
    """On PostgreSQL the row stays ours to the end of the transaction; SQLite has one writer."""
    query = select(pin_tries.c.tries).where(_is_of(contact)).with_for_update()
    return list(await link.scalar(query) or ())


async def _write(link: AsyncConnection, contact: ContactRef, tries: list[list[str]]) -> None:
    await link.execute(update(pin_tries).where(_is_of(contact)).values(tries=tries))


def _age(one: list[str], at: datetime) -> timedelta:
    return at - datetime.fromisoformat(one[0])
