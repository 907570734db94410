"""What SuiteCRM's records mean, and what ours look like there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from calls.call import Direction
from calls.caller import Case, Purchase
from calls.records import CallRecord
from crm_adapter.adapter import HitKind
from crm_adapter.adapters import readings, texts
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.readings import Record
from crm_adapter.adapters.suitecrm_wire import MODULE_OF

PHONES = ("phone_mobile", "phone_work", "phone_home", "phone_other")
PERSON_FIELDS = (
    "first_name,last_name,account_name,assigned_user_name,status,date_modified," + ",".join(PHONES)
)
_CLOSED_LEADS = ("Converted", "Dead", "Recycled")


def attributes(found: Record) -> Record:
    return readings.record(found, "attributes")


def person(found: Record, kind: HitKind) -> Person:
    told = attributes(found)
    return Person(
        id=readings.text(found.get("id")),
        kind=kind,
        first_name=readings.text(told.get("first_name")),
        last_name=readings.text(told.get("last_name")),
        company=readings.said(told.get("account_name")),
        numbers=tuple(readings.text(told.get(phone)) for phone in PHONES),
        version=readings.said(told.get("date_modified")),
        owner=readings.said(told.get("assigned_user_name")),
        changed_at=readings.moment(told.get("date_modified")),
    )


def is_open_lead(found: Record) -> bool:
    return readings.text(attributes(found).get("status")) not in _CLOSED_LEADS


def purchase(found: Record) -> Purchase | None:
    """A won opportunity."""
    told = attributes(found)
    at, name = readings.moment(told.get("date_closed")), readings.text(told.get("name"))
    if at is None or readings.text(told.get("sales_stage")) != "Closed Won":
        return None
    currency = readings.text(told.get("currency_symbol"))
    return Purchase(name, name, "", at, readings.amount(told.get("amount")), currency)


def case(found: Record) -> Case | None:
    told = attributes(found)
    opened = readings.moment(told.get("date_entered"))
    if opened is None:
        return None
    is_open = not readings.text(told.get("state") or told.get("status")).startswith("Closed")
    kind, name = readings.text(told.get("type")).lower(), readings.text(told.get("name"))
    return Case(readings.text(found.get("id")), name, kind, is_open, opened)


def call(record: CallRecord, idem: str, contact: tuple[HitKind, str] | None) -> dict[str, Any]:
    hours, minutes = divmod(-(-record.talk_s // 60), 60)
    told = {
        "name": texts.call_title(record),
        "status": _status(record),
        "direction": "Outbound" if record.direction is Direction.OUTBOUND else "Inbound",
        "date_start": time(record.answered_at or record.arrived_at),
        "duration_hours": hours,
        "duration_minutes": minutes,
        "description": texts.call_text(record, idem),
    }
    return told | parent(contact)


def parent(contact: tuple[HitKind, str] | None) -> dict[str, Any]:
    if contact is None:
        return {}
    return {"parent_type": MODULE_OF[contact[0]], "parent_id": contact[1]}


def _status(record: CallRecord) -> str:
    if record.is_live:
        return "Planned"
    return "Held" if record.answered_at is not None else "Not Held"


def time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
