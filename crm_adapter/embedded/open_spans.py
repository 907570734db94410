"""From when to when cases and orders of contacts were open, for batch scoring."""

from __future__ import annotations

import enum
import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.open_matters import OpenMatters, OpenSpan
from crm_adapter.embedded import tables

log = logging.getLogger(__name__)

_cases, _orders = tables.cases, tables.orders

#: By contact.
Spans = Mapping[str, tuple[OpenSpan, ...]]


class Matter(enum.Enum):
    """As `OpenMatters` names them."""

    CASES = "cases"
    ORDERS = "orders"
    UNPAID = "unpaid"

    @property
    def table(self) -> Table:
        return _cases if self is Matter.CASES else _orders

    @property
    def began(self) -> ColumnElement[Any]:
        return _cases.c.opened_at if self is Matter.CASES else _orders.c.placed_at

    @property
    def is_over(self) -> ColumnElement[bool]:
        """NULL where nobody said."""
        return _orders.c.is_paid if self is Matter.UNPAID else ~self.table.c.is_open

    @property
    def ended(self) -> ColumnElement[Any]:
        return _orders.c.paid_at if self is Matter.UNPAID else self.table.c.closed_at


async def dated(connection: AsyncConnection) -> frozenset[Matter]:
    """Of which it is known for every day what was open. A single one that is over without its day
    spoils it: left out, only what happens to be open today would have been open in the past. Of a
    table without a row nobody knows whether there was nothing or nobody writes it down."""
    found = set()
    for matter in Matter:
        undated = func.coalesce(matter.is_over, true()) & matter.ended.is_(None)
        query = select(func.count(), func.count().filter(undated)).select_from(matter.table)
        rows, without = (await connection.execute(query)).one()
        if without:
            log.info(
                "%s: of %d of %d rows it is not known until when they were %s, so models are not "
                "told of any",
                matter.table.name,
                without,
                rows,
                "unpaid" if matter is Matter.UNPAID else "open",
            )
        elif rows:
            found.add(matter)
    return frozenset(found)


async def spans_of(connection: AsyncConnection, matter: Matter, first: str, last: str) -> Spans:
    """Of the contacts from `first` to `last` in the database's own order."""
    columns = matter.table.c
    query = (
        select(columns.contact_id, matter.began, matter.is_over, matter.ended)
        .where(columns.contact_id.between(first, last))
        .order_by(columns.contact_id, matter.began, columns.id)
    )
    found: defaultdict[str, list[OpenSpan]] = defaultdict(list)
    for contact_id, began, is_over, ended in await connection.execute(query):
        found[contact_id].append(OpenSpan(began, ended if is_over else None))
    return {contact_id: tuple(spans) for contact_id, spans in found.items()}


def matters(told: Mapping[Matter, Spans], contact_id: str) -> OpenMatters:
    """What is not in `told` is not dated."""
    return OpenMatters(
        **{matter.value: spans.get(contact_id, ()) for matter, spans in told.items()}
    )
