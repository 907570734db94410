"""Tells other systems what happened: through the outbox, each system in a lane of its own, so that
one which is away keeps neither the CRM nor another one waiting."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection
from yarl import URL

from calls.call import CallId
from calls.records import CallRecord
from calls.signatures import signature
from config.public_addresses import careful_session, why
from config.webhook_settings import HookEvent, WebhookOut
from crm_adapter import outbox
from crm_adapter.adapter import AuthFailed, Invalid, RateLimited, Unavailable
from crm_adapter.call_tables import outbox as outbox_table
from crm_adapter.payloads import UnreadablePayload, record_to_json

SIGNATURE_HEADER = "Switchboard-Signature"
#: The same for every delivery of one event: receivers keep it and drop what they know.
ID_HEADER = "Switchboard-Id"
EVENT_HEADER = "Switchboard-Event"
DEADLINE_S = 10.0
#: Answers that say "never": whatever is sent again gets the same.
_REFUSED = (400, 409, 413, 415, 422)
_LONGEST_PAUSE_S = 3600.0
_LANE = "hook:"


def lane_of(hook: str) -> str:
    return f"{_LANE}{hook}"


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


class HookDelivery:
    """Implements `crm_adapter.outbox_worker.Delivery` for one webhook."""

    def __init__(self, hook: WebhookOut, *, now: Callable[[], float] = time.time) -> None:
        self._hook = hook
        self._now = now
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, entry: outbox.ClaimedEntry) -> str:
        """The status that was answered. No redirect is followed."""
        body = json.dumps(entry.payload, ensure_ascii=False, separators=(",", ":")).encode()
        event = entry.payload.get("event")
        if not isinstance(event, str):
            raise UnreadablePayload("no event")
        secret = await asyncio.to_thread(self._secret)
        headers = {
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            ID_HEADER: entry.key,
            EVENT_HEADER: event,
            SIGNATURE_HEADER: signature(secret, int(self._now()), body),
        }
        if self._session is None:
            self._session = careful_session()
        try:
            async with (
                asyncio.timeout(DEADLINE_S),
                self._session.post(
                    URL(self._hook.url, encoded=True),
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                ) as response,
            ):
                return self._judged(response)
        except TimeoutError as error:
            raise Unavailable(f"webhook {self._hook.name} did not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"webhook {self._hook.name}: {why(error)}") from error

    def _judged(self, response: aiohttp.ClientResponse) -> str:
        status = response.status
        told = f"webhook {self._hook.name} answered {status}"
        if 200 <= status < 300:
            return str(status)
        if status in _REFUSED:
            raise Invalid(told)
        if status in (401, 403):
            raise AuthFailed(told)
        if status == 429:
            raise RateLimited(told, after_s=_seconds(response.headers.get("Retry-After", "")))
        if 300 <= status < 400:
            raise Unavailable(f"{told}: redirects are not followed, name its new address")
        raise Unavailable(told)

    def _secret(self) -> bytes:
        """Read for each delivery, as it may be changed while we run."""
        try:
            secret = self._hook.secret_file.read_bytes().strip()
        except OSError as error:
            raise AuthFailed(
                f"webhook {self._hook.name}: its secret_file cannot be read"
            ) from error
        if not secret:
            raise AuthFailed(f"webhook {self._hook.name}: its secret_file is empty")
        return secret

    async def keep(
        self, connection: AsyncConnection, entry: outbox.ClaimedEntry, result: str, at: datetime
    ) -> None:
        """Nothing follows from it."""

    def tell(self, entry: outbox.ClaimedEntry, result: str, at: datetime) -> None:
        """Nobody waits for it."""


async def give_up_unknown(
    connection: AsyncConnection, hooks: Sequence[str], *, at: datetime
) -> int:
    """What waits for webhooks that the settings name no more; how many entries that is."""
    known = [lane_of(hook) for hook in hooks]
    given_up = await connection.execute(
        update(outbox_table)
        .where(
            outbox_table.c.lane.startswith(_LANE, autoescape=True),
            outbox_table.c.lane.not_in(known),
            outbox_table.c.state == "pending",
        )
        .values(state="dead", finished_at=at, last_error="NoSuchWebhook: named no more")
    )
    return given_up.rowcount


def _seconds(text: str) -> float | None:
    return min(float(text), _LONGEST_PAUSE_S) if text.isascii() and text.isdigit() else None
