"""Writing through to another CRM: what wraps one passes its writes on as they are."""

from __future__ import annotations

from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import CrmWriter


class DelegatingWriter:
    """Implements `crm_adapter.adapter.CrmWriter` by another one."""

    def __init__(self, writer: CrmWriter) -> None:
        self._writer = writer

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        return await self._writer.create_lead(lead, idem)

    async def log_call(self, record: CallRecord, idem: str) -> str:
        return await self._writer.log_call(record, idem)

    async def create_task(self, task: NewTask, idem: str) -> str:
        return await self._writer.create_task(task, idem)

    async def close_task(self, task_id: str, idem: str) -> bool:
        return await self._writer.close_task(task_id, idem)

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        return await self._writer.withdraw_lead(lead_id, idem)

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        return await self._writer.confirm_lead(lead_id, agent, idem)
