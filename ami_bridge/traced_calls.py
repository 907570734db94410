"""Makes records of the calls the dialplan served while we were away; see `fallback_trace`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from ami_bridge import fallback_trace
from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.call_tracker import CallTracker
from ami_bridge.fallback_trace import Trace
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome
from calls.events import CallArrived
from calls.ports import CallJournal

log = logging.getLogger(__name__)

#: How often, and after how long, we look whether the journal has closed a call, before its trace
#: is left to the next resync.
_LOOKS_S = (0.0, 0.05, 0.2, 0.5)


class TracedCalls:
    """A trace is deleted only once the journal has the call, closed: until then it can be read
    again after any crash, and reading it twice makes no second record."""

    def __init__(
        self, *, client: AmiClient, tracker: CallTracker, journal: CallJournal, bus: EventBus
    ) -> None:
        self._client = client
        self._tracker = tracker
        self._journal = journal
        self._bus = bus

    async def read(self) -> list[Trace]:
        """All of them, to be handed to `mark` and `close`."""
        try:
            return await fallback_trace.read(self._client)
        except ActionRefused as error:
            log.error("calls served without us stay unknown: %s", error)
            return []

    def mark(self, traces: Collection[Trace]) -> None:
        """Calls that the tracker follows, from the journal or the snapshot, and whose coming into
        the fallback nobody told: they may end any moment now."""
        for trace in traces:
            call = self._tracker.calls.get(trace.linkedid)
            if call is not None and not call.fallback and trace.started_at is not None:
                self._tracker.fell_back(call, self._call(trace), trace.uniqueid)

    async def close(self, seen: Collection[Trace]) -> int:
        """Opens and closes the traced calls that are over. `seen` were read before the snapshot
        that the tracker knows by now. Returns how many calls were closed."""
        keys = {trace.linkedid for trace in seen}
        traces = [t for t in await fallback_trace.read(self._client) if t.linkedid in keys]
        for trace in traces:
            self._follow_living(trace)
        over = [trace for trace in traces if not self._lives(trace)]
        try:
            closed = await self._close(over)
            await self._forget(over)
        except Exception:
            log.exception("traced calls wait for the next resync")
            closed = 0
        return closed

    def _id(self, trace: Trace) -> CallId:
        return CallId(self._tracker.system, trace.linkedid)

    def _lives(self, trace: Trace) -> bool:
        call = self._tracker.calls.get(trace.linkedid)
        if call is not None:
            return bool(call.channels or call.dialogs)
        return bool(self._tracker.channels.of(trace.linkedid))

    def _follow_living(self, trace: Trace) -> None:
        """It lives and nobody told us: neither an event nor the journal."""
        known = (
            trace.linkedid in self._tracker.calls
            or self._tracker.ending_of(self._id(trace)) is not None
        )
        if not known and trace.outcome is None and self._lives(trace):
            self._tracker.take_over(self._call(trace), uniqueid=trace.uniqueid)

    async def _close(self, over: list[Trace]) -> int:
        open_before = set(await self._journal.open_calls(self._tracker.system)) if over else set()
        for trace in over:
            if trace.started_at is not None:
                await self._journal.open_call(self._call(trace), fallback=True)
        open_now = set(await self._journal.open_calls(self._tracker.system)) if over else set()
        closed = 0
        for trace in over:
            call_id = self._id(trace)
            if call_id not in open_now or self._tracker.ending_of(call_id) is not None:
                continue
            if call_id not in open_before:
                call = self._call(trace)
                self._bus.publish(CallArrived(call_id, call.arrived_at, call, fallback=True))
            self._tracker.end_as(
                call_id,
                trace.outcome or CallOutcome.LOST_SYNC,
                at=trace.ended_at or self._tracker.now(),
                estimated=trace.ended_at is None,
            )
            closed += 1
        return closed

    async def _forget(self, over: list[Trace]) -> None:
        left = list(over)
        for wait_s in _LOOKS_S:
            if not left:
                return
            await asyncio.sleep(wait_s)
            still_open = set(await self._journal.open_calls(self._tracker.system))
            for trace in [t for t in left if self._id(t) not in still_open]:
                await fallback_trace.delete(self._client, trace.linkedid)
                left.remove(trace)

    def _call(self, trace: Trace) -> Call:
        return Call(
            id=self._id(trace),
            channel="",
            from_raw=trace.number,
            from_name="",
            withheld=not any(letter.isdigit() for letter in trace.number),
            dialled=trace.dialled,
            language="en",
            arrived_at=trace.started_at or self._tracker.now(),
        )
