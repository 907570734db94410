"""What must be in the CRM, by what Asterisk knows; and what is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Table, select

from calls.call import CallOutcome
from crm_adapter import outbox
from crm_adapter.call_tables import call_legs, calls
from crm_adapter.call_tables import outbox as entries
from crm_adapter.embedded import tables
from storage.database import Database
from tests.kill_matrix.asterisk import Asterisk
from tests.kill_matrix.outside import OutsideCrm
from tests.kill_matrix.stories import CALLS, STRANGERS, outcome_of

_HUNG_UP = (CallOutcome.ABANDONED_IN_MENU, CallOutcome.ABANDONED_IN_QUEUE)
_REVISION = re.compile(r"Revision: ([0-9]+)")


@dataclass
class Verdict:
    """Objects of the CRM: how many are missing or wrong, and how many too many."""

    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)

    def expect(self, what: str, wanted: Collection[Any], found: Iterable[Any]) -> None:
        """Each once, and nothing else."""
        there, due = Counter(list(found)), Counter(list(wanted))
        missing, more = due - there, there - due
        self.lost += missing.total()
        self.doubled += more.total()
        for name, sides in (("lost", missing), ("too many", more)):
            self.problems += [f"{what} {name}: {one}" for one in sides.elements()]


@dataclass(frozen=True)
class Books:
    """Our own side, after the last life."""

    calls: dict[str, Row[Any]]
    legs: dict[str, list[Any]]
    #: The newest revision that the CRM was owed, by linkedid.
    revisions: dict[str, int]
    tasks_owed: int
    states: Counter[str]

    def missed(self) -> dict[str, str]:
        """By number: the state of the one task for it."""
        due: dict[str, str] = {}
        for row in self.calls.values():
            unseen = row.outcome == CallOutcome.LOST_SYNC and not row.answered_at
            left_word = row.callback or row.routed or row.recordings
            if row.number is not None and (row.outcome in _HUNG_UP or (unseen and not left_word)):
                due[row.number] = "open"
            elif row.number in due and row.answered_at is not None:
                due[row.number] = "done"
        return due

    def asked_for(self) -> list[tuple[str, str]]:
        """Tasks that the callers asked for: number and kind."""
        return [(row.number, "callback") for row in self.calls.values() if row.callback] + [
            (row.number, "message") for row in self.calls.values() if row.recordings
        ]


async def rows_of(database: Database, table: Table) -> Sequence[Row[Any]]:
    async with database.read() as connection:
        return (await connection.execute(select(table))).all()


async def books_of(database: Database) -> Books:
    rows = sorted(await rows_of(database, calls), key=lambda row: row.arrived_at)
    legs: dict[str, list[Any]] = {row.linkedid: [] for row in rows}
    for leg in await rows_of(database, call_legs):
        legs[leg.linkedid].append((leg.agent, leg.disposition, leg.note))
    owed = await rows_of(database, entries)
    revisions: dict[str, int] = {}
    for row in owed:
        if row.operation == outbox.LOG_CALL:
            name = row.payload["call_id"].partition("/")[2]
            revisions[name] = max(revisions.get(name, 0), row.payload["revision"])
    tasks = sum(row.operation == outbox.CREATE_TASK for row in owed)
    by_id = {row.linkedid: row for row in rows}
    return Books(by_id, legs, revisions, tasks, Counter(row.state for row in owed))


def _examine_calls(verdict: Verdict, books: Books, asterisk: Asterisk, unseen: set[str]) -> None:
    verdict.expect("call", CALLS, books.calls)
    for linkedid, row in books.calls.items():
        right = outcome_of(linkedid, fallback=asterisk.is_fallback(linkedid)).value
        if linkedid in unseen:
            right = CallOutcome.LOST_SYNC.value
        verdict.expect(f"outcome of {linkedid}", [right], [row.outcome])
    verdict.expect("outbox", ["done"], books.states)


async def examine(database: Database, asterisk: Asterisk, unseen: set[str]) -> Verdict:
    """Of the embedded CRM. `unseen`: calls whose end nobody can know."""
    verdict, books = Verdict(), await books_of(database)
    _examine_calls(verdict, books, asterisk, unseen)
    records = await rows_of(database, tables.call_records)
    verdict.expect("record", CALLS, [row.linkedid for row in records])
    for row in records:
        ours = books.calls[row.linkedid]
        theirs = [(leg["agent"], leg["disposition"], leg["note"]) for leg in row.legs]
        verdict.expect(
            f"record of {row.linkedid}",
            [facts_of(ours, books.revisions.get(row.linkedid), books.legs[row.linkedid])],
            [facts_of(row, row.revision, theirs)],
        )
    leads = await rows_of(database, tables.leads)
    verdict.expect("lead", STRANGERS, [row.number for row in leads])
    tasks = await rows_of(database, tables.tasks)
    missed = [(row.number, row.status) for row in tasks if row.kind == "missed"]
    verdict.expect("missed caller", books.missed().items(), missed)
    others = [(row.number, row.kind) for row in tasks if row.kind != "missed"]
    verdict.expect("task", books.asked_for(), others)
    return verdict


def facts_of(row: Any, revision: int | None, legs: list[Any]) -> tuple[Any, ...]:
    told = (row.outcome, row.answered_at, row.ended_at, row.end_estimated, row.queue, row.fallback)
    return (*told, revision, str(sorted(legs, key=str)))


async def examine_outside(
    database: Database, asterisk: Asterisk, unseen: set[str], crm: OutsideCrm
) -> Verdict:
    verdict, books = Verdict(), await books_of(database)
    _examine_calls(verdict, books, asterisk, unseen)
    held = await crm.held()
    keys = [key for key, _ in held.calls]
    verdict.expect("record", range(len(CALLS)), range(len(keys)))
    verdict.expect("record's key", set(keys), keys)
    newest = [int(_REVISION.findall(text)[-1]) for _, text in held.calls]
    verdict.expect("revision", list(books.revisions.values()), newest)
    verdict.expect("lead", STRANGERS, held.leads)
    verdict.expect("task", range(books.tasks_owed), range(len(held.tasks)))
    verdict.expect("task's key", set(held.tasks), held.tasks)
    return verdict


async def open_calls(database: Database) -> set[str]:
    async with database.read() as connection:
        found = await connection.scalars(select(calls.c.linkedid).where(calls.c.ended_at.is_(None)))
        return set(found)
