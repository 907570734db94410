"""Who may be leaving is somebody's to call: one task of each contact in so many days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from calls.caller import ContactRef
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

#: PostgreSQL: one node after the other, to the end of the transaction. SQLite's writers are one
#: after the other always.
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(hashtextextended(:whose, 0))")


class ChurnTasks:
    """`tiers` are those whose contacts are worth a task (none: there are no tasks), `days` the time
    in which a contact makes one at most, `a_night` the most that are made of all contacts in one.
    """

    def __init__(
        self,
        *,
        tiers: Collection[str],
        days: int,
        a_night: int,
        tenant: str = "default",
        adapter: str = "embedded",
    ) -> None:
        self.tiers = frozenset(tiers)
        self._days = timedelta(days=days)
        self._a_night = a_night
        self._tenant = tenant
        self._adapter = adapter

    async def room(self, connection: AsyncConnection, *, since: datetime) -> int:
        """How many more tasks may be made tonight: those of nights after `since` count. Until the
        transaction ends no other node is answered."""
        if connection.dialect.name == "postgresql":
            await connection.execute(_ONE_BY_ONE, {"whose": f"churn tasks {self._tenant}"})
        columns = churn_tasks.c
        of_tonight = select(func.count()).where(
            columns.tenant == self._tenant, columns.created_at > since
        )
        return max(self._a_night - int(await connection.scalar(of_tonight) or 0), 0)

    async def owe(
        self, connection: AsyncConnection, raised: Sequence[ChurnRiskRaised], *, night: datetime
    ) -> None:
        """In the transaction that marks the warnings as told: neither is there without the
        other."""
        entries = []
        for event in raised:
            if event.tier in self.tiers:
                entry = self._entry(event)
                if await self._claims(connection, event.contact, entry.key, night):
                    entries.append(entry)
        await outbox.enqueue(connection, entries, at=datetime.now(UTC))

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
            because_zh=event.because_zh,
        )
        return outbox.NewEntry(key, outbox.CREATE_TASK, f"task/{key}", task_to_json(task))

    async def _claims(
        self, connection: AsyncConnection, contact: ContactRef, key: str, night: datetime
    ) -> bool:
        """Whether this warning is the one of its days."""
        columns = churn_tasks.c
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
            "created_at": night,
        }
        await insert_once(connection, churn_tasks, [row])
        long_ago = columns.created_at <= night - self._days
        await connection.execute(
            update(churn_tasks).where(this, long_ago).values(key=key, created_at=night)
        )
        return await connection.scalar(select(columns.key).where(this)) == key


class ContactsTasks(DelegatingWriter):
    """Implements `crm_adapter.adapter.CrmWriter`: a task that no call made gets its contact's name
    and owner as it is delivered, so that the CRM is asked when it is there. Where the owner is no
    agent of ours it is `default_owner`'s. It is written in the owner's language."""

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
            return self._owned(task, owner)
        if contact.owner:
            owner = self._agents.login_named(contact.owner) or owner
        return self._owned(replace(task, name=contact.name), owner)

    def _owned(self, task: NewTask, owner: str | None) -> NewTask:
        language = self._agents.language_of(owner) if owner else None
        if language != "zh":
            return replace(task, owner=owner)
        because = task.because_zh or task.because
        return replace(task, owner=owner, language="zh", because=because)
