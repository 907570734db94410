"""Who rang off unanswered is called back: one open task for a number, closed when they are
answered later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from calls.call import CallOutcome
from calls.caller import IdentityOutcome
from calls.records import NewTask
from crm_adapter import outbox
from crm_adapter.call_state import CallState
from crm_adapter.call_tables import calls, missed_tasks
from crm_adapter.lead_owners import Owners
from crm_adapter.lead_policy import follow_up, rang_off, was_answered, went_unseen
from crm_adapter.payloads import task_to_json
from storage.insert_once import insert_once

#: Not people to call back: ourselves, and those who do not want to be known.
_NOBODY = (
    IdentityOutcome.OWN.value,
    IdentityOutcome.INTERNAL.value,
    IdentityOutcome.WITHHELD.value,
)

# Made once: building a statement costs more than running it.
_NUMBERS_WITH_TASK = select(missed_tasks.c.number).where(
    missed_tasks.c.tenant == bindparam("of_tenant"),
    missed_tasks.c.number.in_(bindparam("numbers", expanding=True)),
    missed_tasks.c.closed_at.is_(None),
)


def was_missed(call: CallState) -> bool:
    after_s = follow_up(call).missed_task_s
    return (
        after_s is not None
        and call.number is not None
        and call.identity_outcome not in _NOBODY
        and rang_off(call, after_s)
    )


class MissedCalls:
    """The part of the recorder's transaction that keeps `missed_tasks`."""

    def __init__(self, *, tenant: str, adapter: str, owners: Owners) -> None:
        self._tenant = tenant
        self._adapter = adapter
        self._owners = owners

    async def follow(
        self, connection: AsyncConnection, states: Sequence[CallState], *, at: datetime
    ) -> list[outbox.NewEntry]:
        """What the CRM is owed for these calls, which are saved already. Asked again for the same
        calls it owes nothing new."""
        told = [state for state in states if state.number is not None]
        missed = [state for state in told if was_missed(state)]
        answered = [state for state in told if was_answered(state)]
        left_word = [state for state in told if state.left_word]
        await self._one_at_a_time(connection, [*missed, *answered, *left_word])
        entries = []
        for call in missed:
            entries += await self._missed(connection, call, at)
        # Hardly anybody has one.
        with_task = await self._with_open_task(connection, [*answered, *left_word])
        for call in answered:
            if call.number in with_task:
                entries += await self._answered(connection, call, at)
        for call in left_word:
            # That they said more than ringing off may be heard of after their end.
            if call.number in with_task:
                own_task = missed_tasks.c.key == self._key_of(call)
                entries += await self._close(connection, own_task, at)
        return entries

    async def _with_open_task(
        self, connection: AsyncConnection, states: Sequence[CallState]
    ) -> frozenset[str]:
        numbers = sorted({state.number or "" for state in states})
        if not numbers:
            return frozenset()
        asked = {"of_tenant": self._tenant, "numbers": numbers}
        return frozenset(await connection.scalars(_NUMBERS_WITH_TASK, asked))

    async def _one_at_a_time(
        self, connection: AsyncConnection, states: Sequence[CallState]
    ) -> None:
        """Two processes, one of which sees a call missed and the other the next one answered: the
        second has to see what the first wrote. SQLite has one writer as it is."""
        if connection.dialect.name == "sqlite":
            return
        for number in sorted({state.number or "" for state in states}):
            key = func.hashtextextended(f"missed_tasks\x1f{self._tenant}\x1f{number}", 0)
            await connection.execute(select(func.pg_advisory_xact_lock(key)))

    async def _missed(
        self, connection: AsyncConnection, call: CallState, at: datetime
    ) -> list[outbox.NewEntry]:
        if await self._reached_since(connection, call):
            return []
        key = self._key_of(call)
        open_key = await self._open_task(connection, call)
        if open_key is not None:
            await connection.execute(
                update(missed_tasks)
                .where(
                    missed_tasks.c.key == open_key,
                    missed_tasks.c.last_missed_at < call.arrived_at,
                )
                .values(last_missed_at=call.arrived_at)
            )
            return []
        owner = await self._owners.of(connection, call, follow_up(call).lead.owner)
        await insert_once(
            connection,
            missed_tasks,
            [
                {
                    "key": key,
                    "tenant": self._tenant,
                    "number": call.number,
                    "system": call.system,
                    "linkedid": call.linkedid,
                    "owner": owner,
                    "created_at": at,
                    "last_missed_at": call.arrived_at,
                }
            ],
        )
        crash_points.reached("recorder.task_claimed")
        if await self._open_task(connection, call) != key:
            return []  # made and closed before: this call is told of once more
        return [_creation(key, call, owner)]

    def _key_of(self, call: CallState) -> str:
        return outbox.entry_key(
            tenant=self._tenant,
            adapter=self._adapter,
            operation=outbox.CREATE_TASK,
            call_id=call.id,
            leg="missed",
        )

    async def _open_task(self, connection: AsyncConnection, call: CallState) -> str | None:
        key: str | None = await connection.scalar(
            select(missed_tasks.c.key).where(
                missed_tasks.c.tenant == self._tenant,
                missed_tasks.c.number == call.number,
                missed_tasks.c.closed_at.is_(None),
            )
        )
        return key

    async def _reached_since(self, connection: AsyncConnection, call: CallState) -> bool:
        """Somebody talks or talked with them after this call came."""
        by_the_fallback = and_(
            calls.c.outcome == CallOutcome.ANSWERED.value, calls.c.ended_at >= call.arrived_at
        )
        later = or_(calls.c.answered_at >= call.arrived_at, by_the_fallback)
        found = select(calls.c.linkedid).where(calls.c.number == call.number, later).limit(1)
        return await connection.scalar(found) is not None

    async def _answered(
        self, connection: AsyncConnection, call: CallState, at: datetime
    ) -> list[outbox.NewEntry]:
        answered_at = call.answered_at or call.ended_at or at
        theirs = and_(
            missed_tasks.c.tenant == self._tenant,
            missed_tasks.c.number == call.number,
            missed_tasks.c.last_missed_at <= answered_at,
        )
        return await self._close(connection, theirs, at)

    async def _close(
        self, connection: AsyncConnection, which: ColumnElement[bool], at: datetime
    ) -> list[outbox.NewEntry]:
        closed = await connection.execute(
            update(missed_tasks)
            .where(which, missed_tasks.c.closed_at.is_(None))
            .values(closed_at=at)
            .returning(missed_tasks.c.key)
        )
        return [
            outbox.follow_up_entry(outbox.CLOSE_TASK, f"task/{row.key}", row.key) for row in closed
        ]


def _creation(key: str, call: CallState, owner: str | None) -> outbox.NewEntry:
    unseen = went_unseen(call)
    task = NewTask(
        kind="missed",
        call_id=call.id,
        created_at=call.arrived_at if unseen else call.ended_at or call.arrived_at,
        number=call.number,
        contact=call.contact,
        queue=call.queue,
        owner=owner,
        end_unseen=unseen,
    )
    return outbox.NewEntry(
        key=key,
        operation=outbox.CREATE_TASK,
        entity=f"task/{key}",
        payload=task_to_json(task),
        depends_on=call.lead_key,
    )
