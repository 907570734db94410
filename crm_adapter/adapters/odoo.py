"""Odoo 17 and later, Community or Enterprise: contacts, open leads, sales orders; leads, notes of
calls and activities written once under External IDs.

Seen on Odoo 19.0: `phone_sanitized` is E.164 by the record's country and indexed;
`phone_mobile_search` compares digits and ignores what `phone_sanitized` made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from calls.caller import Candidate, Contact, ContactRef, Order, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from config.crm_settings import OdooSettings
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Forbidden,
    HitKind,
    Invalid,
    KeyField,
    NotFound,
    PhoneHit,
    Unsupported,
)
from crm_adapter.adapters import gathering, hosted, odoo_records, set_up, webhook_proofs
from crm_adapter.adapters.hosted import MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.odoo_changes import OdooChanges
from crm_adapter.adapters.odoo_leads import OdooLeads
from crm_adapter.adapters.odoo_notes import OdooNotes
from crm_adapter.adapters.odoo_places import OdooPlaces
from crm_adapter.adapters.odoo_questions import OdooQuestions
from crm_adapter.adapters.odoo_records import LEAD, PARTNER, Place, Reader
from crm_adapter.adapters.odoo_wire import OdooWire
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits, spellings

#: The header that brings `odoo.webhook_secret` with a webhook (lower case).
TOKEN_HEADER = "x-switchboard-token"
_LINES_AT_ONCE = 500
#: So many of the newest are looked through for open ones.
_ORDERS_SEEN = 40
#: What `check` asks for, and what it is needed for.
_RIGHTS = (
    (PARTNER, "read", "find contacts"),
    (LEAD, "create", "make leads"),
    (LEAD, "write", "note calls on leads"),
    ("sale.order.line", "read", "read what was bought"),
    ("mail.activity", "create", "make tasks"),
)
_GROUP = "Sales / User: All Documents"


class OdooCrm(HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = "odoo"
    fields: ClassVar = {"company": "company_name", "email": "email", "name": "name"}

    def __init__(
        self,
        *,
        settings: OdooSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        """`region` says nothing to Odoo, which knows each record's country. Raises
        Misconfigured."""
        url = set_up.needed(settings.url, "odoo.url").rstrip("/")
        key = set_up.secret(settings.key, settings.key_file, "odoo.key")
        wire = OdooWire(settings=settings, url=url, key=set_up.needed(key, "odoo.key"), trace=trace)
        super().__init__(http=wire.http, now=now)
        self._webhook_secret = set_up.secret(
            settings.webhook_secret, settings.webhook_secret_file, "odoo.webhook_secret"
        )
        self.capabilities = Capabilities(
            keys=frozenset({KeyField.CUSTOMER_ID, KeyField.ORDER_NUMBER}),
            purchases=True,
            orders=True,
            finds_leads=True,
            calls=False,
            task_due="day",
            task_owners=True,
            updates=frozenset(self.fields),
            changes=True,
            webhooks=bool(self._webhook_secret),
            unique_keys=True,
        )
        self._wire = wire
        self._ask = OdooQuestions(wire=wire, url=url)
        self._changes = OdooChanges(questions=self._ask, now=now)
        places = OdooPlaces(questions=self._ask)
        self._notes = OdooNotes(wire=wire, questions=self._ask, places=places)
        self._leads = OdooLeads(wire=wire, questions=self._ask, places=places, settings=settings)

    async def check(self) -> None:
        self._wire.forget()
        deadline = Deadline.after(QUESTION_S)
        uid = await self._wire.user(deadline)
        shape = await self._ask.shape(deadline, anew=True)
        for model, right, purpose in _RIGHTS:
            if model == LEAD and shape.lead_numbers is None:
                raise Invalid("odoo: install the module CRM (crm), or no leads can be made")
            if model.startswith("sale.") and not shape.sells:
                continue
            if not await self._ask.may(model, right, deadline):
                raise Forbidden(
                    f"odoo: the user may not {right} {model}, which is needed to {purpose}: "
                    f"give it the group '{_GROUP}'"
                )
        group = "sales_team.group_sale_salesman_all_leads"
        if not await self._ask.is_in(uid, group, deadline):
            raise Forbidden(
                f"odoo: the user sees only its own leads and orders: give it the group '{_GROUP}'"
            )

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        known, last = spellings(key), last_digits(key)
        if last is None:
            return []
        shape = await self._ask.shape(deadline)
        ways: list[Callable[[Sequence[str]], list[Any]]] = [
            lambda numbers: _any_of([[name, "in", list(known)] for name in numbers])
        ]
        if shape.sanitizes:
            # The first is indexed; the other is for numbers that Odoo could not read.
            ways = [
                lambda _: [["phone_sanitized", "=", key]],
                lambda _: [["phone_mobile_search", "ilike", last]],
            ]
        for way in ways:
            hits = await self._found(way, limit, deadline)
            if hits:
                return hits[:limit]
        return []

    async def _found(
        self, way: Callable[[Sequence[str]], list[Any]], limit: int, deadline: Deadline
    ) -> list[PhoneHit]:
        """Contacts, then open leads that are not theirs."""
        reader = await self._ask.reader(deadline)
        shape = reader.shape
        contacts, leads = await gathering.both(
            self._ask.partners(way(shape.partner_numbers), limit=limit, deadline=deadline),
            self._ask.open_leads(way(shape.lead_numbers or ()), limit=limit, deadline=deadline),
        )
        hits = reader.partner_hits(contacts)
        known = {hit.candidate.ref.id for hit in hits}
        theirs = [
            one for one in leads if str(odoo_records.row_id(one.get("partner_id"))) not in known
        ]
        kinds = (HitKind.CONTACT, HitKind.ACCOUNT)
        hits.sort(key=lambda hit: kinds.index(hit.kind))
        return hits + reader.lead_hits(theirs)

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        if field not in self.capabilities.keys:
            raise Unsupported(f"odoo keeps no {field.value.replace('_', ' ')} that we know of")
        if not (digits.isascii() and digits.isdigit()):
            return []
        if field is KeyField.CUSTOMER_ID:
            domain: list[Any] = [["ref", "=", digits]]
        else:
            domain = [["id", "in", await self._ask.who_ordered(digits, deadline)]]
        reader = await self._ask.reader(deadline)
        found = await self._ask.partners(domain, limit=limit, deadline=deadline)
        return [hit.candidate for hit in reader.partner_hits(found)][:limit]

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        place = self._place(ref)
        reader = await self._ask.reader(deadline)
        if place.model == LEAD:
            lead = await self._ask.lead(place.id, deadline)
            buyer = odoo_records.row_id(lead.get("partner_id"))
            purchases, orders = await self._history(reader, buyer, deadline)
            return reader.lead(lead, purchases=purchases, orders=orders)
        row = await self._ask.partner(place.id, deadline)
        buyer = odoo_records.row_id(row.get("commercial_partner_id")) or place.id
        purchases, orders = await self._history(reader, buyer, deadline)
        return reader.contact(row, purchases=purchases, orders=orders)

    async def _history(
        self, reader: Reader, buyer: int | None, deadline: Deadline
    ) -> tuple[Sequence[Purchase], Sequence[Order]]:
        """Of the whole company where `buyer` is one: its people order for it."""
        if buyer is None or not reader.shape.sells:
            return (), ()
        placed = self._ask.orders(buyer, limit=_ORDERS_SEEN, deadline=deadline)
        rows = await self._spared("orders", placed)
        purchases = [bought for row in rows for bought in odoo_records.purchases_of(row)]
        orders = [found for row in rows if (found := odoo_records.order(row)) is not None]
        return purchases, odoo_records.open_first(orders, MOST_HISTORY)

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        place = self._place(ref)
        if place.model == LEAD:
            found = await self._ask.lead(place.id, deadline)
            buyer = odoo_records.row_id(found.get("partner_id"))
        else:
            found = await self._ask.partner(place.id, deadline)
            buyer = odoo_records.row_id(found.get("commercial_partner_id"))
        reader = await self._ask.reader(deadline)
        if buyer is None or not reader.shape.sells:
            return []
        bought: list[Purchase] = []
        for offset in range(0, limit, _LINES_AT_ONCE):
            wanted = min(_LINES_AT_ONCE, limit - offset)
            page = await self._ask.lines(buyer, limit=wanted, offset=offset, deadline=deadline)
            bought += page
            if len(page) < wanted:
                break
        return bought

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        return await self._changes.page(cursor, limit=limit, deadline=deadline)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """What "Send Webhook Notification" sends (17 and later): `_model`, `_id` and some fields.
        Odoo signs nothing, so a secret in the address, which comes here as a header, has to do."""
        if not self._webhook_secret:
            raise Unsupported("set odoo.webhook_secret to be told of changes by Odoo")
        webhook_proofs.expect_same(headers.get(TOKEN_HEADER, ""), self._webhook_secret, self.name)
        told = webhook_proofs.webhook_json(body)
        found = odoo_records.row_id(told.get("_id") if isinstance(told, Mapping) else None)
        if found is None or told.get("_model") not in (PARTNER, LEAD):
            raise Invalid("the webhook names neither a contact nor a lead")
        return [Place(told["_model"], found).ref]

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        return await self._leads.create(lead, idem)

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._leads.withdraw(lead_id)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._leads.confirm(lead_id, agent)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        return await self._notes.log_call(record, idem)

    async def create_task(self, task: NewTask, idem: str) -> str:
        return await self._leads.create_task(task, idem)

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._leads.close_task(task_id)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        renamed = self._renamed(changes)
        place = self._place(ref)
        if place.model == LEAD:
            raise Invalid("only contacts can be changed", field=next(iter(changes), None))
        await self._notes.update(place.id, renamed, expect_version=expect_version, idem=idem)

    def _place(self, ref: ContactRef) -> Place:
        place = Place.of(ref)
        if place is None:
            raise NotFound(f"there is no contact {ref}")
        return place


def _any_of(conditions: Sequence[Any]) -> list[Any]:
    """In Odoo's prefix notation; no condition is met by nothing."""
    if not conditions:
        return [["id", "=", 0]]
    return ["|"] * (len(conditions) - 1) + list(conditions)
