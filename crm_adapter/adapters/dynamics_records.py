"""What Dataverse's records mean, and what ours look like there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from calls.call import Direction
from calls.caller import Case, Order, Purchase
from calls.records import CallRecord
from crm_adapter.adapter import HitKind
from crm_adapter.adapters import readings, texts
from crm_adapter.adapters.dynamics_wire import ID_OF, SET_OF
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.readings import Record

PHONES = ("telephone1", "mobilephone", "telephone2")
SALE_FIELDS = "salesorderid,name,ordernumber,totalamount,statecode,createdon,requestdeliveryby"
CASE_FIELDS = "incidentid,title,casetypecode,statecode,createdon"
#: States of a sales order: active, submitted, cancelled, fulfilled, invoiced.
_OPEN_ORDERS, _CANCELLED, _BOUGHT = (0, 1), 2, (3, 4)
#: The last two in a filter.
SOLD = "(statecode eq 3 or statecode eq 4)"
_CASE_KINDS = {1: "question", 2: "problem", 3: "request"}


def person_query(kind: HitKind) -> dict[str, str]:
    always = ("firstname", "lastname", "_ownerid_value", "modifiedon", *PHONES)
    if kind is HitKind.LEAD:
        return {"$select": ",".join(("leadid", "companyname", *always))}
    company = "parentcustomerid_account($select=name)"
    return {"$select": ",".join(("contactid", *always)), "$expand": company}


def person(found: Record, kind: HitKind) -> Person:
    account = readings.record(found, "parentcustomerid_account").get("name")
    return Person(
        id=readings.text(found.get(ID_OF[SET_OF[kind]])),
        kind=kind,
        first_name=readings.text(found.get("firstname")),
        last_name=readings.text(found.get("lastname")),
        company=readings.said(account) or readings.said(found.get("companyname")),
        numbers=tuple(readings.text(found.get(phone)) for phone in PHONES),
        version=readings.said(found.get("@odata.etag")),
        owner=readings.said(found.get("_ownerid_value")),
        changed_at=readings.moment(found.get("modifiedon")),
    )


def purchase(found: Record) -> Purchase | None:
    """An order that was fulfilled or invoiced."""
    at, name = readings.moment(found.get("createdon")), readings.text(found.get("name"))
    if at is None or found.get("statecode") not in _BOUGHT:
        return None
    currency = readings.record(found, "transactioncurrencyid").get("isocurrencycode")
    amount = readings.amount(found.get("totalamount"))
    return Purchase(name, name, "", at, amount, readings.text(currency))


def order(found: Record) -> Order | None:
    placed = readings.moment(found.get("createdon"))
    if placed is None or found.get("statecode") == _CANCELLED:
        return None
    number = readings.text(found.get("ordernumber"))
    is_open = found.get("statecode") in _OPEN_ORDERS
    return Order(
        id=readings.text(found.get("salesorderid")),
        product_name=readings.text(found.get("name")),
        status="open" if is_open else "fulfilled",
        placed_at=placed,
        due_on=readings.day(found.get("requestdeliveryby")),
        is_open=is_open,
        number=number if number.isdecimal() else None,
    )


def case(found: Record) -> Case | None:
    opened = readings.moment(found.get("createdon"))
    if opened is None:
        return None
    kind = found.get("casetypecode")
    return Case(
        readings.text(found.get("incidentid")),
        readings.text(found.get("title")),
        _CASE_KINDS.get(kind, "") if isinstance(kind, int) else "",
        found.get("statecode") == 0,
        opened,
    )


def call(record: CallRecord, idem: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "subject": texts.call_title(record),
        "description": texts.call_text(record, idem),
        "directioncode": record.direction is Direction.OUTBOUND,
        "actualdurationminutes": -(-record.talk_s // 60),
        "actualstart": time(record.answered_at or record.arrived_at),
    }
    if record.number:
        told["phonenumber"] = record.number
    if record.ended_at is not None:
        told["actualend"] = time(record.ended_at)
    return told


def time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
