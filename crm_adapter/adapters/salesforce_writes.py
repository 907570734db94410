"""Leads, calls and tasks in Salesforce: each once, upserted by an external id of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import NotFound
from crm_adapter.adapters import readings, salesforce_records, texts
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.hosted_writes import HostedWrites, Step
from crm_adapter.adapters.just_made import JustMade
from crm_adapter.adapters.salesforce_wire import ALLOW, SalesforceWire
from crm_adapter.adapters.written_once import call_key, record_key
from crm_adapter.http.client import quote

NEW, TAKEN, WITHDRAWN = (
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Not Converted",
)


class SalesforceWrites(HostedWrites):
    """Implements `crm_adapter.adapter.CrmWriter`."""

    crm = "salesforce"
    closing: ClassVar = Step("Task", "Status", "Not Started", "Completed")
    withdrawing: ClassVar = Step("Lead", "Status", NEW, WITHDRAWN)
    confirming: ClassVar = Step("Lead", "Status", NEW, TAKEN)

    def __init__(self, *, wire: SalesforceWire, key: str, just_made: JustMade) -> None:
        super().__init__(key)
        self._wire, self._just_made = wire, just_made

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        fields = {
            "LastName": texts.lead_name(lead),
            "Company": "Unknown",  # Salesforce insists on one
            "Phone": lead.number,
            "LeadSource": "Phone Inquiry",
            "Status": NEW,
            "Description": texts.lead_text(lead, idem),
        }
        record_id, _ = await self._once("Lead", record_key("lead", idem), fields)
        self._just_made.add(lead.number, record_id)
        return record_id

    async def _logged(self, record: CallRecord, idem: str, contact: ContactRef | None) -> str:
        fields: dict[str, Any] = salesforce_records.call(record, idem) | self._who(contact)
        # TaskSubtype can be set only as the task is made.
        first = {**fields, "TaskSubtype": "Call"}
        task_id, was_there = await self._once("Task", call_key(record), first)
        if was_there:
            found = await self._read("Task", quote(task_id), "Description", "WhoId")
            kept = found.get("Description")
            if texts.is_newer(record, kept):
                place = None if contact is None else self._place(contact)
                left = self._left(kept, place)
                if left is not None and place is None and found.get("WhoId") == left[1]:
                    fields["WhoId"] = None
                await self._change("Task", task_id, fields)
        return task_id

    async def create_task(self, task: NewTask, idem: str) -> str:
        fields: dict[str, Any] = {
            "Subject": texts.task_title(task),
            "Status": "Not Started",
            "Priority": "Normal",
            "Description": texts.task_text(task, idem),
        }
        if task.due is not None:
            fields |= salesforce_records.due(task.due)
        fields |= self._who(task.contact)
        return (await self._once("Task", record_key("task", idem), fields))[0]

    def _who(self, contact: ContactRef | None) -> dict[str, str]:
        place = self._place(contact)
        return {} if place is None else {"WhoId": place[1]}

    async def _read(self, kind: str, path: str, *fields: str) -> readings.Record:
        return await self._wire.record(kind, path, fields, Deadline.after(QUESTION_S))

    async def _find(self, kind: str, key: str) -> str | None:
        try:
            found = await self._read(kind, f"{self._key}/{quote(key)}")
        except NotFound:
            return None
        return readings.said(found.get("Id"))

    async def _create(self, kind: str, key: str, told: Mapping[str, Any]) -> str:
        path = f"/sobjects/{kind}/{self._key}/{quote(key)}"
        reply = await self._wire.http.write("PATCH", path, json=dict(told), headers=ALLOW)
        return readings.identifier(reply, reply.json_object().get("id"))

    async def _status(self, step: Step, record_id: str) -> str:
        found = await self._read(step.kind, quote(record_id), step.field)
        return readings.text(found.get(step.field))

    async def _change(self, kind: str, record_id: str, told: Mapping[str, Any]) -> None:
        path = f"/sobjects/{kind}/{quote(record_id)}"
        await self._wire.http.write("PATCH", path, json=dict(told))
