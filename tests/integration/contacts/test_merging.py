"""Two contacts become one and two again, on both databases."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from calls.call import CallId
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import NewTask
from crm_adapter.adapter import KeyField
from crm_adapter.embedded import tables
from crm_adapter.embedded.adapter import EmbeddedCrm
from crm_adapter.embedded.importer import import_files
from crm_adapter.embedded.merge_tables import merges
from crm_adapter.embedded.merging import MergeRefused
from storage.database import Database
from tests.integration.contacts.crowd import AT, add, add_contact, fill, merging, snapshot

pytestmark = pytest.mark.integration


def ref(contact_id: str) -> ContactRef:
    return ContactRef("embedded", contact_id)


@pytest.mark.parametrize("seed", range(8))
async def test_what_was_merged_comes_apart_exactly(any_database: Database, seed: int) -> None:
    rng = random.Random(seed)
    ids = [f"C-{number}" for number in range(5)]
    await fill(any_database, ids, rng)
    before = await snapshot(any_database)
    merging_ = merging(any_database)
    done, left = [], list(ids)
    while len(left) > 1 and len(done) < 3:
        kept, other = rng.sample(left, 2)
        left.remove(other)
        tried = await merging_.merge(kept, other, by="anna", dry_run=True)
        merged = await merging_.merge(kept, other, by="anna")
        assert (tried.moved, tried.filled, tried.notes) == (
            merged.moved,
            merged.filled,
            merged.notes,
        )
        done.append(merged.merge_id)
    now = await snapshot(any_database)
    gone = set(ids) - set(left)
    assert {row["id"] for row in now["crm_contacts"]} == set(left)
    for name, rows in now.items():
        assert not [row for row in rows if row.get("contact_id") in gone], name
    for merge_id in reversed(done):
        await merging_.unmerge(merge_id)
    assert await snapshot(any_database) == before


async def test_nothing_is_lost_but_what_both_had(any_database: Database) -> None:
    await fill(any_database, ["C-1", "C-2"], random.Random(3))
    before = await snapshot(any_database)
    await merging(any_database).merge("C-1", "C-2", by="anna")
    after = await snapshot(any_database)
    for name in ("crm_purchases", "crm_orders", "crm_cases", "crm_tasks", "calls"):
        assert len(after[name]) == len(before[name]) > 0
        assert {row["contact_id"] for row in after[name]} == {"C-1"}
    assert {row["e164"] for row in after["crm_contact_numbers"]} == {
        row["e164"] for row in before["crm_contact_numbers"]
    }


async def test_a_dry_run_changes_nothing(any_database: Database) -> None:
    await fill(any_database, ["C-1", "C-2"], random.Random(0))
    before = await snapshot(any_database)
    tried = await merging(any_database).merge("C-1", "C-2", by="anna", dry_run=True)
    assert tried.moved["crm_purchases"]
    assert await snapshot(any_database) == before
    assert await merging(any_database).past() == []


async def test_what_came_after_the_merge_stays(any_database: Database) -> None:
    await add_contact(any_database, "C-1", first_name="Ann")
    await add_contact(any_database, "C-2", first_name="Ann", company="Mill")
    bought = {"at": AT, "amount": Decimal(1), "currency": "USD"}
    await add(any_database, tables.purchases, bought | {"id": "P1", "contact_id": "C-2"})
    merged = await merging(any_database).merge("C-1", "C-2", by="anna")
    await add(any_database, tables.purchases, bought | {"id": "P2", "contact_id": "C-1"})

    async def rename(link: Any) -> None:
        kept = tables.contacts.c.id == "C-1"
        await link.execute(update(tables.contacts).where(kept).values(company="Mill & Son"))

    await any_database.writer.write(rename)
    await merging(any_database).unmerge(merged.merge_id)
    now = await snapshot(any_database)
    assert {row["id"]: row["contact_id"] for row in now["crm_purchases"]} == {
        "P1": "C-2",
        "P2": "C-1",
    }
    companies = {row["id"]: row["company"] for row in now["crm_contacts"]}
    assert companies == {"C-1": "Mill & Son", "C-2": "Mill"}


async def test_an_account_that_was_changed_meanwhile_stays_and_the_old_one_comes_back(
    any_database: Database,
) -> None:
    await add_contact(any_database, "C-1")
    await add_contact(any_database, "C-2")
    account = {"contact_id": "C-2", "number": "7002", "balance": Decimal(5), "currency": "USD"}
    await add(any_database, tables.accounts, account)
    merged = await merging(any_database).merge("C-1", "C-2", by="anna")

    async def pay(link: Any) -> None:
        await link.execute(update(tables.accounts).values(balance=Decimal(0)))

    await any_database.writer.write(pay)
    await merging(any_database).unmerge(merged.merge_id)
    now = await snapshot(any_database)
    assert {row["contact_id"]: row["balance"] for row in now["crm_accounts"]} == {
        "C-1": Decimal(0),
        "C-2": Decimal(5),
    }


async def test_the_old_id_leads_to_the_kept_contact(any_database: Database) -> None:
    for number, contact_id in enumerate(("C-1", "C-2", "C-3"), 1):
        await add_contact(
            any_database, contact_id, first_name=f"N{number}", customer_number=f"00{number}"
        )
        account = {"contact_id": contact_id, "number": f"700{number}", "pin_hash": f"hash{number}"}
        await add(any_database, tables.accounts, account)
    await add(any_database, tables.contact_numbers, {"contact_id": "C-3", "e164": "+12025550103"})
    await merging(any_database).merge("C-2", "C-3", by="anna")
    await merging(any_database).merge("C-1", "C-2", by="anna")
    crm, deadline = EmbeddedCrm(database=any_database), Deadline.after(30)
    for gone in ("C-2", "C-3"):
        assert (await crm.get(ref(gone), deadline=deadline)).ref == ref("C-1")
        card = await crm.card_of(ref(gone), deadline=deadline)
        assert card is not None
        assert (card.contact.ref, card.numbers) == (ref("C-1"), ("+12025550103",))
        assert card.version == 2
        assert await crm.pin_hash_of(ref(gone), deadline=deadline) == "hash1"
    for field, digits in ((KeyField.CUSTOMER_ID, "003"), (KeyField.ACCOUNT_NUMBER, "7003")):
        [found] = await crm.find_by_key(field, digits, limit=5, deadline=deadline)
        assert found.ref == ref("C-1")
    [hit] = await crm.find_by_phone("+12025550103", limit=5, deadline=deadline)
    assert hit.candidate.ref == ref("C-1")
    await crm.close()


async def test_versions_only_rise(any_database: Database) -> None:
    await add_contact(any_database, "C-1", version=4)
    await add_contact(any_database, "C-2", version=7)
    merged = await merging(any_database).merge("C-1", "C-2", by="anna")
    await merging(any_database).unmerge(merged.merge_id)
    async with any_database.read() as link:
        rows = await link.execute(select(tables.contacts.c.id, tables.contacts.c.version))
        assert {row.id: row.version for row in rows} == {"C-1": 6, "C-2": 9}


async def test_what_cannot_be_merged_or_taken_apart_is_said(any_database: Database) -> None:
    for contact_id in ("C-1", "C-2", "C-3"):
        await add_contact(any_database, contact_id, customer_number=f"0{contact_id[-1]}")
    merging_ = merging(any_database)
    with pytest.raises(MergeRefused, match="there is no contact C-9"):
        await merging_.merge("C-1", "C-9", by="anna")
    with pytest.raises(MergeRefused, match="itself"):
        await merging_.merge("C-1", "C-1", by="anna")
    first = await merging_.merge("C-2", "C-3", by="anna")
    with pytest.raises(MergeRefused, match=f"merged into C-2 already .merge {first.merge_id}"):
        await merging_.merge("C-1", "C-3", by="anna")
    second = await merging_.merge("C-1", "C-2", by="anna")
    with pytest.raises(MergeRefused, match=f"merge {second.merge_id}.*undo that first"):
        await merging_.unmerge(first.merge_id)
    with pytest.raises(MergeRefused, match="no merge 77"):
        await merging_.unmerge(77)
    await merging_.unmerge(second.merge_id)
    with pytest.raises(MergeRefused, match="undone already"):
        await merging_.unmerge(second.merge_id)
    await add_contact(any_database, "C-4", customer_number="03")
    with pytest.raises(MergeRefused, match="belongs to another by now"):
        await merging_.unmerge(first.merge_id)
    past = await merging_.past()
    assert [(one.merge_id, one.undone_at is None) for one in past] == [
        (second.merge_id, False),
        (first.merge_id, True),
    ]


async def test_of_two_merges_at_once_one_wins(
    any_database: Database, any_database_url: str
) -> None:
    for contact_id in ("C-1", "C-2", "C-3"):
        await add_contact(any_database, contact_id)
    async with Database(any_database_url) as other:
        both = await asyncio.gather(
            merging(any_database).merge("C-1", "C-3", by="anna"),
            merging(other).merge("C-2", "C-3", by="ben"),
            return_exceptions=True,
        )
    [lost] = [one for one in both if isinstance(one, BaseException)]
    assert isinstance(lost, MergeRefused)
    assert "already" in str(lost)
    async with any_database.read() as link:
        assert len((await link.execute(select(merges.c.id))).all()) == 1


async def test_each_into_the_other_at_once(any_database: Database, any_database_url: str) -> None:
    await add_contact(any_database, "C-1")
    await add_contact(any_database, "C-2")
    async with Database(any_database_url) as other:
        both = await asyncio.gather(
            merging(any_database).merge("C-1", "C-2", by="anna"),
            merging(other).merge("C-2", "C-1", by="ben"),
            return_exceptions=True,
        )
    assert [type(one) for one in both].count(MergeRefused) == 1


LIST = """id,first_name,phone,email,customer_number
C-1,Ann,+12025550101,Ann@shop.example,01
C-2,Ann,+12025550102,ann@home.example;ANN@shop.example,02
"""
BUYS = "id,contact_id,at,amount\nP1,C-2,2026-01-02,5\n"
HOLDS = "contact_id,account_number,pin\nC-1,7001,1111\nC-2,7002,2222\n"


async def test_the_same_list_again_does_not_undo_a_merge(
    any_database: Database, tmp_path: Path
) -> None:
    paths = [tmp_path / name for name in ("list.csv", "buys.csv", "holds.csv")]
    for path, text in zip(paths, (LIST, BUYS, HOLDS), strict=True):
        path.write_text(text)
    await import_files(any_database, paths, region="US")
    before = await snapshot(any_database)
    merged = await merging(any_database).merge("C-1", "C-2", by="anna")
    paths[1].write_text(BUYS + "P2,C-2,2026-02-02,7\n")
    done = await import_files(any_database, paths, region="US")
    assert dict(done.rows) == {"contacts": 1, "purchases": 2, "accounts": 1}
    assert any("2 rows of contacts that were merged" in notice for notice in done.notices)
    now = await snapshot(any_database)
    assert {row["id"]: row["contact_id"] for row in now["crm_purchases"]} == {
        "P1": "C-1",
        "P2": "C-1",
    }
    assert sorted(row["e164"] for row in now["crm_contact_numbers"]) == [
        "+12025550101",
        "+12025550102",
    ]
    assert [row["number"] for row in now["crm_accounts"]] == ["7001"]
    await merging(any_database).unmerge(merged.merge_id)
    async with any_database.read() as link:
        kept = await link.scalar(
            select(tables.purchases.c.contact_id).where(tables.purchases.c.id == "P2")
        )
    assert kept == "C-1"

    async def forget(link: Any) -> None:
        await link.execute(delete(tables.purchases).where(tables.purchases.c.id == "P2"))

    await any_database.writer.write(forget)
    after = await snapshot(any_database)
    # The import gave C-1's own number and e-mail new rows.
    for name, key in (("crm_contact_numbers", "e164"), ("crm_contact_emails", "folded")):
        for rows in (before, after):
            rows[name] = [
                {"contact_id": row["contact_id"], key: row[key]}
                for row in sorted(rows[name], key=lambda row: (row["contact_id"], row[key]))
            ]
    for rows in (before, after):
        for account in rows["crm_accounts"]:
            account.pop("pin_hash")
    assert after == before


async def test_a_call_told_late_goes_to_the_kept_contact(any_database: Database) -> None:
    await add_contact(any_database, "C-1")
    await add_contact(any_database, "C-2")
    await merging(any_database).merge("C-1", "C-2", by="anna")
    crm = EmbeddedCrm(database=any_database)
    task = NewTask(
        kind="callback",
        contact=ref("C-2"),
        number=None,
        queue=None,
        recording=None,
        call_id=CallId("pbx", "1.1"),
        created_at=AT + timedelta(days=2),
    )
    await crm.create_task(task, "k1")
    [row] = (await snapshot(any_database))["crm_tasks"]
    assert row["contact_id"] == "C-1"


async def test_a_number_that_the_list_now_gives_to_both_stays_with_both(
    any_database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(LIST)
    await import_files(any_database, [path], region="US")
    merged = await merging(any_database).merge("C-1", "C-2", by="anna")
    path.write_text(LIST.replace("+12025550101,", "+12025550101;+12025550102,"))
    await import_files(any_database, [path], region="US")
    await merging(any_database).unmerge(merged.merge_id)
    numbers = (await snapshot(any_database))["crm_contact_numbers"]
    assert sorted((row["contact_id"], row["e164"]) for row in numbers) == [
        ("C-1", "+12025550101"),
        ("C-1", "+12025550102"),
        ("C-2", "+12025550102"),
    ]
    assert {row["merge_id"] for row in numbers} == {None}


async def test_a_contact_of_many_purchases(any_database: Database) -> None:
    await add_contact(any_database, "C-1")
    await add_contact(any_database, "C-2")
    bought = {"contact_id": "C-2", "at": AT, "amount": Decimal(1), "currency": "USD"}
    rows = [bought | {"id": f"P{number:05}"} for number in range(2_000)]
    await add(any_database, tables.purchases, *rows)
    merged = await merging(any_database).merge("C-1", "C-2", by="anna")
    assert merged.moved == {"crm_purchases": 2_000}
    await merging(any_database).unmerge(merged.merge_id)
    purchases = (await snapshot(any_database))["crm_purchases"]
    assert {row["contact_id"] for row in purchases} == {"C-2"}
