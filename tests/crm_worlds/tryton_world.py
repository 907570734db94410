"""A real Tryton 8.2 on SQLite, past the adapter as its administrator."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from calls.caller import ContactRef
from config.crm_settings import TrytonSettings
from crm_adapter.adapter import CrmAdapter
from crm_adapter.adapters.tryton import TrytonCrm
from tests.crm_worlds.world import CallRow, LeadRow, TaskRow, WorldKind
from tests.servers.tryton.server import HOUSE, TrytonServer

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


@dataclass
class TrytonWorld:
    """Implements `tests.crm_worlds.world.HttpCrmWorld`."""

    server: TrytonServer
    crm: CrmAdapter
    other: CrmAdapter

    @property
    def secrets(self) -> Sequence[str]:
        return (self.server.password,)

    @property
    def url(self) -> str:
        return self.server.url

    def through(self, url: str) -> CrmAdapter:
        return _crm(self.server, url)

    async def server_version(self) -> str:
        return f"Tryton {await self.server.version()}"

    async def add_contact(
        self,
        *numbers: str,
        last_name: str = "Caller",
        first_name: str = "",
        company: str | None = None,
        customer_number: str | None = None,
        account_number: str | None = None,
    ) -> ContactRef:
        """With an address in Britain, without which Tryton refuses a national number."""
        [country] = await self.server.ids("country.country", [["code", "=", "GB"]])
        values: dict[str, Any] = {
            "name": f"{first_name} {last_name}".strip(),
            "addresses": [["create", [{"country": country}]]],
            "contact_mechanisms": [
                ["create", [{"type": "phone", "value": number} for number in numbers]]
            ],
        }
        if customer_number is not None:
            values["code"] = customer_number
        return ContactRef("tryton", str(await self.server.create("party.party", **values)))

    async def add_purchase(
        self, contact: ContactRef, *, product: str, at: datetime, amount: Decimal
    ) -> None:
        await self._sale(contact, at, "done", product=product, amount=amount)

    async def add_order(
        self, contact: ContactRef, *, number: str, at: datetime, is_open: bool = True
    ) -> None:
        await self._sale(contact, at, "processing" if is_open else "done", number=number)

    async def _sale(
        self,
        contact: ContactRef,
        at: datetime,
        state: str,
        *,
        number: str | None = None,
        product: str = "Thing",
        amount: Decimal = Decimal(1),
    ) -> None:
        product_id, unit = await self._product(product)
        [address] = await self.server.ids("party.address", [["party", "=", int(contact.id)]])
        line = {
            "type": "line",
            "product": product_id,
            "quantity": 1.0,
            "unit": unit,
            "unit_price": {"__class__": "Decimal", "decimal": str(amount)},
        }
        sale = await self.server.create(
            "sale.sale",
            party=int(contact.id),
            invoice_address=address,
            shipment_address=address,
            lines=[["create", [line]]],
        )
        day = at.astimezone(UTC).date()
        await self.server.set_sale(sale, state=state, day=day, number=number)

    async def _product(self, code: str) -> tuple[int, int]:
        [unit] = await self.server.ids("product.uom", [["name", "=", "Unit"]])
        known = await self.server.ids("product.product", [["code", "=", code]])
        if known:
            return known[0], unit
        template = await self.server.create(
            "product.template",
            name=code,
            type="goods",
            default_uom=unit,
            salable=True,
            sale_uom=unit,
            products=[["create", [{"suffix_code": code}]]],
        )
        [created] = await self.server.ids("product.product", [["template", "=", template]])
        return created, unit

    async def add_case(
        self, contact: ContactRef, *, subject: str, at: datetime, is_open: bool = True
    ) -> None:
        raise AssertionError("Tryton has no cases")

    async def rename_contact(self, contact: ContactRef, last_name: str) -> None:
        await self.server.call("party.party.write", [int(contact.id)], {"name": last_name})

    async def delete_contact(self, contact: ContactRef) -> None:
        await self.server.call("party.party.delete", [int(contact.id)])

    async def contact_field(self, contact: ContactRef, field: str) -> str | None:
        own = {"last_name": "name"}[field]
        [row] = await self.server.find("party.party", [["id", "=", int(contact.id)]], [own])
        value: str | None = row[own]
        return value

    def webhook(self, contact: ContactRef) -> tuple[Mapping[str, str], bytes]:
        raise AssertionError("Tryton sends none")

    async def leads(self) -> Sequence[LeadRow]:
        fields = ["reference", "description", "comment", "state"]
        return [
            LeadRow(
                str(row["id"]),
                row["reference"],
                (_NUMBER.search(row["comment"]) or [""])[0],
                f"{row['description']}\n{row['comment']}",
                row["state"] in ("lead", "opportunity"),
            )
            for row in await self.server.find("sale.opportunity", [], fields)
        ]

    async def calls(self) -> Sequence[CallRow]:
        return [_call(row) for row in await self._notes() if "\nRevision: " in row["message"]]

    async def tasks(self) -> Sequence[TaskRow]:
        notes = [row for row in await self._notes() if "\nRevision: " not in row["message"]]
        done = "\n".join(row["message"] for row in notes if row["message"].startswith("Done: "))
        return [
            TaskRow(
                str(row["id"]),
                _line(row["message"], "Key") or "",
                _line(row["message"], "Number"),
                row["message"],
                f"Done: note {row['id']}\n" not in done,
            )
            for row in notes
            if not row["message"].startswith("Done: ")
        ]

    async def _notes(self) -> list[dict[str, Any]]:
        return await self.server.find("ir.note", [], ["message", "resource"])


def _call(row: Mapping[str, Any]) -> CallRow:
    message = row["message"]
    answered, ended = _moment(message, "Answered"), _moment(message, "Ended")
    arrived = re.search(r" on (\S+ \S+) UTC$", message, re.MULTILINE)
    number = re.search(r"^From (\+[0-9]+) to", message, re.MULTILINE)
    assert arrived is not None
    at = answered or datetime.fromisoformat(arrived[1]).replace(tzinfo=UTC)
    model, _, record = row["resource"].partition(",")
    is_contact = model == "party.party" and record != str(HOUSE)
    return CallRow(
        id=str(row["id"]),
        key=_line(message, "Key") or "",
        number=number[1] if number else None,
        text=message,
        seconds=round((ended - answered).total_seconds()) if answered and ended else 0,
        started_at=at,
        ended_at=ended,
        contact=record if is_contact else None,
    )


def _moment(message: str, name: str) -> datetime | None:
    told = _line(message, name)
    return datetime.fromisoformat(told.removesuffix(" UTC")).replace(tzinfo=UTC) if told else None


def _line(message: str, name: str) -> str | None:
    found = re.findall(rf"^{name}: (.*)$", message, re.MULTILINE)
    return found[-1] if found else None


def _crm(server: TrytonServer, url: str) -> TrytonCrm:
    settings = TrytonSettings(
        url=url,
        database=server.database,
        username=server.username,
        password=SecretStr(server.password),
        connect_s=20,
    )
    return TrytonCrm(settings=settings, region="GB")


@asynccontextmanager
async def _opened(server: TrytonServer) -> AsyncIterator[TrytonWorld]:
    await server.clean()
    crm, other = _crm(server, server.url), _crm(server, server.url)
    await crm.open()
    await other.open()
    try:
        yield TrytonWorld(server, crm, other)
    finally:
        await crm.close()
        await other.close()


WORLDS = (
    WorldKind(
        name="tryton",
        opened=_opened,
        needs=("tryton_server",),
        proven_by="real server",
        is_http=True,
        renews_log_in=True,
        tells_open=True,
        limit_s=600,
        gaps={
            "test_the_company_is_told": "people are tied to companies by relations whose types "
            "every company names for itself",
        },
    ),
)
