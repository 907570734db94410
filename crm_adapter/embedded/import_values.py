"""Rows of files as they wait to be loaded: JSON, with everything said that the file left open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from crm_adapter.embedded import tables
from crm_adapter.embedded.import_rows import (
    AccountRow,
    ContactRow,
    ImportRow,
    OrderRow,
    PurchaseRow,
)
from crm_adapter.embedded.order_numbers import order_number
from storage.contact_rows import row_from_json, row_to_json

#: `line`, `row` by column, and of a contact `numbers` and `emails`.
Value = dict[str, Any]

CONTACT = (
    "first_name",
    "last_name",
    "company",
    "language",
    "url",
    "owner",
    "customer_number",
)
#: By what a file of the kind holds.
TABLES: Mapping[str, Table] = {
    "contacts": tables.contacts,
    "products": tables.products,
    "purchases": tables.purchases,
    "orders": tables.orders,
    "cases": tables.cases,
    "accounts": tables.accounts,
    "appointments": tables.appointments,
}


def value_of(
    line: int, row: ImportRow, *, region: str, currency: str, pin_hash: str | None
) -> Value:
    """`pin_hash` of an account that has a PIN: the PIN itself is kept nowhere."""
    value: Value = {"line": line}
    match row:
        case ContactRow():
            columns = row.model_dump(include={"id", *CONTACT})
            value |= {"numbers": row.e164_numbers(region), "emails": row.emails()}
        case PurchaseRow():
            columns = row.model_dump() | {"currency": row.currency or currency}
        case OrderRow():
            columns = row.model_dump() | {"number": row.number or order_number(row.id)}
        case AccountRow():
            columns = _account(row, currency, pin_hash)
        case _:
            columns = row.model_dump()
    return value | {"row": row_to_json(TABLES[row.called], columns)}


def row_of(kind: str, value: Value) -> dict[str, Any]:
    """The columns of its table."""
    return row_from_json(TABLES[kind], value["row"])


def _account(row: AccountRow, currency: str, pin_hash: str | None) -> dict[str, Any]:
    has_balance = row.balance is not None
    return {
        "contact_id": row.contact_id,
        "number": row.account_number,
        "balance": row.balance,
        "currency": (row.currency or currency) if has_balance else None,
        "pin_hash": pin_hash,
    }
