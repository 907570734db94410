"""What each entry of the CRM's lane asks of the CRM, and what follows once the CRM has it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from calls.events import LeadCreated, TaskCreated
from crm_adapter import outbox
from crm_adapter.adapter import CrmWriter, Unsupported
from crm_adapter.leads import mark_created
from crm_adapter.payloads import (
    UnreadablePayload,
    lead_from_json,
    record_from_json,
    task_from_json,
)
from storage.database import Database

#: Of entries that came to nothing, with a good reason.
NOTHING_THERE, LEFT_ALONE, NOT_POSSIBLE = "nothing there", "left alone", "not possible there"
DONE = "done"

Created = LeadCreated | TaskCreated
#: Entries for others that wait for this news.
AlsoOwed = Callable[[outbox.ClaimedEntry, str, datetime], Sequence[outbox.NewEntry]]


class CrmDelivery:
    """Implements `crm_adapter.outbox_worker.Delivery`. `also_owed` are entries of other lanes that
    are enqueued in the transaction which settles this one; `publish` hears of what was created."""

    def __init__(
        self,
        *,
        database: Database,
        crm: CrmWriter,
        publish: Callable[[Created], None],
        also_owed: AlsoOwed = lambda entry, result, at: (),
    ) -> None:
        self._database = database
        self._crm = crm
        self._publish = publish
        self._also_owed = also_owed

    async def send(self, entry: outbox.ClaimedEntry) -> str:
        match entry.operation:
            case outbox.CREATE_LEAD:
                return await self._crm.create_lead(lead_from_json(entry.payload), entry.key)
            case outbox.LOG_CALL:
                return await self._crm.log_call(record_from_json(entry.payload), entry.key)
            case outbox.CREATE_TASK:
                return await self._crm.create_task(task_from_json(entry.payload), entry.key)
            case outbox.CLOSE_TASK:
                return await self._if_possible(entry, self._crm.close_task)
            case outbox.UNDO_LEAD:
                return await self._of(entry, self._crm.withdraw_lead)
            case outbox.CONFIRM_LEAD:
                return await self._if_possible(entry, self._confirm(entry))
        raise UnreadablePayload(f"no such operation: {entry.operation}")

    async def keep(
        self, connection: AsyncConnection, entry: outbox.ClaimedEntry, result: str, at: datetime
    ) -> None:
        if entry.operation == outbox.CREATE_LEAD:
            await mark_created(connection, entry.key, result)
            crash_points.reached("outbox.lead_marked")
        await outbox.enqueue(connection, self._also_owed(entry, result, at), at=at)

    def tell(self, entry: outbox.ClaimedEntry, result: str, at: datetime) -> None:
        if entry.operation == outbox.CREATE_LEAD:
            self._publish(lead_created(entry.payload, result, at))
        elif entry.operation == outbox.CREATE_TASK:
            task = task_from_json(entry.payload)
            if not task.is_of_call:
                return
            self._publish(
                TaskCreated(
                    task.call_id,
                    at,
                    result,
                    task.kind,
                    task.number,
                    task.owner,
                    task.queue,
                    task.plan,
                )
            )

    def _confirm(self, entry: outbox.ClaimedEntry) -> Callable[[str, str], Awaitable[bool]]:
        agent = _text(entry.payload, "agent")

        async def confirm(lead_id: str, idem: str) -> bool:
            return await self._crm.confirm_lead(lead_id, agent, idem)

        return confirm

    async def _if_possible(
        self, entry: outbox.ClaimedEntry, ask: Callable[[str, str], Awaitable[bool]]
    ) -> str:
        """A CRM that has nothing of the kind is not asked by a person's wish: no dead letter."""
        try:
            return await self._of(entry, ask)
        except Unsupported:
            return NOT_POSSIBLE

    async def _of(
        self, entry: outbox.ClaimedEntry, ask: Callable[[str, str], Awaitable[bool]]
    ) -> str:
        """Asks it of what an earlier entry made; that entry is settled, being of one entity."""
        async with self._database.read() as connection:
            made = await outbox.result_of(connection, _text(entry.payload, "of"))
        if made is None:
            return NOTHING_THERE
        return DONE if await ask(made, entry.key) else LEFT_ALONE


def lead_created(payload: dict[str, Any], lead_id: str, at: datetime) -> LeadCreated:
    """Of a lead's payload in the outbox. Raises UnreadablePayload."""
    lead = lead_from_json(payload)
    return LeadCreated(
        lead.call_id,
        at,
        lead_id,
        lead.number,
        name=lead.name,
        owner=lead.owner,
        queue=lead.queue,
        dialled=lead.dialled,
    )


def _text(payload: dict[str, Any], name: str) -> str:
    value = payload.get(name)
    if not isinstance(value, str):
        raise UnreadablePayload(f"no {name}")
    return value
