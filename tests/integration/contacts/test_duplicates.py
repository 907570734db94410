"""Duplicates are found, households are left alone, and memory does not grow with the contacts."""

from __future__ import annotations

import itertools
import random
from datetime import date
from typing import Any

import pytest

from crm_adapter.embedded import tables
from crm_adapter.embedded.demo_load import load_demo
from crm_adapter.embedded.duplicates import Duplicates, find_duplicates
from crm_adapter.embedded.likeness import Names, Person, likeness
from storage.database import Database
from tests.integration.contacts.crowd import AT, add

pytestmark = pytest.mark.integration


async def people(database: Database, *rows: tuple[str, str, str, str, str, str]) -> None:
    """Each: id, first, last, company, numbers, e-mails, the latter two with blanks between."""
    for contact_id, first, last, company, numbers, emails in rows:
        contact = {"id": contact_id, "first_name": first, "last_name": last, "updated_at": AT}
        await add(database, tables.contacts, contact | {"company": company or None})
        for e164 in numbers.split():
            await add(database, tables.contact_numbers, {"contact_id": contact_id, "e164": e164})
        for address in emails.split():
            email = {"contact_id": contact_id, "address": address, "folded": address.casefold()}
            await add(database, tables.contact_emails, email)


def ids(found: Duplicates) -> list[tuple[str, str]]:
    return [(pair.one.id, pair.two.id) for pair in found.pairs]


async def test_each_kind_of_duplicate(any_database: Database) -> None:
    await people(
        any_database,
        ("A1", "Maria", "Garcia", "", "+12025550101", "maria@shop.example"),
        ("A2", "Maria", "Garcia", "", "+12025550101", "Maria@Shop.example"),
        ("B1", "John", "Smith", "Mill", "+12025550102 +12025550112", ""),
        ("B2", "Jon", "Smith", "", "+12025550102", ""),
        ("C1", "小明", "王", "", "+12025550104", ""),
        ("C2", "", "王小明", "", "+12025550104", ""),
        ("D1", "Ann", "Berg", "Bäckerei Berg", "+12025550105", ""),
        ("D2", "Ann", "Berg", "BACKEREI  BERG", "+12025550106", ""),
        ("E1", "Olivia", "Bennett", "", "+12025550103", ""),
        ("E2", "Noah", "Bennett", "", "+12025550103", ""),
        ("F1", "Ann", "Stone", "", "+12025550107", ""),
        ("F2", "Ann", "Stone", "", "+12025550108", ""),
    )
    found = await find_duplicates(any_database)
    assert ids(found) == [("A1", "A2"), ("B1", "B2"), ("C1", "C2"), ("D1", "D2")]
    assert [pair.likeness.confidence for pair in found.pairs] == [0.99, 0.95, 0.95, 0.8]
    assert found.count == 4
    assert found.by_kind == {"number": 3, "email": 1, "company": 1}
    assert found.pairs[0].likeness.shared == ("number", "email")
    more = await find_duplicates(any_database, least=0.1)
    assert set(ids(more)) == {*ids(found), ("E1", "E2"), ("F1", "F2")}
    assert {p.one.id: p.likeness.names for p in more.pairs}["E1"] is Names.OTHER_FIRST
    assert ids(await find_duplicates(any_database, only=frozenset({"C2", "E1"}))) == [("C1", "C2")]
    first = await find_duplicates(any_database, limit=1)
    assert (ids(first), first.count) == ([("A1", "A2")], 4)


async def test_households_of_the_demo_are_not_proposed(any_database: Database) -> None:
    await load_demo(any_database, today=date(2026, 3, 1))
    proposed = await find_duplicates(any_database)
    assert not [pair for pair in proposed.pairs if "number" in pair.likeness.shared]
    low = await find_duplicates(any_database, least=0.1)
    households = [pair for pair in low.pairs if "number" in pair.likeness.shared]
    assert len(households) > 30
    bennetts = {"Olivia", "Noah"}
    assert any({pair.one.first, pair.two.first} == bennetts for pair in households)


async def test_found_as_by_comparing_everybody(any_database: Database) -> None:
    """The same pairs as n² comparisons find, where somebody shares a number or an e-mail."""
    rng = random.Random(11)
    first = ("Ann", "Anna", "Ben", "小红", "")
    last = ("Berg", "Stone", "李")
    rows = [
        (
            f"K{number:03}", rng.choice(first), rng.choice(last), rng.choice(("", "Mill")),
            " ".join(f"+1202555{n:04}" for n in rng.sample(range(100, 160), rng.randint(0, 2))),
            " ".join(f"p{n}@shop.example" for n in rng.sample(range(60), rng.randint(0, 2))),
        )
        for number in range(120)
    ]  # fmt: skip
    await people(any_database, *rows)
    persons = [
        Person(r[0], r[1], r[2], r[3], frozenset(r[4].split()), frozenset(r[5].split()))
        for r in rows
    ]
    for least in (0.8, 0.5):
        wanted = {
            frozenset((one.id, two.id))
            for one, two in itertools.combinations(persons, 2)
            if (one.numbers & two.numbers or one.emails & two.emails)
            and likeness(one, two).confidence >= least
        }
        found = await find_duplicates(any_database, least=least)
        told = [frozenset((pair.one.id, pair.two.id)) for pair in found.pairs]
        assert len(set(told)) == len(told) == found.count
        assert wanted <= set(told)
        assert len(wanted) > 10


async def test_a_number_of_a_whole_company_is_no_square(any_database: Database) -> None:
    rows: list[Any] = [(f"K{n:03}", f"N{n:03}", "Berg", "", "+12025550100", "") for n in range(300)]
    twin = ("K900", "N007", "Berg", "", "+12025550100", "")
    await people(any_database, *rows, twin)
    found = await find_duplicates(any_database)
    assert ("K007", "K900") in ids(found)


async def test_progress_goes_to_its_end(any_database: Database) -> None:
    rows = [(f"K{n}", "Ann", "Berg", "", "+12025550100", "") for n in range(5)]
    await people(any_database, *rows)
    seen: list[tuple[int, int]] = []
    await find_duplicates(any_database, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
