"""Puts the demo's customers into the database, once a day at most."""

from __future__ import annotations

import asyncio
from datetime import date

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.errors import Misconfigured
from crm_adapter.embedded import demo_data, merge_tables, tables
from storage.database import Database

_NAME = "demo"


async def load_demo(database: Database, *, today: date) -> bool:
    """True where something was loaded, False where this seed's data of this day are there already.
    Yesterday's are replaced, since their dates count back from yesterday; leads and call records
    stay. Raises Misconfigured where the contacts there are not the demo's."""
    stamp = f"seed {demo_data.SEED}, edition {demo_data.EDITION}, {today.isoformat()}"
    async with database.read() as connection:
        query = select(tables.datasets.c.stamp).where(tables.datasets.c.name == _NAME)
        loaded = (await connection.execute(query)).scalar()
        somebody = (await connection.execute(select(tables.contacts.c.id).limit(1))).scalar()
    if loaded == stamp:
        return False
    if loaded is None and somebody is not None:
        raise Misconfigured(
            "storage.url: this database holds real contacts; give the demo a database of its own"
        )
    data = await asyncio.to_thread(demo_data.generate, today)

    async def work(connection: AsyncConnection) -> None:
        await _clear(connection)
        for table, rows in (
            (tables.contacts, data.contacts),
            (tables.contact_numbers, data.numbers),
            (tables.products, data.products),
            (tables.purchases, data.purchases),
            (tables.orders, data.orders),
            (tables.cases, data.cases),
            (tables.accounts, data.accounts),
            (tables.appointments, data.appointments),
        ):
            await connection.execute(insert(table), rows)
        await connection.execute(insert(tables.datasets), {"name": _NAME, "stamp": stamp})

    await database.writer.write(work)
    return True


async def _clear(connection: AsyncConnection) -> None:
    for table in (
        tables.appointments,
        tables.accounts,
        tables.cases,
        tables.orders,
        tables.purchases,
        tables.contact_numbers,
        tables.products,
        merge_tables.merges,
        tables.contacts,
    ):
        await connection.execute(delete(table))
    await connection.execute(delete(tables.datasets).where(tables.datasets.c.name == _NAME))
