"""Who does a night's work, one at a time among all nodes, and how far it came."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scoring.nightly.nightly_tables import nightly_leases, nightly_runs
from storage.database import Database
from storage.insert_once import insert_once

RUNNING, DONE, FAILED, STOPPED = "running", "done", "failed", "stopped"
SKIPPED = "skipped"

#: Whoever has not said for so long that it lives has died.
LEASE = timedelta(minutes=2)
#: A night that fails so often is left alone.
MOST_TRIES = 3
KEPT_RUNS = 400
_LEASE_NAME = "nightly"
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_FREE = {"name": _LEASE_NAME, "holder": "", "until": _LONG_AGO}


@dataclass(frozen=True, slots=True)
class StepDone:
    """`state` is done, skipped or failed; `said` is for people."""

    name: str
    state: str
    seconds: float
    said: str


@dataclass(frozen=True, slots=True)
class Run:
    night: str
    state: str
    tries: int
    node: str
    started_at: datetime
    ended_at: datetime | None
    steps: tuple[StepDone, ...]

    @property
    def is_over(self) -> bool:
        """Nobody is to try it again. One that is running still may have died."""
        return self.state == DONE or (self.state != RUNNING and self.tries >= MOST_TRIES)


class NotClaimed(Exception):
    """Why this night's work is not ours now."""


class LeaseLost(Exception):
    """Somebody else took us for dead."""


class RunBook:
    """Exact among all nodes that share the database. `now` is aware; a lease that a clock put
    further ahead than anybody takes one is none."""

    def __init__(self, *, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._holder = str(uuid.uuid4())

    async def run_of(self, night: str) -> Run | None:
        async with self._database.read() as connection:
            return await _run_of(connection, night)

    async def last(self) -> Run | None:
        """The one that was started last."""
        query = select(nightly_runs).order_by(nightly_runs.c.started_at.desc()).limit(1)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return _read(row) if row is not None else None

    async def is_somebody_at_it(self) -> bool:
        async with self._database.read() as connection:
            query = select(nightly_leases.c.until).where(nightly_leases.c.holder != "")
            until = (await connection.execute(query)).scalar()
        return until is not None and self._now() < until <= self._now() + 2 * LEASE

    async def claim(self, night: str) -> Run:
        """What there is of this night so far. Raises NotClaimed where it is over, or somebody is at
        any night's work."""
        return await self._database.writer.write(lambda link: self._claim(link, night))

    async def _claim(self, link: AsyncConnection, night: str) -> Run:
        now = self._now()
        if not await self._hold(link):
            raise NotClaimed("somebody is at the nightly work already")
        before = await _run_of(link, night)
        if before is not None and (before.is_over or before.tries >= MOST_TRIES):
            raise NotClaimed(f"the work of {night} is over ({before.state})")
        row = {
            "night": night,
            "state": RUNNING,
            "tries": before.tries + 1 if before else 1,
            "node": platform.node()[:120] or "unnamed",
            "started_at": now,
            "ended_at": None,
            "steps": [asdict(step) for step in before.steps] if before else [],
        }
        await link.execute(delete(nightly_runs).where(nightly_runs.c.night == night))
        await link.execute(nightly_runs.insert(), row)
        await _forget_old(link)
        claimed = await _run_of(link, night)
        assert claimed is not None
        return claimed

    async def _take(self, link: AsyncConnection, now: datetime) -> bool:
        lease = nightly_leases.c
        is_free = (lease.until <= now) | (lease.until > now + 2 * LEASE) | (lease.holder == "")
        taken = await link.execute(
            update(nightly_leases)
            .where(lease.name == _LEASE_NAME, is_free | (lease.holder == self._holder))
            .values(holder=self._holder, until=now + LEASE)
        )
        return bool(taken.rowcount)

    async def hold(self) -> None:
        """Takes the lease without a night's work, for what must not run beside one; `renew` keeps
        it and `let_go` gives it back. Raises NotClaimed."""
        if not await self._database.writer.write(self._hold):
            raise NotClaimed("somebody is at the nightly work already")

    async def _hold(self, link: AsyncConnection) -> bool:
        await insert_once(link, nightly_leases, [_FREE])
        return await self._take(link, self._now())

    async def let_go(self) -> None:
        """Only of what is ours still."""
        await self._database.writer.write(self._free)

    async def _free(self, link: AsyncConnection) -> None:
        ours = nightly_leases.c.holder == self._holder
        await link.execute(update(nightly_leases).where(ours).values(holder="", until=_LONG_AGO))

    async def renew(self) -> None:
        """Raises LeaseLost."""
        until = self._now() + LEASE

        async def work(link: AsyncConnection) -> bool:
            mine = nightly_leases.c.holder == self._holder
            renewed = await link.execute(update(nightly_leases).where(mine).values(until=until))
            return bool(renewed.rowcount)

        if not await self._database.writer.write(work):
            raise LeaseLost("the nightly work went on elsewhere: this one took too long to answer")

    async def note(self, night: str, steps: Sequence[StepDone]) -> None:
        """How far it came, for whoever has to go on."""
        values = {"steps": [asdict(step) for step in steps]}
        await self._database.writer.write(lambda link: self._put(link, night, values))

    async def finish(self, night: str, state: str, steps: Sequence[StepDone]) -> None:
        """Also gives the lease back."""
        values: dict[str, Any] = {"state": state, "ended_at": self._now()}
        values["steps"] = [asdict(step) for step in steps]
        await self._database.writer.write(lambda link: self._put(link, night, values, free=True))

    async def put_down(self, night: str) -> None:
        """We were told to stop: somebody goes on, and it was no try."""
        values = {"tries": nightly_runs.c.tries - 1, "state": STOPPED, "ended_at": self._now()}
        await self._database.writer.write(lambda link: self._put(link, night, values, free=True))

    async def _put(
        self, link: AsyncConnection, night: str, values: dict[str, Any], *, free: bool = False
    ) -> None:
        mine = select(nightly_leases.c.name).where(nightly_leases.c.holder == self._holder).exists()
        statement = update(nightly_runs).where(nightly_runs.c.night == night, mine)
        await link.execute(statement.values(**values))
        if free:
            await self._free(link)


async def _forget_old(link: AsyncConnection) -> None:
    newest = (
        select(nightly_runs.c.started_at)
        .order_by(nightly_runs.c.started_at.desc())
        .offset(KEPT_RUNS)
        .limit(1)
    )
    oldest = (await link.execute(newest)).scalar()
    if oldest is not None:
        await link.execute(delete(nightly_runs).where(nightly_runs.c.started_at <= oldest))


async def _run_of(connection: AsyncConnection, night: str) -> Run | None:
    query = select(nightly_runs).where(nightly_runs.c.night == night)
    row = (await connection.execute(query)).first()
    return _read(row) if row is not None else None


def _read(row: Any) -> Run:
    steps = tuple(
        StepDone(
            name=str(step["name"]),
            state=str(step["state"]),
            seconds=float(step["seconds"]),
            said=str(step["said"]),
        )
        for step in row.steps
    )
    return Run(
        night=row.night,
        state=row.state,
        tries=row.tries,
        node=row.node,
        started_at=row.started_at,
        ended_at=row.ended_at,
        steps=steps,
    )
