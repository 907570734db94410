"""What the CRM and webhooks are still owed, as the supervisor page shows it: as `switchboard outbox
status` and `retry` do. What an entry says of a caller is not shown here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from crm_adapter import outbox, outbox_status
from storage.audit_chain import Entry
from storage.database import Database

MOST_DEAD = 50


class OutboxDesk:
    """`mask` makes a text fit to be shown."""

    def __init__(
        self, *, database: Database, mask: Callable[[str], str], now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._mask = mask
        self._now = now

    async def state(self) -> dict[str, Any]:
        async with self._database.read() as connection:
            owed = await outbox_status.groups(connection, states=("pending", "claimed"))
            dead = await outbox_status.dead(connection, limit=MOST_DEAD)
        return {
            "owed": [
                {
                    "lane": group.lane,
                    "operation": group.operation,
                    "count": group.count,
                    "oldest_at": group.oldest_at.timestamp() * 1000,
                }
                for group in owed
            ],
            "dead": [self._dead(row) for row in dead],
        }

    async def retry(self, key: str, *, by: str, address: str) -> bool:
        """False where there is no such entry that was given up, or the CRM has a newer one."""

        async def work(link: AsyncConnection) -> int:
            count = await outbox.replay_dead(link, at=self._now(), key=key)
            if count:
                entry = Entry(action="outbox.retry", actor=by, origin=address, subject=key)
                await self._database.audit.append(link, entry)
            return count

        return await self._database.writer.write(work) > 0

    def _dead(self, row: Mapping[Any, Any]) -> dict[str, Any]:
        error = row["last_error"]
        return {
            "key": row["key"],
            "lane": row["lane"],
            "operation": row["operation"],
            "attempts": row["attempts"],
            "at": row["finished_at"].timestamp() * 1000,
            "error": self._mask(error or ""),
            "do": [outbox_status.advice(error), outbox_status.advice(error, chinese=True)],
        }
