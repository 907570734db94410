"""What a contact bought, ordered and complained of; newest first, as much as a call needs. What
is still open counts however old it is, so it takes the places first."""

from __future__ import annotations

from sqlalchemy import Integer, String, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import Case, Order, Purchase
from crm_adapter.embedded import tables

#: As `calls.caller.Contact` promises.
RECENT = 20

# Made once: building a statement costs more than running it.
_CONTACT = bindparam("contact", type_=String)
_bought, _ordered, _opened = tables.purchases.c, tables.orders.c, tables.cases.c
_product = tables.products.c
_PURCHASES = (
    select(tables.purchases, _product.name, _product.category)
    .select_from(tables.purchases.outerjoin(tables.products, _product.code == _bought.product))
    .where(_bought.contact_id == _CONTACT)
    .order_by(_bought.at.desc(), _bought.id.desc())
    .limit(bindparam("most", type_=Integer))
)
_ORDERS = (
    select(tables.orders, func.coalesce(_product.name, "").label("product_name"))
    .select_from(tables.orders.outerjoin(tables.products, _product.code == _ordered.product))
    .where(_ordered.contact_id == _CONTACT)
    .order_by(_ordered.is_open.desc(), _ordered.placed_at.desc(), _ordered.id.desc())
    .limit(RECENT)
)
_CASES = (
    select(tables.cases)
    .where(_opened.contact_id == _CONTACT)
    .order_by(_opened.is_open.desc(), _opened.opened_at.desc(), _opened.id.desc())
    .limit(RECENT)
)
_OWNED = (
    select(_bought.product)
    .where(_bought.contact_id == _CONTACT, _bought.product.is_not(None))
    .distinct()
)


async def purchases(
    connection: AsyncConnection, contact_id: str, limit: int = RECENT
) -> tuple[Purchase, ...]:
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
        for row in await connection.execute(_PURCHASES, {"contact": contact_id, "most": limit})
    )


async def orders(connection: AsyncConnection, contact_id: str) -> tuple[Order, ...]:
    found = [
        Order(
            row.id,
            row.product_name,
            row.status,
            row.placed_at,
            row.due_on,
            row.is_open,
            row.number,
        )
        for row in await connection.execute(_ORDERS, {"contact": contact_id})
    ]
    return tuple(sorted(found, key=lambda order: order.placed_at, reverse=True))


async def cases(connection: AsyncConnection, contact_id: str) -> tuple[Case, ...]:
    found = [
        Case(row.id, row.subject, row.kind, row.is_open, row.opened_at)
        for row in await connection.execute(_CASES, {"contact": contact_id})
    ]
    return tuple(sorted(found, key=lambda case: case.opened_at, reverse=True))


async def owned_products(connection: AsyncConnection, contact_id: str) -> frozenset[str]:
    return frozenset((await connection.execute(_OWNED, {"contact": contact_id})).scalars())
