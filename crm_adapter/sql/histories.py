"""What a contact bought, ordered and complained of: statements, and their rows as our own types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select

from calls.caller import Case, Order, Purchase
from crm_adapter.mapped import reading
from crm_adapter.sql.people import bound
from crm_adapter.sql.shapes import CasesPart, HistoryPart, OrdersPart
from crm_adapter.sql.tables import Catalogue, Source

_BOUGHT = ("currency", "product", "product_name", "category", "quantity")
_ORDERED = ("id", "number", "product_name", "status")
_OPENED = ("id", "subject", "kind")


class History:
    """Purchases, newest first."""

    def __init__(self, part: HistoryPart, catalogue: Catalogue) -> None:
        source = Source(part, ("history",), catalogue)
        self._decimals = part.amount_decimals
        self.contact = source.column(part.contact, "contact")
        at = source.column(part.at, "at")
        self._base: Select[Any] = (
            select(
                at.label("at"),
                source.column(part.amount, "amount").label("amount"),
                *(source.expression(getattr(part, name), name).label(name) for name in _BOUGHT),
            )
            .select_from(source.tables)
            .where(at.is_not(None), *source.conditions)
            .order_by(at.desc())
        )

    def of(self, contact: Any, limit: int) -> Select[Any]:
        return self._base.where(self.contact == bound(self.contact, contact)).limit(limit)

    def read(self, rows: Sequence[Any]) -> tuple[Purchase, ...]:
        """What has no time, amount or currency cannot be told and is left out."""
        found: list[Purchase] = []
        for row in rows:
            at, amount = reading.moment(row["at"]), reading.amount(row["amount"])
            currency = reading.currency(row["currency"])
            if at is None or amount is None or currency is None:
                continue
            product = reading.text(row["product"]) or ""
            found.append(
                Purchase(
                    product=product,
                    product_name=reading.text(row["product_name"]) or product,
                    category=reading.text(row["category"]) or "",
                    at=at,
                    amount=amount.scaleb(-self._decimals),
                    currency=currency,
                    quantity=reading.quantity(row["quantity"]),
                )
            )
        return tuple(found)


class Orders:
    """Open ones first, each newest first."""

    def __init__(self, part: OrdersPart, catalogue: Catalogue) -> None:
        source = Source(part, ("orders",), catalogue)
        self.contact = source.column(part.contact, "contact")
        at, is_open = (
            source.column(part.placed_at, "placed_at"),
            source.holds(part.is_open, "is_open"),
        )
        due = [] if part.due_on is None else [source.column(part.due_on, "due_on").label("due_on")]
        self._base: Select[Any] = (
            select(
                at.label("placed_at"),
                is_open.label("is_open"),
                *due,
                *(source.expression(getattr(part, name), name).label(name) for name in _ORDERED),
            )
            .select_from(source.tables)
            .where(at.is_not(None), *source.conditions)
            .order_by(is_open.desc(), at.desc())
        )

    def of(self, contact: Any, limit: int) -> Select[Any]:
        return self._base.where(self.contact == bound(self.contact, contact)).limit(limit)

    def read(self, rows: Sequence[Any]) -> tuple[Order, ...]:
        found: list[Order] = []
        for row in rows:
            order_id, at = reading.record_id(_plain(row["id"])), reading.moment(row["placed_at"])
            if order_id is not None and at is not None:
                found.append(
                    Order(
                        id=order_id,
                        product_name=reading.text(row["product_name"]) or "",
                        status=reading.text(row["status"]) or "",
                        placed_at=at,
                        due_on=reading.day(row.get("due_on")),
                        is_open=bool(row["is_open"]),
                        number=reading.text(row["number"]),
                    )
                )
        return tuple(found)


class Cases:
    """Open ones first, each newest first."""

    def __init__(self, part: CasesPart, catalogue: Catalogue) -> None:
        source = Source(part, ("cases",), catalogue)
        self.contact = source.column(part.contact, "contact")
        at, is_open = (
            source.column(part.opened_at, "opened_at"),
            source.holds(part.is_open, "is_open"),
        )
        self._base: Select[Any] = (
            select(
                at.label("opened_at"),
                is_open.label("is_open"),
                *(source.expression(getattr(part, name), name).label(name) for name in _OPENED),
            )
            .select_from(source.tables)
            .where(at.is_not(None), *source.conditions)
            .order_by(is_open.desc(), at.desc())
        )

    def of(self, contact: Any, limit: int) -> Select[Any]:
        return self._base.where(self.contact == bound(self.contact, contact)).limit(limit)

    def read(self, rows: Sequence[Any]) -> tuple[Case, ...]:
        found: list[Case] = []
        for row in rows:
            case_id, at = reading.record_id(_plain(row["id"])), reading.moment(row["opened_at"])
            if case_id is not None and at is not None:
                found.append(
                    Case(
                        id=case_id,
                        subject=reading.text(row["subject"]) or "",
                        kind=reading.text(row["kind"]) or "",
                        is_open=bool(row["is_open"]),
                        opened_at=at,
                    )
                )
        return tuple(found)


def _plain(value: Any) -> Any:
    """UUIDs and the like are texts to us."""
    return value if isinstance(value, int | str) else None if value is None else str(value)
