"""The CRM that comes with Switchboard, on both databases."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import ContactRef
from crm_adapter import phone_numbers
from crm_adapter.adapter import CrmAdapter
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from storage.database import Database
from tests.crm_worlds.world import CallRow, LeadRow, TaskRow, WorldKind


@dataclass
class EmbeddedWorld:
    """Implements `tests.crm_worlds.world.CrmWorld`."""

    database: Database
    crm: CrmAdapter
    other: CrmAdapter
    secrets: Sequence[str] = ()

    async def server_version(self) -> str:
        async with self.database.read() as connection:
            if connection.dialect.name == "sqlite":
                return f"SQLite {await connection.scalar(text('SELECT sqlite_version()'))}"
            return f"PostgreSQL {await connection.scalar(text('SHOW server_version'))}"

    async def add_contact(
        self,
        *numbers: str,
        last_name: str = "Caller",
        first_name: str = "",
        company: str | None = None,
        customer_number: str | None = None,
        account_number: str | None = None,
    ) -> ContactRef:
        """Numbers become E.164 on their way in, as the importer makes them."""
        contact_id = f"C-{uuid.uuid4().hex[:12]}"
        known = [phone_numbers.to_e164(number, "GB") for number in numbers]
        contact = {
            "id": contact_id,
            "first_name": first_name,
            "last_name": last_name,
            "company": company,
            "customer_number": customer_number,
            "updated_at": datetime.now(UTC),
        }
        await self._insert(tables.contacts, contact)
        if account_number is not None:
            account = {"contact_id": contact_id, "number": account_number}
            await self._insert(tables.accounts, account)
        for e164 in dict.fromkeys(known):
            await self._insert(tables.contact_numbers, {"contact_id": contact_id, "e164": e164})
        return ContactRef("embedded", contact_id)

    async def add_purchase(
        self, contact: ContactRef, *, product: str, at: datetime, amount: Decimal
    ) -> None:
        known = await self._rows(tables.products)
        if product not in {row.code for row in known}:
            await self._insert(tables.products, {"code": product, "name": product})
        bought = {
            "id": uuid.uuid4().hex,
            "contact_id": contact.id,
            "product": product,
            "at": at,
            "amount": amount,
            "currency": "GBP",
        }
        await self._insert(tables.purchases, bought)

    async def add_order(
        self, contact: ContactRef, *, number: str, at: datetime, is_open: bool = True
    ) -> None:
        order = {
            "id": uuid.uuid4().hex,
            "contact_id": contact.id,
            "status": "packed" if is_open else "delivered",
            "placed_at": at,
            "is_open": is_open,
            "number": number,
        }
        await self._insert(tables.orders, order)

    async def add_case(
        self, contact: ContactRef, *, subject: str, at: datetime, is_open: bool = True
    ) -> None:
        case = {
            "id": uuid.uuid4().hex,
            "contact_id": contact.id,
            "subject": subject,
            "kind": "question",
            "is_open": is_open,
            "opened_at": at,
        }
        await self._insert(tables.cases, case)

    async def rename_contact(self, contact: ContactRef, last_name: str) -> None:
        known = tables.contacts.c
        statement = update(tables.contacts).where(known.id == contact.id)
        values = {
            "last_name": last_name,
            "version": known.version + 1,
            "updated_at": datetime.now(UTC),
        }
        await self.database.writer.write(lambda link: link.execute(statement.values(values)))

    async def delete_contact(self, contact: ContactRef) -> None:
        statement = delete(tables.contacts).where(tables.contacts.c.id == contact.id)
        await self.database.writer.write(lambda link: link.execute(statement))

    async def contact_field(self, contact: ContactRef, field: str) -> str | None:
        [row] = [row for row in await self._rows(tables.contacts) if row.id == contact.id]
        value: str | None = getattr(row, field)
        return value

    def webhook(self, contact: ContactRef) -> tuple[Mapping[str, str], bytes]:
        raise AssertionError("the embedded CRM sends none")

    async def leads(self) -> Sequence[LeadRow]:
        return [
            LeadRow(row.id, row.idem, row.number, _readable(row), row.status == "open")
            for row in await self._rows(tables.leads)
        ]

    async def calls(self) -> Sequence[CallRow]:
        return [
            CallRow(
                id=row.id,
                key=row.idem,
                number=row.number,
                text=_readable(row),
                seconds=row.talk_s,
                started_at=row.answered_at or row.arrived_at,
                ended_at=row.ended_at,
                contact=row.contact_id,
            )
            for row in await self._rows(tables.call_records)
        ]

    async def tasks(self) -> Sequence[TaskRow]:
        return [
            TaskRow(
                row.id,
                row.idem,
                row.number,
                _readable(row),
                row.status == "open",
                row.due_at,
                row.owner,
            )
            for row in await self._rows(tables.tasks)
        ]

    async def _insert(self, table: Table, row: dict[str, Any]) -> None:
        async def work(connection: AsyncConnection) -> None:
            await connection.execute(insert(table), row)

        await self.database.writer.write(work)

    async def _rows(self, table: Table) -> list[Any]:
        async with self.database.read() as connection:
            return list(await connection.execute(select(table)))


def _readable(row: Any) -> str:
    return "\n".join(str(value) for value in row)


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[EmbeddedWorld]:
    async with Database(url) as database, Database(url) as other_database:
        crm, other = EmbeddedCrm(database=database), EmbeddedCrm(database=other_database)
        await crm.open()
        await other.open()
        yield EmbeddedWorld(database, crm, other)
        await crm.close()
        await other.close()


WORLDS = (
    WorldKind("embedded-sqlite", _opened, ("sqlite_url",), "real server", tells_open=True),
    WorldKind("embedded-postgresql", _opened, ("postgres_url",), "real server", tells_open=True),
)
