"""Leads, calls and tasks in SuiteCRM: we choose their ids, and it refuses one a second time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import NotFound
from crm_adapter.adapters import readings, suitecrm_records, texts
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.hosted_writes import HostedWrites, Step
from crm_adapter.adapters.readings import Record
from crm_adapter.adapters.suitecrm_wire import MODULE_OF, SuiteWire
from crm_adapter.adapters.written_once import call_key, record_key
from crm_adapter.http.client import quote


class SuiteWrites(HostedWrites):
    """Implements `crm_adapter.adapter.CrmWriter`."""

    crm = "suitecrm"
    closing: ClassVar = Step("Tasks", "status", "Not Started", "Completed")
    withdrawing: ClassVar = Step("Leads", "status", "New", "Dead")
    confirming: ClassVar = Step("Leads", "status", "New", "Assigned")

    def __init__(self, wire: SuiteWire) -> None:
        super().__init__("id")
        self._wire = wire

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        attributes = {
            "last_name": texts.lead_name(lead),
            "phone_work": lead.number,
            "lead_source": "Cold Call",
            "status": "New",
            "description": texts.lead_text(lead, idem),
        }
        return (await self._once("Leads", record_key("lead", idem), attributes))[0]

    async def log_call(self, record: CallRecord, idem: str) -> str:
        contact = self._place(record.contact)
        told = suitecrm_records.call(record, idem, contact)
        call_id, was_there = await self._once("Calls", call_key(record), told)
        if was_there:
            kept = await self._attributes("Calls", call_id)
            if not texts.is_newer(record, kept.get("description")):
                return call_id
            left = self._left(kept.get("description"), contact)
            if left is not None:
                # Before the description forgets them: this may be the last we hear of it.
                with suppress(NotFound):
                    await self._wire.unlink(call_id, *left)
                if contact is None and kept.get("parent_id") == left[1]:
                    told |= {"parent_type": "", "parent_id": ""}
            await self._change("Calls", call_id, told)
        if contact is not None:
            path = f"/module/Calls/{quote(call_id)}/relationships"
            data = {"type": MODULE_OF[contact[0]], "id": contact[1]}
            with suppress(NotFound):  # deleted meanwhile
                # Twice the same is once there.
                await self._wire.http.write("POST", path, json={"data": data})
        return call_id

    async def create_task(self, task: NewTask, idem: str) -> str:
        attributes = {
            "name": texts.task_title(task),
            "status": "Not Started",
            "description": texts.task_text(task, idem),
        }
        if task.due is not None:
            attributes["date_due"] = suitecrm_records.time(task.due)
        attributes |= suitecrm_records.parent(self._place(task.contact))
        return (await self._once("Tasks", record_key("task", idem), attributes))[0]

    async def _attributes(self, module: str, record_id: str) -> Record:
        found = await self._wire.record(module, record_id, Deadline.after(QUESTION_S))
        return suitecrm_records.attributes(found)

    async def _find(self, kind: str, key: str) -> str | None:
        try:
            await self._attributes(kind, key)
        except NotFound:
            return None
        return key

    async def _create(self, kind: str, key: str, told: Mapping[str, Any]) -> str:
        data = {"type": kind, "id": key, "attributes": dict(told)}
        await self._wire.http.write("POST", "/module", json={"data": data})
        return key

    async def _status(self, step: Step, record_id: str) -> str:
        return readings.text((await self._attributes(step.kind, record_id)).get(step.field))

    async def _change(self, kind: str, record_id: str, told: Mapping[str, Any]) -> None:
        await self._wire.change(kind, record_id, told)
