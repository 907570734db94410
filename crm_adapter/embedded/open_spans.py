"""When cases and orders of contacts were open, for batch scoring."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.open_matters import OpenMatters, OpenSpan
from crm_adapter.embedded import tables

log = logging.getLogger(__name__)

_OPENED = {tables.cases: tables.cases.c.opened_at, tables.orders: tables.orders.c.placed_at}

#: By contact.
Spans = Mapping[str, tuple[OpenSpan, ...]]


async def dated(connection: AsyncConnection) -> frozenset[Table]:
    """Tables of which it is known for every day what was open. A single closed row without its
    day spoils it: left out, only what happens to be open today would have been open in the past.
    Of a table without a row nobody knows whether there was nothing or nobody writes it down."""
    found = set()
    for table in _OPENED:
        columns = table.c
        undated = func.count().filter(~columns.is_open, columns.closed_at.is_(None))
        rows, without = (
            await connection.execute(select(func.count(), undated).select_from(table))
        ).one()
        if without:
            log.info(
                "%s: %d of %d rows are closed without closed_at, so models are not told how "
                "many were open",
                table.name,
                without,
                rows,
            )
        elif rows:
            found.add(table)
    return frozenset(found)


async def spans_of(connection: AsyncConnection, table: Table, first: str, last: str) -> Spans:
    """Of the contacts from `first` to `last` in the database's own order."""
    columns, opened = table.c, _OPENED[table]
    query = (
        select(columns.contact_id, opened, columns.is_open, columns.closed_at)
        .where(columns.contact_id.between(first, last))
        .order_by(columns.contact_id, opened, columns.id)
    )
    found: defaultdict[str, list[OpenSpan]] = defaultdict(list)
    for contact_id, opened_at, is_open, closed_at in await connection.execute(query):
        found[contact_id].append(OpenSpan(opened_at, None if is_open else closed_at))
    return {contact_id: tuple(spans) for contact_id, spans in found.items()}


def matters(cases: Spans | None, orders: Spans | None, contact_id: str) -> OpenMatters:
    """`cases` or `orders` of None are not dated."""
    return OpenMatters(
        None if cases is None else cases.get(contact_id, ()),
        None if orders is None else orders.get(contact_id, ()),
    )
