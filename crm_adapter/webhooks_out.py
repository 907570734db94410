"""Tells other systems what happened: through the outbox, each system in a lane of its own, so that
one which is away keeps neither the CRM nor another one waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calls.call import CallId
from calls.records import CallRecord
from config.webhook_settings import HookEvent, WebhookOut
from crm_adapter import outbox
from crm_adapter.hook_delivery import HookTarget
from crm_adapter.payloads import record_to_json

#: Of the lanes of these webhooks.
LANES = "hook:"


def lane_of(hook: str) -> str:
    return f"{LANES}{hook}"


def target_of(hook: WebhookOut) -> HookTarget:
    return HookTarget(
        name=hook.name, lane=lane_of(hook.name), url=hook.url, secret_file=hook.secret_file
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhooksOut:
    """What the hooks are owed for what happens; enqueued in the transaction that it happens in."""

    hooks: Sequence[WebhookOut]
    tenant: str

    def of_ended(self, record: CallRecord, at: datetime) -> list[outbox.NewEntry]:
        """Once for each call, whatever its record's revision."""
        told = record_to_json(record)
        return self._owed("call.ended", record.call_id, str(record.call_id), told, at)

    def of_created(
        self, entry: outbox.ClaimedEntry, result: str, at: datetime
    ) -> list[outbox.NewEntry]:
        """`entry` has just made something in the CRM, which calls it `result`."""
        events: dict[str, HookEvent] = {
            outbox.CREATE_LEAD: "lead.created",
            outbox.CREATE_TASK: "task.created",
        }
        event = events.get(entry.operation)
        if event is None:
            return []
        call_id = CallId.parse(entry.payload["call_id"])
        return self._owed(event, call_id, entry.key, entry.payload | {"id": result}, at)

    def _owed(
        self, event: HookEvent, call_id: CallId, subject: str, data: Mapping[str, Any], at: datetime
    ) -> list[outbox.NewEntry]:
        owed = []
        for hook in self.hooks:
            if event not in hook.events:
                continue
            key = outbox.entry_key(
                tenant=self.tenant,
                adapter=hook.name,
                operation=outbox.WEBHOOK,
                call_id=call_id,
                leg=f"{event}:{subject}",
            )
            body = {"id": key, "event": event, "at": at.isoformat(), "data": dict(data)}
            owed.append(
                outbox.NewEntry(
                    key=key,
                    operation=outbox.WEBHOOK,
                    entity=f"hook/{hook.name}/{call_id}",
                    payload=body,
                    lane=lane_of(hook.name),
                )
            )
        return owed
