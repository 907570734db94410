"""Any customer database as a CRM, by a mapping in YAML over SQLAlchemy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from calls.caller import Candidate, Contact, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.errors import Misconfigured
from calls.records import CallRecord, NewLead, NewTask
from config.crm_settings import SqlSettings
from config.problems import Problem
from crm_adapter.adapter import Capabilities, ChangePage, KeyField, PhoneHit, Unsupported
from crm_adapter.http.traces import Trace
from crm_adapter.mapped.phone_forms import is_e164
from crm_adapter.mapped.record_values import (
    call_values,
    kind_and_id,
    lead_values,
    task_values,
)
from crm_adapter.sql.changes import Cursor
from crm_adapter.sql.contacts import CRM, Contacts
from crm_adapter.sql.mapping import load_sql_mapping, name_in
from crm_adapter.sql.shapes import SqlMapping
from crm_adapter.sql.store import Store
from crm_adapter.sql.writes import Writes

log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqlCrm:
    """Implements `crm_adapter.adapter.CrmAdapter`. The mapping is read as it is made: raises
    ProblemsFound (a Misconfigured) for what is wrong in the file. What the database lacks is told
    by `check`, and by every question until it is mended."""

    name = CRM

    def __init__(
        self,
        *,
        settings: SqlSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        if settings.mapping is None:
            raise Misconfigured("set sql.mapping to a YAML file that names tables and columns")
        loaded = load_sql_mapping(settings.mapping)
        self.capabilities = _capabilities(loaded.mapping)
        #: Of the file; after `check` of the database's indexes too.
        self.warnings: tuple[Problem, ...] = loaded.warnings
        self._of_file = loaded.warnings
        self._mapping = loaded.mapping
        self._store = Store(settings=settings, loaded=loaded, trace=trace)
        self._contacts = Contacts(store=self._store)
        self._writes = Writes(store=self._store, mapping=loaded.mapping, now=now)

    async def open(self) -> None:
        """Nothing to do: the first question connects."""

    async def close(self) -> None:
        await self._store.close()

    async def check(self) -> None:
        slow = await self._store.check()
        self.warnings = (*self._of_file, *slow)
        for problem in slow:
            log.warning("%s", problem)

    async def find_by_phone(
        self, key: str, *, limit: int, deadline: Deadline
    ) -> Sequence[PhoneHit]:
        if not is_e164(key):
            return []
        return await self._store.in_time(deadline, self._contacts.by_phone(key, limit))

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        if field not in self._mapping.keys:
            raise Unsupported(f"the mapping names no column for {field.value}")
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 64:
            return []
        return await self._store.in_time(deadline, self._contacts.by_key(field, digits, limit))

    async def get(self, ref: ContactRef, *, deadline: Deadline) -> Contact:
        return await self._store.in_time(deadline, self._contacts.one(ref))

    async def get_purchase_history(
        self, ref: ContactRef, *, limit: int, deadline: Deadline
    ) -> Sequence[Purchase]:
        if self._mapping.history is None:
            raise Unsupported("the mapping has no history")
        return await self._store.in_time(deadline, self._contacts.purchases(ref, limit))

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        if self._mapping.contact.changed_at is None:
            raise Unsupported("the mapping does not say when contacts changed (changed_at)")
        asked = self._contacts.changed(Cursor.read(cursor), limit)
        return await self._store.in_time(deadline, asked)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        raise Unsupported("a database sends no webhooks")

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        await self._writes.change(ref, changes, expect_version)

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        return await self._writes.lead(lead_values(lead, idem))

    async def log_call(self, record: CallRecord, idem: str) -> str:
        ours = replace(record, contact=_ours(record.contact))
        return await self._writes.call(call_values(ours, idem))

    async def create_task(self, task: NewTask, idem: str) -> str:
        ours = replace(task, contact=_ours(task.contact))
        return await self._writes.task(task_values(ours, idem))

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._writes.withdraw_lead(kind_and_id(lead_id)[1])

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._writes.confirm_lead(kind_and_id(lead_id)[1], agent)

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._writes.close_task(task_id)


def _ours(contact: ContactRef | None) -> ContactRef | None:
    """The id of a contact in another CRM means nothing here."""
    return contact if contact is not None and contact.crm == CRM else None


def _capabilities(mapping: SqlMapping) -> Capabilities:
    of_task = {name_in(value) for value in mapping.task.insert.values()} if mapping.task else set()
    return Capabilities(
        keys=frozenset(mapping.keys),
        purchases=mapping.history is not None,
        orders=mapping.orders is not None,
        cases=mapping.cases is not None,
        finds_leads=mapping.open_leads is not None,
        leads=mapping.lead is not None,
        calls=mapping.call is not None,
        tasks=mapping.task is not None,
        task_due="time" if "due_at" in of_task or "due_or_made_at" in of_task else None,
        task_owners="owner" in of_task,
        updates=frozenset(mapping.update.allow if mapping.update else ()),
        changes=mapping.contact.changed_at is not None,
        unique_keys=mapping.writes,
    )
