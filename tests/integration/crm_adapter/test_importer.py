"""Imports on both databases: all of the files or nothing of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Table, select

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.money import Money
from crm_adapter.adapter import KeyField
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.embedded.importer import ImportRefused, import_files
from crm_adapter.pins import Pins
from storage.database import Database

pytestmark = pytest.mark.integration

CONTACTS = """id,first_name,last_name,phone,language
K1,Ann,O'Brien,(202) 555-0142;+44 20 7946 0018,en
K2,小红,李,+12025550143,zh
"""
PRODUCTS = "code,name,category,price,currency\nbean,House blend,beans,24.50,USD\n"
PURCHASES = """id,customer_id,date,amount,product,quantity
B1,K1,2026-01-05,49.00,bean,2
B2,K1,2026-02-05T09:30:00+01:00,-24.5,bean,
B3,K2,2026-02-07,0.0001,,
"""


def write(folder: Path, **files: str) -> list[Path]:
    paths = []
    for name, content in files.items():
        path = folder / f"{name}.csv"
        path.write_text(content, encoding="utf-8")
        paths.append(path)
    return paths


async def rows(database: Database, table: Table) -> list[Any]:
    async with database.read() as connection:
        return list(await connection.execute(select(table).order_by(*table.primary_key)))


async def test_three_files_in_any_order(any_database: Database, tmp_path: Path) -> None:
    paths = write(tmp_path, buys=PURCHASES, people=CONTACTS, goods=PRODUCTS)
    seen: list[tuple[int, int]] = []
    done = await import_files(
        any_database, paths, region="US", progress=lambda now, total: seen.append((now, total))
    )
    assert done.rows == {"contacts": 2, "products": 1, "purchases": 3}
    crm = EmbeddedCrm(database=any_database)
    [hit] = await crm.find_by_phone("+442079460018", limit=5, deadline=Deadline.after(30))
    assert hit.candidate.name == "Ann O'Brien"
    contact = await crm.get(ContactRef("embedded", "K1"), deadline=Deadline.after(30))
    assert [p.amount for p in contact.purchases] == [Decimal("-24.5"), Decimal(49)]
    assert contact.purchases[0].at.isoformat() == "2026-02-05T08:30:00+00:00"
    assert contact.purchases[1].product_name == "House blend"
    assert contact.purchases[1].currency == "USD"
    assert contact.owns == {"bean"}
    assert [now for now, _ in seen] == sorted(now for now, _ in seen)
    assert seen[-1][0] == seen[-1][1] == 2 * sum(path.stat().st_size for path in paths)


CUSTOMERS = """id,phone,customer_number
K1,,0042
K2,,0043
"""
ACCOUNTS = """contact_id,account_number,balance,currency,pin
K1,0007001,-12.3456,EUR,0417
K2,0007001,,,
"""
ORDERS = """id,contact_id,placed_at,status,due_on,is_open,order_number
O-0017,K1,2026-01-05,packed,2026-01-09,yes,
O-18,K2,2026-01-06,delivered,,no,900018
"""
CASES = """id,contact_id,opened_at,subject,kind,closed_at
T1,K1,2026-02-01,It leaks,repair,2026-02-04
T2,K1,2026-02-20,It leaks again,,
"""
APPOINTMENTS = """id,contact_id,at,subject,status
A1,K1,2026-04-01T10:00+02:00,Descaling,
A2,K1,2026-03-01T10:00Z,Repair,cancelled
"""


async def test_what_callers_type_and_ask_for(any_database: Database, tmp_path: Path) -> None:
    paths = write(tmp_path, e=CASES, d=APPOINTMENTS, c=ORDERS, b=ACCOUNTS, a=CUSTOMERS)
    done = await import_files(any_database, paths, region="US")
    kinds = ("contacts", "accounts", "orders", "cases", "appointments")
    assert done.rows == dict.fromkeys(kinds, 2)
    crm = EmbeddedCrm(database=any_database, now=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    deadline = Deadline.after(30)
    for field, digits, owners in (
        (KeyField.CUSTOMER_ID, "0042", ["K1"]),
        (KeyField.ACCOUNT_NUMBER, "0007001", ["K1", "K2"]),
        (KeyField.ORDER_NUMBER, "0017", ["K1"]),
        (KeyField.ORDER_NUMBER, "900018", ["K2"]),
    ):
        found = await crm.find_by_key(field, digits, limit=5, deadline=deadline)
        assert [candidate.ref.id for candidate in found] == owners
    ann = ContactRef("embedded", "K1")
    contact = await crm.get(ann, deadline=deadline)
    assert contact.balance == Money(Decimal("-12.3456"), "EUR")
    assert [(one.subject, one.at) for one in contact.appointments] == [
        ("Descaling", datetime(2026, 4, 1, 8, tzinfo=UTC))
    ]
    assert [(one.subject, one.kind, one.is_open) for one in contact.cases] == [
        ("It leaks again", "question", True),
        ("It leaks", "repair", False),
    ]
    assert await Pins(database=any_database, hashes=crm).check(ann, "0417", deadline=deadline)


async def test_what_ended_and_did_not_end_is_refused(
    any_database: Database, tmp_path: Path
) -> None:
    orders = "id,contact_id,placed_at,status,is_paid,paid_at\nO1,K1,2026-01-05,sent,no,2026-01-06\n"
    cases = "id,contact_id,opened_at,subject,is_open,closed_at\nT1,K1,2026-01-05,?,yes,2026-01-06\n"
    paths = write(tmp_path, a=CUSTOMERS, b=orders, c=cases)
    with pytest.raises(ImportRefused) as refused:
        await import_files(any_database, paths, region="US")
    assert [str(problem) for problem in refused.value.problems] == [
        "b.csv:2: paid_at: is_paid says that it is not paid",
        "c.csv:2: closed_at: is_open says that it is open",
    ]


async def test_lists_without_numbers_and_pins_leave_them_alone(
    any_database: Database, tmp_path: Path
) -> None:
    await import_files(any_database, write(tmp_path, a=CUSTOMERS, b=ACCOUNTS), region="US")
    again = write(tmp_path, a="id,phone\nK1,\n", b="contact_id,account_number\nK1,7002\n")
    await import_files(any_database, again, region="US")
    first, second = await rows(any_database, tables.contacts)
    assert (first.customer_number, first.version) == ("0042", 1)
    assert second.customer_number == "0043"
    account, _ = await rows(any_database, tables.accounts)
    assert (account.number, account.balance, account.currency) == (
        "7002",
        Decimal("-12.3456"),
        "EUR",
    )
    assert PasswordHasher().verify(account.pin_hash, "0417")


async def test_a_customer_number_has_one_owner_and_a_pin_is_not_repeated(
    any_database: Database, tmp_path: Path
) -> None:
    await import_files(any_database, write(tmp_path, a=CUSTOMERS), region="US")
    people = "id,phone,customer_number\nK3,,0042\nK4,,0044\nK5,,0044\nK6,,4-4\n"
    accounts = "contact_id,account_number,pin\nK1,1,secret\nK4,1,12\nK4,2,12\nK9,1,12\n"
    with pytest.raises(ImportRefused) as refused:
        await import_files(any_database, write(tmp_path, a=people, b=accounts), region="US")
    problems = [str(problem) for problem in refused.value.problems]
    starts = (
        "a.csv:2: customer_number: another contact has it",
        "a.csv:4: customer_number: another contact has it",
        "a.csv:5: customer_number: String should match",
        "b.csv:2: pin: String should match",
        "b.csv:4: the contact_id stands in an earlier line",
        "b.csv:5: contact_id: there is no such contact",
    )
    assert len(problems) == len(starts), problems
    for problem, start in zip(problems, starts, strict=True):
        assert problem.startswith(start)
        assert "secret" not in problem


async def test_columns_that_nothing_is_made_of_are_named(
    any_database: Database, tmp_path: Path
) -> None:
    [path] = write(tmp_path, people="id,phones,name,VIP,company\nK1,+12025550142,Ann,yes,Mill\n")
    done = await import_files(any_database, [path], region="US")
    assert done.rows == {"contacts": 1}
    [notice] = done.notices
    assert notice.startswith("people.csv: not used: name, vip (there are: id, phone, first_name,")


async def test_again_changes_only_what_changed(any_database: Database, tmp_path: Path) -> None:
    paths = write(tmp_path, people=CONTACTS, goods=PRODUCTS, buys=PURCHASES)
    await import_files(any_database, paths, region="US")
    changed = write(tmp_path, people=CONTACTS.replace("Ann", "Anna").replace("0143", "0144"))
    await import_files(any_database, changed, region="US")
    first, second = await rows(any_database, tables.contacts)
    assert (first.first_name, first.version) == ("Anna", 2)
    assert (second.first_name, second.version) == ("小红", 1)
    numbers = [row.e164 for row in await rows(any_database, tables.contact_numbers)]
    assert sorted(numbers) == ["+12025550142", "+12025550144", "+442079460018"]
    assert len(await rows(any_database, tables.purchases)) == 3


async def test_every_problem_at_once_and_nothing_imported(
    any_database: Database, tmp_path: Path
) -> None:
    people = CONTACTS + "K3,Bad,Number,12,en\nK1,Twice,Here,,en\nK4,Too,Many,,en,x\n,No,Id,,en\n"
    buys = (
        PURCHASES
        + "B4,nobody,2026-01-05,1\nB5,K1,yesterday,1e99,bean,0\nB6,K1,2026-01-05,1,tea,1\n"
    )
    paths = write(tmp_path, people=people, goods=PRODUCTS, buys=buys, odd="colour\nblue\n")
    with pytest.raises(ImportRefused) as refused:
        await import_files(any_database, [*paths, tmp_path / "none.csv"], region="US")
    problems = [str(problem) for problem in refused.value.problems]
    starts = (
        "odd.csv:1: the header fits no kind of file",
        "none.csv:1: cannot be read",
        "people.csv:4: phone: number 1 cannot be dialled",
        "people.csv:5: the id stands in an earlier line or file already",
        "people.csv:6: 6 fields where the header names 5",
        "people.csv:7: id: Field required",
        "buys.csv:5: 4 fields where the header names 6",
        "buys.csv:6: at: not a date",
        "buys.csv:6: amount: ",
        "buys.csv:6: quantity: ",
        "buys.csv:7: product: there is no such product",
    )
    assert len(problems) == len(starts), problems
    for problem, start in zip(problems, starts, strict=True):
        assert problem.startswith(start)
    assert await rows(any_database, tables.contacts) == []
    assert await rows(any_database, tables.products) == []


async def test_many_problems_are_counted_and_the_first_are_kept(
    database: Database, tmp_path: Path
) -> None:
    bad = "".join(f"B{n},nobody,2026-01-05,1\n" for n in range(3_000))
    paths = write(tmp_path, buys="id,contact_id,at,amount\n" + bad)
    with pytest.raises(ImportRefused, match="and 2000 more") as refused:
        await import_files(database, paths, region="US")
    assert (refused.value.count, len(refused.value.problems)) == (3_000, 1_000)
