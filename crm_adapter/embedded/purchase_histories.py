"""All purchases, contact by contact, for batch scoring."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from sqlalchemy import func, select, type_coerce
from sqlalchemy.types import BigInteger

from calls.caller import ContactRef
from calls.ports import ContactPurchases, PurchaseLine
from crm_adapter.embedded import open_spans, tables
from crm_adapter.embedded.adapter import CRM
from crm_adapter.embedded.open_spans import Matter
from crm_adapter.purchase_lines import of_lines
from storage.database import Database

#: Of one contact at once in memory; more is a shop of its own.
MOST_LINES = 100_000
#: Contacts whose cases and orders are asked for at once.
_AT_ONCE = 500


class EmbeddedPurchaseHistories:
    """Implements `calls.ports.PurchaseHistories` by one ordered, streamed query."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def count(self) -> int:
        async with self._database.read() as connection:
            query = select(func.count()).select_from(tables.contacts)
            return int((await connection.execute(query)).scalar_one())

    async def histories(self) -> AsyncIterator[ContactPurchases]:
        """Of a contact with more than MOST_LINES purchases the newest."""
        async with self._database.read() as connection:
            told = await open_spans.dated(connection)
        some: list[ContactPurchases] = []
        lines = 0
        async for one in self._bought():
            some.append(one)
            lines += len(one.lines)
            if len(some) == _AT_ONCE or lines >= MOST_LINES:
                for each in await self._with_matters(some, told):
                    yield each
                some, lines = [], 0
        for each in await self._with_matters(some, told):
            yield each

    async def _with_matters(
        self, some: Sequence[ContactPurchases], told: frozenset[Matter]
    ) -> Sequence[ContactPurchases]:
        if not (some and told):
            return some
        first, last = some[0].contact.id, some[-1].contact.id
        async with self._database.read() as connection:
            spans = {
                matter: await open_spans.spans_of(connection, matter, first, last)
                for matter in told
            }
        return [replace(one, matters=open_spans.matters(spans, one.contact.id)) for one in some]

    async def _bought(self) -> AsyncIterator[ContactPurchases]:
        contacts, bought, products = tables.contacts.c, tables.purchases.c, tables.products.c
        # The raw whole number: a Decimal for each of millions of rows is time for nothing.
        amount = type_coerce(bought.amount, BigInteger).label("amount")
        query = (
            select(
                contacts.id, bought.at, amount, bought.product, products.category, bought.quantity
            )
            .select_from(
                tables.contacts.outerjoin(tables.purchases).outerjoin(
                    tables.products, bought.product == products.code
                )
            )
            .order_by(contacts.id, bought.at, bought.id)
        )
        contact_id: str | None = None
        lines: deque[PurchaseLine] = deque(maxlen=MOST_LINES)
        async with self._database.read() as connection, connection.stream(query) as rows:
            async for found, at, units, product, category, quantity in rows:
                if found != contact_id:
                    if contact_id is not None:
                        yield of_lines(ContactRef(CRM, contact_id), lines)
                    contact_id = found
                    lines.clear()
                if at is not None:
                    amount_paid = units / tables.MONEY_SCALE
                    lines.append(PurchaseLine(at, amount_paid, product, category, quantity))
        if contact_id is not None:
            yield of_lines(ContactRef(CRM, contact_id), lines)
