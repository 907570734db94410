"""A CRM with a REST or JSON-RPC API, by a mapping in YAML."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from calls.caller import Candidate, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.errors import Misconfigured
from calls.records import CallRecord, NewLead, NewTask
from config.crm_settings import RestSettings
from config.problems import Problem
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Conflict,
    HitKind,
    Invalid,
    KeyField,
    NotFound,
    PhoneHit,
    Unsupported,
)
from crm_adapter.http.client import CrmHttp, HttpLimits
from crm_adapter.http.traces import Trace
from crm_adapter.mapped import record_values
from crm_adapter.mapped.record_values import kind_and_id
from crm_adapter.rest import rights
from crm_adapter.rest.answers import CRM, candidate_of
from crm_adapter.rest.changes import Changes
from crm_adapter.rest.classify import classify_by
from crm_adapter.rest.contacts import Contacts
from crm_adapter.rest.log_in import log_in_of
from crm_adapter.rest.mapping import LoadedRest, load_rest_mapping
from crm_adapter.rest.names import due_told, names_of, written_names
from crm_adapter.rest.questions import Questions
from crm_adapter.rest.shapes import LimitsPart, RestMapping, WritePart
from crm_adapter.rest.webhooks import parse_webhook
from crm_adapter.rest.writes import Writes
from crm_adapter.rights import warnings_of

#: Asked for by `check` where the mapping has no question of its own: reserved for drama (Ofcom).
NOBODY = "+442079460999"
_CHECK_S = 10.0
_SIZES = {"KiB": 1024, "MiB": 1024 * 1024}


def _utc_now() -> datetime:
    return datetime.now(UTC)


class RestCrm:
    """Implements `crm_adapter.adapter.CrmAdapter`. The mapping is read as it is made: raises
    ProblemsFound (a Misconfigured) for what is wrong in it."""

    name = CRM

    def __init__(
        self,
        *,
        settings: RestSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = _utc_now,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        if settings.mapping is None:
            raise Misconfigured("set rest.mapping to the YAML file that says how the CRM is asked")
        loaded = load_rest_mapping(
            settings.mapping, environ=os.environ if environ is None else environ
        )
        mapping = loaded.mapping
        #: Of the mapping; after `check` of the rights too.
        self.warnings: tuple[Problem | str, ...] = loaded.warnings
        self._of_file = loaded.warnings
        self.capabilities = _capabilities(mapping)
        self._mapping = mapping
        self._now = now
        self._http = _client(loaded, trace)
        questions = Questions(
            http=self._http, mapping=mapping, classify=classify_by(mapping.errors)
        )
        self._questions = questions
        self._contacts = Contacts(mapping=mapping, questions=questions)
        self._writes = Writes(questions=questions)
        self._changes = self._made_changes()

    def _made_changes(self) -> Changes | None:
        part = self._mapping.changes
        read = None if part is None else part.map or self._contacts.map_of_contacts
        if part is None or read is None:
            return None
        url = self._contacts.url_of(HitKind.CONTACT)
        return Changes(part=part, read=read, url=url, questions=self._questions)

    def set_trace(self, trace: Trace | None) -> None:
        self._http.set_trace(trace)

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    async def check(self) -> None:
        deadline = Deadline.after(_CHECK_S)
        if self._mapping.check is not None:
            await self._questions.read(self._mapping.check, {}, deadline)
        else:
            await self._contacts.by_phone(NOBODY, 1, deadline)
        untold = await warnings_of(
            self.name,
            rights.asked(self._mapping, self._questions, deadline),
            rights.ADVICE,
        )
        self.warnings = (*self._of_file, *untold)

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        return await self._contacts.by_phone(key, limit, deadline)

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        found = await self._contacts.by_key(field, digits, limit, deadline)
        return [candidate_of(contact) for contact in found]

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        contact, _ = await self._contacts.one(ref, deadline)
        return replace(contact, **await self._contacts.histories(ref, deadline))

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        return await self._contacts.purchases(ref, limit, deadline)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        if self._changes is None:
            raise Unsupported("the mapping does not say how changes are asked for")
        return await self._changes.page(cursor, limit=limit, now=self._now(), deadline=deadline)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        if self._mapping.webhook is None:
            raise Unsupported("the mapping describes no webhooks")
        return parse_webhook(self._mapping.webhook, headers, body, now=self._now())

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        part = self._mapping.update
        if part is None:
            raise Unsupported("the mapping lets no field be changed")
        for field in changes:
            if field not in part.allow:
                raise Invalid(f"'{field[:60]}' may not be changed (update.allow)", field=field)
        if expect_version is not None and "version" not in names_of(part):
            await self._expect(ref, expect_version)
        values = {
            **self._contacts.values_of(ref),
            "changes": {part.allow[field]: value for field, value in changes.items()},
            "version": expect_version,
            "idem": idem,
        }
        reply = await self._questions.write(part, values, accept=part.conflict.status)
        if self._writes.is_conflict(part.conflict, reply, reply.json()):
            raise Conflict("somebody else has changed the contact meanwhile", existing=ref.id)

    async def _expect(self, ref: ContactRef, version: str) -> None:
        """Not atomic: an API without conditions leaves a moment between looking and writing."""
        _, now_there = await self._contacts.one(ref, self._questions.write_deadline())
        if now_there != version:
            raise Conflict("somebody else has changed the contact meanwhile", existing=ref.id)

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        part = self._mapping.create_lead
        if part is None:
            raise Unsupported("the mapping does not say how a lead is made")
        return await self._writes.once(part, record_values.lead_values(lead, idem))

    async def log_call(self, record: CallRecord, idem: str) -> str:
        record = replace(record, contact=_ours(record.contact))
        values = record_values.call_values(record, idem)
        part = self._by_contact(record.contact, self._mapping.log_call, self._mapping.log_stranger)
        try:
            return await self._writes.once(part, {**self._about(record.contact), **values})
        except (Invalid, NotFound):
            stranger = self._mapping.log_stranger
            if record.contact is None or stranger is None or not await self._gone(record.contact):
                raise
        ours = record_values.call_values(replace(record, contact=None), idem)
        return await self._writes.once(stranger, ours)

    async def create_task(self, task: NewTask, idem: str) -> str:
        task = replace(task, contact=_ours(task.contact))
        values = record_values.task_values(task, idem)
        part = self._by_contact(
            task.contact, self._mapping.create_task, self._mapping.create_stranger_task
        )
        return await self._writes.once(part, {**self._about(task.contact), **values})

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        values = {"id": kind_and_id(lead_id)[1], "idem": idem}
        return await self._writes.simple(self._mapping.withdraw_lead, values, "withdraw a lead")

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        values = {"id": kind_and_id(lead_id)[1], "agent": agent, "idem": idem}
        return await self._writes.simple(self._mapping.confirm_lead, values, "confirm a lead")

    async def close_task(self, task_id: str, idem: str) -> bool:
        values = {"id": task_id, "idem": idem}
        return await self._writes.simple(self._mapping.close_task, values, "close a task")

    async def _gone(self, contact: ContactRef) -> bool:
        """Deleted between the call and its record."""
        try:
            await self._contacts.one(contact, self._questions.write_deadline())
        except NotFound:
            return True
        return False

    def _about(self, contact: ContactRef | None) -> dict[str, object]:
        values = self._contacts.values_of(contact)
        return {name: value for name, value in values.items() if name == "contact_type"}

    def _by_contact(
        self, contact: ContactRef | None, usual: WritePart | None, stranger: WritePart | None
    ) -> WritePart:
        if usual is None:
            raise Unsupported("the mapping does not say how this is written")
        return stranger if stranger is not None and contact is None else usual


def _ours(contact: ContactRef | None) -> ContactRef | None:
    """The id of a contact in another CRM means nothing here."""
    return contact if contact is not None and contact.crm == CRM else None


def _client(loaded: LoadedRest, trace: Trace | None) -> CrmHttp:
    mapping = loaded.mapping
    token_url = mapping.auth.token_url
    return CrmHttp(
        crm=CRM,
        base_url=mapping.base_url,
        log_in=log_in_of(mapping, loaded.secrets),
        limits=_limits(mapping.limits),
        classify=classify_by(mapping.errors),
        also=() if token_url is None else (token_url,),
        trace=trace,
    )


def _limits(part: LimitsPart) -> HttpLimits:
    return HttpLimits(
        connections=part.concurrency,
        connect_s=part.connect_ms / 1000,
        most_bytes=int(part.max_body[:-3]) * _SIZES[part.max_body[-3:]],
        write_s=part.write_timeout_ms / 1000,
    )


def _capabilities(mapping: RestMapping) -> Capabilities:
    writes = (mapping.create_lead, mapping.log_call, mapping.create_task)
    given = [write for write in writes if write is not None]
    return Capabilities(
        keys=frozenset(mapping.keys),
        purchases=mapping.history is not None,
        orders=mapping.orders is not None,
        cases=mapping.cases is not None,
        finds_leads=any(lookup.kind is HitKind.LEAD for lookup in mapping.lookup),
        leads=mapping.create_lead is not None,
        calls=mapping.log_call is not None,
        tasks=mapping.create_task is not None,
        task_due=due_told(mapping.create_task),
        task_owners="owner" in written_names(mapping.create_task),
        updates=frozenset(mapping.update.allow if mapping.update else ()),
        changes=mapping.changes is not None,
        webhooks=mapping.webhook is not None,
        unique_keys=bool(given) and all(write.idempotent for write in given),
    )
