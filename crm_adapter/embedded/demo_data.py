"""The demo's customers: the same 2,000 contacts and 30,000 purchases every time, up to yesterday.

Numbers are of the ranges kept free for fiction (555-0100 to 555-0199), which libphonenumber holds
for valid. Everything follows from `SEED`, and dates from `today`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from crm_adapter.embedded import demo_cast, demo_names
from crm_adapter.embedded.demo_accounts import customer_number
from crm_adapter.embedded.demo_baskets import Baskets
from crm_adapter.embedded.demo_cast import (
    COMPLAINT,
    HOUSEHOLD,
    LAPSED,
    MANDARIN,
    MARIA,
    VIP,
    Member,
)
from crm_adapter.embedded.demo_catalogue import CURRENCY, PRODUCTS
from crm_adapter.embedded.demo_rhythms import (
    Calendar,
    Habit,
    draw_habit,
    draw_rhythm,
    draw_weight,
    few_purchases,
)
from crm_adapter.embedded.demo_service import cases_of, orders_of

__all__ = ["COMPLAINT", "HOUSEHOLD", "LAPSED", "MANDARIN", "MARIA", "VIP", "DemoData", "generate"]

SEED = 20_260
#: Raised when the same seed gives more or other rows: what an older version loaded is replaced.
EDITION = 4
CONTACTS = 2_000
PURCHASES = 30_000

_OWNERS = ("anna", "ben", "chen")

Row = dict[str, Any]


@dataclass(slots=True)
class DemoData:
    """Rows for the tables of the embedded CRM."""

    contacts: list[Row] = field(default_factory=list)
    numbers: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=list)
    purchases: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    cases: list[Row] = field(default_factory=list)
    accounts: list[Row] = field(default_factory=list)
    appointments: list[Row] = field(default_factory=list)


def generate(today: date) -> DemoData:
    return _Town(today).data


class _Town:
    """One generation run; the order of the draws is what makes it repeatable."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._rng = random.Random(SEED)
        self._baskets = Baskets(self._rng)
        self._calendar = Calendar(today)
        self._free_numbers = [
            f"+1{area}55501{n:02}" for area in demo_names.AREAS for n in range(100)
        ]
        self._rng.shuffle(self._free_numbers)
        self.data = DemoData()
        for product in PRODUCTS:
            self.data.products.append(
                {
                    "code": product.code,
                    "name": product.name,
                    "category": product.category,
                    "price": product.price,
                    "currency": CURRENCY,
                }
            )
        for member in demo_cast.MEMBERS:
            self._add_member(member)
        strangers = CONTACTS - len(self.data.contacts)
        habits = [draw_habit(self._rng) for _ in range(strangers)]
        for habit, count in zip(habits, self._counts(habits), strict=True):
            self._add_somebody(habit, count)

    def _counts(self, habits: list[Habit]) -> list[int]:
        """Purchases of each contact, PURCHASES in all with the cast's."""
        counts = [few_purchases(habit, self._rng) for habit in habits]
        weights = [draw_weight(habit, self._rng) for habit in habits]
        left = PURCHASES - len(self.data.purchases) - sum(counts)
        share = left / sum(weights)
        owed = 0.0
        for index, weight in enumerate(weights):
            owed += weight * share
            if weight:
                counts[index] = max(2, int(owed))
                owed -= counts[index]
        last = max(range(len(counts)), key=counts.__getitem__)
        counts[last] += PURCHASES - len(self.data.purchases) - sum(counts)
        return counts

    def _add_member(self, member: Member) -> None:
        contact_id = self._add_contact(
            member.first_name, member.last_name, member.company, member.language, "anna"
        )
        for number, kind in member.numbers:
            self._add_number(contact_id, number, kind)
        days = self._calendar.days_of(member.rhythm, self._rng)
        self._add_purchases(contact_id, days, member.bulk)
        for order in member.orders:
            self.data.orders.append(order.row(contact_id, self._next("O"), self._today))
        for case in member.cases:
            self.data.cases.append(case.row(contact_id, self._next("T"), self._today))
        if member.account:
            self.data.accounts.append(member.account.row(contact_id))
        for appointment in member.appointments:
            row = appointment.row(contact_id, self._next("A"), self._today)
            self.data.appointments.append(row)

    def _add_somebody(self, habit: Habit, count: int) -> None:
        rng = self._rng
        first, last, language = self._name()
        is_company = rng.random() < 0.1
        company = (
            f"{rng.choice(demo_names.COMPANY_FIRST)} {rng.choice(demo_names.COMPANY_LAST)}"
            if is_company
            else None
        )
        owner = rng.choice(_OWNERS) if rng.random() < 0.3 else None
        contact_id = self._add_contact(first, last, company, language, owner)
        self._add_own_numbers(contact_id)
        days = self._calendar.days_of(draw_rhythm(habit, count, rng), rng)
        self._add_purchases(contact_id, days, 4 if is_company else 1)
        for order in orders_of(days, self._today, rng):
            self.data.orders.append(order.row(contact_id, self._next("O"), self._today))
        for case in cases_of(len(days), rng):
            self.data.cases.append(case.row(contact_id, self._next("T"), self._today))

    def _name(self) -> tuple[str, str, str]:
        rng = self._rng
        if rng.random() < 0.15:
            language = "zh" if rng.random() < 0.7 else "en"
            return rng.choice(demo_names.GIVEN_ZH), rng.choice(demo_names.FAMILY_ZH), language
        return rng.choice(demo_names.FIRST), rng.choice(demo_names.LAST), "en"

    def _add_contact(
        self, first: str, last: str, company: str | None, language: str, owner: str | None
    ) -> str:
        contact_id = f"C-{len(self.data.contacts) + 1:05}"
        self.data.contacts.append(
            {
                "id": contact_id,
                "first_name": first,
                "last_name": last,
                "company": company,
                "language": language,
                "owner": owner,
                "customer_number": customer_number(len(self.data.contacts) + 1),
                "version": 1,
                "updated_at": datetime.combine(self._today, time(), UTC),
            }
        )
        return contact_id

    def _add_own_numbers(self, contact_id: str) -> None:
        """Everybody has a mobile, many a second number, and some share one at home."""
        self._add_number(contact_id, self._free_numbers.pop(), "mobile")
        drawn = self._rng.random()
        if drawn < 0.05 and self.data.numbers[-2]["kind"] == "home":
            self._add_number(contact_id, self.data.numbers[-2]["e164"], "home")
        elif drawn < 0.35:
            self._add_number(contact_id, self._free_numbers.pop(), "home")
        if drawn > 0.9:
            self._add_number(contact_id, self._free_numbers.pop(), "work")

    def _add_number(self, contact_id: str, e164: str, kind: str) -> None:
        self.data.numbers.append({"contact_id": contact_id, "e164": e164, "kind": kind})

    def _add_purchases(self, contact_id: str, days: list[date], bulk: int) -> None:
        basket = self._baskets.taste()
        previous: Row | None = None
        for day in days:
            row = self._purchase(contact_id, day)
            if previous and len(days) > 5 and self._rng.random() < 0.01:
                # What came back: the same goods with the sign turned.
                row |= {key: previous[key] for key in ("product", "quantity")}
                row["amount"] = -abs(previous["amount"])
            else:
                product, quantity = self._baskets.draw(basket, is_first=previous is None)
                row |= {"product": product.code, "quantity": quantity * bulk}
                row["amount"] = product.price * quantity * bulk
            self.data.purchases.append(row)
            previous = row

    def _purchase(self, contact_id: str, day: date) -> Row:
        at = datetime.combine(day, time(self._rng.randint(8, 20), self._rng.randint(0, 59)), UTC)
        return {
            "id": self._next("P"),
            "contact_id": contact_id,
            "product": None,
            "at": at,
            "amount": Decimal(0),
            "currency": CURRENCY,
            "quantity": 1,
        }

    def _next(self, kind: str) -> str:
        lists = {
            "P": self.data.purchases,
            "O": self.data.orders,
            "T": self.data.cases,
            "A": self.data.appointments,
        }
        return f"{kind}-{len(lists[kind]) + 1:06}"
