"""What is asked of Odoo, and what this one Odoo has of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from calls.caller import Purchase
from calls.deadlines import Deadline
from crm_adapter.adapter import CrmError, Forbidden, Invalid, NotFound, Unavailable
from crm_adapter.adapters import gathering, odoo_records
from crm_adapter.adapters.odoo_records import (
    ADDRESSES,
    LEAD,
    LINE_SPEC,
    PARTNER,
    Reader,
    Shape,
    Spec,
    digits,
)
from crm_adapter.adapters.odoo_wire import OdooWire
from crm_adapter.adapters.readings import Record

_SOLD = ["state", "in", ["sale", "done"]]
_OPEN_LEAD = [["active", "=", True], ["stage_id.is_won", "!=", True]]
#: Contacts whose orders end in the digits that a caller typed.
_MOST_ORDERS = 40


class OdooQuestions:
    """`url` is Odoo's own, for links."""

    def __init__(self, *, wire: OdooWire, url: str) -> None:
        self._wire = wire
        self._url = url
        self._shape: Shape | None = None

    async def reader(self, deadline: Deadline) -> Reader:
        return Reader(self._url, await self.shape(deadline))

    async def shape(self, deadline: Deadline, *, anew: bool = False) -> Shape:
        """Asked once: modules come and go seldom."""
        if self._shape is None or anew:
            partner, lead, order = await gathering.all_of(
                self._fields(PARTNER, ("phone", "mobile", "phone_sanitized"), deadline),
                self._fields(LEAD, ("phone", "mobile"), deadline),
                self._fields("sale.order", ("delivery_status", "order_line"), deadline),
            )
            self._shape = Shape(
                partner_numbers=_numbers(partner or frozenset()),
                lead_numbers=None if lead is None else _numbers(lead),
                sanitizes="phone_sanitized" in (partner or ()),
                sells=order is not None,
                delivers="delivery_status" in (order or ()),
            )
        return self._shape

    async def _fields(
        self, model: str, wanted: Sequence[str], deadline: Deadline
    ) -> frozenset[str] | None:
        """Those of `wanted` that the model has; None where there is no such model."""
        try:
            told = await self._wire.ask(
                model, "fields_get", allfields=list(wanted), attributes=["type"], deadline=deadline
            )
        except (NotFound, Invalid):  # JSON-2 and JSON-RPC say it differently
            return None
        except Forbidden:
            return frozenset()
        return frozenset(told) if isinstance(told, dict) else frozenset()

    async def may(self, model: str, right: str, deadline: Deadline) -> bool:
        try:
            told = await self._wire.ask(
                model, "has_access", ids=[], operation=right, deadline=deadline
            )
        except (NotFound, Invalid):  # before Odoo 18
            told = await self._wire.ask(
                model,
                "check_access_rights",
                operation=right,
                raise_exception=False,
                deadline=deadline,
            )
        return told is True

    async def is_in(self, user: int, group: str, deadline: Deadline) -> bool:
        told = await self._wire.ask(
            "res.users", "has_group", ids=[user], group_ext_id=group, deadline=deadline
        )
        return told is True

    async def rows(
        self,
        model: str,
        domain: Sequence[Any],
        spec: Spec,
        *,
        order: str,
        limit: int,
        deadline: Deadline,
        offset: int = 0,
        archived: bool = False,
    ) -> list[Record]:
        more: dict[str, Any] = {"context": {"active_test": False}} if archived else {}
        answer = await self._wire.ask(
            model,
            "web_search_read",
            domain=list(domain),
            specification=spec,
            order=order,
            limit=limit,
            offset=offset,
            deadline=deadline,
            **more,
        )
        return odoo_records.rows(answer)

    async def partners(
        self, domain: Sequence[Any], *, limit: int, deadline: Deadline
    ) -> list[Record]:
        spec = odoo_records.partner_spec(await self.shape(deadline))
        return await self.rows(PARTNER, domain, spec, order="id", limit=limit, deadline=deadline)

    async def open_leads(
        self, domain: Sequence[Any], *, limit: int, deadline: Deadline
    ) -> list[Record]:
        shape = await self.shape(deadline)
        if shape.lead_numbers is None:
            return []
        spec = odoo_records.lead_spec(shape)
        wanted = [*domain, *_OPEN_LEAD]
        return await self.rows(LEAD, wanted, spec, order="id", limit=limit, deadline=deadline)

    async def partner(self, partner: int, deadline: Deadline) -> Record:
        """Raises NotFound."""
        return await self._one(PARTNER, partner, odoo_records.contact_spec(), deadline)

    async def lead(self, lead: int, deadline: Deadline) -> Record:
        """Raises NotFound."""
        spec = odoo_records.lead_spec(replace(await self.shape(deadline), lead_numbers=()))
        return await self._one(LEAD, lead, spec, deadline)

    async def _one(self, model: str, record: int, spec: Spec, deadline: Deadline) -> Record:
        domain = [["id", "=", record]]
        found = await self.rows(model, domain, spec, order="id", limit=1, deadline=deadline)
        if not found:
            raise NotFound(f"odoo has no {model} {record}")
        return found[0]

    async def lines(
        self, buyer: int, *, limit: int, offset: int, deadline: Deadline
    ) -> list[Purchase]:
        """What was bought, newest first: Odoo sorts lines by their orders, and those so."""
        domain = [
            ["order_id.partner_id", "child_of", buyer],
            _SOLD,
            ["display_type", "=", False],
            ["product_id", "!=", False],
        ]
        found = await self.rows(
            "sale.order.line",
            domain,
            LINE_SPEC,
            order="order_id, id",
            limit=limit,
            offset=offset,
            deadline=deadline,
        )
        return [bought for row in found if (bought := odoo_records.purchase(row)) is not None]

    async def orders(self, buyer: int, *, limit: int, deadline: Deadline) -> list[Record]:
        """With their lines, newest first."""
        return await self.rows(
            "sale.order",
            [["partner_id", "child_of", buyer], _SOLD],
            odoo_records.order_spec(await self.shape(deadline)),
            order="date_order desc, id desc",
            limit=limit,
            deadline=deadline,
        )

    async def who_ordered(self, number: str, deadline: Deadline) -> list[int]:
        """Contacts of the orders that are `S<number>` or however this company names them."""
        found = await self.rows(
            "sale.order",
            [["name", "=like", f"%{number}"]],
            {"name": {}, "partner_id": {"fields": {"name": {}}}},
            order="id desc",
            limit=_MOST_ORDERS,
            deadline=deadline,
        )
        exact = (row for row in found if digits(str(row.get("name"))) == number)
        ids = (odoo_records.row_id(row.get("partner_id")) for row in exact)
        return sorted({one for one in ids if one is not None})

    async def addresses(self, owners: Sequence[int], deadline: Deadline) -> list[Record]:
        """The other numbers of `owners`."""
        domain = [
            ["parent_id", "in", list(owners)],
            ["type", "in", list(ADDRESSES)],
            ["phone", "!=", False],
        ]
        return await self.partners(domain, limit=len(owners) * 10, deadline=deadline)

    async def own_card(self, deadline: Deadline) -> int:
        """The contact that our own user is. Raises Unavailable."""
        user = await self._wire.user(deadline)
        spec: Spec = {"partner_id": {"fields": {"name": {}}}}
        try:
            row = await self._one("res.users", user, spec, deadline)
        except NotFound as error:
            raise Unavailable("odoo does not say who we are") from error
        found = odoo_records.row_id(row.get("partner_id"))
        if found is None:
            raise Unavailable("odoo does not say who we are")
        return found


def _numbers(fields: frozenset[str]) -> tuple[str, ...]:
    """Before Odoo 19 there is a mobile number besides."""
    return tuple(name for name in ("phone", "mobile") if name in fields)


def as_unavailable(error: CrmError) -> Unavailable:
    """Where Invalid would mean that it is what we were given that is wrong."""
    return Unavailable(str(error))
