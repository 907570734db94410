"""A CRM's answer, read by the mappings that come with us: our own types, or a refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from calls.caller import Contact
from crm_adapter.adapter import HitKind, Unavailable
from crm_adapter.http.replies import Reply
from crm_adapter.mapped.reading import LONGEST_ID
from crm_adapter.rest.answers import cases_of, hits_of, items_of, orders_of, purchases_of
from crm_adapter.rest.mapping import load_rest_mapping
from crm_adapter.rest.shapes import RestMapping
from tests.fuzz.targets import Target

_ENVIRON = {
    name: "https://crm.example.com" if name.endswith("URL") else "x"
    for crm in ("ODOO", "TRYTON")
    for name in (f"{crm}_URL", f"{crm}_KEY", f"{crm}_DATABASE", f"{crm}_LOGIN", f"{crm}_USER",
                 f"{crm}_PASSWORD", f"{crm}_TOKEN")
}  # fmt: skip


def _mappings() -> tuple[RestMapping, ...]:
    return tuple(
        load_rest_mapping(f"preset:{name}", environ=_ENVIRON).mapping for name in ("odoo", "tryton")
    )


_MAPPINGS = _mappings()


def check(data: bytes) -> None:
    try:
        answer = Reply("rest", 200, {}, data).json()
    except Unavailable:
        return
    for mapping in _MAPPINGS:
        for lookup in mapping.lookup:
            try:
                records = items_of(lookup.items, answer)
                hits = hits_of(lookup.map, records, HitKind.CONTACT, lookup.url)
            except Unavailable:
                continue
            for contact, hit in hits:
                _is_sound(contact)
                assert all(0 < len(number) <= 60 for number in hit.numbers)
                assert hit.candidate.ref == contact.ref
        _read_history(mapping, answer)


def _read_history(mapping: RestMapping, answer: Any) -> None:
    for part, read in (
        (mapping.history, purchases_of),
        (mapping.orders, orders_of),
        (mapping.cases, cases_of),
    ):
        if part is None:
            continue
        try:
            found: Any = read(part.map, items_of(part.items, answer))  # type: ignore[operator]
        except Unavailable:
            continue
        for one in found:
            for name in one.__slots__:
                value = getattr(one, name)
                if isinstance(value, datetime):
                    value.astimezone(UTC)
                if isinstance(value, Decimal):
                    assert value.is_finite()
                if isinstance(value, str):
                    value.encode()
                    assert "\0" not in value


def _is_sound(contact: Contact) -> None:
    assert 0 < len(contact.ref.id) <= LONGEST_ID + len("account:")
    for text in (contact.ref.id, contact.first_name, contact.last_name, contact.company,
                 contact.language, contact.url, contact.owner, contact.name):  # fmt: skip
        if text is not None:
            text.encode()
            assert "\0" not in text
            assert len(text) <= 10_000
    if contact.url is not None:
        assert contact.url.startswith(("https://", "http://"))
    if contact.balance is not None:
        assert contact.balance.amount.is_finite()


_CONTACT = (
    b'{"id":7,"name":"Maria Garcia","commercial_company_name":"Luna","phone":"+1 202 555 0101",'
    b'"phone_sanitized":"+12025550101","lang":"en_US","user_id":[2,"anna"],'
    b'"write_date":"2026-03-02 09:30:00","partner_name":false,"contact_name":"V. Stone"}'
)
_ODOO_LINE = (
    b'{"id":9,"price_total":1499.5,"product_uom_qty":2.0,"currency_id":{"name":"USD"},'
    b'"order_id":{"date_order":"2026-02-27 08:05:00"},"product_id":{"default_code":"luna",'
    b'"name":"Luna Solo","categ_id":{"name":"Coffee"}}}'
)
_ODOO_ORDER = (
    b'{"id":9,"name":"S0009","state":"sale","date_order":"2026-02-27 08:05:00","commitment_date":'
    b'"2026-03-09","order_line":[{"qty_delivered":0,"product_uom_qty":2,"name":"Luna"}]}'
)
_TRYTON_LINE = (
    b'{"sale.":{"sale_date":{"__class__":"date","year":2026,"month":3,"day":2},"currency.":'
    b'{"code":"EUR"}},"amount":{"__class__":"Decimal","decimal":"12.50"},"quantity":2.0,'
    b'"product.":{"code":"luna","rec_name":"Luna"},"description":""}'
)
_TRYTON_SALE = (
    b'{"id":4,"number":"7","state":"confirmed","sale_date":null,"create_date":{"__class__":'
    b'"datetime","year":2026,"month":3,"day":2,"hour":9,"minute":30,"second":0},"shipping_date":'
    b'{"__class__":"date","year":2026,"month":3,"day":9}}'
)

TARGET = Target(
    check,
    (
        b"[" + _CONTACT + b"]",
        b"[" + _CONTACT + b"," + _CONTACT.replace(b":7", b":8") + b"]",
        b'{"records":[' + _ODOO_LINE + b"," + _ODOO_LINE + b"]}",
        b'{"records":[' + _ODOO_ORDER + b"]}",
        b'{"result":[' + _CONTACT + b'],"id":1}',
        # Of times at the ends of the calendar, in zones that lead beyond them.
        b'{"records":['
        + _ODOO_LINE.replace(b"2026-02-27 08:05:00", b"0001-01-01T00:00:00+14:00")
        + b","
        + _ODOO_ORDER.replace(b"2026-02-27 08:05:00", b"9999-12-31T23:59:59-14:00")
        + b"]}",
        b'{"result":[' + _TRYTON_LINE + b'],"error":null}',
        b'{"result":[' + _TRYTON_SALE + b"," + _TRYTON_SALE.replace(b":4", b":5") + b"]}",
        b'[[{"id":1,"party.name":"M","party.":{"id":3,"name":"Maria","lang.":{"code":"en"},'
        b'"contact_mechanisms.":[{"type":"phone","value":"+12025550101"}]},"sale_date":'
        b'{"__class__":"date","year":2026,"month":3,"day":2},"amount":{"__class__":"Decimal",'
        b'"decimal":"12.50"},"currency.":{"code":"USD"}}]]',
    ),
    (b'"\\ud800"', b'"\\u0000"', b"1e308", b"NaN", b"-Infinity", b"1e-400", b"9" * 400, b"null",
     b"false", b"[]", b"{}", b'"0001-01-01T00:00:00+14:00"', b'"9999-12-31T23:59:59-14:00"',
     b'{"year":0}', b'"javascript:alert(1)"', b'"\\u202e"', b"-0", b'"1E+9"', b'"sNaN"', b'""',
     b'"id":', b'"name":', b'"date_order":', b'"amount_total":', b"1772181900000"),
)  # fmt: skip
