"""Leads, calls and tasks in Dataverse: each once, by an alternate key of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, ClassVar

from calls.call import Direction
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import Conflict, HitKind, Invalid, NotFound
from crm_adapter.adapters import dynamics_records, readings, texts
from crm_adapter.adapters.dynamics_wire import ENTITY_OF, ID_OF, SET_OF, DynamicsWire
from crm_adapter.adapters.hosted import QUESTION_S, kind_and_id
from crm_adapter.adapters.people import LEAD
from crm_adapter.adapters.readings import Record
from crm_adapter.adapters.written_once import Turns, call_key, record_key, written_once
from crm_adapter.http.client import quote

CRM = "dynamics"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_KEPT = "activityid,description,statecode,_regardingobjectid_value"
ETAG = re.compile(r'W/"[0-9]{1,20}"', re.ASCII)
#: What is written comes back, so that we learn its id.
_BACK = {"Prefer": "return=representation"}
_ONLY_NEW = {**_BACK, "If-None-Match": "*"}
ONLY_THERE = {"If-Match": "*"}
#: (statecode, statuscode): "Status and status reason codes".
_NEW, _TAKEN, _WITHDRAWN = (0, 1), (0, 2), (2, 7)
_OPEN_TASK, _DONE_TASK, _OPEN_CALL = (0, 2), (1, 5), (0, 1)
#: Made and received are both "completed".
_MADE, _RECEIVED = (1, 2), (1, 4)
State = tuple[int, int]


def place(ref: ContactRef) -> tuple[HitKind, str]:
    """Raises NotFound for what is no record's id there."""
    kind, record_id = kind_and_id(CRM, ref)
    if not _GUID.fullmatch(record_id):
        raise NotFound(f"there is no contact {ref}")
    return kind, record_id


class DynamicsWrites:
    """Implements `crm_adapter.adapter.CrmWriter`."""

    closing: ClassVar = ("tasks", _OPEN_TASK, _DONE_TASK)
    withdrawing: ClassVar = ("leads", _NEW, _WITHDRAWN)
    confirming: ClassVar = ("leads", _NEW, _TAKEN)

    def __init__(self, wire: DynamicsWire) -> None:
        self._wire = wire
        self._turns = Turns()

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        told = {
            "subject": texts.lead_title(lead),
            "lastname": texts.lead_name(lead),
            "telephone1": lead.number,
            "description": texts.lead_text(lead, idem),
        }
        return await self._once("leads", record_key("lead", idem), told)

    async def create_task(self, task: NewTask, idem: str) -> str:
        told = {
            "subject": texts.task_title(task),
            "description": texts.task_text(task, idem),
        }
        if task.due is not None:
            told["scheduledend"] = dynamics_records.time(task.due)
        told |= _regarding(task.contact, "task")
        return await self._once("tasks", record_key("task", idem), told)

    async def _once(self, entity: str, key: str, told: Mapping[str, Any]) -> str:
        by_key, column = self._wire.by_key(entity, key), ID_OF[entity]

        async def find() -> str | None:
            found = await self._there(by_key, column)
            return readings.said(found.get(column))

        async def create() -> str:
            path = f"/{by_key}"
            reply = await self._wire.http.write("PATCH", path, json=dict(told), headers=_ONLY_NEW)
            return readings.identifier(reply, reply.json_object().get(column))

        async with self._turns.of(key):
            return (await written_once(find=find, create=create))[0]

    async def _there(self, by_key: str, columns: str) -> Record:
        """Empty where there is none."""
        deadline = Deadline.after(QUESTION_S)
        try:
            return await self._wire.record(by_key, {"$select": columns}, deadline)
        except NotFound:
            return {}

    async def log_call(self, record: CallRecord, idem: str) -> str:
        async with self._turns.of(call_key(record)):
            # Once more where another process was faster and has finished the call; without the
            # contact where that was deleted meanwhile.
            for _ in range(2):
                with suppress(Invalid, NotFound):
                    return await self._logged(record, idem, record.contact)
            return await self._logged(record, idem, None)

    async def _logged(self, record: CallRecord, idem: str, contact: ContactRef | None) -> str:
        by_key = self._wire.by_key("phonecalls", call_key(record))
        found = await self._there(by_key, _KEPT)
        if found and not texts.is_newer(record, found.get("description")):
            return readings.text(found.get("activityid"))
        if found.get("statecode") == 1:
            await self._become(by_key, _OPEN_CALL)
        told = dynamics_records.call(record, idem) | _regarding(contact, "phonecall")
        if not _regarding(contact, "phonecall"):
            told |= _no_longer(found)
        reply = await self._wire.http.write("PATCH", f"/{by_key}", json=told, headers=_BACK)
        call_id = readings.identifier(reply, reply.json_object().get("activityid"))
        if not record.is_live:
            is_made = record.direction is Direction.OUTBOUND
            await self._become(by_key, _MADE if is_made else _RECEIVED)
        return call_id

    async def _become(
        self, path: str, state: State, headers: Mapping[str, str] = ONLY_THERE
    ) -> None:
        told = {"statecode": state[0], "statuscode": state[1]}
        await self._wire.http.write("PATCH", f"/{path}", json=told, headers=headers)

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._step(task_id, *self.closing)

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._step(lead_id, *self.withdrawing)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._step(lead_id, *self.confirming)

    async def _step(self, record_id: str, entity: str, before: State, after: State) -> bool:
        """From one status to another, where no person was faster."""
        path = f"{entity}({quote(record_id)})"
        wanted = {"$select": f"statecode,statuscode,{ID_OF[entity]}"}
        try:
            found = await self._wire.record(path, wanted, Deadline.after(QUESTION_S))
            status = (found.get("statecode"), found.get("statuscode"))
            if status == before:
                # Only from what was seen.
                await self._become(path, after, {"If-Match": _etag(found)})
        except (NotFound, Conflict):
            return False
        return status in (before, after)


def _regarding(contact: ContactRef | None, activity: str) -> dict[str, str]:
    if contact is None or contact.crm != CRM:
        return {}
    kind, record_id = place(contact)
    bound = f"regardingobjectid_{ENTITY_OF[kind]}_{activity}@odata.bind"
    return {bound: f"/{SET_OF[kind]}({record_id})"}


def _no_longer(found: Record) -> dict[str, None]:
    """Takes off whom an earlier word of ours says the call is regarding; not whom somebody there
    put in their place."""
    before = texts.told_contact(found.get("description"))
    with suppress(NotFound):
        regarding = readings.text(found.get("_regardingobjectid_value")).lower()
        if before is not None and before.id.removeprefix(LEAD).lower() == regarding:
            return dict.fromkeys(_regarding(before, "phonecall"))
    return {}


def _etag(found: Record) -> str:
    etag = readings.text(found.get("@odata.etag"))
    return etag if ETAG.fullmatch(etag) else "*"
