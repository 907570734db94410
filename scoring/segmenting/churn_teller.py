"""Publishes the churn warnings that a nightly run wrote."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.bus import EventBus
from calls.caller import ContactRef
from calls.errors import Unavailable
from calls.events import ChurnRiskRaised
from scoring.tables import churn_warnings, contact_segments
from storage.database import Database

log = logging.getLogger(__name__)

AlsoOwed = Callable[[AsyncConnection, Sequence[ChurnRiskRaised]], Awaitable[None]]

LOOK_S = 60.0
#: Told in one transaction; a run over all contacts after months may raise thousands.
_AT_ONCE = 200


class ChurnTeller:
    """`async with ChurnTeller(...)`: looks at once, then every `every_s` seconds. Each warning is
    marked before it is published, so that of several servers one tells of it. `also_owed` writes
    what follows from them in the transaction that marks them; `owed` is called after it."""

    def __init__(
        self,
        *,
        database: Database,
        bus: EventBus,
        also_owed: AlsoOwed | None = None,
        owed: Callable[[], None] = lambda: None,
        every_s: float = LOOK_S,
    ) -> None:
        self._database = database
        self._bus = bus
        self._also_owed = also_owed
        self._owed = owed
        self._every_s = every_s
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(self._run(), name="scoring:churn")
        return self

    async def __aexit__(self, *exc: object) -> None:
        task, self.task = self.task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def tell(self) -> int:
        """How many were published."""
        told = 0
        while raised := await self._database.writer.write(self._claim):
            for event in raised:
                self._bus.publish(event)
            told += len(raised)
            self._owed()
        return told

    async def _claim(self, link: AsyncConnection) -> list[ChurnRiskRaised]:
        raised = [_event(row) for row in await _claim(link)]
        if raised and self._also_owed is not None:
            await self._also_owed(link, raised)
        return raised

    async def _run(self) -> None:
        while True:
            try:
                told = await self.tell()
                if told:
                    log.info("%d contacts may be leaving", told)
            except (SQLAlchemyError, OSError, Unavailable):
                log.warning("churn warnings were not read", exc_info=True)
            await asyncio.sleep(self._every_s)


def _event(row: Any) -> ChurnRiskRaised:
    return ChurnRiskRaised(
        contact=ContactRef(row.crm, row.contact_id),
        at=row.raised_at,
        from_stage=row.from_stage,
        to_stage=row.to_stage,
        because=row.because,
        tier=row.tier,
    )


async def _claim(link: AsyncConnection) -> list[Any]:
    columns, standing = churn_warnings.c, contact_segments.c
    waiting = (
        select(churn_warnings, standing.tier)
        .outerjoin(
            contact_segments,
            (standing.crm == columns.crm) & (standing.contact_id == columns.contact_id),
        )
        .where(columns.told_at.is_(None))
        .order_by(columns.raised_at, columns.crm, columns.contact_id)
        .limit(_AT_ONCE)
    )
    now, mine = datetime.now(UTC), []
    for row in (await link.execute(waiting)).all():
        this = (columns.crm == row.crm) & (columns.contact_id == row.contact_id)
        claimed = await link.execute(
            update(churn_warnings).where(this, columns.told_at.is_(None)).values(told_at=now)
        )
        if claimed.rowcount:
            mine.append(row)
    return mine
