"""From records of an API, by the mapping's expressions, to our own types."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from calls.caller import Candidate, Case, Contact, ContactRef, Order, Purchase
from crm_adapter.adapter import HitKind, PhoneHit, Unavailable
from crm_adapter.mapped import reading
from crm_adapter.mapped.parts import Part
from crm_adapter.mapped.record_values import ref_id
from crm_adapter.rest.readings import Reading
from crm_adapter.rest.shapes import CaseMap, ContactMap, HistoryMap, OrderMap
from crm_adapter.rest.templates import Template

CRM = "rest"
#: Of one answer; an API that was asked for five and sends more is not read to its end.
MOST_ITEMS = 1000


def items_of(read: Reading, answer: Any) -> list[Any]:
    """Nothing at all is an empty list. Raises Unavailable where there is something else."""
    found = read.of(answer)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Unavailable(f"the answer holds no list at {read.expression[:100]!r}")
    return found[:MOST_ITEMS]


def parts_of(read: Part, record: Any) -> dict[str, Any]:
    """By name, of those that the mapping reads."""
    found: dict[str, Any] = {}
    for name in type(read).model_fields:
        expression = getattr(read, name)
        if isinstance(expression, Reading):
            found[name] = expression.part(record)
    return found


def contact_of(
    read: ContactMap, record: Any, kind: HitKind, url: Template | None, *, known: str | None = None
) -> tuple[Contact, tuple[str, ...], str | None] | None:
    """With its numbers as stored and its version; None for a record without an id. `known` is the
    id by which it was asked for."""
    parts = parts_of(read, record)
    record_id = known or reading.record_id(parts["id"])
    if record_id is None:
        return None
    address = None if url is None else reading.web_address(_url(url, record_id))
    ref = ContactRef(CRM, ref_id(kind.value, record_id))
    contact = reading.contact(ref, parts, url=address)
    return contact, reading.texts(parts.get("phones") or ()), reading.text(parts.get("version"))


def _url(template: Template, record_id: str) -> str | None:
    return template.address({"id": record_id})


def hits_of(
    read: ContactMap, records: Iterable[Any], kind: HitKind, url: Template | None
) -> list[tuple[Contact, PhoneHit]]:
    """Raises Unavailable where there are records, and none of them has an id."""
    found: list[tuple[Contact, PhoneHit]] = []
    is_empty = True
    for record in records:
        is_empty = False
        one = contact_of(read, record, kind, url)
        if one is not None:
            contact, numbers, version = one
            found.append(
                (contact, PhoneHit(candidate_of(contact), numbers, kind, version, contact.owner))
            )
    if not found and not is_empty:
        raise Unavailable("the answer holds records without an id: see 'map' of the mapping")
    return found


def candidate_of(contact: Contact) -> Candidate:
    return Candidate(contact.ref, contact.name, contact.company, contact.url)


def purchases_of(read: HistoryMap, records: Iterable[Any]) -> tuple[Purchase, ...]:
    """Newest first. What has no time, amount or currency cannot be told and is left out."""
    found = [one for record in records if (one := _purchase(parts_of(read, record))) is not None]
    return tuple(sorted(found, key=lambda one: one.at, reverse=True))


def _purchase(parts: dict[str, Any]) -> Purchase | None:
    at, amount = reading.moment(parts["at"]), reading.amount(parts["amount"])
    currency = reading.currency(parts["currency"])
    if at is None or amount is None or currency is None:
        return None
    product = reading.text(parts.get("product")) or ""
    return Purchase(
        product=product,
        product_name=reading.text(parts.get("product_name")) or product,
        category=reading.text(parts.get("category")) or "",
        at=at,
        amount=amount,
        currency=currency,
        quantity=reading.quantity(parts.get("quantity")),
    )


def orders_of(read: OrderMap, records: Iterable[Any]) -> tuple[Order, ...]:
    """Open ones first, each newest first."""
    found: list[Order] = []
    for record in records:
        parts = parts_of(read, record)
        order_id, at = reading.record_id(parts["id"]), reading.moment(parts["placed_at"])
        if order_id is not None and at is not None:
            found.append(
                Order(
                    id=order_id,
                    product_name=reading.text(parts.get("product_name")) or "",
                    status=reading.text(parts.get("status")) or "",
                    placed_at=at,
                    due_on=reading.day(parts.get("due_on")),
                    is_open=reading.truth(parts["is_open"]),
                    number=reading.text(parts.get("number")),
                )
            )
    return tuple(sorted(found, key=lambda order: (order.is_open, order.placed_at), reverse=True))


def cases_of(read: CaseMap, records: Iterable[Any]) -> tuple[Case, ...]:
    found: list[Case] = []
    for record in records:
        parts = parts_of(read, record)
        case_id, at = reading.record_id(parts["id"]), reading.moment(parts["opened_at"])
        if case_id is not None and at is not None:
            found.append(
                Case(
                    id=case_id,
                    subject=reading.text(parts["subject"]) or "",
                    kind=reading.text(parts.get("kind")) or "",
                    is_open=reading.truth(parts["is_open"]),
                    opened_at=at,
                )
            )
    return tuple(sorted(found, key=lambda case: (case.is_open, case.opened_at), reverse=True))


#: Before anything a CRM remembers.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
