"""Which calls are recorded now, by whomever: we, or the PBX on its own."""

from __future__ import annotations

from ami_bridge import ami_events as ami
from ami_bridge.call_tracker import CallTracker
from calls.call import CallId
from calls.events import LineRecorded


class RecordedLines:
    """To be told of every event, after the tracker, which publishes what follows. What was not
    heard of while the AMI was away is not known."""

    def __init__(self, *, tracker: CallTracker) -> None:
        self._tracker = tracker
        #: How many record a channel, by its unique id, and of which call that was told.
        self._running: dict[str, int] = {}
        self._told: dict[str, CallId] = {}

    def apply(self, event: ami.AmiEvent) -> None:
        match event:
            case ami.RecordingSeen(on=True):
                self._running[event.uniqueid] = self._running.get(event.uniqueid, 0) + 1
                # Each is told of: whoever muted the line did not mute this one.
                self._told.pop(event.uniqueid, None)
                self._tell(event)
            case ami.RecordingSeen():
                left = self._running.get(event.uniqueid, 0) - 1
                if left > 0:
                    self._running[event.uniqueid] = left
                else:
                    self._over(event.uniqueid)
            case ami.ChannelHungUp():
                self._over(event.uniqueid)
            case ami.QueueJoined() | ami.AgentConnected():
                # A PBX begins before the call is one of ours.
                self._tell(event)
            case _:
                pass

    def lost(self) -> None:
        """The AMI is away."""
        self._running.clear()
        self._told.clear()

    def _tell(self, event: ami.AmiEvent) -> None:
        uniqueid = event.uniqueid
        if uniqueid not in self._running or uniqueid in self._told:
            return
        call = self._tracker.call_with(uniqueid) or self._tracker.calls.get(event.linkedid)
        if call is not None:
            self._told[uniqueid] = call.id
            self._tracker.publish(call.id, [LineRecorded(call.id, call.now(), on=True)])

    def _over(self, uniqueid: str) -> None:
        self._running.pop(uniqueid, None)
        call_id = self._told.pop(uniqueid, None)
        if call_id is not None and call_id not in self._told.values():
            now = self._tracker.now()
            self._tracker.publish(call_id, [LineRecorded(call_id, now, on=False)])
