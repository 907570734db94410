"""Accounts and appointments of the demo's people, and the numbers they type."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from crm_adapter.embedded.demo_catalogue import CURRENCY
from crm_adapter.pins import hash_pin

#: The first contact's is one more.
_CUSTOMERS_FROM = 100_000


def customer_number(nth: int) -> str:
    """Of the `nth` contact, counted from 1."""
    return str(_CUSTOMERS_FROM + nth)


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """`balance` is below zero for what the contact owes."""

    number: str
    balance: str
    pin: str

    def row(self, contact_id: str) -> dict[str, Any]:
        return {
            "contact_id": contact_id,
            "number": self.number,
            "balance": Decimal(self.balance),
            "currency": CURRENCY,
            # The same salt every time, as everything here: these PINs are no secret.
            "pin_hash": hash_pin(self.pin, salt=self.number.encode()),
        }


@dataclass(frozen=True, slots=True)
class DemoAppointment:
    """`ahead` in days from today, `hour` in UTC."""

    subject: str
    ahead: int
    hour: int

    def row(self, contact_id: str, appointment_id: str, today: date) -> dict[str, Any]:
        return {
            "id": appointment_id,
            "contact_id": contact_id,
            "at": datetime.combine(today + timedelta(days=self.ahead), time(self.hour), UTC),
            "subject": self.subject,
            "status": "booked",
        }
