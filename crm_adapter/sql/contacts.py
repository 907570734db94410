"""Contacts and open leads out of the customer's database."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import Candidate, Contact, ContactRef, Purchase
from crm_adapter.adapter import ChangePage, CrmError, HitKind, KeyField, NotFound, PhoneHit
from crm_adapter.mapped import reading
from crm_adapter.mapped.record_values import kind_and_id, ref_id
from crm_adapter.sql.changes import Cursor
from crm_adapter.sql.engine import errors_named
from crm_adapter.sql.people import PARTS, People, typed
from crm_adapter.sql.prepared import Prepared
from crm_adapter.sql.store import Store

log = logging.getLogger(__name__)

CRM = "sql"
#: Of each part of a contact's history.
RECENT = 20


class Contacts:
    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def by_phone(self, e164: str, limit: int) -> list[PhoneHit]:
        """Contacts before leads, each by its id."""
        prepared = await self._store.ready()
        hits: list[PhoneHit] = []
        async with self._store.reading() as connection:
            for kind, people in prepared.people.items():
                rows = await _rows(connection, people.by_phone(e164, limit))
                hits += await _hits(connection, people, kind, rows)
        return hits[:limit]

    async def by_key(self, field: KeyField, digits: str, limit: int) -> list[Candidate]:
        prepared = await self._store.ready()
        people, key = prepared.people[HitKind.CONTACT], prepared.keys[field]
        among = key.among(digits)
        statement = (
            people.by_key(key.column, digits, limit)
            if among is None
            else people.among(among, limit)
        )
        async with self._store.reading() as connection:
            rows = await _rows(connection, statement)
        found = {row["id"]: _candidate(_contact(people, HitKind.CONTACT, row)) for row in rows}
        return list(found.values())

    async def one(self, ref: ContactRef) -> Contact:
        """With its history. Raises NotFound."""
        prepared = await self._store.ready()
        kind, people, contact_id = place_of(prepared, ref)
        async with self._store.reading() as connection:
            rows = await _rows(connection, people.one(contact_id))
            if not rows:
                raise NotFound(f"there is no {kind.value} {ref}")
            contact = _contact(people, kind, rows[0])
        if kind is not HitKind.CONTACT:
            return contact
        return await self._with_history(prepared, contact, rows[0]["id"])

    async def _with_history(self, prepared: Prepared, contact: Contact, row_id: Any) -> Contact:
        purchases = await self._part(prepared.history, row_id, "history")
        return Contact(
            ref=contact.ref,
            first_name=contact.first_name,
            last_name=contact.last_name,
            company=contact.company,
            language=contact.language,
            url=contact.url,
            owner=contact.owner,
            balance=contact.balance,
            purchases=purchases,
            orders=await self._part(prepared.orders, row_id, "orders"),
            cases=await self._part(prepared.cases, row_id, "cases"),
            owns=frozenset(one.product for one in purchases if one.product),
        )

    async def _part(self, part: Any, row_id: Any, what: str) -> Any:
        """Empty where the database does not answer: the caller is known without it."""
        if part is None:
            return ()
        try:
            async with self._store.reading() as connection:
                return part.read(await _rows(connection, part.of(row_id, RECENT)))
        except CrmError as error:
            log.debug("sql: %s is left out: %s", what, type(error).__name__)
            return ()

    async def purchases(self, ref: ContactRef, limit: int) -> Sequence[Purchase]:
        prepared = await self._store.ready()
        _, people, contact_id = place_of(prepared, ref)
        assert prepared.history is not None
        async with self._store.reading() as connection:
            rows = await _rows(connection, prepared.history.of(contact_id, limit))
            if not rows and not await _rows(connection, people.one(contact_id)):
                raise NotFound(f"there is no contact {ref}")
        return prepared.history.read(rows)

    async def changed(self, cursor: Cursor, limit: int) -> ChangePage:
        prepared = await self._store.ready()
        people = prepared.people[HitKind.CONTACT]
        after = None if cursor.after is None else typed(people.id, cursor.after)
        async with self._store.reading() as connection:
            rows = await _rows(connection, people.changed(cursor.since, after, limit))
            hits = await _hits(connection, people, HitKind.CONTACT, rows)
        more = len(rows) >= limit
        last = (rows[-1]["changed_at"], str(rows[-1]["id"])) if rows else None
        return ChangePage(tuple(hits), (), str(cursor.following(last, more=more)), more)


def place_of(prepared: Prepared, ref: ContactRef) -> tuple[HitKind, People, Any]:
    """Where a contact is, and its id as its column holds it. Raises NotFound."""
    kind, text = kind_and_id(ref.id)
    people = prepared.people.get(HitKind(kind)) if ref.crm == CRM else None
    contact_id = None if people is None else typed(people.id, text)
    if people is None or contact_id is None:
        raise NotFound(f"there is no {kind} {ref}")
    return HitKind(kind), people, contact_id


async def _rows(connection: AsyncConnection, statement: Select[Any]) -> list[dict[str, Any]]:
    with errors_named():
        found = await connection.execute(statement)
        return [dict(row) for row in found.mappings()]


async def _hits(
    connection: AsyncConnection, people: People, kind: HitKind, rows: list[dict[str, Any]]
) -> list[PhoneHit]:
    """Each once, though a join may give a row several times."""
    by_id = {row["id"]: row for row in reversed(rows)}
    ordered = [by_id[contact] for contact in dict.fromkeys(row["id"] for row in rows)]
    stored: dict[Any, list[Any]] = {}
    more = people.numbers_of(list(by_id)) if by_id else None
    if more is not None:
        for row in await _rows(connection, more):
            stored.setdefault(row["contact"], []).append(row["number"])
    hits = []
    for row in ordered:
        contact = _contact(people, kind, row)
        numbers = reading.texts([*people.stored_numbers(row), *stored.get(row["id"], ())])
        version = reading.text(_plain(row.get("version")))
        hits.append(PhoneHit(_candidate(contact), numbers, kind, version, contact.owner))
    return hits


def _contact(people: People, kind: HitKind, row: dict[str, Any]) -> Contact:
    parts = {name: _plain(row[name]) for name in PARTS}
    owed = reading.amount(parts["balance"])
    parts["balance"] = None if owed is None else owed.scaleb(-people.part.balance_decimals)
    row_id = str(row["id"])
    url = people.part.url
    address = None if url is None else reading.web_address(url.address({"id": row_id}))
    return reading.contact(ContactRef(CRM, ref_id(kind.value, row_id)), parts, url=address)


def _candidate(contact: Contact) -> Candidate:
    return Candidate(contact.ref, contact.name, contact.company, contact.url)


def _plain(value: Any) -> Any:
    """Times and UUIDs as text; what JSON columns hold is no text."""
    if isinstance(value, date):
        return value.isoformat()
    if value is None or isinstance(value, str | int | float | Decimal | dict | list):
        return value
    return str(value)
