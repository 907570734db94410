"""Keeps pops and deliveries, behind the sending: no agent waits for a disk.

What is lost when the process dies between sending and commit is the trace of frames already on a
screen, and `AgentStreams` leaves room in its numbering for exactly those.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from calls.call import CallId
from calls.errors import Unavailable
from screenpop.agents.agent_tables import agent_sessions, agents
from screenpop.agents.day_counts import PastPop
from screenpop.counters import DeskCounters
from screenpop.delivery.token_tables import agent_tokens
from screenpop.desk.protocol import WrapUp
from screenpop.pops.call_words import words_of
from screenpop.pops.content import PopContent
from screenpop.pops.pop import DISPOSITION_CODES, Pop
from screenpop.pops.pop_stops import NOT_SHOWN
from screenpop.pops.pop_tables import pop_deliveries, pop_words, pops
from storage.database import Database
from storage.tables import UtcDateTime

log = logging.getLogger(__name__)

#: Rows that may wait.
MAX_WAITING = 5_000
MAX_BATCH = 200
RETRY_S = 0.5
#: Nobody waits for these rows: those of one moment are written together.
GATHER_S = 0.1
#: An open pop older than this belongs to a shift that is over.
OPEN_POP_HOURS = 12


@dataclass(frozen=True, slots=True)
class Delivery:
    agent: str
    seq: int
    pop_id: str
    call_id: CallId
    kind: str
    queue: str | None
    frame: BaseModel
    event_at: datetime
    sent_at: datetime
    sockets: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    agent: str
    seq: int
    at: datetime
    rendered_ms: float | None


_Row = tuple[sa.Table, dict[str, Any]] | Delivery | Acknowledged
AlsoOwed = Callable[[AsyncConnection, Sequence[Delivery]], Awaitable[None]]


class PopStore:
    """Rows are written in the order given. While the database is away they wait; beyond
    `MAX_WAITING` the newest are shed and counted. `also_owed` writes what follows from frames in
    the transaction that keeps them, which may run again; `owed` is called after it."""

    def __init__(
        self,
        *,
        database: Database,
        counters: DeskCounters,
        also_owed: AlsoOwed | None = None,
        owed: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._counters = counters
        self._also_owed = also_owed
        self._owed = owed
        self._waiting: asyncio.Queue[_Row] = asyncio.Queue(MAX_WAITING)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="screenpop:store")
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Writes what waits, for at most two seconds."""
        try:
            async with asyncio.timeout(2.0):
                await self._waiting.join()
        except TimeoutError:
            log.error("pops: %d rows not stored at the end", self._waiting.qsize())
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def save_pop(self, pop: Pop) -> None:
        self._put((pops, _pop_row(pop)))

    def save_not_shown(self, pop: Pop) -> None:
        """A pop that never was, for `explain_pop`."""
        ended = {"state": "closed", "closed_at": pop.offered_at, "close_reason": NOT_SHOWN}
        self._put((pops, _pop_row(pop) | ended))

    def save_delivery(self, delivery: Delivery) -> None:
        self._put(delivery)

    def save_ack(self, ack: Acknowledged) -> None:
        self._put(ack)

    async def flush(self) -> None:
        """Returns when everything given so far is committed."""
        await self._waiting.join()

    async def last_seqs(self) -> dict[str, int]:
        """The highest stored sequence of each agent."""
        # One step into the primary key for each agent, however many deliveries there are.
        newest = (
            sa.select(sa.func.max(pop_deliveries.c.seq))
            .where(pop_deliveries.c.agent == agents.c.login)
            .scalar_subquery()
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(sa.select(agents.c.login, newest))).all()
        return {row[0]: row[1] for row in rows if row[1] is not None}

    async def open_pops(self) -> Sequence[Pop]:
        """What was on the screens when the last process ended."""
        since = datetime.now(UTC) - timedelta(hours=OPEN_POP_HOURS)
        question = (
            sa.select(pops)
            # By name, so that the index on the state leads to them.
            .where(pops.c.state.in_(("offered", "claimed", "wrapup")), pops.c.offered_at > since)
            .order_by(pops.c.offered_at)
        )
        async with self._database.read() as connection:
            return [_pop_of(row) for row in (await connection.execute(question)).mappings()]

    async def pops_since(self, since: datetime) -> Sequence[PastPop]:
        """Those offered since then, the oldest first, as far as they count for the day."""
        question = (
            sa.select(
                pops.c.agent,
                pops.c.claimed_at,
                pops.c.released_at,
                pops.c.closed_at,
                pops.c.close_reason,
                pops.c.disposition,
            )
            .where(pops.c.offered_at >= since)
            .where(sa.or_(pops.c.close_reason.is_(None), pops.c.close_reason != NOT_SHOWN))
            .order_by(pops.c.offered_at)
        )
        async with self._database.read() as connection:
            return [PastPop(*row) for row in await connection.execute(question)]

    def _put(self, row: _Row) -> None:
        try:
            self._waiting.put_nowait(row)
        except asyncio.QueueFull:
            self._counters.unstored.inc()

    async def _run(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            await asyncio.sleep(GATHER_S)
            while len(batch) < MAX_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                await self._store(batch)
            finally:
                for _ in batch:
                    self._waiting.task_done()

    async def _store(self, batch: Sequence[_Row]) -> None:
        while True:
            try:
                await self._database.writer.write(
                    lambda connection: self._write(connection, batch), brief=True
                )
                crash_points.reached("pop.stored")
                return self._owed()
            except (Unavailable, OperationalError, OSError):
                log.warning("pops: the database is away; %d rows wait", self._waiting.qsize())
                await asyncio.sleep(RETRY_S)
            except Exception:
                self._counters.unstored.inc(len(batch))
                log.exception("pops: %d rows could not be stored", len(batch))
                return None

    async def _write(self, connection: AsyncConnection, batch: Sequence[_Row]) -> None:
        await _write(connection, batch)
        sent = [row for row in batch if isinstance(row, Delivery)]
        if sent and self._also_owed is not None:
            await self._also_owed(connection, sent)
        crash_points.reached("pop.before_commit")


async def _write(connection: AsyncConnection, batch: Sequence[_Row]) -> None:
    """Idempotent: a batch whose commit was not confirmed is simply written again. A few statements,
    however long it is; of a pop that changed several times only the last is written."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    newest = {row[1]["pop_id"]: row[1] for row in batch if isinstance(row, tuple)}
    if newest:
        upsert = insert(pops)
        changed = {c.name: upsert.excluded[c.name] for c in pops.c if not c.primary_key}
        upsert = upsert.on_conflict_do_update(index_elements=["pop_id"], set_=changed)
        await connection.execute(upsert, [_stored(row) for row in newest.values()])
    shown = [row for row in newest.values() if row["close_reason"] != NOT_SHOWN]
    if shown:
        add = insert(pop_words)
        add = add.on_conflict_do_update(
            index_elements=[column.name for column in pop_words.primary_key],
            set_={"words": add.excluded.words},
        )
        await connection.execute(add, [_words_row(row) for row in shown])
    sent = [row for row in batch if isinstance(row, Delivery)]
    if sent:
        there = await _logged_in(connection, {row.agent for row in sent if not row.sockets})
        rows = [_stored(_delivery_row(row, there)) for row in sent]
        await connection.execute(insert(pop_deliveries).on_conflict_do_nothing(), rows)
    acks = [row for row in batch if isinstance(row, Acknowledged)]
    for statement, said in (
        (_SAVE_ACK, [_ack_row(ack) for ack in acks if ack.rendered_ms is None]),
        (_SAVE_PAINTED, [_ack_row(ack) for ack in acks if ack.rendered_ms is not None]),
    ):
        if said:
            await connection.execute(statement, said)


async def _logged_in(connection: AsyncConnection, logins: Collection[str]) -> set[str]:
    """Those of them who have a log-in, or a program a token of theirs."""
    if not logins:
        return set()
    sessions = sa.select(agent_sessions.c.login).where(
        agent_sessions.c.login.in_(logins), agent_sessions.c.expires_at > datetime.now(UTC)
    )
    tokens = sa.select(agent_tokens.c.login).where(agent_tokens.c.login.in_(logins))
    return set((await connection.execute(sessions.union(tokens))).scalars())


def _stored(columns: dict[str, Any]) -> dict[str, Any]:
    """Turned to JSON only here: the sending is over by now."""
    return {
        name: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        for name, value in columns.items()
    }


_OF_THIS = (
    pop_deliveries.c.agent == sa.bindparam("of_agent"),
    pop_deliveries.c.seq == sa.bindparam("of_seq"),
)
#: The first acknowledgement stands, and the first that tells of a painting: of two tabs the hidden
#: one is sooner.
_SAVE_ACK = (
    sa.update(pop_deliveries)
    .where(*_OF_THIS, pop_deliveries.c.acked_at.is_(None))
    .values(acked_at=sa.bindparam("at"))
)
_SAVE_PAINTED = (
    sa.update(pop_deliveries)
    .where(*_OF_THIS, pop_deliveries.c.rendered_ms.is_(None))
    .values(
        acked_at=sa.func.coalesce(pop_deliveries.c.acked_at, sa.bindparam("at", type_=UtcDateTime)),
        rendered_ms=sa.bindparam("rendered"),
    )
)


def _ack_row(ack: Acknowledged) -> dict[str, Any]:
    row = {"of_agent": ack.agent, "of_seq": ack.seq, "at": ack.at}
    return row if ack.rendered_ms is None else row | {"rendered": ack.rendered_ms}


def _delivery_row(delivery: Delivery, there: Collection[str]) -> dict[str, Any]:
    return {
        "agent": delivery.agent,
        "seq": delivery.seq,
        "pop_id": delivery.pop_id,
        "call_id": str(delivery.call_id),
        "kind": delivery.kind,
        "payload": delivery.frame,
        "event_at": delivery.event_at,
        "sent_at": delivery.sent_at,
        "sockets": delivery.sockets,
        "logged_in": None if delivery.sockets else delivery.agent in there,
    }


def _pop_row(pop: Pop) -> dict[str, Any]:
    return {
        "pop_id": pop.pop_id,
        "agent": pop.agent,
        "call_id": str(pop.call_id),
        "interface": pop.interface,
        "known_by": pop.known_by,
        "state": pop.state,
        "seq": pop.seq,
        "payload": pop.content,
        "offered_at": pop.offered_at,
        "claimed_at": pop.claimed_at,
        "released_at": pop.released_at,
        "closed_at": pop.closed_at,
        "close_reason": pop.close_reason,
        "disposition": pop.disposition,
        "note": pop.note,
        "wrapup": pop.wrapup,
        "paused_at": pop.paused_at,
    }


def _words_row(pop: dict[str, Any]) -> dict[str, Any]:
    words = words_of(pop["payload"], pop["disposition"], pop["note"] or "")
    return {name: pop[name] for name in ("agent", "offered_at", "pop_id")} | {"words": words}


def _pop_of(row: sa.RowMapping) -> Pop:
    pop = Pop(
        pop_id=row["pop_id"],
        agent=row["agent"],
        call_id=CallId.parse(row["call_id"]),
        interface=row["interface"],
        content=PopContent.model_validate(row["payload"]),
        offered_at=row["offered_at"],
        known_by=row["known_by"],
        state=row["state"],
        seq=row["seq"],
        claimed_at=row["claimed_at"],
        released_at=row["released_at"],
        paused_at=row["paused_at"],
        note=row["note"] or "",
    )
    if pop.state == "wrapup":
        told = row["wrapup"]
        # Stored before this was there, it was optional.
        pop.wrapup = WrapUp.model_validate(told) if told else WrapUp(codes=DISPOSITION_CODES)
    return pop
