"""Leads, calls and tasks in Pipedrive, where nothing is unique: looked for first, by our key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, timedelta
from typing import Any

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import HitKind, Invalid, NotFound, PhoneHit
from crm_adapter.adapters import pipedrive_records, readings, texts
from crm_adapter.adapters.hosted import QUESTION_S, kind_and_id
from crm_adapter.adapters.pipedrive_records import lines
from crm_adapter.adapters.pipedrive_wire import PipedriveWire, data_of, next_mark
from crm_adapter.adapters.readings import Record
from crm_adapter.adapters.written_once import Turns, call_key, record_key, written_once
from crm_adapter.http.client import quote
from crm_adapter.phone_numbers import same_number

CRM = "pipedrive"
#: Of a page of call logs, the most there is; and how many pages are read for a key.
_LOGS, _MOST_PAGES = 50, 6
#: Of a page of activities.
_ACTIVITIES = 500
_LOG_PATH = "/api/v1/callLogs"

#: Who has a number.
Look = Callable[[str], Awaitable[Sequence[PhoneHit]]]


def place(ref: ContactRef) -> tuple[HitKind, str]:
    """Raises NotFound for what is no person's id there."""
    kind, record_id = kind_and_id(CRM, ref)
    if kind is HitKind.LEAD or not record_id.isdecimal() or len(record_id) > 15:
        raise NotFound(f"there is no contact {ref}")
    return kind, record_id


class PipedriveWrites:
    """Implements `crm_adapter.adapter.CrmWriter`."""

    def __init__(self, *, wire: PipedriveWire, key: str, region: str, look: Look) -> None:
        self._wire, self._key, self._region, self._look = wire, key, region, look
        self._turns = Turns()

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        key = record_key("lead", idem)

        async def find() -> str | None:
            query = {"term": key, "fields": "custom_fields", "exact_match": "true", "limit": "1"}
            deadline = Deadline.after(QUESTION_S)
            found = await self._wire.items("/api/v2/leads/search", deadline, query)
            return readings.said(found[0].get("id")) if found else None

        async def create() -> str:
            person = int(await self._person_of(lead))
            told = {"title": texts.lead_title(lead), "person_id": person, self._key: key}
            return await self._wire.create("/api/v1/leads", told)

        # By number: the person is made once as well.
        async with self._turns.of(lead.number):
            lead_id, _ = await written_once(find=find, create=create)
            await self._note(lead_id, texts.lead_text(lead, idem))
        return lead_id

    async def _person_of(self, lead: NewLead) -> str:
        for hit in await self._look(lead.number):
            if any(same_number(lead.number, one, self._region) for one in hit.numbers):
                return hit.candidate.ref.id
        phone = {"value": lead.number, "primary": True, "label": "work"}
        told = {"name": texts.lead_name(lead), "phones": [phone]}
        return await self._wire.create("/api/v2/persons", told)

    async def _note(self, lead_id: str, text: str) -> None:
        """What is known of the lead; once."""
        query, deadline = {"lead_id": lead_id, "limit": "1"}, Deadline.after(QUESTION_S)
        if not await self._wire.rows("/api/v1/notes", deadline, query):
            told = {"content": texts.as_html(text), "lead_id": lead_id}
            await self._wire.http.write("POST", "/api/v1/notes", json=told)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        async with self._turns.of(call_key(record)):
            kept = await self._log_of(record)
            if kept is not None:
                call_id, note = readings.text(kept.get("id")), kept.get("note")
                if f"Key: {idem}" in lines(note) or not texts.is_newer(record, note):
                    return call_id
                await self._wire.http.write("DELETE", f"{_LOG_PATH}/{quote(call_id)}")
            told = pipedrive_records.call(record, idem) | _of_person(record.contact)
            try:
                return await self._wire.create(_LOG_PATH, told)
            except (Invalid, NotFound):
                if "person_id" not in told:
                    raise
                del told["person_id"]  # deleted meanwhile
                return await self._wire.create(_LOG_PATH, told)

    async def _log_of(self, record: CallRecord) -> Record | None:
        """Among our last call logs, newest first."""
        mark = f"Call: {record.call_id}"
        for page in range(_MOST_PAGES):
            query = {"limit": str(_LOGS), "start": str(page * _LOGS)}
            found = await self._wire.rows(_LOG_PATH, Deadline.after(QUESTION_S), query)
            for one in found:
                if mark in lines(one.get("note")):
                    return one
            if len(found) < _LOGS:
                break
        return None

    async def create_task(self, task: NewTask, idem: str) -> str:
        key = f"Key: {idem}"

        async def create() -> str:
            told: dict[str, Any] = {
                "subject": texts.task_title(task),
                "type": "call",
                "done": False,
                "due_date": f"{(task.due or task.created_at).astimezone(UTC):%Y-%m-%d}",
                "note": texts.as_html(texts.task_text(task, idem)),
            }
            if task.due is not None:
                told["due_time"] = f"{task.due.astimezone(UTC):%H:%M}"
            person = _of_person(task.contact)
            if person:
                told["participants"] = [{"person_id": person["person_id"], "primary": True}]
            return await self._wire.create("/api/v2/activities", told)

        async with self._turns.of(key):
            return (await written_once(find=lambda: self._task_of(task, key), create=create))[0]

    async def _task_of(self, task: NewTask, key: str) -> str | None:
        """Among the activities that changed since a day before the task was made."""
        since = pipedrive_records.since(task.created_at - timedelta(days=1))
        query = {"updated_since": since, "limit": str(_ACTIVITIES)}
        for _ in range(_MOST_PAGES):
            deadline = Deadline.after(QUESTION_S)
            found = await self._wire.read("/api/v2/activities", deadline, query)
            for one in data_of(found):
                if key in lines(one.get("note")):
                    return readings.said(one.get("id"))
            after = next_mark(found)
            if not after:
                break
            query["cursor"] = after
        return None

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._marked(f"/api/v2/activities/{quote(task_id)}", "done", "is_deleted")

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        """Archived, unless somebody has seen it."""
        return await self._marked(f"/api/v1/leads/{quote(lead_id)}", "is_archived", "was_seen")

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._marked(f"/api/v1/leads/{quote(lead_id)}", "was_seen", "is_archived")

    async def _marked(self, path: str, mark: str, unless: str) -> bool:
        try:
            found = await self._wire.read(path, Deadline.after(QUESTION_S))
            told = readings.record(found, "data")
            if readings.truth(told.get(unless)):
                return False
            if not readings.truth(told.get(mark)):
                await self._wire.http.write("PATCH", path, json={mark: True})
        except NotFound:
            return False
        return True


def _of_person(contact: ContactRef | None) -> dict[str, int]:
    if contact is None or contact.crm != CRM:
        return {}
    return {"person_id": int(place(contact)[1])}
