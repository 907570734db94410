"""Two contacts that are one person: merged in one transaction, and taken apart again.

The kept contact gets what the other had; the other's row is deleted, and its id leads to the kept
one. What could not be moved (the second of two accounts, a number both had) is in the journal only.
Taking apart puts back what was moved. What came to the kept contact after the merge stays there:
nobody knows for which of the two it was meant.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import Contact, ContactRef
from calls.errors import SwitchboardError, Unavailable
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import CRM
from crm_adapter.embedded.merge_tables import merged_contacts, merges
from storage.audit_chain import Entry
from storage.contact_rows import (
    ContactRows,
    Kept,
    Move,
    move,
    put_back,
    row_from_json,
    row_to_json,
)
from storage.database import Database

#: Taken over where the kept contact has nothing there.
_FILLED = (
    "first_name",
    "last_name",
    "company",
    "language",
    "url",
    "owner",
    "customer_number",
)
_NAME = ("first_name", "last_name")


class MergeRefused(SwitchboardError):
    """These contacts cannot be merged, or not be taken apart; the message says why."""


@dataclass(frozen=True, slots=True)
class Merged:
    """`moved` counts rows by table; `notes` say what did not go over."""

    merge_id: int
    kept_id: str
    merged_id: str
    moved: dict[str, int]
    filled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PastMerge:
    """One line of `switchboard contacts merges`."""

    merge_id: int
    kept_id: str
    merged_id: str
    merged_name: str
    by: str
    at: datetime
    undone_at: datetime | None


class _Tried(Exception):
    """Rolls back what was only to be tried."""

    def __init__(self, merged: Merged) -> None:
        super().__init__("tried only")
        self.merged = merged


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Merges:
    """Merges contacts of the embedded CRM."""

    def __init__(
        self,
        *,
        database: Database,
        rows: Sequence[ContactRows],
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        """`rows` of every feature: what they leave out is lost with the contact."""
        self._database = database
        self._rows = {rows_.table.name: rows_ for rows_ in rows}
        self._now = now

    async def merge(self, kept_id: str, other_id: str, *, by: str, dry_run: bool = False) -> Merged:
        """Raises MergeRefused, Unavailable. With `dry_run` nothing changes, and the answer says
        what would."""
        if kept_id == other_id:
            raise MergeRefused("a contact cannot be merged with itself")
        key = str(uuid.uuid4())

        async def work(link: AsyncConnection) -> Merged:
            merged = await self._merge(link, kept_id, other_id, by, key)
            if dry_run:
                raise _Tried(merged)
            return merged

        try:
            return await self._database.writer.write(work)
        except _Tried as tried:
            return tried.merged
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the database does not answer: see storage.url") from error

    async def unmerge(self, merge_id: int) -> Merged:
        """Raises MergeRefused, Unavailable."""

        async def work(link: AsyncConnection) -> Merged:
            return await self._unmerge(link, merge_id)

        try:
            return await self._database.writer.write(work)
        except IntegrityError as error:
            raise MergeRefused(
                f"merge {merge_id} cannot be undone: what the contact had belongs to another by "
                "now (its customer number, say)"
            ) from error
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the database does not answer: see storage.url") from error

    async def past(self, *, limit: int = 1_000) -> list[PastMerge]:
        """The newest first."""
        columns = [c for c in merges.c if c.name not in ("journal", "key")]
        query = select(*columns).order_by(merges.c.id.desc()).limit(limit)
        async with self._database.read() as link:
            return [
                PastMerge(
                    row.id,
                    row.kept_id,
                    row.merged_id,
                    row.merged_name,
                    row.by,
                    row.at,
                    row.undone_at,
                )
                for row in await link.execute(query)
            ]

    async def _merge(
        self, link: AsyncConnection, kept_id: str, other_id: str, by: str, key: str
    ) -> Merged:
        done = (await link.execute(select(merges).where(merges.c.key == key))).one_or_none()
        if done is not None:
            return self._told(done.id, kept_id, other_id, done.journal)
        both = await _locked(link, kept_id, other_id)
        kept, other = both[kept_id], both[other_id]
        accounts = await _account_numbers(link, kept_id, other_id)
        at = self._now()
        new = insert(merges).values(
            key=key,
            kept_id=kept_id,
            merged_id=other_id,
            merged_name=_name(other),
            by=by[:64],
            at=at,
            journal={},
        )
        merge_id = int((await link.execute(new.returning(merges.c.id))).scalar_one())
        asked = Move(CRM, other_id, kept_id, merge_id)
        moved = {name: await move(link, rows, asked) for name, rows in self._rows.items()}
        await link.execute(delete(tables.contacts).where(tables.contacts.c.id == other_id))
        filled = _filled(kept, other)
        await _change(link, kept_id, {name: each["after"] for name, each in filled.items()}, at)
        await link.execute(
            insert(merged_contacts).values(
                id=other_id,
                contact_id=kept_id,
                merge_id=merge_id,
                customer_number=None if "customer_number" in filled else other.customer_number,
                account_number=accounts.get(other_id) if kept_id in accounts else None,
            )
        )
        journal = {
            "contact": row_to_json(tables.contacts, other._asdict()),
            "filled": filled,
            "moved": {name: kept_rows for name, kept_rows in moved.items() if kept_rows},
            "notes": _notes(accounts, kept, other),
        }
        await link.execute(update(merges).where(merges.c.id == merge_id).values(journal=journal))
        await self._tell(link, "contact.merged", kept_id, other_id)
        return self._told(merge_id, kept_id, other_id, journal)

    def _told(self, merge_id: int, kept_id: str, other_id: str, journal: Kept) -> Merged:
        return Merged(
            merge_id,
            kept_id,
            other_id,
            {name: len(rows) for name, rows in journal["moved"].items()},
            tuple(journal["filled"]),
            tuple(journal["notes"]),
        )

    async def _tell(self, link: AsyncConnection, action: str, kept_id: str, other_id: str) -> None:
        told = {"contact": f"{CRM}:{kept_id}", "other": f"{CRM}:{other_id}"}
        await self._database.audit.append(link, Entry(action=action, details=told))

    async def _unmerge(self, link: AsyncConnection, merge_id: int) -> Merged:
        query = select(merges).where(merges.c.id == merge_id).with_for_update()
        found = (await link.execute(query)).one_or_none()
        if found is None:
            raise MergeRefused(f"there is no merge {merge_id}; see switchboard contacts merges")
        if found.undone_at is not None:
            raise MergeRefused(f"merge {merge_id} was undone already")
        await _still_there(link, found.kept_id)
        at, journal = self._now(), found.journal
        await _take_back(link, found.kept_id, journal["filled"], at)
        where = merged_contacts.c.id == found.merged_id
        await link.execute(delete(merged_contacts).where(where))
        contact = row_from_json(tables.contacts, journal["contact"])
        # Never an older version than somebody may have seen.
        contact |= {"version": contact["version"] + 2, "updated_at": at}
        await link.execute(insert(tables.contacts).values(contact))
        asked = Move(CRM, found.merged_id, found.kept_id, merge_id)
        for name, kept_rows in journal["moved"].items():
            rows = self._rows.get(name)
            if rows is None:
                raise MergeRefused(f"merge {merge_id} moved rows of {name}, which is unknown here")
            await put_back(link, rows, asked, kept_rows)
        await link.execute(update(merges).where(merges.c.id == merge_id).values(undone_at=at))
        await self._tell(link, "contact.unmerged", found.kept_id, found.merged_id)
        return self._told(merge_id, found.kept_id, found.merged_id, journal)


async def _locked(link: AsyncConnection, kept_id: str, other_id: str) -> dict[str, Row[Any]]:
    """Both contacts, held until the transaction ends; in one order, so that two merges of the same
    contacts wait for each other and not both."""
    query = (
        select(tables.contacts)
        .where(tables.contacts.c.id.in_((kept_id, other_id)))
        .order_by(tables.contacts.c.id)
        .with_for_update()
    )
    found = {row.id: row for row in await link.execute(query)}
    for contact_id in (kept_id, other_id):
        if contact_id not in found:
            raise MergeRefused(await _why_gone(link, contact_id))
    return found


async def _why_gone(link: AsyncConnection, contact_id: str) -> str:
    query = select(merged_contacts).where(merged_contacts.c.id == contact_id)
    gone = (await link.execute(query)).one_or_none()
    if gone is None:
        return f"there is no contact {contact_id}"
    return f"{contact_id} was merged into {gone.contact_id} already (merge {gone.merge_id})"


async def _still_there(link: AsyncConnection, kept_id: str) -> None:
    query = select(tables.contacts.c.id).where(tables.contacts.c.id == kept_id).with_for_update()
    if await link.scalar(query) is not None:
        return
    why = await _why_gone(link, kept_id)
    raise MergeRefused(f"{why}; undo that first")


async def _account_numbers(link: AsyncConnection, *contact_ids: str) -> dict[str, str]:
    held = tables.accounts.c
    query = select(held.contact_id, held.number).where(held.contact_id.in_(contact_ids))
    return {row.contact_id: row.number for row in await link.execute(query)}


def _filled(kept: Row[Any], other: Row[Any]) -> dict[str, dict[str, Any]]:
    """A name goes over whole: the first of one and the last of another would be a third."""
    has_name = any(getattr(kept, name) for name in _NAME)
    return {
        name: {"before": getattr(kept, name), "after": getattr(other, name)}
        for name in _FILLED
        if getattr(other, name) and not getattr(kept, name) and not (name in _NAME and has_name)
    }


async def _take_back(
    link: AsyncConnection, kept_id: str, filled: dict[str, dict[str, Any]], at: datetime
) -> None:
    """Only what is still as the merge left it."""
    query = select(tables.contacts).where(tables.contacts.c.id == kept_id)
    now = (await link.execute(query)).one()
    values = {
        name: each["before"] for name, each in filled.items() if getattr(now, name) == each["after"]
    }
    await _change(link, kept_id, values, at)


async def _change(
    link: AsyncConnection, contact_id: str, values: dict[str, Any], at: datetime
) -> None:
    version = tables.contacts.c.version + 1
    await link.execute(
        update(tables.contacts)
        .where(tables.contacts.c.id == contact_id)
        .values(values | {"version": version, "updated_at": at})
    )


def _notes(accounts: dict[str, str], kept: Row[Any], other: Row[Any]) -> list[str]:
    notes = []
    if len(accounts) > 1:
        notes.append(
            f"both have an account: callers hear the balance of {kept.id}'s and type its PIN; the "
            f"number of {other.id}'s still finds them"
        )
    both_named = kept.customer_number and other.customer_number
    if both_named and kept.customer_number != other.customer_number:
        notes.append(f"the customer number of {other.id} still finds them")
    return notes


def _name(contact: Row[Any]) -> str:
    ref = ContactRef(CRM, contact.id)
    return Contact(ref, contact.first_name, contact.last_name).name
