"""Webhooks that are sent agents' frames: the same outbox and the same sender as for other events,
in lanes of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from calls.notices import HookNotice
from config.pop_settings import PopWebhook
from crm_adapter import outbox
from crm_adapter.hook_delivery import HookTarget

#: Of the lanes of these webhooks.
LANES = "pop:"
#: Nobody looks at a frame that was taken; there are several to each call.
KEPT_FOR = timedelta(days=1)


def target_of(hook: PopWebhook) -> HookTarget:
    return HookTarget(
        name=hook.name,
        lane=f"{LANES}{hook.name}",
        url=hook.url,
        secret_file=hook.secret_file,
        secret=hook.secret,
        private_network=hook.private_network,
        kept_for=KEPT_FOR,
    )


@dataclass(frozen=True, slots=True)
class PopNotices:
    """Implements `screenpop.delivery.pop_hooks.Owe`."""

    tenant: str = "default"

    async def owe(self, connection: AsyncConnection, notices: Sequence[HookNotice]) -> None:
        """In the caller's transaction, which may run again."""
        for notice in notices:
            await outbox.enqueue(connection, [self._entry(notice)], at=notice.at)

    def _entry(self, notice: HookNotice) -> outbox.NewEntry:
        key = outbox.entry_key(
            tenant=self.tenant,
            adapter=f"{LANES}{notice.hook}",
            operation=outbox.WEBHOOK,
            call_id=notice.call_id,
            leg=f"{notice.event}:{notice.subject}",
        )
        return outbox.NewEntry(
            key=key,
            operation=outbox.WEBHOOK,
            entity=f"{LANES}{notice.hook}/{notice.order}",
            payload={
                "id": key,
                "event": notice.event,
                "at": notice.at.isoformat(),
                "data": dict(notice.data),
            },
            lane=f"{LANES}{notice.hook}",
        )
