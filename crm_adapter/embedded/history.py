"""What a contact bought, ordered and complained of; newest first, as much as a call needs. What
is still open counts however old it is, so it takes the places first."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import Case, Order, Purchase
from crm_adapter.embedded import tables

#: As `calls.caller.Contact` promises.
RECENT = 20


async def purchases(connection: AsyncConnection, contact_id: str) -> tuple[Purchase, ...]:
    bought, products = tables.purchases.c, tables.products.c
    query = (
        select(tables.purchases, products.name, products.category)
        .select_from(tables.purchases.outerjoin(tables.products, products.code == bought.product))
        .where(bought.contact_id == contact_id)
        .order_by(bought.at.desc(), bought.id.desc())
        .limit(RECENT)
    )
    return tuple(
        Purchase(
            product=row.product or "",
            product_name=row.name or "",
            category=row.category or "",
            at=row.at,
            amount=row.amount,
            currency=row.currency,
            quantity=row.quantity,
        )
        for row in await connection.execute(query)
    )


async def orders(connection: AsyncConnection, contact_id: str) -> tuple[Order, ...]:
    ordered, products = tables.orders.c, tables.products.c
    query = (
        select(tables.orders, func.coalesce(products.name, "").label("product_name"))
        .select_from(tables.orders.outerjoin(tables.products, products.code == ordered.product))
        .where(ordered.contact_id == contact_id)
        .order_by(ordered.is_open.desc(), ordered.placed_at.desc(), ordered.id.desc())
        .limit(RECENT)
    )
    found = [
        Order(row.id, row.product_name, row.status, row.placed_at, row.due_on, row.is_open)
        for row in await connection.execute(query)
    ]
    return tuple(sorted(found, key=lambda order: order.placed_at, reverse=True))


async def cases(connection: AsyncConnection, contact_id: str) -> tuple[Case, ...]:
    opened = tables.cases.c
    query = (
        select(tables.cases)
        .where(opened.contact_id == contact_id)
        .order_by(opened.is_open.desc(), opened.opened_at.desc(), opened.id.desc())
        .limit(RECENT)
    )
    found = [
        Case(row.id, row.subject, row.kind, row.is_open, row.opened_at)
        for row in await connection.execute(query)
    ]
    return tuple(sorted(found, key=lambda case: case.opened_at, reverse=True))


async def owned_products(connection: AsyncConnection, contact_id: str) -> frozenset[str]:
    bought = tables.purchases.c
    query = (
        select(bought.product)
        .where(bought.contact_id == contact_id, bought.product.is_not(None))
        .distinct()
    )
    return frozenset((await connection.execute(query)).scalars())
