"""The demo's customers: always the same, and fit to be called."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal

import phonenumbers
import pytest
from argon2 import PasswordHasher

from crm_adapter.embedded import demo_data
from crm_adapter.embedded.demo_data import HOUSEHOLD, MANDARIN, MARIA, VIP, DemoData

pytestmark = pytest.mark.unit

TODAY = date(2026, 3, 2)


@pytest.fixture(scope="module")
def town() -> DemoData:
    return demo_data.generate(TODAY)


def owners_of(town: DemoData, e164: str) -> list[str]:
    return [row["contact_id"] for row in town.numbers if row["e164"] == e164]


def named(town: DemoData, contact_id: str) -> str:
    [row] = [row for row in town.contacts if row["id"] == contact_id]
    return f"{row['first_name']} {row['last_name']}"


def test_the_same_every_time(town: DemoData) -> None:
    assert demo_data.generate(TODAY) == town


def test_another_day_moves_dates_and_nothing_else(town: DemoData) -> None:
    later = demo_data.generate(TODAY + timedelta(days=1))
    assert later.numbers == town.numbers
    assert [p["id"] for p in later.purchases] == [p["id"] for p in town.purchases]
    assert [o["due_on"] for o in later.orders if o["contact_id"] == "C-00001"] == [
        o["due_on"] + timedelta(days=1) for o in town.orders if o["contact_id"] == "C-00001"
    ]


def test_counts(town: DemoData) -> None:
    assert len(town.contacts) == len({row["id"] for row in town.contacts}) == 2_000
    assert len(town.purchases) == len({row["id"] for row in town.purchases}) == 30_000
    assert len(town.products) == 40
    assert len({row["category"] for row in town.products}) >= 5


def test_every_number_is_valid_and_no_stranger_is_in_it(town: DemoData) -> None:
    for e164 in {row["e164"] for row in town.numbers}:
        assert phonenumbers.is_valid_number(phonenumbers.parse(e164)), e164
        assert not "+12025550150" <= e164 <= "+12025550199"


def test_some_have_several_numbers_and_some_share_one(town: DemoData) -> None:
    per_contact = Counter(row["contact_id"] for row in town.numbers)
    per_number = Counter(row["e164"] for row in town.numbers)
    assert sum(count > 1 for count in per_contact.values()) > 400
    assert sum(count > 1 for count in per_number.values()) > 20


def test_maria_waits_three_days_for_one_order(town: DemoData) -> None:
    [contact_id] = owners_of(town, MARIA)
    assert named(town, contact_id) == "Maria Garcia"
    waiting = [o for o in town.orders if o["contact_id"] == contact_id and o["is_open"]]
    assert [TODAY - order["due_on"] for order in waiting] == [timedelta(days=3)]


def test_the_cast(town: DemoData) -> None:
    [vip] = owners_of(town, VIP)
    assert named(town, vip) == "Victoria Stone"
    assert len(owners_of(town, HOUSEHOLD)) == 2
    [mandarin] = owners_of(town, MANDARIN)
    assert named(town, mandarin) == "小明 王"
    assert next(c["language"] for c in town.contacts if c["id"] == mandarin) == "zh"


def test_histories_are_in_the_past_and_believable(town: DemoData) -> None:
    assert max(row["at"].date() for row in town.purchases) < TODAY
    days = defaultdict(list)
    for row in town.purchases:
        days[row["contact_id"]].append(row["at"].date())
    silent = sum((TODAY - max(bought)).days > 180 for bought in days.values())
    assert len(days) < 1_900  # prospects
    assert 200 < silent < 800  # lapsed
    months = Counter(row["at"].month for row in town.purchases)
    assert months[12] > 1.3 * months[7]
    assert any(row["amount"] < Decimal(0) for row in town.purchases)


def test_cases_and_late_orders(town: DemoData) -> None:
    late = [o for o in town.orders if o["is_open"] and o["due_on"] < TODAY]
    complaints = [c for c in town.cases if c["is_open"] and c["kind"] == "complaint"]
    assert len(late) > 10
    assert len(complaints) > 5


def test_everybody_has_a_customer_number_and_every_order_a_number(town: DemoData) -> None:
    customers = [row["customer_number"] for row in town.contacts]
    assert len(set(customers)) == 2_000
    assert {len(number) for number in customers} == {6}
    orders = [row["number"] for row in town.orders]
    assert len(set(orders)) == len(orders)
    assert all(number.isdigit() for number in orders)


def test_maria_has_an_account_a_pin_and_an_appointment(town: DemoData) -> None:
    [maria] = owners_of(town, MARIA)
    [account] = [row for row in town.accounts if row["contact_id"] == maria]
    assert account["balance"] == Decimal("48.50")
    assert PasswordHasher().verify(account["pin_hash"], "2468")
    [appointment] = [row for row in town.appointments if row["contact_id"] == maria]
    assert (appointment["at"].date() - TODAY).days == 2
