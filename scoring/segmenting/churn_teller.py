"""Publishes the churn warnings that a nightly run wrote."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.bus import EventBus
from calls.caller import ContactRef
from calls.errors import Unavailable
from calls.events import ChurnRiskRaised
from scoring.tables import churn_warnings, contact_segments, segment_runs
from storage.database import Database

log = logging.getLogger(__name__)

LOOK_S = 60.0
#: Told in one transaction; a run over all contacts after months may raise thousands.
_AT_ONCE = 200
#: A run that begins sooner after another is of the same night.
NIGHT = timedelta(hours=20)

_WARNING, _STANDING = churn_warnings.c, contact_segments.c
_SAME = and_(_STANDING.crm == _WARNING.crm, _STANDING.contact_id == _WARNING.contact_id)
_NEWEST_RUN = select(func.max(segment_runs.c.ran_at))


class Owing(Protocol):
    """What somebody is to do about a warning, where the contact's tier is among `tiers`."""

    @property
    def tiers(self) -> Collection[str]: ...

    async def room(self, link: AsyncConnection, *, since: datetime) -> int:
        """How many more may be owed tonight: of nights after `since` count. Until the transaction
        ends nobody else is answered."""
        ...

    async def owe(
        self, link: AsyncConnection, raised: Sequence[ChurnRiskRaised], *, night: datetime
    ) -> None: ...


class ChurnTeller:
    """`async with ChurnTeller(...)`: looks at once, then every `every_s` seconds. Each warning is
    marked before it is published, so that of several servers one tells of it. What is `owing` for
    it is written in the transaction that marks it; `owed` is called after it. Of those for whom
    something is owed only so many are told in a night, who spent most first: the others wait, and
    are forgotten when they buy."""

    def __init__(
        self,
        *,
        database: Database,
        bus: EventBus,
        owing: Owing | None = None,
        owed: Callable[[], None] = lambda: None,
        every_s: float = LOOK_S,
    ) -> None:
        self._database = database
        self._bus = bus
        self._owing = owing
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
        owing = self._owing
        tiers = owing.tiers if owing is not None else ()
        others = _untold().where(or_(_STANDING.tier.is_(None), _STANDING.tier.not_in(tiers)))
        by_time = others.order_by(_WARNING.raised_at, _WARNING.crm, _WARNING.contact_id)
        raised = await self._marked(link, by_time.limit(_AT_ONCE))
        if raised or owing is None:
            return raised
        night = await link.scalar(_NEWEST_RUN)
        return await self._owed_tonight(link, owing, night) if night is not None else []

    async def _owed_tonight(
        self, link: AsyncConnection, owing: Owing, night: datetime
    ) -> list[ChurnRiskRaised]:
        # Not those of a run that is under way: it may find others who spent more.
        waiting = _untold().where(_STANDING.tier.in_(owing.tiers), _WARNING.raised_at <= night)
        if (await link.execute(waiting.limit(1))).first() is None:
            return []
        room = await owing.room(link, since=night - NIGHT)
        most_first = (_STANDING.spend_12m.desc(), _WARNING.crm, _WARNING.contact_id)
        some = waiting.order_by(*most_first).limit(min(room, _AT_ONCE))
        raised = await self._marked(link, some)
        if raised:
            await owing.owe(link, raised, night=night)
        return raised

    async def _marked(self, link: AsyncConnection, query: Select[Any]) -> list[ChurnRiskRaised]:
        """Those that nobody else marked in the meantime."""
        now, mine = datetime.now(UTC), []
        for row in (await link.execute(query)).all():
            this = and_(_WARNING.crm == row.crm, _WARNING.contact_id == row.contact_id)
            marked = await link.execute(
                update(churn_warnings).where(this, _WARNING.told_at.is_(None)).values(told_at=now)
            )
            if marked.rowcount:
                mine.append(_event(row))
        return mine

    async def _run(self) -> None:
        while True:
            try:
                told = await self.tell()
                if told:
                    tiers = self._owing.tiers if self._owing is not None else ()
                    waiting = await waiting_for_a_task(self._database, tiers)
                    log.info("%d contacts may be leaving; %d more wait for a night", told, waiting)
            except (SQLAlchemyError, OSError, Unavailable):
                log.warning("churn warnings were not read", exc_info=True)
            await asyncio.sleep(self._every_s)


async def waiting_for_a_task(database: Database, tiers: Collection[str]) -> int:
    """How many of these tiers may be leaving, and nobody was asked yet to do something."""
    waiting = _untold().where(_STANDING.tier.in_(tiers)).subquery()
    async with database.read() as link:
        return int(await link.scalar(select(func.count()).select_from(waiting)) or 0)


def _untold() -> Select[Any]:
    return (
        select(churn_warnings, _STANDING.tier)
        .outerjoin(contact_segments, _SAME)
        .where(_WARNING.told_at.is_(None))
    )


def _event(row: Any) -> ChurnRiskRaised:
    return ChurnRiskRaised(
        contact=ContactRef(row.crm, row.contact_id),
        at=row.raised_at,
        from_stage=row.from_stage,
        to_stage=row.to_stage,
        because=row.because,
        because_zh=row.because_zh,
        tier=row.tier,
    )
