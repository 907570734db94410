"""What HubSpot's objects mean, and what ours look like there."""

from __future__ import annotations

from datetime import datetime

from calls.call import Direction
from calls.caller import Case, Purchase
from calls.records import CallRecord
from crm_adapter.adapter import HitKind
from crm_adapter.adapters import readings, texts
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.readings import Record

PHONES = ("phone", "mobilephone")
PERSON_FIELDS = (
    "firstname",
    "lastname",
    "company",
    *PHONES,
    "hs_lead_status",
    "hs_language",
    "hubspot_owner_id",
    "lastmodifieddate",
)
PURCHASE_FIELDS = ("dealname", "amount", "deal_currency_code", "closedate", "hs_is_closed_won")
CASE_FIELDS = ("subject", "hs_ticket_category", "createdate", "closed_date")
#: Of a contact that we made.
NEW, TAKEN, WITHDRAWN = "NEW", "OPEN", "UNQUALIFIED"


def properties(found: Record) -> Record:
    return readings.record(found, "properties")


def person(found: Record, key: str) -> Person:
    """A contact that has our `key` and on which nobody has worked yet counts as a lead."""
    told = properties(found)
    is_lead = _is_ours(told, key) and readings.text(told.get("hs_lead_status")) == NEW
    return Person(
        id=readings.text(found.get("id")),
        kind=HitKind.LEAD if is_lead else HitKind.CONTACT,
        first_name=readings.text(told.get("firstname")),
        last_name=readings.text(told.get("lastname")),
        company=readings.said(told.get("company")),
        numbers=tuple(readings.text(told.get(phone)) for phone in PHONES),
        version=readings.said(told.get("lastmodifieddate")),
        owner=readings.said(told.get("hubspot_owner_id")),
        language=readings.said(told.get("hs_language")),
        changed_at=readings.moment(told.get("lastmodifieddate")),
    )


def is_withdrawn(found: Record, key: str) -> bool:
    told = properties(found)
    return _is_ours(told, key) and readings.text(told.get("hs_lead_status")) == WITHDRAWN


def _is_ours(told: Record, key: str) -> bool:
    return bool(readings.text(told.get(key)))


def purchase(found: Record) -> Purchase | None:
    """A won deal."""
    told = properties(found)
    at, name = readings.moment(told.get("closedate")), readings.text(told.get("dealname"))
    if at is None or readings.text(told.get("hs_is_closed_won")) != "true":
        return None
    currency = readings.text(told.get("deal_currency_code"))
    return Purchase(name, name, "", at, readings.amount(told.get("amount")), currency)


def case(found: Record) -> Case | None:
    """A ticket."""
    told = properties(found)
    opened = readings.moment(told.get("createdate"))
    if opened is None:
        return None
    kind, subject = readings.text(told.get("hs_ticket_category")), told.get("subject")
    is_open = not readings.text(told.get("closed_date"))
    record_id = readings.text(found.get("id"))
    return Case(record_id, readings.text(subject), kind.lower(), is_open, opened)


def call(record: CallRecord, idem: str) -> dict[str, str]:
    """Durations are milliseconds, all values texts."""
    status = "COMPLETED" if record.answered_at is not None else "NO_ANSWER"
    told = {
        "hs_timestamp": time(record.answered_at or record.arrived_at),
        "hs_call_title": texts.call_title(record),
        "hs_call_body": texts.as_html(texts.call_text(record, idem)),
        "hs_call_direction": "OUTBOUND" if record.direction is Direction.OUTBOUND else "INBOUND",
        "hs_call_duration": str(record.talk_s * 1000),
        "hs_call_status": "IN_PROGRESS" if record.is_live else status,
        "hs_call_to_number": record.dialled,
    }
    if record.number:
        told["hs_call_from_number"] = record.number
    return told


def time(at: datetime) -> str:
    return str(round(at.timestamp() * 1000))
