"""Tryton 8 over JSON-RPC: parties, sales, opportunities and notes. Seen on trytond 8.2 with the
modules party, sale and sale_opportunity.

Numbers are stored as people typed them (`value`) and, where the package phonenumbers is installed,
as E.164 (`value_compact`). A lead is an opportunity whose `reference` is our key; nothing there is
unique, so we look first, and again afterwards: of two the first one stays. See `tryton_notes` for
calls and tasks. There are no webhooks: changes are polled by `last_modified_at`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from calls.caller import Candidate, Contact, ContactRef, Order, Purchase
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from config.crm_settings import TrytonSettings
from crm_adapter import wording
from crm_adapter.adapter import (
    AmbiguousWrite,
    Capabilities,
    ChangePage,
    Forbidden,
    HitKind,
    Invalid,
    KeyField,
    NotFound,
    PhoneHit,
    Unavailable,
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
    tryton_rpc,
)
from crm_adapter.adapters.hosted import MOST_HISTORY, QUESTION_S, HostedCrm
from crm_adapter.adapters.texts import lead_text, task_text
from crm_adapter.adapters.tryton_notes import TrytonNotes, lead_line
from crm_adapter.adapters.tryton_rpc import TrytonAccess, TrytonRpc
from crm_adapter.adapters.written_once import Turns, call_key, record_key
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
#: A transaction's records bear the time of its start and are seen from its end on.
_OVERLAP = timedelta(seconds=5)
#: The pattern also fits longer numbers with these digits in them.
_MORE = 4
_ID = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_CONFIRMED = "Confirmed by "


class TrytonCrm(HostedCrm):
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
        self._turns = Turns()
        self._notes = TrytonNotes(self._rpc)
        super().__init__(http=self._rpc.http, now=now)

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
        kind, record_id = self._place(ref)
        if kind is HitKind.LEAD:
            return tryton_records.lead_contact(
                await self._lead(str(record_id), deadline=deadline), self._link
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
        kind, record_id = self._place(ref)
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
        since, after = _parsed(cursor)
        at = tryton_rpc.as_moment(since)
        domain = [
            "OR",
            ["last_modified_at", ">", at],
            [["last_modified_at", "=", at], ["id", ">", after]],
        ]
        rows = await self._rpc.rows(
            "party.party",
            domain,
            tryton_records.PARTY_FIELDS,
            limit=limit,
            deadline=deadline,
            order=[("last_modified_at", "ASC"), ("id", "ASC")],
        )
        hits = tuple(tryton_records.party_hit(row, self._link) for row in rows)
        last = tryton_rpc.moment(rows[-1].get("last_modified_at")) if rows else None
        if len(rows) == limit:
            last_id = rows[-1].get("id")
            if last is None or not isinstance(last_id, int) or (last, last_id) <= (since, after):
                raise Unavailable("tryton told a change without its id or time")
            return ChangePage(hits, (), _cursor(last, last_id), more=True)
        if last is None or last - since <= _OVERLAP:
            return ChangePage(hits, (), _cursor(since, after), more=False)
        back = last - _OVERLAP
        return ChangePage(hits, (), _cursor(back, after if back == since else 0), more=False)

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        async with self._turns.of(idem):
            found = await self._keyed_leads(idem)
            if not found:
                # After an answer that never came a look tells whether it was written.
                with suppress(AmbiguousWrite):
                    await self._create_lead(lead, idem)
                found = await self._keyed_leads(idem)
            if not found:
                raise AmbiguousWrite("tryton does not show a lead that was sent")
            for surplus in found[1:]:
                await self._drop(surplus)
            return str(found[0])

    async def _create_lead(self, lead: NewLead, idem: str) -> None:
        context = await self._rpc.company(deadline=Deadline.after(QUESTION_S))
        values = {
            "reference": idem,
            "description": texts.cleaned(wording.lead_title(lead), 200),
            "comment": lead_text(lead, idem),
        }
        await self._rpc.create("sale.opportunity", values, context)

    async def _keyed_leads(self, idem: str) -> list[int]:
        rows = await self._rpc.rows(
            "sale.opportunity",
            [["reference", "=", idem]],
            ["id"],
            limit=10,
            deadline=Deadline.after(QUESTION_S),
        )
        return [row["id"] for row in rows if isinstance(row.get("id"), int)]

    async def _drop(self, lead: int) -> None:
        """A second one, made by another process at the same instant. Where that process has dropped
        it already, Tryton says that we may not."""
        with suppress(NotFound, Invalid, Forbidden):
            await self._rpc.write("sale.opportunity.cancel", [lead])
            await self._rpc.write("sale.opportunity.delete", [lead])

    async def log_call(self, record: CallRecord, idem: str) -> str:
        async with self._turns.of(call_key(record)):
            places = await self._places(record.contact, lead_line(record.call_id))
            return await self._notes.write_call(places, record, idem)

    async def create_task(self, task: NewTask, idem: str) -> str:
        text = f"{wording.task_title(task)}\n{task_text(task, idem)}"
        async with self._turns.of(record_key("task", idem)):
            places = await self._places(task.contact, lead_line(task.call_id))
            return await self._notes.write_keyed(places, idem, text)

    async def close_task(self, task_id: str, idem: str) -> bool:
        """A note cannot be changed: another one says that it is done."""
        place = await self._notes.place_of(task_id, deadline=Deadline.after(QUESTION_S))
        if place is None:
            return False
        async with self._turns.of(record_key("task", idem)):
            await self._notes.write_keyed([place], idem, f"Done: note {task_id}\nKey: {idem}")
        return True

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        row = await self._settled_lead(lead_id)
        if row is None or _CONFIRMED in readings.text(row.get("comment")):
            return False
        if row.get("state") == "lead":
            await self._rpc.write("sale.opportunity.cancel", [int(lead_id)])
            return True
        return row.get("state") == "cancelled"

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        row = await self._settled_lead(lead_id)
        if row is None:
            return False
        comment = readings.text(row.get("comment"))
        if _CONFIRMED not in comment:
            told = f"{comment}\n{_CONFIRMED}{texts.cleaned(agent, 80)}"
            await self._rpc.write("sale.opportunity.write", [int(lead_id)], {"comment": told})
        return True

    async def _settled_lead(self, lead_id: str) -> readings.Record | None:
        try:
            return await self._lead(lead_id, deadline=Deadline.after(QUESTION_S))
        except NotFound:
            return None

    async def _lead(self, lead_id: str, *, deadline: Deadline) -> readings.Record:
        """Raises NotFound."""
        if not _ID.fullmatch(lead_id):
            raise NotFound("tryton has no such lead")
        rows = await self._rpc.rows(
            "sale.opportunity",
            [["id", "=", int(lead_id)]],
            tryton_records.LEAD_FIELDS,
            limit=1,
            deadline=deadline,
        )
        if not rows:
            raise NotFound("tryton has no such lead")
        return rows[0]

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        values = {name: texts.cleaned(value, 200) for name, value in self._renamed(changes).items()}
        kind, record_id = self._place(ref)
        if kind is HitKind.LEAD:
            raise NotFound(f"there is no contact {ref}")
        context = {}
        if expect_version is not None:
            # trytond/model/modelsql.py: compared within the transaction that writes.
            context = {"_timestamp": {f"party.party,{record_id}": expect_version}}
        await self._party(record_id, Deadline.after(QUESTION_S))
        await self._rpc.write("party.party.write", [record_id], values, context=context)

    async def _places(self, contact: ContactRef | None, line: str) -> list[str]:
        """Where the notes of a call may be, the best one first."""
        deadline = Deadline.after(QUESTION_S)
        house, lead = await gathering.both(self._house(deadline), self._lead_with(line, deadline))
        places = [house]
        if lead is not None:
            places.insert(0, f"sale.opportunity,{lead}")
        if contact is not None:
            with suppress(NotFound):
                kind, record_id = self._place(contact)
                model = "sale.opportunity" if kind is HitKind.LEAD else "party.party"
                if await self._exists(model, record_id, deadline):
                    places.insert(0, f"{model},{record_id}")
        return list(dict.fromkeys(places))

    async def _exists(self, model: str, record_id: int, deadline: Deadline) -> bool:
        domain = [["id", "=", record_id]]
        return bool(await self._rpc.rows(model, domain, ["id"], limit=1, deadline=deadline))

    async def _house(self, deadline: Deadline) -> str:
        company = (await self._rpc.company(deadline=deadline))["company"]
        rows = await self._rpc.rows(
            "company.company", [["id", "=", company]], ["party"], limit=1, deadline=deadline
        )
        party = rows[0].get("party") if rows else None
        if not isinstance(party, int):
            raise Forbidden("tryton: our user may not read the company that it works for")
        return f"party.party,{party}"

    async def _lead_with(self, line: str, deadline: Deadline) -> int | None:
        pattern = re.sub(r"[\\%_]", "_", line)
        rows = await self._rpc.rows(
            "sale.opportunity",
            [["comment", "ilike", f"%{pattern}%"]],
            ["comment"],
            limit=5,
            deadline=deadline,
        )
        for row in rows:
            if line in readings.text(row.get("comment")).splitlines():
                return row["id"] if isinstance(row.get("id"), int) else None
        return None

    def _place(self, ref: ContactRef) -> tuple[HitKind, int]:
        kind, record_id = self._kind_and_id(ref)
        if not _ID.fullmatch(record_id):
            raise NotFound(f"there is no contact {ref}")
        return kind, int(record_id)


def _ordered(hits: Sequence[PhoneHit], limit: int) -> list[PhoneHit]:
    """Contacts before leads, each by its id."""
    return [
        *(hit for hit in hits if hit.kind is HitKind.CONTACT),
        *(hit for hit in hits if hit.kind is HitKind.LEAD),
    ][:limit]


def _cursor(at: datetime, after: int) -> str:
    return json.dumps([at.isoformat(), after])


def _parsed(cursor: str | None) -> tuple[datetime, int]:
    if cursor is None:
        return datetime(1970, 1, 1, tzinfo=UTC), 0
    try:
        at, after = json.loads(cursor)
        since = datetime.fromisoformat(at)
        if since.tzinfo is None or not isinstance(after, int):
            raise ValueError("not one of ours")
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid("this is no place in the list of changes", field="cursor") from error
    return since.astimezone(UTC), after
