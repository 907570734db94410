"""Keeps every call's row current, and owes the CRM one record of every call: as it stands when an
agent answers, so that notes can be taken on it, and as it was at the end.

Events are gathered while a write is under way and go to the database together: a few statements
and one commit, however many calls they are about.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from calls import crash_points
from calls.bus import EventBus
from calls.call import CallId
from calls.events import (
    AgentAnswered,
    AgentMissed,
    AgentReleased,
    AgentRinging,
    CallArrived,
    CallbackRequested,
    CallEnded,
    CallerIdentified,
    CallEvent,
    CallQueued,
    CallRouted,
    CandidateChosen,
    DecisionMade,
    DialogFailed,
    FieldCollected,
    LeadConfirmed,
    MessageRecorded,
    OfferAnswered,
    OfferMet,
    OptionChosen,
    WrapUpDone,
)
from calls.ports import AgentRoster
from calls.records import CallRecord
from crm_adapter import call_rows, outbox
from crm_adapter.call_state import LATE, CallState
from crm_adapter.call_tables import calls
from crm_adapter.journal import arrived
from crm_adapter.lead_owners import Owners
from crm_adapter.lead_policy import FollowUpOf, give_policy, nobody
from crm_adapter.leads import Leads, confirm_by_id, confirm_by_wrap_up
from crm_adapter.missed_calls import MissedCalls
from crm_adapter.payloads import record_to_json
from crm_adapter.tasks import owed_tasks
from crm_adapter.wording import title_by
from storage.database import Database
from storage.insert_once import insert_once
from storage.transient import is_outage, trouble_with

log = logging.getLogger(__name__)

RECORDED = (
    CallArrived,
    CallerIdentified,
    CandidateChosen,
    DecisionMade,
    OptionChosen,
    FieldCollected,
    MessageRecorded,
    CallbackRequested,
    CallRouted,
    DialogFailed,
    OfferMet,
    OfferAnswered,
    CallQueued,
    AgentRinging,
    AgentAnswered,
    AgentMissed,
    AgentReleased,
    CallEnded,
    WrapUpDone,
    LeadConfirmed,
)

#: After these a caller may have been missed, or reached.
TURNS = AgentAnswered | CallEnded | CallerIdentified | MessageRecorded | CallbackRequested

Batch = dict[CallId, list[CallEvent]]
#: What others than the CRM are owed for a call that ended.
AlsoOwed = Callable[[CallRecord, datetime], Sequence[outbox.NewEntry]]


class CallRecorder:
    """Subscriber of the bus. While the database is away, up to `max_waiting` events wait here and
    then in the bus; a call whose events the database refuses is logged and left out, alone.
    """

    def __init__(
        self,
        *,
        database: Database,
        roster: AgentRoster,
        now: Callable[[], datetime],
        enqueued: Callable[[], None],
        owners: Owners,
        follow_up_of: FollowUpOf = nobody,
        also_owed: AlsoOwed = lambda record, at: (),
        tenant: str = "default",
        adapter: str = "embedded",
        titles: Mapping[str, str] | None = None,
        max_calls: int = 24,
        max_waiting: int = 20_000,
        gather_s: float = 0.1,
        retry_after_s: float = 1.0,
    ) -> None:
        """`enqueued` is told when the outbox has something new, after the commit. `follow_up_of`
        a number dialled is asked for calls without a decision, `also_owed` for what others than
        the CRM are owed when a call ends. `titles` as in
        `wording.title_by`. Events are gathered for `gather_s`
        before they are written: nobody waits for them."""
        self._database = database
        self._roster = roster
        self._now = now
        self._enqueued = enqueued
        self._leads = Leads(tenant=tenant, adapter=adapter, owners=owners)
        self._follow_up_of = follow_up_of
        self._also_owed = also_owed
        self._missed_calls = MissedCalls(tenant=tenant, adapter=adapter, owners=owners)
        self._tenant = tenant
        self._adapter = adapter
        self._titles = titles or {}
        self._max_calls = max_calls
        self._max_waiting = max_waiting
        self._gather_s = gather_s
        self._retry_after_s = retry_after_s
        self._waiting: Batch = {}
        self._count = 0
        self._changed = asyncio.Condition()
        self._busy = False
        self._task: asyncio.Task[None] | None = None
        #: Calls whose events were left out because the database refused them.
        self.refused = 0
        #: What keeps the database from taking events; None while it takes them.
        self.trouble: str | None = None

    def subscribe(self, bus: EventBus) -> None:
        bus.subscribe("call_records", self.note, *RECORDED)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="crm:call_records")

    @property
    def task(self) -> asyncio.Task[None] | None:
        """To be watched: it ends only when it is stopped, or broken."""
        return self._task

    @property
    def waiting(self) -> int:
        """Events that are in memory alone."""
        return self._count

    async def stop(self, *, limit_s: float = 10.0) -> None:
        """Writes what waits, for at most `limit_s`; what is left is told to the log."""
        task, self._task = self._task, None
        if task is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self.settled()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if self._count:
            log.error("records: stopped with %d events not written", self._count)

    async def note(self, event: CallEvent) -> None:
        """Takes the event; it is in the database once `settled()`. Waits only while full."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._count < self._max_waiting)
            self._waiting.setdefault(event.call_id, []).append(event)
            self._count += 1
            self._changed.notify_all()
        crash_points.reached("recorder.event_noted")

    async def settled(self) -> None:
        """Returns when all events noted so far are written (or refused)."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._waiting and not self._busy)

    async def _run(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: bool(self._waiting))
            await asyncio.sleep(self._gather_s)
            async with self._changed:
                batch = self._take()
                self._busy = True
            await self._write_or_split(batch)
            async with self._changed:
                self._busy = False
                self._count -= sum(len(events) for events in batch.values())
                self._changed.notify_all()

    def _take(self) -> Batch:
        ids = list(self._waiting)[: self._max_calls]
        return {call_id: self._waiting.pop(call_id) for call_id in ids}

    async def _write_or_split(self, batch: Batch) -> None:
        try:
            await self._write_until_up(batch)
        except Exception:
            if len(batch) > 1:
                for call_id, events in batch.items():
                    await self._write_or_split({call_id: events})
                return
            self.refused += 1
            log.exception("records: %s could not be recorded", next(iter(batch)))

    async def _write_until_up(self, batch: Batch) -> None:
        while True:
            try:
                owed = await self._database.writer.write(
                    lambda link: self._record(link, batch), brief=True
                )
            except Exception as error:
                if not is_outage(error):
                    raise
                self._note_trouble(trouble_with(error))
                await asyncio.sleep(self._retry_after_s)
            else:
                self._note_trouble(None)
                crash_points.reached("recorder.after_commit")
                if owed:
                    crash_points.reached("recorder.before_wake")
                    self._enqueued()
                return

    def _note_trouble(self, trouble: str | None) -> None:
        """Said once: it may go on for a day."""
        if trouble != self.trouble:
            if trouble is None:
                log.warning("records: the database takes events again, %d waited", self._count)
            else:
                log.error("records: events wait for the database: %s", trouble)
        self.trouble = trouble

    async def _record(self, connection: AsyncConnection, batch: Batch) -> bool:
        """One transaction. True where the CRM is now owed something."""
        await insert_once(connection, calls, _arrivals(batch))
        late = [key for key, told in batch.items() if _any(told, LATE)]
        states = await call_rows.load(connection, batch.keys(), also_ended=late)
        before = {state.id: (state.ended_at is None, state.answers) for state in states}
        for state in states:
            for event in batch[state.id]:
                state.apply(event, self._roster)
            give_policy(state, self._follow_up_of)
        at = self._now()
        leads_before = [state.lead_key for state in states]
        await self._leads.claim(connection, states, at=at)
        await call_rows.save(connection, states)
        owed = [state for state in states if _is_owed(state, *before[state.id])]
        again = [outbox.call_entity(state.id) for state in owed if state.revision > 1]
        await outbox.take_back(connection, operation=outbox.LOG_CALL, entities=again)
        told = [self._log_entry(state) for state in owed]
        asked = [entry for state in states for entry in self._task_entries(state, batch)]
        turned = [state for state in states if _any(batch[state.id], TURNS)]
        asked += await self._missed_calls.follow(connection, turned, at=at)
        ended = [state.record() for state in states if _is_over(state, before[state.id][0])]
        others = [entry for record in ended for entry in self._also_owed(record, at)]
        await outbox.enqueue(connection, [*told, *asked, *others], at=at)
        wrapped_up = [state for state in states if _any(batch[state.id], WrapUpDone)]
        confirmed = await confirm_by_wrap_up(connection, wrapped_up, at=at)
        for event in (event for events in batch.values() for event in events):
            if isinstance(event, LeadConfirmed):
                confirmed |= await confirm_by_id(
                    connection, event.lead_id, event.agent, tenant=self._tenant, at=at
                )
        new_leads = leads_before != [state.lead_key for state in states]
        crash_points.reached("recorder.before_commit")
        return bool(told) or bool(asked) or confirmed or new_leads

    def _task_entries(self, state: CallState, batch: Batch) -> list[outbox.NewEntry]:
        if not _any(batch[state.id], MessageRecorded | CallbackRequested):
            return []
        return owed_tasks(state, tenant=self._tenant, adapter=self._adapter)

    def _log_entry(self, state: CallState) -> outbox.NewEntry:
        key = outbox.entry_key(
            tenant=self._tenant,
            adapter=self._adapter,
            operation=outbox.LOG_CALL,
            call_id=state.id,
            revision=state.revision,
        )
        record = state.record()
        record = replace(record, title=title_by(self._titles, record))
        return outbox.NewEntry(
            key=key,
            operation=outbox.LOG_CALL,
            entity=outbox.call_entity(state.id),
            payload=record_to_json(record),
            # So that the CRM can hang the record on the lead.
            depends_on=state.lead_key,
        )


def _is_owed(state: CallState, lived: bool, answers: int) -> bool:
    """The CRM has a record from the first answer on, which the end completes."""
    if state.ended_at is None:
        return state.answers > answers
    return lived or state.amended


def _is_over(state: CallState, lived: bool) -> bool:
    return lived and state.ended_at is not None


def _any(told: Iterable[CallEvent], kinds: Any) -> bool:
    """`kinds` as `isinstance` takes them."""
    return any(isinstance(event, kinds) for event in told)


def _arrivals(batch: Batch) -> list[dict[str, object]]:
    """Rows for calls that the journal could not write when they came."""
    return [
        arrived(event.call, fallback=event.fallback)
        for events in batch.values()
        for event in events
        if isinstance(event, CallArrived)
    ]
