"""Brings the live view back to the truth: after each login, and every minute.

A call is ended as lost only when Asterisk does not have it, no dialog of ours has it, and news that
was under way when we asked has had time to arrive.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import timedelta

from ami_bridge import snapshot
from ami_bridge.ami_client import AmiClient
from ami_bridge.call_state import LiveCall
from ami_bridge.call_tracker import CallTracker
from ami_bridge.fallback_trace import Trace
from ami_bridge.snapshot import Snapshot, Waiting
from ami_bridge.traced_calls import TracedCalls
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome
from calls.ports import CallJournal

log = logging.getLogger(__name__)

#: A call whose end we published this long ago and that is still open in the journal: the news was
#: shed or its write failed, so it is told again.
_REPEAT_AFTER = timedelta(seconds=20)


class Resync:
    """`hold` keeps live events back while a snapshot is taken; `replay` applies those that came
    before it. `on_snapshot` gets what Asterisk has, while events are still held back. `traces`:
    calls that the dialplan served without us are made up for, and their traces deleted."""

    def __init__(
        self,
        *,
        client: AmiClient,
        tracker: CallTracker,
        journal: CallJournal,
        bus: EventBus,
        hold: asyncio.Lock,
        replay: Callable[[], None],
        on_snapshot: Callable[[Snapshot], None] = lambda _: None,
        settle_s: float = 1.0,
        traces: bool = True,
    ) -> None:
        self._client = client
        self._tracker = tracker
        self._journal = journal
        self._hold = hold
        self._replay = replay
        self._on_snapshot = on_snapshot
        self._settle_s = settle_s
        self._traced = (
            TracedCalls(client=client, tracker=tracker, journal=journal, bus=bus)
            if traces
            else None
        )

    async def run(self) -> int:
        """One resync; returns how many calls were found gone and closed.

        Raises what asking Asterisk raises; an unreadable journal only narrows what is compared.
        """
        open_before, placed = await self._open_calls()
        async with self._hold:
            # Asked before the snapshot: a traced call that lives still is in it for certain.
            traced = await self._traced.read() if self._traced is not None else []
            self._replay()
            seen = await snapshot.take(self._client)
            self._on_snapshot(seen)
            suspects = self._apply(seen, open_before, placed, traced)
        await asyncio.sleep(self._settle_s)
        await self._tracker.settle()
        closed = await self._traced.close(traced) if traced and self._traced is not None else 0
        closed += self._close_lost(suspects, open_before)
        for call_id in open_before:
            self._tracker.repeat(call_id, told_before=self._tracker.now() - _REPEAT_AFTER)
        return closed

    async def _open_calls(self) -> tuple[tuple[CallId, ...], Collection[CallId]]:
        """All, and those that agents placed."""
        try:
            placed = await self._journal.open_placed(self._tracker.system)
            return tuple(await self._journal.open_calls(self._tracker.system)), placed
        except Exception:
            log.exception("resync: the journal could not be read")
            return (), ()

    def _apply(
        self,
        seen: Snapshot,
        open_before: tuple[CallId, ...],
        placed: Collection[CallId],
        traced: list[Trace],
    ) -> list[LiveCall]:
        """Returns the calls that have no channel in Asterisk and no dialog with us."""
        tracker = self._tracker
        tracker.channels.replace(seen.channels)
        for member in seen.members:
            tracker.member_seen(member)
        for call_id in open_before:
            if tracker.channels.of(call_id.linkedid) and tracker.ending_of(call_id) is None:
                if call_id in placed:
                    tracker.resume_placed(call_id)
                else:
                    tracker.track(call_id)
        for call in tracker.calls.values():
            tracker.prune(call)
        if self._traced is not None:
            self._traced.mark(traced)
        for waiting in seen.waiting:
            self._apply_waiting(waiting, seen)
        # First who talks: whoever dials besides may be consulting.
        self._apply_talks(seen)
        for dialling in seen.dialling:
            if tracker.is_unknown(dialling.begun):
                since = tracker.now() - timedelta(seconds=dialling.for_s)
                tracker.placed(dialling.begun, at=since)
        self._apply_talks(seen)
        suspects = []
        for call in tracker.calls.values():
            tracker.publish(call.id, call.found_ringing(call.channels, call.now()))
            if not call.channels and not call.dialogs:
                suspects.append(call)
        return suspects

    def _apply_waiting(self, waiting: Waiting, seen: Snapshot) -> None:
        tracker = self._tracker
        call = tracker.call_with(waiting.uniqueid)
        if call is not None:
            call.caller_uniqueid = waiting.uniqueid
            tracker.publish(call.id, call.joined(waiting.queue, call.now(), say=call.fallback))
            return
        linkedid = seen.linkedid_of(waiting.uniqueid)
        if linkedid is not None:
            tracker.take_over(
                self._waiting_call(waiting, linkedid),
                uniqueid=waiting.uniqueid,
                queue=waiting.queue,
            )

    def _apply_talks(self, seen: Snapshot) -> None:
        tracker = self._tracker
        for uniqueid, talk in seen.talks.items():
            call = tracker.call_with(uniqueid)
            if call is not None:
                call.caller_uniqueid = uniqueid
                found = call.found_talking(talk.queue, talk.interface, talk.uniqueid, call.now())
                tracker.publish(call.id, found)

    def _waiting_call(self, waiting: Waiting, linkedid: str) -> Call:
        return Call(
            id=CallId(self._tracker.system, linkedid),
            channel=waiting.channel,
            from_raw=waiting.caller,
            from_name=waiting.caller_name,
            withheld=not any(letter.isdigit() for letter in waiting.caller),
            dialled="",
            language="en",
            arrived_at=self._tracker.now() - timedelta(seconds=waiting.waited_s),
        )

    def _close_lost(self, suspects: list[LiveCall], open_before: tuple[CallId, ...]) -> int:
        """Calls we followed and that are gone, and calls of the journal that nobody has."""
        tracker, closed = self._tracker, 0
        for call in suspects:
            if tracker.calls.get(call.id.linkedid) is call and not (call.channels or call.dialogs):
                # A hang-up in the menu that no trace contradicts: only the time is a guess.
                outcome = call.outcome() if call.hung_up_in_dialog else CallOutcome.LOST_SYNC
                self._lose(call.id, outcome)
                closed += 1
        for call_id in open_before:
            known = call_id.linkedid in tracker.calls or tracker.ending_of(call_id) is not None
            if not known and not tracker.channels.of(call_id.linkedid):
                self._lose(call_id, CallOutcome.LOST_SYNC)
                closed += 1
        return closed

    def _lose(self, call_id: CallId, outcome: CallOutcome) -> None:
        self._tracker.end_as(call_id, outcome, estimated=True)
