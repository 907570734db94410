"""Experiments in the database: the first call of everybody, who called again, and stopped arms."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from scoring.policy.policy_tables import experiment_arms, experiment_subjects
from storage.database import Database
from storage.insert_once import insert_once
from storage.sealed.columns import SealedOrder

#: Who calls again within it was not helped.
REPEAT = timedelta(days=7)
#: Callers of one experiment that are read at once.
PAGE = 5_000
GUARDRAIL, PERSON = "guardrail", "person"
_MAX_BECAUSE = 400

_SUBJECT, _ARM = experiment_subjects.c, experiment_arms.c
_order = type_coerce(_SUBJECT.subject, SealedOrder("subject"))


@dataclass(frozen=True, slots=True)
class FirstCall:
    """Of one caller in one experiment. `subject` is hashed already."""

    experiment: str
    subject: str
    arm: str
    call_id: CallId
    ended_at: datetime
    zero_out: bool
    abandoned: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """One caller of an experiment, as the guardrails see them."""

    arm: str
    at: datetime
    zero_out: bool
    abandoned: bool
    repeated: bool


@dataclass(frozen=True, slots=True)
class ArmState:
    """`stopped_at` None: it was resumed. Callers before `counts_from` do not count."""

    stopped_at: datetime | None = None
    stopped_by: str | None = None
    because: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    counts_from: datetime | None = None


RUNNING = ArmState()


def hashed(subject: str) -> str:
    """No number and no name is kept."""
    name = f"switchboard-subject-1:{subject}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(name).hexdigest()[:32]


async def enter(
    connection: AsyncConnection,
    subject: str,
    call_id: CallId,
    ended_at: datetime,
    *,
    calls: Sequence[FirstCall],
    experiments: Iterable[str],
) -> None:
    """One call that ended, of any of the `experiments`; again changes nothing. Only the first one
    of a caller counts, so that callers count alike."""
    await connection.execute(_called_again(subject, call_id, ended_at, list(experiments)))
    await insert_once(connection, experiment_subjects, [_row(one) for one in calls])


def _called_again(subject: str, call_id: CallId, at: datetime, experiments: list[str]) -> Any:
    another = or_(_SUBJECT.system != call_id.system, _SUBJECT.linkedid != call_id.linkedid)
    return (
        update(experiment_subjects)
        .where(
            _SUBJECT.experiment.in_(experiments),
            _SUBJECT.subject == subject,
            _SUBJECT.at < at,
            _SUBJECT.at >= at - REPEAT,
            another,
        )
        .values(repeated_at=func.coalesce(_SUBJECT.repeated_at, at))
    )


def _row(one: FirstCall) -> dict[str, Any]:
    return {
        "experiment": one.experiment,
        "subject": one.subject,
        "arm": one.arm,
        "system": one.call_id.system,
        "linkedid": one.call_id.linkedid,
        "at": one.ended_at,
        "zero_out": one.zero_out,
        "abandoned": one.abandoned,
        "repeated_at": None,
    }


async def subjects_of(database: Database, experiment: str) -> AsyncIterator[Sequence[Subject]]:
    """All of them in the order they came, in parts, so that neither memory nor the loop notices how
    many there are."""
    query = (
        select(experiment_subjects)
        .where(_SUBJECT.experiment == experiment)
        .order_by(_SUBJECT.at, _SUBJECT.subject)
        .limit(PAGE)
    )
    page = query
    while True:
        async with database.read() as connection:
            rows = list(await connection.execute(page))
        yield [
            Subject(row.arm, row.at, row.zero_out, row.abandoned, row.repeated_at is not None)
            for row in rows
        ]
        if len(rows) < PAGE:
            return
        at, subject = rows[-1].at, rows[-1].subject
        later = or_(_SUBJECT.at > at, _order > subject)
        page = query.where(_SUBJECT.at >= at, later)


async def states_of(database: Database) -> dict[tuple[str, str], ArmState]:
    """By experiment and arm; arms that were never stopped are missing."""
    async with database.read() as connection:
        rows = list(await connection.execute(select(experiment_arms)))
    return {
        (row.experiment, row.arm): ArmState(
            row.stopped_at, row.stopped_by, row.because or "", row.figures or {}, row.counts_from
        )
        for row in rows
    }


async def stop(
    connection: AsyncConnection,
    experiment: str,
    arm: str,
    *,
    at: datetime,
    by: str,
    because: str,
    figures: Mapping[str, Any] | None = None,
) -> bool:
    """False where it is stopped already, whoever was faster."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(experiment_arms).values(
        experiment=experiment,
        arm=arm,
        stopped_at=at,
        stopped_by=by,
        because=because[:_MAX_BECAUSE],
        figures=dict(figures) if figures else None,
    )
    new = statement.excluded
    changed = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["experiment", "arm"],
            set_={
                "stopped_at": new.stopped_at,
                "stopped_by": new.stopped_by,
                "because": new.because,
                "figures": new.figures,
            },
            where=_ARM.stopped_at.is_(None),
        )
    )
    return bool(changed.rowcount)


async def resume(connection: AsyncConnection, experiment: str, arm: str, *, at: datetime) -> bool:
    """Counts anew from `at` on. False where it was not stopped."""
    changed = await connection.execute(
        update(experiment_arms)
        .where(_ARM.experiment == experiment, _ARM.arm == arm, _ARM.stopped_at.is_not(None))
        .values(stopped_at=None, counts_from=at)
    )
    return bool(changed.rowcount)
