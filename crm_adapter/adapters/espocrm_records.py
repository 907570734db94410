"""What EspoCRM's records mean, and what ours look like there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from calls.call import Direction
from calls.caller import Case, Purchase
from calls.records import CallRecord
from crm_adapter.adapter import HitKind
from crm_adapter.adapters import readings, texts
from crm_adapter.adapters.espocrm_wire import entity_of
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.readings import Record

PERSON_FIELDS = (
    "id,firstName,lastName,name,accountName,status,assignedUserName,phoneNumber,phoneNumberData,"
    "modifiedAt,versionNumber"
)
PURCHASE_FIELDS = "id,name,amount,amountCurrency,closeDate"
CASE_FIELDS = "id,number,name,type,status,createdAt"


def person(found: Record, kind: HitKind) -> Person:
    others = readings.listed(found.get("phoneNumberData"))
    numbers = [found.get("phoneNumber"), *(one.get("phoneNumber") for one in others)]
    return Person(
        id=readings.text(found.get("id")),
        kind=kind,
        first_name=readings.text(found.get("firstName")),
        last_name=readings.text(found.get("lastName")),
        company=readings.said(found.get("accountName")),
        numbers=tuple(map(readings.text, numbers)),
        version=readings.said(found.get("versionNumber")),
        owner=readings.said(found.get("assignedUserName")),
        name=readings.text(found.get("name")),
        changed_at=readings.moment(found.get("modifiedAt")),
    )


def purchase(found: Record) -> Purchase | None:
    at, name = readings.moment(found.get("closeDate")), readings.text(found.get("name"))
    if at is None:
        return None
    currency = readings.text(found.get("amountCurrency"))
    return Purchase(name, name, "", at, readings.amount(found.get("amount")), currency)


def case(found: Record) -> Case | None:
    opened = readings.moment(found.get("createdAt"))
    if opened is None:
        return None
    is_open = readings.text(found.get("status")) not in ("Closed", "Rejected", "Duplicate")
    kind = readings.text(found.get("type")).lower()
    name = readings.text(found.get("name"))
    return Case(readings.text(found.get("id")), name, kind, is_open, opened)


def call(record: CallRecord, idem: str, contact: tuple[HitKind, str] | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": texts.call_title(record),
        # While it lives, EspoCRM shows it as planned; its end is needed all the same.
        "status": _status(record),
        "direction": "Outbound" if record.direction is Direction.OUTBOUND else "Inbound",
        "dateStart": time(record.answered_at or record.arrived_at),
        "dateEnd": time(_end(record)),
        "description": texts.call_text(record, idem),
    }
    if contact is not None:
        kind, contact_id = contact
        body["leadsIds" if kind is HitKind.LEAD else "contactsIds"] = [contact_id]
        body |= parent(contact)
    return body


def without(
    found: Record, left: tuple[HitKind, str], contact: tuple[HitKind, str] | None
) -> dict[str, Any]:
    """What takes the link to `left` off a call as it was `found`, linked to `contact` instead."""
    told: dict[str, Any] = {}
    if contact is None and found.get("parentId") == left[1]:
        told = {"parentType": None, "parentId": None}
    links = "leadsIds" if left[0] is HitKind.LEAD else "contactsIds"
    if contact is None or contact[0] is not left[0]:
        held = found.get(links)
        told[links] = [one for one in held if one != left[1]] if isinstance(held, list) else []
    return told


def parent(contact: tuple[HitKind, str] | None) -> dict[str, str]:
    if contact is None:
        return {}
    return {"parentType": entity_of(contact[0]), "parentId": contact[1]}


def _end(record: CallRecord) -> datetime:
    """A call that nobody answered took no time."""
    if record.answered_at is None:
        return record.arrived_at
    return record.ended_at or record.answered_at


def _status(record: CallRecord) -> str:
    if record.is_live:
        return "Planned"
    return "Held" if record.answered_at is not None else "Not Held"


def time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
