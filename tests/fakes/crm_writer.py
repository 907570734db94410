"""A CRM that keeps what it is told in memory and fails as scripted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from calls.records import CallRecord, NewLead, NewTask

Scripted = Exception | None


class InMemoryCrm:
    """Implements `crm_adapter.adapter.CrmWriter`: a repeated key gives the first id again, and so
    does another record of the same call.

    `fail_before` and `fail_after` see each write's key: what they return is raised before it is
    kept, or after it (the answer got lost).
    """

    def __init__(self) -> None:
        self.leads: dict[str, NewLead] = {}
        self.records: dict[str, CallRecord] = {}
        self.tasks: dict[str, NewTask] = {}
        #: Ids by key of what was closed, withdrawn, confirmed (and by whom).
        self.closed: dict[str, str] = {}
        self.withdrawn: dict[str, str] = {}
        self.confirmed: dict[str, tuple[str, str]] = {}
        #: Every request in order: (operation, key).
        self.asked: list[tuple[str, str]] = []
        self.fail_before: Callable[[str, object], Scripted] = lambda key, what: None
        self.fail_after: Callable[[str, object], Scripted] = lambda key, what: None

    async def create_lead(self, lead: NewLead, idem: str) -> str:
        self._keep("create_lead", self.leads, idem, lead)
        return f"lead-{list(self.leads).index(idem) + 1}"

    async def log_call(self, record: CallRecord, idem: str) -> str:
        self._keep("log_call", self.records, idem, record)
        ids = list(dict.fromkeys(one.call_id for one in self.records.values()))
        return f"call-{ids.index(record.call_id) + 1}"

    async def create_task(self, task: NewTask, idem: str) -> str:
        self._keep("create_task", self.tasks, idem, task)
        return f"task-{list(self.tasks).index(idem) + 1}"

    async def close_task(self, task_id: str, idem: str) -> bool:
        self._keep("close_task", self.closed, idem, task_id)
        return True

    async def withdraw_lead(self, lead_id: str, idem: str) -> bool:
        self._keep("withdraw_lead", self.withdrawn, idem, lead_id)
        return True

    async def confirm_lead(self, lead_id: str, agent: str, idem: str) -> bool:
        self._keep("confirm_lead", self.confirmed, idem, (lead_id, agent))
        return True

    def _keep(self, operation: str, store: dict[str, Any], key: str, what: object) -> None:
        self.asked.append((operation, key))
        error = self.fail_before(key, what)
        if error is not None:
            raise error
        store.setdefault(key, what)
        error = self.fail_after(key, what)
        if error is not None:
            raise error
