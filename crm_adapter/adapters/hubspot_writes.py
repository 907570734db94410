"""Leads, calls and tasks in HubSpot: each once, by a property of ours with unique values."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import NotFound
from crm_adapter.adapters import hubspot_records, readings, texts
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.hosted_writes import HostedWrites, Step
from crm_adapter.adapters.hubspot_records import NEW, TAKEN, WITHDRAWN
from crm_adapter.adapters.hubspot_wire import HubSpotWire
from crm_adapter.adapters.just_made import JustMade
from crm_adapter.adapters.written_once import call_key, record_key


class HubSpotWrites(HostedWrites):
    """Implements `crm_adapter.adapter.CrmWriter`."""

    crm = "hubspot"
    closing: ClassVar = Step("tasks", "hs_task_status", "NOT_STARTED", "COMPLETED")
    withdrawing: ClassVar = Step("contacts", "hs_lead_status", NEW, WITHDRAWN)
    confirming: ClassVar = Step("contacts", "hs_lead_status", NEW, TAKEN)

    def __init__(self, *, wire: HubSpotWire, key: str, just_made: JustMade) -> None:
        super().__init__(key)
        self._wire, self._just_made = wire, just_made

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        properties = {
            "lastname": texts.lead_name(lead),
            "phone": lead.number,
            "lifecyclestage": "lead",
            "hs_lead_status": NEW,
            "message": texts.lead_text(lead, idem),
        }
        record_id, _ = await self._once("contacts", record_key("lead", idem), properties)
        self._just_made.add(lead.number, record_id)
        return record_id

    async def log_call(self, record: CallRecord, idem: str) -> str:
        """An upsert, unless what HubSpot has is newer."""
        key = call_key(record)
        async with self._turns.of(key):
            call_id = await self._upserted(record, key, idem)
        await self._associate("calls", call_id, record.contact)
        return call_id

    async def _upserted(self, record: CallRecord, key: str, idem: str) -> str:
        with suppress(NotFound):
            found = await self._by_key("calls", key, "hs_call_body")
            body = hubspot_records.properties(found).get("hs_call_body")
            call_id = readings.text(found.get("id"))
            if not texts.is_newer(record, body):
                return call_id
            left = self._left(body, self._place(record.contact))
            if left is not None:
                # Before the text forgets them: this may be the last we hear of it.
                with suppress(NotFound):
                    await self._wire.unlink("calls", call_id, left[1])
        told = hubspot_records.call(record, idem)
        return await self._wire.upsert("calls", self._key, key, told)

    async def create_task(self, task: NewTask, idem: str) -> str:
        told = {
            # A task's due date.
            "hs_timestamp": hubspot_records.time(task.due or task.created_at),
            "hs_task_subject": texts.task_title(task),
            "hs_task_body": texts.as_html(texts.task_text(task, idem)),
            "hs_task_status": "NOT_STARTED",
            "hs_task_type": "CALL",
        }
        task_id, _ = await self._once("tasks", record_key("task", idem), told)
        await self._associate("tasks", task_id, task.contact)
        return task_id

    async def _associate(self, kind: str, record_id: str, contact: ContactRef | None) -> None:
        place = self._place(contact)
        if place is not None:
            with suppress(NotFound):  # deleted meanwhile
                await self._wire.link(kind, record_id, place[1])

    async def _by_key(self, kind: str, key: str, *properties: str) -> readings.Record:
        """A read by the unique property sees what a search does not yet."""
        deadline = Deadline.after(QUESTION_S)
        return await self._wire.object(kind, key, properties, deadline, idProperty=self._key)

    async def _find(self, kind: str, key: str) -> str | None:
        try:
            return readings.said((await self._by_key(kind, key)).get("id"))
        except NotFound:
            return None

    async def _create(self, kind: str, key: str, told: Mapping[str, Any]) -> str:
        return await self._wire.create(kind, {**told, self._key: key})

    async def _status(self, step: Step, record_id: str) -> str:
        deadline = Deadline.after(QUESTION_S)
        found = await self._wire.object(step.kind, record_id, (step.field,), deadline)
        return readings.text(hubspot_records.properties(found).get(step.field))

    async def _change(self, kind: str, record_id: str, told: Mapping[str, Any]) -> None:
        await self._wire.change(kind, record_id, told)
