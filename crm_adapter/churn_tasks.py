"""Who may be leaving is somebody's to call: one task of each contact in so many days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from calls.deadlines import Deadline
from calls.events import ChurnRiskRaised
from calls.ports import AgentBook
from calls.records import CHURN, NewTask
from crm_adapter import outbox
from crm_adapter.adapter import CrmAdapter, CrmWriter, NotFound, Redirected
from crm_adapter.churn_tables import churn_tasks
from crm_adapter.delegating import DelegatingWriter
from crm_adapter.payloads import task_to_json
from storage.insert_once import insert_once

#: For the question whose contact it is; the outbox asks again.
QUESTION_S = 10.0


class ChurnTasks:
    """`tiers` are those whose contacts are worth a task (none: there are no tasks), `days` the time
    in which a contact makes one at most."""

    def __init__(
        self,
        *,
        tiers: Collection[str],
        days: int,
        tenant: str = "default",
        adapter: str = "embedded",
    ) -> None:
        self._tiers = frozenset(tiers)
        self._days = timedelta(days=days)
        self._tenant = tenant
        self._adapter = adapter

    async def owe(self, connection: AsyncConnection, raised: Sequence[ChurnRiskRaised]) -> None:
        """In the transaction that marks the warnings as told: neither is there without the
        other."""
        entries = []
        for event in raised:
            if event.tier in self._tiers:
                entry = self._entry(event)
                if await self._claims(connection, event, entry.key):
                    entries.append((entry, event.at))
        for entry, at in entries:
            await outbox.enqueue(connection, [entry], at=at)

    def _entry(self, event: ChurnRiskRaised) -> outbox.NewEntry:
        contact = event.contact
        key = outbox.entry_key(
            tenant=self._tenant,
            adapter=self._adapter,
            operation=outbox.CREATE_TASK,
            call_id=CallId("scoring", str(contact)),
            leg=f"{CHURN}:{event.at.isoformat()}",
        )
        task = NewTask(
            kind=CHURN,
            call_id=CallId("scoring", key),
            created_at=event.at,
            number=None,
            contact=contact,
            because=event.because,
        )
        return outbox.NewEntry(key, outbox.CREATE_TASK, f"task/{key}", task_to_json(task))

    async def _claims(self, connection: AsyncConnection, event: ChurnRiskRaised, key: str) -> bool:
        """Whether this warning is the one of its days."""
        columns, contact = churn_tasks.c, event.contact
        this = and_(
            columns.tenant == self._tenant,
            columns.crm == contact.crm,
            columns.contact_id == contact.id,
        )
        row = {
            "tenant": self._tenant,
            "crm": contact.crm,
            "contact_id": contact.id,
            "key": key,
            "created_at": event.at,
        }
        await insert_once(connection, churn_tasks, [row])
        long_ago = columns.created_at <= event.at - self._days
        await connection.execute(
            update(churn_tasks).where(this, long_ago).values(key=key, created_at=event.at)
        )
        return await connection.scalar(select(columns.key).where(this)) == key


class ContactsTasks(DelegatingWriter):
    """Implements `crm_adapter.adapter.CrmWriter`: a task that no call made gets its contact's name
    and owner as it is delivered, so that the CRM is asked when it is there. Where the owner is no
    agent of ours it is `default_owner`'s."""

    def __init__(
        self,
        *,
        writer: CrmWriter,
        crm: CrmAdapter,
        agents: AgentBook,
        default_owner: str | None = None,
    ) -> None:
        super().__init__(writer)
        self._crm = crm
        self._agents = agents
        self._default_owner = default_owner

    async def create_task(self, task: NewTask, idem: str) -> str:
        if not task.is_of_call and task.contact is not None:
            task = await self._addressed(task)
        return await self._writer.create_task(task, idem)

    async def _addressed(self, task: NewTask) -> NewTask:
        assert task.contact is not None
        default = self._default_owner
        owner = self._agents.login_named(default) if default else None
        try:
            contact = await self._crm.get(task.contact, deadline=Deadline.after(QUESTION_S))
        except (NotFound, Redirected):  # whoever writes it finds the one to link it to
            return replace(task, owner=owner)
        if contact.owner:
            owner = self._agents.login_named(contact.owner) or owner
        return replace(task, owner=owner, name=contact.name)
