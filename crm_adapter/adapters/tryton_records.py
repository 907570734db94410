"""Tryton's records as ours. Each reader leaves out what is of another kind than it should be."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from calls.caller import Candidate, Contact, ContactRef, Order, Purchase
from crm_adapter.adapter import HitKind, NotFound, PhoneHit
from crm_adapter.adapters import readings, tryton_rpc
from crm_adapter.adapters.hosted import kind_and_id
from crm_adapter.adapters.people import LEAD
from crm_adapter.adapters.readings import Record

CRM = "tryton"
ID = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
PARTY_FIELDS = (
    "name",
    "code",
    "active",
    "lang.code",
    "replaced_by",
    "last_modified_at",
    "_timestamp",
    "contact_mechanisms.type",
    "contact_mechanisms.value",
    "contact_mechanisms.value_compact",
)
LEAD_FIELDS = ("description", "comment", "reference", "state", "party", "_timestamp")
LINE_FIELDS = (
    "product.code",
    "product.rec_name",
    "product.name",
    "description",
    "amount",
    "quantity",
    "sale.sale_date",
    "sale.currency.code",
)
SALE_FIELDS = ("number", "state", "sale_date", "shipping_date", "lines.product.name", "party")
#: A sale that is still to be delivered, and one that was.
OPEN, SOLD = ("confirmed", "processing"), ("confirmed", "processing", "done")
#: Leads that nobody has finished with.
OPEN_LEADS = ("lead", "opportunity")
_KINDS_OF_NUMBER = ("phone", "mobile", "fax", "sip", "other")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}(?![0-9])", re.ASCII)


def ref(row: Record) -> ContactRef:
    return ContactRef(CRM, readings.text(row.get("id")))


def place(contact: ContactRef) -> tuple[HitKind, int]:
    """Raises NotFound for what is no record's id there."""
    kind, record_id = kind_and_id(CRM, contact)
    if not ID.fullmatch(record_id):
        raise NotFound(f"there is no contact {contact}")
    return kind, int(record_id)


def party_hit(row: Record, url: str) -> PhoneHit:
    candidate = Candidate(ref(row), readings.text(row.get("name")), url=_link(url, "party", row))
    return PhoneHit(candidate, numbers(row), version=readings.said(row.get("_timestamp")))


def numbers(row: Record) -> tuple[str, ...]:
    """E.164 where Tryton could tell it, else as typed."""
    known = [
        readings.text(one.get("value_compact")) or readings.text(one.get("value"))
        for one in readings.listed(row.get("contact_mechanisms."))
        if one.get("type") in _KINDS_OF_NUMBER
    ]
    return tuple(dict.fromkeys(number for number in known if number))


def lead_hit(row: Record, url: str) -> PhoneHit:
    """The number is the first of the comment, which begins with it (`wording.lead_description`)."""
    found = _E164.search(readings.text(row.get("comment")))
    lead_ref = ContactRef(CRM, f"{LEAD}{readings.text(row.get('id'))}")
    candidate = Candidate(
        lead_ref, readings.text(row.get("description")), url=_link(url, "lead", row)
    )
    return PhoneHit(
        candidate,
        (found.group(),) if found else (),
        HitKind.LEAD,
        readings.said(row.get("_timestamp")),
    )


def _link(url: str, kind: str, row: Record) -> str:
    """As Tryton's web client names a record (sao's `src/sao.js`)."""
    model = "party.party" if kind == "party" else "sale.opportunity"
    return f"{url}/model/{model}/{readings.text(row.get('id'))}"


def contact(
    row: Record, url: str, purchases: tuple[Purchase, ...], orders: tuple[Order, ...]
) -> Contact:
    return Contact(
        ref(row),
        "",
        readings.text(row.get("name")),
        language=readings.said(readings.record(row, "lang.").get("code")),
        url=_link(url, "party", row),
        purchases=purchases,
        orders=orders,
        owns=frozenset(one.product for one in purchases),
    )


def lead_contact(row: Record, url: str) -> Contact:
    hit = lead_hit(row, url)
    return Contact(hit.candidate.ref, "", hit.candidate.name, url=hit.candidate.url)


def purchase(row: Record) -> Purchase | None:
    """None without a date; its amount is in the sale's currency."""
    product, sale = readings.record(row, "product."), readings.record(row, "sale.")
    at = _noon(sale.get("sale_date"))
    if at is None:
        return None
    quantity = row.get("quantity")
    name = readings.text(product.get("name")) or readings.text(row.get("description"))
    return Purchase(
        product=readings.text(product.get("code")) or name,
        product_name=name,
        category="",
        at=at,
        amount=tryton_rpc.amount(row.get("amount")),
        currency=readings.text(readings.record(sale, "currency.").get("code")),
        quantity=round(quantity) if isinstance(quantity, int | float) else 1,
    )


def order(row: Record) -> Order | None:
    at = _noon(row.get("sale_date"))
    if at is None:
        return None
    number = readings.text(row.get("number"))
    names = [
        readings.text(readings.record(line, "product.").get("name"))
        for line in readings.listed(row.get("lines."))
    ]
    state = readings.text(row.get("state"))
    return Order(
        id=readings.text(row.get("id")),
        product_name=next((name for name in names if name), ""),
        status=state,
        placed_at=at,
        due_on=tryton_rpc.day(row.get("shipping_date")),
        is_open=state in OPEN,
        number=number if number.isascii() and number.isdigit() else None,
    )


def _noon(value: object) -> datetime | None:
    """A sale has a day and no time; noon is that day in most of the world."""
    day = tryton_rpc.day(value)
    return datetime.combine(day, time(12), UTC) if day else None
