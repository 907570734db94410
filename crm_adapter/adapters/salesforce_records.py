"""What Salesforce's records mean, and what ours look like there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from calls.call import Direction
from calls.caller import Case, Purchase
from calls.records import CallRecord
from crm_adapter.adapter import HitKind
from crm_adapter.adapters import readings, texts
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.readings import Record

LEAD_PHONES = ("Phone", "MobilePhone")
_DIRECTIONS = {Direction.OUTBOUND: "Outbound", Direction.INTERNAL: "Internal"}


def person_fields(kind: HitKind, phones: Sequence[str]) -> tuple[str, ...]:
    company = "Company" if kind is HitKind.LEAD else "Account.Name"
    return ("Id", "FirstName", "LastName", company, "OwnerId", "LastModifiedDate", *phones)


def person(found: Record, kind: HitKind, phones: Sequence[str]) -> Person:
    account = readings.said(readings.record(found, "Account").get("Name"))
    return Person(
        id=readings.text(found.get("Id")),
        kind=kind,
        first_name=readings.text(found.get("FirstName")),
        last_name=readings.text(found.get("LastName")),
        company=account or readings.said(found.get("Company")),
        numbers=tuple(readings.text(found.get(phone)) for phone in phones),
        version=readings.said(found.get("LastModifiedDate")),
        owner=readings.said(found.get("OwnerId")),
        changed_at=readings.moment(found.get("LastModifiedDate")),
    )


def kind_of(found: Record) -> HitKind:
    """Of a record among others."""
    told = readings.text(readings.record(found, "attributes").get("type"))
    return HitKind.LEAD if told == "Lead" else HitKind.CONTACT


def purchase(found: Record) -> Purchase | None:
    at, name = readings.moment(found.get("CloseDate")), readings.text(found.get("Name"))
    if at is None:
        return None
    return Purchase(name, name, "", at, readings.amount(found.get("Amount")), "")


def case(found: Record) -> Case | None:
    opened = readings.moment(found.get("CreatedDate"))
    if opened is None:
        return None
    return Case(
        readings.text(found.get("Id")),
        readings.text(found.get("Subject")),
        readings.text(found.get("Type")).lower(),
        not readings.truth(found.get("IsClosed")),
        opened,
    )


def call(record: CallRecord, idem: str) -> dict[str, Any]:
    started = record.answered_at or record.arrived_at
    return {
        "Subject": texts.call_title(record),
        "Status": "In Progress" if record.is_live else "Completed",
        "Priority": "Normal",
        "CallType": _DIRECTIONS.get(record.direction, "Inbound"),
        "CallDurationInSeconds": record.talk_s,
        "CallObject": str(record.call_id)[:255],
        "CallDisposition": record.outcome.value,
        "ActivityDate": f"{started.astimezone(UTC):%Y-%m-%d}",
        "Description": texts.call_text(record, idem),
    }


def time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def due(at: datetime) -> dict[str, Any]:
    """A Task is due on a day; only its reminder has a time."""
    return {
        "ActivityDate": f"{at:%Y-%m-%d}",
        "IsReminderSet": True,
        "ReminderDateTime": time(at),
    }
