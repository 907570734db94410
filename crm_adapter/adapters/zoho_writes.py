"""Leads, calls and tasks in Zoho: each once, by a unique field of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import HitKind
from crm_adapter.adapters import readings, texts, zoho_records, zoho_wire
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.hosted_writes import HostedWrites, Step
from crm_adapter.adapters.written_once import call_key, record_key
from crm_adapter.adapters.zoho_wire import ZohoWire

NEW, TAKEN, WITHDRAWN = "Not Contacted", "Contacted", "Junk Lead"


class ZohoWrites(HostedWrites):
    """Implements `crm_adapter.adapter.CrmWriter`."""

    crm = "zoho"
    closing: ClassVar = Step("Tasks", "Status", "Not Started", "Completed")
    withdrawing: ClassVar = Step("Leads", "Lead_Status", NEW, WITHDRAWN)
    confirming: ClassVar = Step("Leads", "Lead_Status", NEW, TAKEN)

    def __init__(self, *, wire: ZohoWire, key: str) -> None:
        super().__init__(key)
        self._wire = wire

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        record = {
            "Last_Name": texts.lead_name(lead),
            "Phone": lead.number,
            "Lead_Source": "Cold Call",
            "Lead_Status": NEW,
            "Description": texts.lead_text(lead, idem),
        }
        return (await self._once("Leads", record_key("lead", idem), record))[0]

    async def _logged(self, record: CallRecord, idem: str, contact: ContactRef | None) -> str:
        told = zoho_records.call(record, idem) | self._who(contact)
        call_id, was_there = await self._once("Calls", call_key(record), told)
        if was_there:
            found = await self._wire.record("Calls", call_id, Deadline.after(QUESTION_S))
            kept = found.get("Description")
            if texts.is_newer(record, kept):
                left = self._left(kept, self._place(contact))
                if left is not None:
                    told = {"What_Id" if left[0] is HitKind.LEAD else "Who_Id": None} | told
                await self._change("Calls", call_id, told)
        return call_id

    async def create_task(self, task: NewTask, idem: str) -> str:
        told: dict[str, Any] = {
            "Subject": texts.task_title(task),
            "Status": "Not Started",
            "Description": texts.task_text(task, idem),
        }
        if task.due is not None:
            told["Due_Date"] = zoho_records.day(task.due)
        told |= self._who(task.contact)
        return (await self._once("Tasks", record_key("task", idem), told))[0]

    def _who(self, contact: ContactRef | None) -> dict[str, Any]:
        place = self._place(contact)
        if place is None:
            return {}
        kind, contact_id = place
        if kind is HitKind.LEAD:
            return {"What_Id": {"id": contact_id}, "$se_module": "Leads"}
        return {"Who_Id": {"id": contact_id}}

    async def _find(self, kind: str, key: str) -> str | None:
        query = f"select id from {kind} where {self._key} = '{key}' limit 1"  # noqa: S608 -- COQL: ids and digits matched a pattern
        found = await self._wire.coql(query, Deadline.after(QUESTION_S))
        return readings.said(found[0].get("id")) if found else None

    async def _create(self, kind: str, key: str, told: Mapping[str, Any]) -> str:
        body: dict[str, Any] = {"data": [{**told, self._key: key}]}
        path = f"/{kind}"
        if kind == "Leads":
            path, body["duplicate_check_fields"] = "/Leads/upsert", [self._key]
        reply = await self._wire.http.write("POST", path, json=body)
        written = zoho_wire.data(reply)
        details = readings.record(written[0] if written else None, "details")
        return readings.identifier(reply, details.get("id"))

    async def _status(self, step: Step, record_id: str) -> str:
        found = await self._wire.record(step.kind, record_id, Deadline.after(QUESTION_S))
        return readings.text(found.get(step.field))

    async def _change(self, kind: str, record_id: str, told: Mapping[str, Any]) -> None:
        await self._wire.put(kind, record_id, told)
