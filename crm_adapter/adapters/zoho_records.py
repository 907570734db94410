"""What Zoho's records mean, and what ours look like there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from calls.call import Direction
from calls.caller import Case, Order, Purchase
from calls.records import CallRecord
from crm_adapter.adapter import HitKind
from crm_adapter.adapters import readings, texts
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.readings import Record

PHONES = {
    HitKind.CONTACT: ("Phone", "Mobile", "Home_Phone", "Other_Phone"),
    HitKind.LEAD: ("Phone", "Mobile"),
}
PURCHASE_FIELDS = "Deal_Name,Amount,Closing_Date,Stage,Currency"
ORDER_FIELDS = "Subject,SO_Number,Status,Due_Date,Created_Time"
CASE_FIELDS = "Subject,Status,Type,Created_Time"
_DELIVERED = ("Delivered", "Cancelled")


def person_fields(kind: HitKind) -> tuple[str, ...]:
    company = "Company" if kind is HitKind.LEAD else "Account_Name.Account_Name"
    return ("First_Name", "Last_Name", company, "Owner", "Modified_Time", *PHONES[kind])


def person(found: Record, kind: HitKind) -> Person:
    return Person(
        id=readings.text(found.get("id")),
        kind=kind,
        first_name=readings.text(found.get("First_Name")),
        last_name=readings.text(found.get("Last_Name")),
        company=_company(found),
        numbers=tuple(readings.text(found.get(phone)) for phone in PHONES[kind]),
        version=readings.said(found.get("Modified_Time")),
        owner=_owner(found),
        changed_at=readings.moment(found.get("Modified_Time")),
    )


def _company(found: Record) -> str | None:
    account = found.get("Account_Name")
    named = readings.said(readings.record(account).get("name")) or readings.said(account)
    flat = readings.said(found.get("Account_Name.Account_Name"))
    return named or flat or readings.said(found.get("Company"))


def _owner(found: Record) -> str | None:
    owner = readings.record(found, "Owner")
    return readings.said(owner.get("email")) or readings.said(owner.get("id"))


def purchase(found: Record) -> Purchase | None:
    """A won deal."""
    at, name = readings.moment(found.get("Closing_Date")), readings.text(found.get("Deal_Name"))
    if at is None or readings.text(found.get("Stage")) != "Closed Won":
        return None
    amount, currency = readings.amount(found.get("Amount")), readings.text(found.get("Currency"))
    return Purchase(name, name, "", at, amount, currency)


def order(found: Record) -> Order | None:
    placed, status = readings.moment(found.get("Created_Time")), readings.text(found.get("Status"))
    if placed is None:
        return None
    number = readings.text(found.get("SO_Number"))
    return Order(
        id=readings.text(found.get("id")),
        product_name=readings.text(found.get("Subject")),
        status=status,
        placed_at=placed,
        due_on=readings.day(found.get("Due_Date")),
        is_open=status not in _DELIVERED,
        number=number if number.isdecimal() else None,
    )


def case(found: Record) -> Case | None:
    opened = readings.moment(found.get("Created_Time"))
    if opened is None:
        return None
    return Case(
        readings.text(found.get("id")),
        readings.text(found.get("Subject")),
        readings.text(found.get("Type")).lower(),
        readings.text(found.get("Status")) != "Closed",
        opened,
    )


def call(record: CallRecord, idem: str) -> dict[str, Any]:
    minutes, seconds = divmod(record.talk_s, 60)
    kind = "Outbound" if record.direction is Direction.OUTBOUND else "Inbound"
    is_missed = record.answered_at is None and record.direction is Direction.INBOUND
    return {
        "Subject": texts.call_title(record),
        "Call_Type": "Missed" if is_missed else kind,
        "Call_Start_Time": time(record.answered_at or record.arrived_at),
        "Call_Duration": f"{minutes:02}:{seconds:02}",
        "Description": texts.call_text(record, idem),
    }


def time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def day(at: datetime) -> str:
    """Of the house, where `at` has its offset."""
    return f"{at:%Y-%m-%d}"
