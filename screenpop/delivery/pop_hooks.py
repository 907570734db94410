"""Owes webhooks the frames that agents were sent: with the frame's own row, so that neither is
there without the other, and behind the sending, so that no agent waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from calls.notices import HookNotice
from config.pop_settings import PopWebhook
from screenpop.pops.pop_store import Delivery

#: Keeps notices in the transaction given, and delivers them; owed again they change nothing.
Owe = Callable[[AsyncConnection, Sequence[HookNotice]], Awaitable[None]]


class PopHooks:
    """`of_frames` is the store's `also_owed`."""

    def __init__(self, *, hooks: Sequence[PopWebhook], owe: Owe) -> None:
        self._hooks = hooks
        self._owe = owe

    async def of_frames(self, connection: AsyncConnection, sent: Sequence[Delivery]) -> None:
        owed = [
            _notice(hook, delivery)
            for delivery in sent
            for hook in self._hooks
            if delivery.kind in hook.events and (not hook.queues or delivery.queue in hook.queues)
        ]
        if owed:
            await self._owe(connection, owed)


def _notice(hook: PopWebhook, delivery: Delivery) -> HookNotice:
    return HookNotice(
        hook=hook.name,
        event=delivery.kind,
        call_id=delivery.call_id,
        subject=f"{delivery.agent}:{delivery.seq}",
        order=delivery.pop_id,
        at=delivery.event_at,
        data={
            "agent": delivery.agent,
            "queue": delivery.queue,
            "call_id": str(delivery.call_id),
            "frame": delivery.frame.model_dump(mode="json"),
        },
    )
