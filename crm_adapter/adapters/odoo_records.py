"""Odoo's records as ours. What is asked for are `web_search_read` specifications (Odoo 17 and
later): nested records come in the same answer. Times are UTC without saying so; nothing is False.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from calls.caller import Candidate, Contact, ContactRef, Order, Purchase
from crm_adapter.adapter import HitKind, PhoneHit, Unavailable
from crm_adapter.adapters import readings
from crm_adapter.adapters.hosted import MOST_HISTORY
from crm_adapter.adapters.readings import Record

PARTNER, LEAD = "res.partner", "crm.lead"
_CRM = "odoo"
_LEAD_PREFIX = "lead:"
#: PostgreSQL's largest integer; Odoo's ids are such.
_LARGEST_ID = 2**31 - 1
#: Kinds of partner that are an address of their parent rather than somebody.
ADDRESSES = ("invoice", "delivery", "other")
_CHINESE = re.compile("[\u4e00-\u9fff]")

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """What this Odoo has of what we would ask for; None: not a module that we need for it."""

    partner_numbers: tuple[str, ...] = ("phone",)
    #: None: no CRM.
    lead_numbers: tuple[str, ...] | None = None
    #: The module phone_validation: numbers are kept as E.164 besides.
    sanitizes: bool = False
    sells: bool = False
    #: The module sale_stock: an order knows whether it was delivered.
    delivers: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A record that others hang on: a contact or a lead."""

    model: str
    id: int

    @property
    def ref(self) -> ContactRef:
        return ContactRef(_CRM, f"{_LEAD_PREFIX}{self.id}" if self.model == LEAD else str(self.id))

    @classmethod
    def of(cls, ref: ContactRef) -> Place | None:
        """None for what can be no record of this CRM."""
        text = ref.id.removeprefix(_LEAD_PREFIX)
        if ref.crm != _CRM or not (text.isascii() and text.isdigit()) or text.startswith("0"):
            return None
        if len(text) > 10 or int(text) > _LARGEST_ID:
            return None
        return cls(LEAD if text != ref.id else PARTNER, int(text))


def partner_spec(shape: Shape) -> Spec:
    own: Spec = {name: {} for name in ("name", "is_company", "company_name", "write_date")}
    own |= {name: {} for name in numbers_of(shape, PARTNER)}
    own["user_id"] = {"fields": {"login": {}}}
    parent = {**own, "parent_id": {"fields": {"name": {}}}}
    return {**own, "type": {}, "active": {}, "parent_id": {"fields": parent}}


def contact_spec() -> Spec:
    spec = partner_spec(Shape())
    return {**spec, "lang": {}, "commercial_partner_id": {}}


def lead_spec(shape: Shape) -> Spec:
    names = ("name", "contact_name", "partner_name", "write_date", "active")
    spec: Spec = {name: {} for name in (*names, *numbers_of(shape, LEAD))}
    spec["user_id"] = {"fields": {"login": {}}}
    spec["partner_id"] = {"fields": {"name": {}}}
    spec["stage_id"] = {"fields": {"is_won": {}}}
    return spec


def numbers_of(shape: Shape, model: str) -> tuple[str, ...]:
    plain = shape.partner_numbers if model == PARTNER else shape.lead_numbers or ()
    return (*plain, "phone_sanitized") if shape.sanitizes else plain


_PRODUCT: Spec = {"fields": {"default_code": {}, "name": {}, "categ_id": {"fields": {"name": {}}}}}
_CURRENCY: Spec = {"fields": {"name": {}}}
LINE_SPEC: Spec = {
    "product_id": _PRODUCT,
    "order_id": {"fields": {"date_order": {}}},
    "currency_id": _CURRENCY,
    "price_total": {},
    "product_uom_qty": {},
}
#: Of one order; the rest of a longer one is not looked at while somebody waits.
_MOST_LINES = 30


def order_spec(shape: Shape) -> Spec:
    """With the lines as purchases: each request costs Odoo more than what it asks for."""
    names = ("display_type", "product_uom_qty", "qty_delivered", "price_total")
    line: Spec = {**{name: {} for name in names}, "product_id": _PRODUCT}
    spec: Spec = {"name": {}, "date_order": {}, "commitment_date": {}, "currency_id": _CURRENCY}
    spec["order_line"] = {"fields": line, "limit": _MOST_LINES}
    return {**spec, "delivery_status": {}} if shape.delivers else spec


def rows(answer: Any) -> list[Record]:
    """Of `web_search_read`. Raises Unavailable where it is something else."""
    found = answer.get("records") if isinstance(answer, Mapping) else None
    if not isinstance(found, list):
        raise Unavailable("odoo answered without a list of records")
    return [one for one in found if isinstance(one, Mapping) and row_id(one) is not None]


def row_id(row: Any) -> int | None:
    """Of a record, or of what a field refers to (an id, or a record with one)."""
    found = row.get("id") if isinstance(row, Mapping) else row
    if isinstance(found, bool) or not isinstance(found, int) or found <= 0:
        return None
    return found


def _place(model: str, row: Record) -> Place:
    return Place(model, row_id(row) or 0)


@dataclass(frozen=True, slots=True)
class Reader:
    """`url` is Odoo's own, for links."""

    url: str
    shape: Shape

    def partner_hits(self, found: Iterable[Record]) -> list[PhoneHit]:
        """Each contact once; an address leads to whose it is."""
        by_id: dict[int, PhoneHit] = {}
        for row in found:
            owner = address_owner(row) or row
            place = _place(PARTNER, owner)
            numbers = self.numbers(owner, PARTNER)
            if owner is not row:
                numbers = (*numbers, *self.numbers(row, PARTNER))
            earlier = by_id.get(place.id)
            if earlier is not None:
                numbers = (*earlier.numbers, *numbers)
            by_id[place.id] = self._partner_hit(place, owner, tuple(dict.fromkeys(numbers)))
        return [by_id[one] for one in sorted(by_id)]

    def _partner_hit(self, place: Place, row: Record, numbers: tuple[str, ...]) -> PhoneHit:
        return PhoneHit(
            Candidate(place.ref, readings.text(row.get("name")), company(row), self.link(place)),
            numbers,
            HitKind.ACCOUNT if row.get("is_company") is True else HitKind.CONTACT,
            version=readings.said(row.get("write_date")),
            owner=_owner(row),
        )

    def lead_hits(self, found: Iterable[Record]) -> list[PhoneHit]:
        hits = []
        for row in found:
            place = _place(LEAD, row)
            hits.append(
                PhoneHit(
                    Candidate(place.ref, lead_name(row), _lead_company(row), self.link(place)),
                    self.numbers(row, LEAD),
                    HitKind.LEAD,
                    version=readings.said(row.get("write_date")),
                    owner=_owner(row),
                )
            )
        return hits

    def numbers(self, row: Record, model: str) -> tuple[str, ...]:
        """As typed, and as Odoo read that with the country of the record: our own reading, with
        that of the number dialled, may be wrong."""
        stored = (readings.text(row.get(name)) for name in numbers_of(self.shape, model))
        return tuple(dict.fromkeys(number for number in stored if number))

    def link(self, place: Place) -> str:
        """Odoo's own way of leading to a record, the same in all versions."""
        return f"{self.url}/mail/view?{urlencode({'model': place.model, 'res_id': place.id})}"

    def contact(
        self, row: Record, *, purchases: Sequence[Purchase], orders: Sequence[Order]
    ) -> Contact:
        name = split_name(readings.text(row.get("name")), is_company=row.get("is_company") is True)
        place = _place(PARTNER, row)
        return self._contact(place, row, name, company(row), (purchases, orders))

    def lead(
        self, row: Record, *, purchases: Sequence[Purchase], orders: Sequence[Order]
    ) -> Contact:
        name = split_name(lead_name(row))
        place = _place(LEAD, row)
        return self._contact(place, row, name, _lead_company(row), (purchases, orders))

    def _contact(
        self,
        place: Place,
        row: Record,
        name: tuple[str, str],
        of: str | None,
        history: tuple[Sequence[Purchase], Sequence[Order]],
    ) -> Contact:
        (first, last), (purchases, orders) = name, history
        return Contact(
            ref=place.ref,
            first_name=first,
            last_name=last,
            company=of,
            language=_language(row.get("lang")),
            url=self.link(place),
            owner=_owner(row),
            purchases=tuple(purchases[:MOST_HISTORY]),
            orders=tuple(orders),
            owns=frozenset(bought.product for bought in purchases if bought.quantity > 0),
        )


def address_owner(row: Record) -> Record | None:
    """Whose delivery, invoice or other address this is; None for somebody of their own."""
    parent = row.get("parent_id")
    if row.get("type") in ADDRESSES and isinstance(parent, Mapping) and row_id(parent):
        return parent
    return None


def company(row: Record) -> str | None:
    if row.get("is_company") is True:
        return readings.said(row.get("name"))
    parent = readings.record(row.get("parent_id"))
    return readings.said(parent.get("name")) or readings.said(row.get("company_name"))


def split_name(name: str, *, is_company: bool = False) -> tuple[str, str]:
    """First and last name; Odoo has but one field. A Chinese name stays whole."""
    if is_company or _CHINESE.search(name):
        return "", name
    first, _, last = name.rpartition(" ")
    return first, last


def lead_name(row: Record) -> str:
    return next(
        (
            readings.text(row.get(name))
            for name in ("contact_name", "partner_name", "name")
            if readings.text(row.get(name))
        ),
        "",
    )


def _lead_company(row: Record) -> str | None:
    return readings.said(row.get("partner_name"))


def _owner(row: Record) -> str | None:
    return readings.said(readings.record(row.get("user_id")).get("login"))


def _language(value: Any) -> str | None:
    """`zh_CN` is zh."""
    return readings.text(value).split("_")[0].lower() or None


def purchase(row: Record) -> Purchase | None:
    product = readings.record(row.get("product_id"))
    at = readings.moment(readings.record(row.get("order_id")).get("date_order"))
    if at is None or row_id(product) is None:
        return None
    category = readings.record(product.get("categ_id"))
    return Purchase(
        product=readings.said(product.get("default_code")) or f"odoo-{row_id(product)}",
        product_name=readings.text(product.get("name")),
        category=readings.text(category.get("name")),
        at=at,
        amount=readings.amount(row.get("price_total")),
        currency=readings.text(readings.record(row.get("currency_id")).get("name")),
        quantity=round(readings.amount(row.get("product_uom_qty"))),
    )


def purchases_of(row: Record) -> list[Purchase]:
    """Of an order."""
    lines = (
        {**line, "order_id": row, "currency_id": row.get("currency_id")}
        for line in readings.listed(row.get("order_line"))
        if not line.get("display_type")
    )
    return [bought for line in lines if (bought := purchase(line)) is not None]


def order(row: Record) -> Order | None:
    placed_at = readings.moment(row.get("date_order"))
    if placed_at is None:
        return None
    lines = [one for one in readings.listed(row.get("order_line")) if not one.get("display_type")]
    name = readings.text(row.get("name"))
    is_open, status = _delivery(row, lines)
    names = (readings.text(readings.record(one.get("product_id")).get("name")) for one in lines)
    return Order(
        id=str(row_id(row)),
        product_name=next((one for one in names if one), name),
        status=status,
        placed_at=placed_at,
        due_on=readings.day(row.get("commitment_date")),
        is_open=is_open,
        number=digits(name) or None,
    )


def _delivery(row: Record, lines: Sequence[Record]) -> tuple[bool, str]:
    """By the stock module where there is one, else by what was noted on the lines."""
    status = readings.text(row.get("delivery_status"))
    if status:
        return status != "full", status
    wanted = [readings.amount(one.get("product_uom_qty")) for one in lines]
    done = [readings.amount(one.get("qty_delivered")) for one in lines]
    if all(have >= want for have, want in zip(done, wanted, strict=True)):
        return False, "delivered"
    return True, "partly delivered" if any(have > Decimal(0) for have in done) else "ordered"


def open_first(orders: Iterable[Order], limit: int) -> tuple[Order, ...]:
    """Each kind newest first."""
    newest = sorted(orders, key=lambda one: one.placed_at, reverse=True)
    return tuple(sorted(newest, key=lambda one: not one.is_open)[:limit])


def digits(name: str) -> str:
    """What a caller types for `S00042`."""
    return "".join(letter for letter in name if letter.isascii() and letter.isdigit())
