"""What the embedded CRM tells about one contact, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Table, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId, CallOutcome
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.money import Money
from calls.ports import PurchaseLine
from calls.records import CallRecord
from crm_adapter.embedded import purchase_histories, tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.embedded.purchase_histories import EmbeddedPurchaseHistories
from storage.database import Database
from tests.fakes.crm_rows import add_appointment, add_contact, add_order

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 1, 9, tzinfo=UTC)


async def fill(database: Database, table: Table, rows: list[dict[str, Any]]) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert(table), rows)

    await database.writer.write(work)


def purchase(number: int, contact: str = "C-1", product: str | None = None) -> dict[str, Any]:
    return {
        "id": f"{contact}-{number}",
        "contact_id": contact,
        "product": product,
        "at": START + timedelta(days=number),
        "amount": Decimal("12.34"),
        "currency": "USD",
    }


async def test_twenty_newest_purchases_and_everything_owned(any_database: Database) -> None:
    ref = await add_contact(any_database, "C-1", "+12025550142")
    await fill(any_database, tables.products, [{"code": "mill", "name": "Mill", "category": "g"}])
    bought = [purchase(number) for number in range(1, 30)]
    await fill(any_database, tables.purchases, [purchase(0, product="mill"), *bought])
    contact = await EmbeddedCrm(database=any_database).get(ref, deadline=Deadline.after(30))
    assert [p.at for p in contact.purchases] == [
        START + timedelta(days=number) for number in range(29, 9, -1)
    ]
    assert contact.purchases[0].amount == Decimal("12.34")
    assert contact.owns == {"mill"}


async def test_an_old_open_order_is_not_crowded_out(any_database: Database) -> None:
    ref = await add_contact(any_database, "C-1", "+12025550142")
    orders = [
        {
            "id": f"O-{n}",
            "contact_id": "C-1",
            "status": "delivered" if n else "delayed",
            "placed_at": START + timedelta(days=n),
            "due_on": date(2026, 1, 9),
            "is_open": n == 0,
        }
        for n in range(25)
    ]
    await fill(any_database, tables.orders, orders)
    contact = await EmbeddedCrm(database=any_database).get(ref, deadline=Deadline.after(30))
    assert len(contact.orders) == 20
    assert [order.id for order in contact.orders if order.is_open] == ["O-0"]
    placed = [order.placed_at for order in contact.orders]
    assert placed == sorted(placed, reverse=True)


async def test_the_card_shows_numbers_and_earlier_calls(any_database: Database) -> None:
    ref = await add_contact(any_database, "C-1", "+12025550142", "+12025550143")
    crm = EmbeddedCrm(database=any_database)
    for n in range(2):
        record = CallRecord(
            call_id=CallId("pbx", f"1.{n}"),
            arrived_at=START + timedelta(hours=n),
            number="+12025550142",
            dialled="+18005550100",
            contact=ref,
            identity_outcome="unique",
            outcome=CallOutcome.ABANDONED_IN_QUEUE,
            queue="sales",
        )
        await crm.log_call(record, f"key-{n}")
    card = await crm.card_of(ref, deadline=Deadline.after(30))
    assert card is not None
    assert card.numbers == ("+12025550142", "+12025550143")
    assert card.version == 1
    assert [past.call_id.linkedid for past in card.calls] == ["1.1", "1.0"]
    gone = ContactRef("embedded", "C-9")
    assert await crm.card_of(gone, deadline=Deadline.after(30)) is None


async def test_every_contact_is_given_to_scoring_once(any_database: Database) -> None:
    for name in ("C-1", "C-2", "C-3"):
        await add_contact(any_database, name)
    await fill(any_database, tables.products, [{"code": "mill", "name": "Mill", "category": "g"}])
    bought = [purchase(2, product="mill"), purchase(1, product="mill"), purchase(5, "C-3")]
    await fill(any_database, tables.purchases, bought)
    histories = EmbeddedPurchaseHistories(database=any_database)
    whole = {h.contact.id: h async for h in histories.histories()}
    assert whole["C-1"].lines[0] == PurchaseLine(START + timedelta(days=1), 12.34, "mill", "g", 1)
    assert [(line.product, line.category) for line in whole["C-3"].lines] == [(None, None)]
    found = {name: each.purchases for name, each in whole.items()}
    assert await histories.count() == 3
    assert list(found) == ["C-1", "C-2", "C-3"]
    assert found["C-1"] == (
        (START + timedelta(days=1), 12.34),
        (START + timedelta(days=2), 12.34),
    )
    assert found["C-2"] == ()


async def test_of_a_contact_with_very_many_purchases_the_newest_are_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchase_histories, "MOST_LINES", 5)
    await add_contact(database, "C-1")
    await fill(database, tables.purchases, [purchase(number) for number in range(20)])
    [told] = [h async for h in EmbeddedPurchaseHistories(database=database).histories()]
    assert [line.at for line in told.lines] == [START + timedelta(days=n) for n in range(15, 20)]


async def test_the_balance_is_exact_and_the_next_appointment_comes_first(
    any_database: Database,
) -> None:
    ref = await add_contact(any_database, "C-1", account_number="7001")
    other = await add_contact(any_database, "C-2", account_number="7002")
    await set_balance(any_database, "C-1", Decimal("-1234.5601"))
    now = START + timedelta(days=10)
    for name, days, status in (
        ("over", -1, "booked"),
        ("later", 9, "booked"),
        ("cancelled", 1, "cancelled"),
        ("next", 2, "booked"),
    ):
        at = now + timedelta(days=days)
        await add_appointment(any_database, name, ref, at, status=status)
    crm = EmbeddedCrm(database=any_database, now=lambda: now)
    contact = await crm.get(ref, deadline=Deadline.after(30))
    assert contact.balance == Money(Decimal("-1234.5601"), "USD")
    assert [(a.subject, a.at - now) for a in contact.appointments] == [
        ("next", timedelta(days=2)),
        ("later", timedelta(days=9)),
    ]
    contact = await crm.get(other, deadline=Deadline.after(30))
    assert (contact.balance, contact.appointments) == (None, ())


async def set_balance(database: Database, contact_id: str, balance: Decimal) -> None:
    async def work(connection: AsyncConnection) -> None:
        account = tables.accounts
        values = {"balance": balance, "currency": "USD"}
        whose = account.c.contact_id == contact_id
        await connection.execute(update(account).where(whose).values(values))

    await database.writer.write(work)


async def test_an_order_has_the_number_that_callers_type(any_database: Database) -> None:
    ref = await add_contact(any_database, "C-1")
    await add_order(any_database, "O-17", ref, number="0017")
    contact = await EmbeddedCrm(database=any_database).get(ref, deadline=Deadline.after(30))
    assert [order.number for order in contact.orders] == ["0017"]
