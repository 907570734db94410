"""Orders on their way and cases of the demo's people."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from crm_adapter.embedded.demo_catalogue import BY_CATEGORY
from crm_adapter.embedded.order_numbers import order_number

_CASES: dict[str, tuple[str, ...]] = {
    "complaint": ("Parcel arrived damaged", "Wrong product delivered", "Machine leaks again"),
    "question": ("How to descale", "Which grinder fits", "Invoice address"),
    "repair": ("Pump makes no pressure", "Display stays dark"),
}

#: Until a case is closed.
_CASE_DAYS = 9


@dataclass(frozen=True, slots=True)
class DemoOrder:
    """Days are counted back from today; a `due` below zero lies ahead."""

    product: str
    status: str
    placed: int
    due: int
    is_open: bool = True
    #: By card, as it was ordered; who has an account pays by invoice.
    is_paid: bool = True

    def row(self, contact_id: str, order_id: str, today: date) -> dict[str, Any]:
        return {
            "id": order_id,
            "contact_id": contact_id,
            "product": self.product,
            "status": self.status,
            "placed_at": _at(today, self.placed, 10),
            "due_on": today - timedelta(days=self.due),
            "is_open": self.is_open,
            "closed_at": None if self.is_open else _at(today, max(self.due, 1), 16),
            "is_paid": self.is_paid,
            "paid_at": _at(today, self.placed, 11) if self.is_paid else None,
            "number": order_number(order_id),
        }


@dataclass(frozen=True, slots=True)
class DemoCase:
    subject: str
    kind: str
    opened: int
    is_open: bool = True

    def row(self, contact_id: str, case_id: str, today: date) -> dict[str, Any]:
        return {
            "id": case_id,
            "contact_id": contact_id,
            "subject": self.subject,
            "kind": self.kind,
            "is_open": self.is_open,
            "opened_at": _at(today, self.opened, 14),
            "closed_at": None if self.is_open else _at(today, self.opened - _CASE_DAYS, 9),
        }


def orders_of(days: list[date], today: date, rng: random.Random) -> list[DemoOrder]:
    """An order of a recent buyer may still be on its way, and a few are late."""
    if not days:
        return []
    product = rng.choice(BY_CATEGORY["beans"]).code
    since_last = (today - days[-1]).days
    if since_last > 12 or rng.random() < 0.4:
        return [DemoOrder(product, "delivered", since_last, max(since_last - 4, 0), False)]
    if rng.random() < 0.15:
        return [DemoOrder(product, "delayed", since_last + 8, rng.randint(1, 5))]
    status = "packed" if since_last < 3 else "in_transit"
    return [DemoOrder(product, status, since_last, -rng.randint(1, 4))]


def cases_of(purchases: int, rng: random.Random) -> list[DemoCase]:
    if purchases == 0 or rng.random() > 0.25:
        return []
    kind = rng.choices(list(_CASES), (3, 5, 2))[0]
    is_open = rng.random() < 0.2
    opened = rng.randint(1, 14) if is_open else rng.randint(20, 700)
    return [DemoCase(rng.choice(_CASES[kind]), kind, opened, is_open)]


def _at(today: date, days_ago: int, hour: int) -> datetime:
    return datetime.combine(today - timedelta(days=days_ago), time(hour), UTC)
