"""Leads, calls and tasks in EspoCRM: each once, by a unique field of ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import Conflict, Forbidden, HitKind, Invalid, PhoneHit
from crm_adapter.adapters import espocrm_records, readings, texts
from crm_adapter.adapters.espocrm_wire import EspoWire, where
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.hosted_writes import HostedWrites, Step
from crm_adapter.adapters.people import LEAD
from crm_adapter.adapters.written_once import call_key, record_key, written_once
from crm_adapter.http.client import quote
from crm_adapter.phone_numbers import same_number

#: Who has a number.
Look = Callable[[str], Awaitable[Sequence[PhoneHit]]]


class EspoWrites(HostedWrites):
    """Implements `crm_adapter.adapter.CrmWriter`."""

    crm = "espocrm"
    closing: ClassVar = Step("Task", "status", "Not Started", "Completed")
    withdrawing: ClassVar = Step("Lead", "status", "New", "Dead")
    confirming: ClassVar = Step("Lead", "status", "New", "Assigned")

    def __init__(self, *, wire: EspoWire, key: str, region: str, look: Look) -> None:
        super().__init__(key)
        self._wire, self._region, self._look = wire, region, look

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        key = record_key("lead", idem)
        body = {
            "lastName": texts.lead_name(lead),
            "phoneNumber": lead.number,
            "source": "Call",
            "status": "New",
            "description": texts.lead_text(lead, idem),
        }
        try:
            return (await self._once("Lead", key, body))[0]
        except Conflict:
            hits = await self._look(lead.number)
        for hit in hits:
            same = any(same_number(lead.number, one, self._region) for one in hit.numbers)
            if hit.kind is HitKind.LEAD and same:
                twin = hit.candidate.ref.id.removeprefix(LEAD)
                raise Conflict("espocrm has an open lead with this number", existing=twin)
        # The twin is another person of that name.
        async with self._turns.of(key):
            lead_id, _ = await written_once(
                find=lambda: self._find("Lead", key),
                create=lambda: self._posted("Lead", key, body, {"X-Skip-Duplicate-Check": "true"}),
            )
        return lead_id

    async def log_call(self, record: CallRecord, idem: str) -> str:
        contact = self._place(record.contact)
        key, body = call_key(record), espocrm_records.call(record, idem, contact)
        try:
            call_id, was_there = await self._once("Call", key, body)
        except (Forbidden, Invalid):
            if record.contact is None:
                raise
            # "No foreign record access": the contact was deleted meanwhile.
            body = espocrm_records.call(record, idem, None)
            call_id, was_there = await self._once("Call", key, body)
        if was_there:
            found = await self._wire.record("Call", call_id, Deadline.after(QUESTION_S))
            if texts.is_newer(record, found.get("description")):
                left = self._left(found.get("description"), contact)
                if left is not None:
                    body |= espocrm_records.without(found, left, contact)
                await self._change("Call", call_id, body)
        return call_id

    async def create_task(self, task: NewTask, idem: str) -> str:
        body = {
            "name": texts.task_title(task),
            "status": "Not Started",
            "description": texts.task_text(task, idem),
        }
        if task.due is not None:
            body["dateEnd"] = espocrm_records.time(task.due)
        body |= espocrm_records.parent(self._place(task.contact))
        return (await self._once("Task", record_key("task", idem), body))[0]

    async def _find(self, kind: str, key: str) -> str | None:
        clause, deadline = where(0, "equals", self._key, key), Deadline.after(QUESTION_S)
        found = await self._wire.rows(kind, "id", clause, limit=1, deadline=deadline)
        return readings.said(found[0].get("id")) if found else None

    async def _create(self, kind: str, key: str, told: Mapping[str, Any]) -> str:
        return await self._posted(kind, key, told)

    async def _posted(
        self,
        kind: str,
        key: str,
        told: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> str:
        written = {**told, self._key: key}
        reply = await self._wire.http.write("POST", f"/{kind}", json=written, headers=headers)
        return readings.identifier(reply, reply.json_object().get("id"))

    async def _status(self, step: Step, record_id: str) -> str:
        found = await self._wire.record(step.kind, record_id, Deadline.after(QUESTION_S))
        return readings.text(found.get(step.field))

    async def _change(self, kind: str, record_id: str, told: Mapping[str, Any]) -> None:
        await self._wire.http.write("PUT", f"/{kind}/{quote(record_id)}", json=dict(told))
