"""All purchases, contact by contact, for batch scoring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from sqlalchemy import func, select, type_coerce
from sqlalchemy.types import BigInteger

from calls.caller import ContactRef
from calls.ports import ContactPurchases
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import CRM
from storage.database import Database


class EmbeddedPurchaseHistories:
    """Implements `calls.ports.PurchaseHistories` by one ordered, streamed query."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def count(self) -> int:
        async with self._database.read() as connection:
            query = select(func.count()).select_from(tables.contacts)
            return int((await connection.execute(query)).scalar_one())

    async def histories(self) -> AsyncIterator[ContactPurchases]:
        contacts, bought = tables.contacts.c, tables.purchases.c
        # The raw whole number: a Decimal for each of millions of rows is time for nothing.
        amount = type_coerce(bought.amount, BigInteger).label("amount")
        query = (
            select(contacts.id, bought.at, amount, bought.product)
            .select_from(tables.contacts.outerjoin(tables.purchases))
            .order_by(contacts.id, bought.at)
        )
        contact_id: str | None = None
        purchases: list[tuple[datetime, float]] = []
        products: set[str] = set()
        async with self._database.read() as connection, connection.stream(query) as rows:
            async for found, at, units, product in rows:
                if found != contact_id:
                    if contact_id is not None:
                        yield _of(contact_id, purchases, products)
                    contact_id, purchases, products = found, [], set()
                if at is not None:
                    purchases.append((at, units / tables.MONEY_SCALE))
                    if product and units >= 0:
                        products.add(product)
        if contact_id is not None:
            yield _of(contact_id, purchases, products)


def _of(
    contact_id: str, purchases: list[tuple[datetime, float]], products: set[str]
) -> ContactPurchases:
    return ContactPurchases(ContactRef(CRM, contact_id), tuple(purchases), frozenset(products))
