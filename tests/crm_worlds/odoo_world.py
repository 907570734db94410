"""A real Odoo 19, asked by JSON-2 and by JSON-RPC."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from calls.caller import ContactRef
from config.crm_settings import OdooSettings
from crm_adapter.adapter import CrmAdapter
from crm_adapter.adapters.odoo import TOKEN_HEADER, OdooCrm
from tests.crm_worlds.world import CallRow, LeadRow, TaskRow, WorldKind
from tests.servers.odoo.server import OdooServer, SoldLine

WEBHOOK_SECRET = "let-me-in-9913"
#: Contacts are as if written so long one after the other: further apart than `changes` overlaps.
APART = timedelta(minutes=2)
#: Our field: Odoo's.
FIELDS = {"company": "company_name", "email": "email", "name": "name"}
_PARTNER = "res.partner"


def settings_of(server: OdooServer, *, api: str, url: str | None = None) -> OdooSettings:
    return OdooSettings(
        url=url or server.url,
        database=server.database,
        username=server.username,
        key=SecretStr(server.key),
        api=api,
        connect_s=20,
        webhook_secret=SecretStr(WEBHOOK_SECRET),
    )


@dataclass
class OdooWorld:
    """Implements `tests.crm_worlds.world.HttpCrmWorld`."""

    server: OdooServer
    api: str
    crm: CrmAdapter
    other: CrmAdapter
    clock: datetime = field(
        default_factory=lambda: datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    )

    @property
    def secrets(self) -> Sequence[str]:
        return (self.server.key, WEBHOOK_SECRET)

    @property
    def url(self) -> str:
        return self.server.url

    def through(self, url: str) -> CrmAdapter:
        return OdooCrm(settings=settings_of(self.server, api=self.api, url=url), region="GB")

    async def server_version(self) -> str:
        [base] = await self.server.find(
            "ir.module.module", [("name", "=", "base")], ["latest_version"]
        )
        return f"Odoo {base['latest_version']}"

    async def add_contact(
        self,
        *numbers: str,
        last_name: str = "Caller",
        first_name: str = "",
        company: str | None = None,
        customer_number: str | None = None,
        account_number: str | None = None,
    ) -> ContactRef:
        """A second number is another address of the same person: Odoo 19 has one field."""
        parent = await self._company(company) if company else False
        first, *more = numbers or (None,)
        name = f"{first_name} {last_name}".strip()
        partner = await self.server.add_partner(
            name, phone=first, parent_id=parent, ref=customer_number or False
        )
        made = [partner]
        for number in more:
            made.append(
                await self.server.add_partner(name, phone=number, parent_id=partner, type="other")
            )
        await self._written(*made)
        return ContactRef("odoo", str(partner))

    async def _company(self, name: str) -> int:
        found = await self.server.find(
            _PARTNER, [("name", "=", name), ("is_company", "=", True)], ["id"]
        )
        if found:
            return int(found[0]["id"])
        return await self.server.add_partner(name, is_company=True)

    async def _written(self, *partners: int) -> None:
        """As if these were the latest changes, a while after the ones before."""
        self.clock += APART
        connection = await asyncpg.connect(self.server.dsn, timeout=60)
        try:
            await connection.execute(
                "UPDATE res_partner SET write_date = $1 WHERE id = ANY($2::int[])",
                self.clock.replace(tzinfo=None),
                list(partners),
            )
        finally:
            await connection.close()

    async def add_purchase(
        self, contact: ContactRef, *, product: str, at: datetime, amount: Decimal
    ) -> None:
        line = SoldLine(product, f"The {product}", "Things", 1, float(amount), delivered=1)
        await self.server.add_order(int(contact.id), [line], at=at)

    async def add_order(
        self, contact: ContactRef, *, number: str, at: datetime, is_open: bool = True
    ) -> None:
        line = SoldLine("THING", "Thing", "Things", 2, 5.0, delivered=0 if is_open else 2)
        await self.server.add_order(int(contact.id), [line], at=at, name=f"S{number}")

    async def add_case(
        self, contact: ContactRef, *, subject: str, at: datetime, is_open: bool = True
    ) -> None:
        raise NotImplementedError("Odoo Community has no cases")

    async def rename_contact(self, contact: ContactRef, last_name: str) -> None:
        await self.server.write(_PARTNER, int(contact.id), name=last_name)
        await self._written(int(contact.id))

    async def delete_contact(self, contact: ContactRef) -> None:
        await self.server.delete(_PARTNER, int(contact.id))

    async def contact_field(self, contact: ContactRef, field: str) -> str | None:
        [row] = await self.server.find(_PARTNER, [("id", "=", int(contact.id))], [FIELDS[field]])
        return row[FIELDS[field]] or None

    def webhook(self, contact: ContactRef) -> tuple[Mapping[str, str], bytes]:
        told = {"_action": "Tell Switchboard(#1)", "_id": int(contact.id), "_model": _PARTNER}
        return {TOKEN_HEADER: WEBHOOK_SECRET}, json.dumps(told).encode()

    async def leads(self) -> Sequence[LeadRow]:
        return [
            LeadRow(
                id=str(row["id"]),
                key=_line(row["description"], "Key") or "",
                number=row["phone"],
                text=_plain(row["description"]),
                is_open=row["active"],
            )
            for row in await self.server.find("crm.lead", (), ["description", "phone", "active"])
        ]

    async def calls(self) -> Sequence[CallRow]:
        rows = await self.server.find(
            "mail.message", [("body", "like", "Revision: ")],
            ["body", "model", "res_id", "date"],
        )  # fmt: skip
        return [await self._call(row) for row in rows]

    async def _call(self, row: Mapping[str, Any]) -> CallRow:
        body = row["body"]
        answered, ended = (_moment(_line(body, what)) for what in ("Answered", "Ended"))
        arrived = _moment(row["date"])
        assert arrived is not None
        number = re.search(r"From (\+[0-9]+) to", _plain(body))
        own = await self._own_card()
        is_contact = row["model"] == _PARTNER and row["res_id"] != own
        seconds = (ended - answered).total_seconds() if answered and ended else 0
        return CallRow(
            id=str(row["id"]),
            key=_line(body, "Key") or "",
            number=number[1] if number else None,
            text=_plain(body),
            seconds=round(seconds),
            started_at=answered or arrived,
            ended_at=ended,
            contact=str(row["res_id"]) if is_contact else None,
        )

    async def _own_card(self) -> int:
        ours = self.server.ids[self.server.username]
        [user] = await self.server.find("res.users", [("id", "=", ours)], ["partner_id"])
        return int(user["partner_id"][0])

    async def tasks(self) -> Sequence[TaskRow]:
        found = await self.server.find(
            "mail.activity", (), ["note", "summary", "active", "date_deadline", "user_id"]
        )
        logins = {number: login for login, number in self.server.ids.items()}
        return [
            TaskRow(
                id=str(row["id"]),
                key=_line(row["note"], "Key") or "",
                number=_line(row["note"], "Number"),
                text=f"{row['summary']}\n{_plain(row['note'])}",
                is_open=row["active"],
                due=datetime.fromisoformat(str(row["date_deadline"])).replace(tzinfo=UTC),
                owner=logins.get(row["user_id"][0]) if row["user_id"] else None,
            )
            for row in found
        ]


def _plain(markup: str) -> str:
    lines = re.sub(r"<br ?/?>|</p>", "\n", markup)
    return html.unescape(re.sub(r"<[^>]*>", "", lines))


def _line(markup: str, name: str) -> str | None:
    found = re.findall(rf"^{name}: (.*)$", _plain(markup), re.MULTILINE)
    return found[-1] if found else None


def _moment(text: str | None) -> datetime | None:
    if text is None or not text.removesuffix("UTC").strip():
        return None
    return datetime.strptime(text.removesuffix(" UTC"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def _opened(api: str) -> Any:
    @asynccontextmanager
    async def opened(server: OdooServer) -> AsyncIterator[OdooWorld]:
        await server.clean()
        crm, other = (OdooCrm(settings=settings_of(server, api=api), region="GB") for _ in range(2))
        await crm.open()
        await other.open()
        try:
            yield OdooWorld(server, api, crm, other)
        finally:
            await crm.close()
            await other.close()

    return opened


GAPS = {
    "test_a_webhook_is_believed_only_as_it_was_signed": (
        "Odoo signs no webhooks: a secret tells who sent it, but not that it came whole"
    ),
}


def _kind(name: str, api: str) -> WorldKind:
    return WorldKind(
        name=name,
        opened=_opened(api),
        needs=("odoo_server",),
        proven_by="real server",
        is_http=True,
        gaps=GAPS,
        limit_s=900,
        marks=(pytest.mark.odoo,),
    )


WORLDS = (_kind("odoo", "auto"), _kind("odoo-jsonrpc", "jsonrpc"))
