"""Contacts with something in every table that knows contacts, and everything there as rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select

from crm_adapter import call_tables
from crm_adapter.embedded import contact_rows, merge_tables, tables
from crm_adapter.embedded.merging import Merges
from crm_adapter.live import index_tables
from scoring import contact_rows as scoring_rows
from scoring import memory_tables
from scoring import tables as scoring_tables
from scoring.features.state_tables import contact_states
from storage.database import Database

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ROWS = (*contact_rows.CONTACT_ROWS, *scoring_rows.CONTACT_ROWS)
#: They tell of the merging itself.
_OF_MERGING = {merge_tables.merges.name}

Snapshot = dict[str, list[dict[str, Any]]]


def merging(database: Database) -> Merges:
    return Merges(database=database, rows=ROWS, now=lambda: AT + timedelta(days=1))


async def add(database: Database, table: Any, *rows: dict[str, Any]) -> None:
    async def work(link: Any) -> None:
        for row in rows:
            await link.execute(insert(table).values(row))

    await database.writer.write(work)


async def add_contact(database: Database, contact_id: str, **values: Any) -> None:
    row = {"id": contact_id, "first_name": "", "last_name": "", "updated_at": AT} | values
    await add(database, tables.contacts, row)


async def snapshot(database: Database) -> Snapshot:
    """All rows of all tables that know contacts. Versions and times of change only ever rise, so
    they are not compared."""
    found: Snapshot = {}
    async with database.read() as link:
        for table in (tables.contacts, *(rows.table for rows in ROWS)):
            query = select(table).order_by(*table.primary_key)
            rows = [row._asdict() for row in await link.execute(query)]
            if table is tables.contacts:
                rows = [
                    {k: v for k, v in row.items() if k not in ("version", "updated_at")}
                    for row in rows
                ]
            found[table.name] = rows
    return found


async def fill(database: Database, ids: Sequence[str], rng: random.Random) -> None:
    """Random belongings for each; many of them alike, so that merging meets collisions."""
    for number, contact_id in enumerate(ids):
        await add_contact(
            database,
            contact_id,
            first_name=rng.choice(("", "Ann", "小红")),
            last_name=rng.choice(("Berg", "李")),
            company=rng.choice((None, "Mill")),
            language=rng.choice((None, "en", "zh")),
            owner=rng.choice((None, "anna")),
            customer_number=rng.choice((None, f"00{number}")),
        )
        await _belongings(database, contact_id, rng)


async def _belongings(database: Database, contact_id: str, rng: random.Random) -> None:
    mine = {"contact_id": contact_id}
    of_crm = {"contact_crm": "embedded", "contact_id": contact_id}
    for last in rng.sample(range(4), rng.randint(0, 3)):
        await add(database, tables.contact_numbers, mine | {"e164": f"+1202555010{last}"})
        address = f"P{last}@shop.example"
        email = mine | {"address": address, "folded": address.casefold()}
        await add(database, tables.contact_emails, email)
    for index in range(rng.randint(0, 3)):
        row_id = mine | {"id": f"{contact_id}-{index}"}
        bought = {"at": AT, "amount": Decimal("12.3456"), "currency": "USD"}
        await add(database, tables.purchases, row_id | bought)
        ordered = {"status": "packed", "placed_at": AT, "is_open": True}
        await add(database, tables.orders, row_id | ordered)
        opened = {"subject": "Leaks", "kind": "repair", "is_open": True, "opened_at": AT}
        await add(database, tables.cases, row_id | opened)
        await add(database, tables.appointments, row_id | {"at": AT, "subject": "Repair"})
        call = {"system": "pbx", "linkedid": f"{contact_id}.{index}"}
        task = {"idem": f"{contact_id}-{index}", "kind": "callback", "created_at": AT}
        await add(database, tables.tasks, row_id | call | task)
        meeting = {"offer": "decaf", "answer": "heard", "at": AT}
        await add(database, memory_tables.offer_meetings, of_crm | call | meeting)
        await add(database, call_tables.calls, of_crm | call | _call())
    if rng.random() < 0.6:
        held = {"number": f"7{rng.randint(0, 2)}", "balance": Decimal("-0.5"), "currency": "USD"}
        await add(database, tables.accounts, mine | held)
        tries = [[AT.isoformat(), "one"]]
        await add(database, call_tables.pin_tries, of_crm | {"tries": tries})
        await add(database, memory_tables.contact_agents, of_crm | {"agent": "anna", "at": AT})
        await add(database, scoring_tables.contact_segments, _segments(contact_id))
        await add(database, scoring_tables.churn_warnings, _warning(contact_id))
        counted = {"schema": "contact-1", "purchases": "{}", "calls": "{}", "updated_at": AT}
        whose = {"crm": "embedded", "contact_id": contact_id}
        await add(database, contact_states, whose | counted)
    for intent in rng.sample(("sales", "repair", "other"), rng.randint(0, 3)):
        choice = {"menu": "main", "intent": intent, "digit": "1", "weight": 1.5, "last_at": AT}
        await add(database, memory_tables.menu_choices, of_crm | choice)
    if rng.random() < 0.3:
        number = f"+4420794600{rng.randint(10, 99)}{contact_id[-1]}"
        chosen = {"e164": number, "crm": "embedded", "agent": "anna", "chosen_at": AT}
        await add(database, index_tables.number_choices, mine | chosen)


def _warning(contact_id: str) -> dict[str, Any]:
    return {
        "crm": "embedded", "contact_id": contact_id, "raised_on": AT.date(), "raised_at": AT,
        "from_stage": "loyal", "to_stage": "at_risk", "because": "last order 61 days ago",
    }  # fmt: skip


def _call() -> dict[str, Any]:
    needed = {
        "channel": "PJSIP/1", "from_raw": "", "from_name": "", "withheld": False,
        "dialled": "100", "language": "en", "arrived_at": AT, "fallback": False,
        "end_estimated": False,
    }  # fmt: skip
    return {name: value for name, value in needed.items() if name in call_tables.calls.c}


def _segments(contact_id: str) -> dict[str, Any]:
    return {
        "crm": "embedded", "contact_id": contact_id, "tier": "gold", "lifecycle": "active",
        "recency": 5, "frequency": 5, "monetary": 5, "spend_12m": 10.5,
        "reasons": ["buys"], "computed_at": AT,
    }  # fmt: skip
