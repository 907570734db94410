"""The writing half of Tryton: leads, and calls and tasks as notes."""

from __future__ import annotations

from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter import wording
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.texts import task_text
from crm_adapter.adapters.tryton_leads import TrytonLeads
from crm_adapter.adapters.tryton_notes import TrytonNotes, lead_line
from crm_adapter.adapters.tryton_places import Look, TrytonPlaces
from crm_adapter.adapters.tryton_rpc import TrytonRpc
from crm_adapter.adapters.written_once import Turns, call_key, record_key


class TrytonWrites:
    """Implements `crm_adapter.adapter.CrmWriter`."""

    def __init__(self, *, rpc: TrytonRpc, leads: TrytonLeads, look: Look) -> None:
        self._leads = leads
        self._places = TrytonPlaces(rpc=rpc, leads=leads, look=look)
        self._notes = TrytonNotes(rpc)
        self._turns = Turns()

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        return await self._leads.create_lead(lead, idem)

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._leads.withdraw_lead(lead_id, idem)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._leads.confirm_lead(lead_id, agent, idem)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        async with self._turns.of(call_key(record)):
            places = await self._places.of(record.contact, lead_line(record.call_id))
            # An earlier word of the call may have named somebody else who has the number.
            others = await self._places.of_number(record.number) if record.revision > 1 else []
            return await self._notes.write_call(places, record, idem, elsewhere=others)

    async def create_task(self, task: NewTask, idem: str) -> str:
        text = f"{wording.task_title(task)}\n{task_text(task, idem)}"
        async with self._turns.of(record_key("task", idem)):
            places = await self._places.of(task.contact, lead_line(task.call_id))
            return await self._notes.write_keyed(places, idem, text)

    async def close_task(self, task_id: str, idem: str) -> bool:
        """A note cannot be changed: another one says that it is done."""
        place = await self._notes.place_of(task_id, deadline=Deadline.after(QUESTION_S))
        if place is None:
            return False
        async with self._turns.of(record_key("task", idem)):
            await self._notes.write_keyed([place], idem, f"Done: note {task_id}\nKey: {idem}")
        return True
