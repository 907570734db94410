"""What the embedded CRM tells of open cases and orders for scoring; on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import ColumnElement, insert, select, update

from calls.open_matters import OpenMatters, OpenSpan
from crm_adapter.embedded import purchase_histories, tables
from crm_adapter.embedded.import_load import load_rows
from crm_adapter.embedded.import_rows import CaseRow, ImportRow, OrderRow
from crm_adapter.embedded.import_values import value_of
from crm_adapter.embedded.purchase_histories import EmbeddedPurchaseHistories
from storage.database import Database
from tests.fakes.crm_rows import add_contact

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
END = START + timedelta(days=3)


async def matters(database: Database) -> dict[str, OpenMatters]:
    told = EmbeddedPurchaseHistories(database=database).histories()
    return {each.contact.id: each.matters async for each in told}


async def add_case(database: Database, name: str, contact: str, **more: Any) -> None:
    row = {"id": name, "contact_id": contact, "subject": "?", "kind": "complaint"}
    row |= {"opened_at": START, "is_open": True} | more
    await database.writer.write(lambda link: link.execute(insert(tables.cases), [row]))


async def import_order(database: Database, name: str, **more: Any) -> datetime | None:
    row = OrderRow.model_validate(
        {"id": name, "contact_id": "C-1", "placed_at": START, "status": "sent"} | more
    )
    return await imported(database, row, tables.orders.c.paid_at if "is_paid" in more else None)


async def imported(
    database: Database, row: ImportRow, asked: ColumnElement[datetime] | None = None
) -> datetime | None:
    """When it was closed now, or what is `asked` of its row."""
    value = value_of(2, row, region="US", currency="USD", pin_hash=None)
    await database.writer.write(lambda link: load_rows(link, row.called, [value]))
    table = tables.orders if isinstance(row, OrderRow) else tables.cases
    column = table.c.closed_at if asked is None else asked
    async with database.read() as link:
        found: datetime | None = await link.scalar(select(column).where(table.c.id == row.own_key))
    return found


async def test_each_contact_gets_its_own(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchase_histories, "_AT_ONCE", 2)
    for name in ("C-1", "C-2", "C-3"):
        await add_contact(any_database, name)
    # Nobody writes orders down here; of cases there are some.
    await add_case(any_database, "one", "C-1")
    await add_case(any_database, "two", "C-3", is_open=False, closed_at=END)
    assert await matters(any_database) == {
        "C-1": OpenMatters((OpenSpan(START),), None),
        "C-2": OpenMatters((), None),
        "C-3": OpenMatters((OpenSpan(START, END),), None),
    }


async def test_one_closed_without_its_day_makes_all_unknown(any_database: Database) -> None:
    for name in ("C-1", "C-2"):
        await add_contact(any_database, name)
    await add_case(any_database, "one", "C-1")
    await add_case(any_database, "two", "C-2", is_open=False)
    assert (await matters(any_database))["C-1"] == OpenMatters()
    dated = update(tables.cases).where(tables.cases.c.id == "two").values(closed_at=END)
    await any_database.writer.write(lambda link: link.execute(dated))
    assert (await matters(any_database))["C-1"].cases == (OpenSpan(START),)


async def test_an_import_keeps_when_an_order_was_closed(any_database: Database) -> None:
    await add_contact(any_database, "C-1")
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert await import_order(any_database, "dated", is_open=False, closed_at=END) == END
    assert await import_order(any_database, "dated", is_open=False) == END
    assert await import_order(any_database, "undated", is_open=False) is None
    assert await import_order(any_database, "undated", is_open=False) is None
    assert await import_order(any_database, "seen") is None
    closed = await import_order(any_database, "seen", is_open=False)
    assert closed is not None
    assert before < closed <= datetime.now(UTC)
    assert await import_order(any_database, "seen", is_open=False) == closed
    assert await import_order(any_database, "seen", is_open=True) is None


async def test_an_import_keeps_when_a_case_was_closed(any_database: Database) -> None:
    await add_contact(any_database, "C-1")

    async def case(**more: Any) -> datetime | None:
        row = {"id": "one", "contact_id": "C-1", "subject": "It leaks", "opened_at": START}
        return await imported(any_database, CaseRow.model_validate(row | more))

    before = datetime.now(UTC) - timedelta(seconds=1)
    assert await case() is None
    closed = await case(is_open=False)
    assert closed is not None
    assert before < closed <= datetime.now(UTC)
    assert await case(closed_at=END) == END
    assert (await matters(any_database))["C-1"].cases == (OpenSpan(START, END),)
    assert await case() is None
    assert (await matters(any_database))["C-1"].cases == (OpenSpan(START),)


async def test_an_import_keeps_when_an_order_was_paid(any_database: Database) -> None:
    await add_contact(any_database, "C-1")
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert await import_order(any_database, "dated", is_paid=True, paid_at=END) == END
    # A later file that does not say leaves it.
    assert await import_order(any_database, "dated", is_paid=None) == END
    assert await import_order(any_database, "owed", is_paid=False) is None
    spans = (OpenSpan(START, END), OpenSpan(START))
    assert (await matters(any_database))["C-1"].unpaid == spans
    row = {"id": "day", "contact_id": "C-1", "placed_at": START, "status": "sent", "paid_at": END}
    only_its_day = OrderRow.model_validate(row)
    assert await imported(any_database, only_its_day, tables.orders.c.paid_at) == END
    assert (await matters(any_database))["C-1"].unpaid == (spans[0], spans[0], spans[1])
    paid = await import_order(any_database, "owed", is_paid=True)
    assert paid is not None
    assert before < paid <= datetime.now(UTC)


@pytest.mark.parametrize("said", [{"is_paid": None}, {"is_paid": True}])
async def test_one_order_of_which_nobody_says_when_it_was_paid_makes_all_unknown(
    any_database: Database, said: dict[str, Any]
) -> None:
    await add_contact(any_database, "C-1")
    await import_order(any_database, "owed", is_paid=False)
    assert (await matters(any_database))["C-1"].unpaid == (OpenSpan(START),)
    assert await import_order(any_database, "other", **said) is None
    told = (await matters(any_database))["C-1"]
    assert told.unpaid is None
    assert told.orders == (OpenSpan(START), OpenSpan(START))
