"""Tryton 8 over JSON-RPC: parties, sales, opportunities and notes. Seen on trytond 8.2 with the
modules party, sale and sale_opportunity.

Numbers are stored as people typed them (`value`) and, where the package phonenumbers is installed,
as E.164 (`value_compact`). See `tryton_leads` for leads, `tryton_notes` for calls and tasks. There
are no webhooks: changes are polled by `last_modified_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from calls.caller import Candidate, Contact, ContactRef, Order, Purchase
from calls.deadlines import Deadline
from config.crm_settings import TrytonSettings
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
from crm_adapter.adapters import (
    gathering,
    hosted,
    people,
    readings,
    set_up,
    texts,
    tryton_records,
)
from crm_adapter.adapters.hosted import MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.tryton_changes import TrytonChanges
from crm_adapter.adapters.tryton_leads import TrytonLeads
from crm_adapter.adapters.tryton_rpc import TrytonAccess, TrytonRpc
from crm_adapter.adapters.tryton_writes import TrytonWrites
from crm_adapter.delegating import DelegatingWriter
from crm_adapter.http.traces import Trace
from crm_adapter.phone_numbers import same_number
from crm_adapter.spellings import last_digits, spellings

#: What our user must be able to do, and the group that gives it.
_RIGHTS = (
    ("party.party", "read", "none: every user may"),
    ("party.party", "write", "none: every user may"),
    ("sale.sale", "read", "Sales"),
    ("sale.opportunity", "create", "Sale Opportunity"),
    ("sale.opportunity", "write", "Sale Opportunity"),
    ("ir.note", "create", "none: every user may"),
)
#: The pattern also fits longer numbers with these digits in them.
_MORE = 4
#: Contacts of one number among whom an agent may choose.
_HOLDERS = 20


class TrytonCrm(DelegatingWriter, HostedCrm):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = tryton_records.CRM
    capabilities = Capabilities(
        keys=frozenset((KeyField.CUSTOMER_ID, KeyField.ORDER_NUMBER)),
        purchases=True,
        orders=True,
        finds_leads=True,
        calls=False,
        updates=frozenset(("last_name",)),
        changes=True,
    )
    fields: ClassVar = {"last_name": "name"}

    def __init__(
        self,
        *,
        settings: TrytonSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        url = set_up.needed(settings.url, "tryton.url").rstrip("/")
        password = set_up.secret(settings.password, settings.password_file, "tryton.password")
        access = TrytonAccess(
            url,
            settings.database,
            settings.username,
            set_up.needed(password, "tryton.password"),
        )
        self._rpc = TrytonRpc(
            access, concurrency=settings.concurrency, connect_s=settings.connect_s, trace=trace
        )
        self._region = region
        self._link = f"{url}/#{settings.database}"
        self._leads = TrytonLeads(self._rpc)
        self._changes = TrytonChanges(self._rpc, self._link)
        HostedCrm.__init__(self, http=self._rpc.http, now=now)
        writes = TrytonWrites(rpc=self._rpc, leads=self._leads, look=self._holders)
        DelegatingWriter.__init__(self, writes)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        await self._rpc.company(deadline=deadline)
        models = sorted({model for model, _, _ in _RIGHTS})
        try:
            told = await self._rpc.read("ir.model.access.get_access", models, deadline=deadline)
        except Invalid as error:
            raise Forbidden(
                "tryton: a module is missing: activate party, sale and sale_opportunity"
            ) from error
        for model, right, group in _RIGHTS:
            if not readings.record(told, model).get(right):
                raise Forbidden(
                    f"tryton: our user may not {right} {model}: add it to the group '{group}'"
                )

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        known = spellings(key)
        if not known:
            return []
        parties, leads = await gathering.both(
            self._parties_of(key, known, limit, deadline), self._leads_of(key, limit, deadline)
        )
        return _ordered([*parties, *leads], limit)

    async def _holders(self, number: str) -> Sequence[PhoneHit]:
        """Who may have been told to be the caller, on the way to a write."""
        return await self.find_by_phone(number, limit=_HOLDERS, deadline=Deadline.after(QUESTION_S))

    async def _parties_of(
        self, key: str, known: Sequence[str], limit: int, deadline: Deadline
    ) -> list[PhoneHit]:
        """By the spellings; where nobody has one, by the last digits whatever stands between."""
        mechanism = "contact_mechanisms"
        exactly: list[Any] = [
            "OR",
            [f"{mechanism}.value_compact", "in", list(known)],
            [f"{mechanism}.value", "in", list(known)],
        ]
        found = await self._parties([exactly], limit, deadline)
        end = last_digits(key, 7)
        if found or end is None:
            return found
        pattern = f"%{'%'.join(end)}"
        loosely = await self._parties(
            [[f"{mechanism}.value", "ilike", pattern]], limit * _MORE, deadline
        )
        return [
            hit
            for hit in loosely
            if any(same_number(key, number, self._region) for number in hit.numbers)
        ]

    async def _parties(
        self, domain: Sequence[Any], limit: int, deadline: Deadline
    ) -> list[PhoneHit]:
        rows = await self._rpc.rows(
            "party.party", domain, tryton_records.PARTY_FIELDS, limit=limit, deadline=deadline
        )
        return [tryton_records.party_hit(row, self._link) for row in rows]

    async def _leads_of(self, key: str, limit: int, deadline: Deadline) -> list[PhoneHit]:
        domain = [
            ["state", "in", list(tryton_records.OPEN_LEADS)],
            ["party", "=", None],
            ["comment", "ilike", f"{key} %"],
        ]
        rows = await self._rpc.rows(
            "sale.opportunity", domain, tryton_records.LEAD_FIELDS, limit=limit, deadline=deadline
        )
        return [tryton_records.lead_hit(row, self._link) for row in rows]

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        if field not in self.capabilities.keys:
            raise Unsupported(f"tryton keeps no {field.value.replace('_', ' ')} that we know of")
        if not (digits.isascii() and digits.isdigit()):
            return []
        if field is KeyField.CUSTOMER_ID:
            found = await self._parties([["code", "=", digits]], limit, deadline)
            return [hit.candidate for hit in found]
        rows = await self._rpc.rows(
            "sale.sale",
            [["number", "=", digits], ["state", "!=", "cancelled"]],
            ["party"],
            limit=MOST_HISTORY,
            deadline=deadline,
        )
        ids = sorted({row["party"] for row in rows if isinstance(row.get("party"), int)})
        found = await self._parties([["id", "in", ids]], limit, deadline)
        return [hit.candidate for hit in found]

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        kind, record_id = tryton_records.place(ref)
        if kind is HitKind.LEAD:
            return tryton_records.lead_contact(
                await self._leads.one(str(record_id), deadline=deadline), self._link
            )
        row, history = await gathering.both(
            self._party(record_id, deadline),
            gathering.both(
                self._spared("purchases", self._purchases(record_id, MOST_HISTORY, deadline)),
                self._spared("orders", self._orders(record_id, deadline)),
            ),
        )
        return tryton_records.contact(row, self._link, *history)

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        kind, record_id = tryton_records.place(ref)
        if kind is HitKind.LEAD:
            return ()
        _, found = await gathering.both(
            self._party(record_id, deadline), self._purchases(record_id, limit, deadline)
        )
        return found

    async def _party(self, record_id: int, deadline: Deadline) -> readings.Record:
        """Raises NotFound; also for one that was archived."""
        rows = await self._rpc.rows(
            "party.party",
            [["id", "=", record_id]],
            tryton_records.PARTY_FIELDS,
            limit=1,
            deadline=deadline,
        )
        if not rows:
            raise NotFound(f"there is no contact tryton:{record_id}")
        return rows[0]

    async def _purchases(self, party: int, limit: int, deadline: Deadline) -> Sequence[Purchase]:
        domain = [
            ["sale.party", "=", party],
            ["sale.state", "in", list(tryton_records.SOLD)],
            ["type", "=", "line"],
        ]
        rows = await self._rpc.rows(
            "sale.line",
            domain,
            tryton_records.LINE_FIELDS,
            limit=limit,
            deadline=deadline,
            order=[("sale.sale_date", "DESC"), ("id", "DESC")],
        )
        found = [bought for row in rows if (bought := tryton_records.purchase(row))]
        return people.newest_first(found, limit)

    async def _orders(self, party: int, deadline: Deadline) -> Sequence[Order]:
        """The open ones first, so that no number of delivered ones crowds them out."""
        both = await gathering.all_of(
            *(
                self._rpc.rows(
                    "sale.sale",
                    [["party", "=", party], ["state", "in", list(states)]],
                    tryton_records.SALE_FIELDS,
                    limit=MOST_HISTORY,
                    deadline=deadline,
                    order=[("sale_date", "DESC"), ("id", "DESC")],
                )
                for states in (tryton_records.OPEN, ("done",))
            )
        )
        found = [order for rows in both for row in rows if (order := tryton_records.order(row))]
        return found[:MOST_HISTORY]

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        return await self._changes.page(cursor, limit=limit, deadline=deadline)

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        values = {name: texts.cleaned(value, 200) for name, value in self._renamed(changes).items()}
        kind, record_id = tryton_records.place(ref)
        if kind is HitKind.LEAD:
            raise NotFound(f"there is no contact {ref}")
        context = {}
        if expect_version is not None:
            # trytond/model/modelsql.py: compared within the transaction that writes.
            context = {"_timestamp": {f"party.party,{record_id}": expect_version}}
        await self._party(record_id, Deadline.after(QUESTION_S))
        await self._rpc.write("party.party.write", [record_id], values, context=context)


def _ordered(hits: Sequence[PhoneHit], limit: int) -> list[PhoneHit]:
    """Contacts before leads, each by its id."""
    return [
        *(hit for hit in hits if hit.kind is HitKind.CONTACT),
        *(hit for hit in hits if hit.kind is HitKind.LEAD),
    ][:limit]
