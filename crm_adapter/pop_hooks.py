"""Webhooks that are sent agents' frames: the same outbox and the same sender as for other events,
in lanes of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.notices import HookNotice
from config.pop_settings import PopWebhook
from crm_adapter import outbox
from crm_adapter.call_tables import outbox as entries
from crm_adapter.hook_delivery import HookTarget
from storage.storable import storable

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
class HookTrouble:
    """A webhook that did not take frames of some pops. `given_up`: they are tried no more; `key` is
    the newest of them in the outbox."""

    hook: str
    given_up: bool
    count: int
    key: str
    error: str


async def troubles(
    connection: AsyncConnection, hooks: Collection[str], pop_ids: Collection[str]
) -> Sequence[HookTrouble]:
    """By hook; what was taken, or is still to be tried for the first time, is no trouble."""
    about = [_entity(hook, pop_id) for hook in hooks for pop_id in pop_ids]
    if not about:
        return []
    failed = (entries.c.state == "dead") | (
        entries.c.state.in_(("pending", "claimed")) & entries.c.last_error.is_not(None)
    )
    question = (
        sa.select(entries.c.lane, entries.c.state, entries.c.key, entries.c.last_error)
        .where(entries.c.entity.in_(about), failed)
        .order_by(entries.c.seq.desc())
    )
    found: dict[tuple[str, bool], list[Any]] = {}
    for row in await connection.execute(question):
        hook, given_up = row.lane.removeprefix(LANES), row.state == "dead"
        found.setdefault((hook, given_up), []).append(row)
    return [
        HookTrouble(hook, given_up, len(rows), rows[0].key, rows[0].last_error or "")
        for (hook, given_up), rows in sorted(found.items())
    ]


def _entity(hook: str, order: str) -> str:
    return storable(f"{LANES}{hook}/{order}", 120)


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
            entity=_entity(notice.hook, notice.order),
            payload={
                "id": key,
                "event": notice.event,
                "at": notice.at.isoformat(),
                "data": dict(notice.data),
            },
            lane=f"{LANES}{notice.hook}",
        )
