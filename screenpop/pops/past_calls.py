"""The calls that one agent was shown, newest first: a page of them, a search, and one in full."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from calls.deadlines import Deadline
from screenpop.agents.log_in import outage_named
from screenpop.desk.protocol import Frame, WrapUp
from screenpop.pops.call_story import epoch_ms
from screenpop.pops.call_words import Sought
from screenpop.pops.content import PopContent
from screenpop.pops.pop_stops import NOT_SHOWN
from screenpop.pops.pop_tables import pop_words, pops
from storage.database import Database
from storage.overtime import Overtime
from storage.sealed.columns import SoughtWord

#: How far back a search looks; the list itself goes back to the first call.
SEARCHED = timedelta(days=90)
MAX_PAGE = 100
ANSWER_S = 3.0
#: Searches that may hold a connection each; others wait, within their deadline.
_AT_ONCE = 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"([0-9]{1,16})-([A-Za-z0-9_-]{1,40})", re.ASCII)

#: `open`: not over yet. The agent talked in those `answered` and those `passed_on` to somebody.
Ended = Literal[
    "open",
    "answered",
    "passed_on",
    "missed",
    "answered_elsewhere",
    "caller_gone",
    "cancelled",
    "expired",
]


class PastCall(Frame):
    """One line of the list. Times are milliseconds since 1970."""

    pop_id: str
    ended: Ended
    offered_at: float
    claimed_at: float | None
    released_at: float | None
    closed_at: float | None
    talk_s: float
    code: str | None
    queue: str | None
    number: str | None
    withheld: bool
    network_name: str | None
    #: The contact's, or the chosen candidate's.
    name: str | None
    company: str | None
    outcome: str


class PastCallPage(Frame):
    """`next` is the `before` of the following page; null at the end."""

    calls: tuple[PastCall, ...]
    next: str | None
    #: How far back a search looked; null where nothing was searched for.
    since: float | None


class PastCallTold(Frame):
    """One call as the agent last saw it, and what they made of it."""

    call: PastCall
    content: PopContent
    note: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last call of a page."""

    offered_at: datetime
    pop_id: str

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """None where it is none of ours."""
        found = _CURSOR.fullmatch(text)
        if found is None:
            return None
        return cls(_EPOCH + timedelta(microseconds=int(found[1])), found[2])

    def __str__(self) -> str:
        return f"{(self.offered_at - _EPOCH) // timedelta(microseconds=1)}-{self.pop_id}"


class PastCalls:
    """Every question is about one agent's own pops, and raises Unavailable where the database is
    away or takes longer than `ANSWER_S`."""

    def __init__(
        self,
        *,
        database: Database,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._now = now
        self._reads = Overtime("screenpop:past-calls")
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def page(
        self, agent: str, look_for: Sought | None, before: Cursor | None, limit: int
    ) -> PastCallPage:
        deadline = Deadline.after(ANSWER_S)
        since = self._now() - SEARCHED if look_for is not None else None
        question = listed(agent, look_for, since, before, limit + 1)
        found = await self._reads.ask("the past calls", self._rows(question), deadline=deadline)
        rows = sorted(found, key=lambda row: (row["offered_at"], row["pop_id"]), reverse=True)
        shown = rows[:limit]
        last = Cursor(shown[-1]["offered_at"], shown[-1]["pop_id"]) if rows[limit:] else None
        return PastCallPage(
            calls=tuple(_line(row, PopContent.model_validate(row["payload"])) for row in shown),
            next=str(last) if last is not None else None,
            since=epoch_ms(since) if since is not None else None,
        )

    async def call(self, agent: str, pop_id: str) -> PastCallTold | None:
        """None where it is not this agent's, or was never shown to them."""
        question = sa.select(pops).where(pops.c.pop_id == pop_id, pops.c.agent == agent, _SHOWN)
        deadline = Deadline.after(ANSWER_S)
        rows = await self._reads.ask("the past call", self._rows(question), deadline=deadline)
        if not rows:
            return None
        content = PopContent.model_validate(rows[0]["payload"])
        return PastCallTold(
            call=_line(rows[0], content), content=content, note=rows[0]["note"] or ""
        )

    async def finish(self) -> None:
        """Before the database is closed."""
        await self._reads.finish()

    async def _rows(self, question: sa.Select[Any]) -> Sequence[sa.RowMapping]:
        async with self._turns:
            with outage_named():
                async with self._database.read() as connection:
                    rows: Sequence[sa.RowMapping] = (
                        (await connection.execute(question)).mappings().all()
                    )
        return rows


#: A pop that the rulebook wanted to show nobody is not the agent's to see now.
_SHOWN = sa.or_(pops.c.close_reason.is_(None), pops.c.close_reason != NOT_SHOWN)


def listed(
    agent: str,
    look_for: Sought | None,
    since: datetime | None,
    before: Cursor | None,
    rows: int,
) -> sa.Select[Any]:
    """The newest of the agent's pops, at most so many, in no order."""
    if look_for is None:
        return _newest(sa.select(pops).where(_SHOWN), pops, agent, before, rows)
    words = sa.select(pop_words.c.pop_id).where(pop_words.c.offered_at >= since, _has(look_for))
    found = _newest(words, pop_words, agent, before, rows)
    # By their ids alone: told of the agent too, SQLite might go through all of the agent's pops.
    return sa.select(pops).where(pops.c.pop_id.in_(found))


def _newest(
    question: sa.Select[Any], table: sa.Table, agent: str, before: Cursor | None, rows: int
) -> sa.Select[Any]:
    at, pop_id = table.c.offered_at, table.c.pop_id
    question = question.where(table.c.agent == agent)
    if before is not None:
        # As a range of the index first: what has the very time of the cursor is few.
        later = sa.or_(at < before.offered_at, pop_id < before.pop_id)
        question = question.where(at <= before.offered_at, later)
    return question.order_by(at.desc(), pop_id.desc()).limit(rows)


def _has(look_for: Sought) -> sa.ColumnElement[bool]:
    words = sa.and_(*(_like(word) for word in look_for.words))
    return words if look_for.digits is None else sa.or_(words, _like(look_for.digits))


def _like(word: str) -> sa.ColumnElement[bool]:
    pattern = sa.bindparam(None, word, type_=SoughtWord())
    return pop_words.c.words.like(pattern, escape="\\")


def _line(row: sa.RowMapping, content: PopContent) -> PastCall:
    call, match, contact = content.call, content.match, content.contact
    chosen = next((one for one in match.candidates if one.ref == match.selected), None)
    whose = contact or chosen
    wrapup = WrapUp.model_validate(row["wrapup"]) if row["wrapup"] else None
    claimed, released, closed = row["claimed_at"], row["released_at"], row["closed_at"]
    return PastCall(
        pop_id=row["pop_id"],
        ended=_ended(row, transferred=wrapup is not None and wrapup.transferred),
        offered_at=epoch_ms(row["offered_at"]),
        claimed_at=_ms(claimed),
        released_at=_ms(released),
        closed_at=_ms(closed),
        talk_s=wrapup.talk_s if wrapup is not None else _seconds(claimed, released),
        code=row["disposition"],
        queue=call.queue,
        number=call.number,
        withheld=call.withheld,
        network_name=call.network_name,
        name=whose.name if whose is not None else None,
        company=whose.company if whose is not None else None,
        outcome=match.outcome,
    )


_IN_VAIN: dict[str, Ended] = {
    "missed": "missed",
    "answered_elsewhere": "answered_elsewhere",
    "caller_gone": "caller_gone",
    "cancelled": "cancelled",
}


def _ended(row: sa.RowMapping, *, transferred: bool) -> Ended:
    if row["released_at"] is None and row["closed_at"] is None:
        return "open"
    if row["claimed_at"] is not None:
        return "passed_on" if transferred else "answered"
    return _IN_VAIN.get(row["close_reason"], "expired")


def _ms(at: datetime | None) -> float | None:
    return epoch_ms(at) if at is not None else None


def _seconds(since: datetime | None, until: datetime | None) -> float:
    return max(0.0, (until - since).total_seconds()) if since and until else 0.0
