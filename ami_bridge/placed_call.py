"""A call that an agent placed, as a state machine: before somebody answers it is the agent who
rings for us, and then it goes on as any other call does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ami_bridge import ami_events as ami
from ami_bridge.call_state import LiveCall, News, TalkingLeg
from ami_bridge.live_channels import interface_of
from calls.call import Call, CallOutcome
from calls.records import LegVia

#: apps/app_dial.c DIALSTATUS, as `DialEnd` has it; what is not here could not be reached.
_OUTCOMES = {
    "": CallOutcome.CANCELLED,
    "CANCEL": CallOutcome.CANCELLED,
    "BUSY": CallOutcome.BUSY,
    "NOANSWER": CallOutcome.NOT_ANSWERED,
}


@dataclass
class PlacedCall(LiveCall):
    """`agent` is who placed it, as the roster knows them; empty after a restart that found their
    part over."""

    agent: str = ""
    #: Their channels: the first of the call, and their phone's where that is another.
    own: set[str] = field(default_factory=set)
    is_agent: Callable[[str], bool] = lambda _: False
    #: What came of the last that was dialled in vain.
    status: str = ""
    #: Set while it may turn out to be the consultation of a transfer: then it is none of its own.
    withheld: Call | None = None

    def begun(self, event: ami.DialBegun, at: datetime) -> News:
        leg = self._own_leg(at)
        return self._ring(leg, None) + self.dials(event, at)

    def resumed(self, at: datetime) -> None:
        """Known from before our start; whether somebody has answered, the snapshot says."""
        if self.agent:
            self.ringing[self.agent] = self._own_leg(at)

    def _own_leg(self, at: datetime) -> TalkingLeg:
        return TalkingLeg("", self.agent, set(self.own), at, LegVia.DIAL, self.agent)

    def joined(self, queue: str, at: datetime, *, say: bool) -> News:
        return LiveCall.joined(self, queue, at, say=True)

    def dials(self, event: ami.DialBegun, at: datetime) -> News:
        """Whom the agent calls is no leg, unless it is another agent."""
        if not self.answered and not self.is_agent(interface_of(event.dest_channel)):
            return []
        return LiveCall.dials(self, event, at)

    def dialled(self, event: ami.DialEnded, at: datetime) -> News:
        news = LiveCall.dialled(self, event, at)
        if self.answered or event.dest_channel.startswith("Local/"):
            # Of a Local channel the phone behind it says more.
            return news
        if event.status != "ANSWER":
            self.status = event.status
        elif (own := self.ringing.get(self.agent)) is not None:
            news += self._reached(own, at)
        return news

    def _reached(self, own: TalkingLeg, at: datetime) -> News:
        ring_s = (at - own.since).total_seconds()
        own.since = at
        return LiveCall._answer(self, own, ring_s, 0.0)

    def _answer(self, leg: TalkingLeg, ring_s: float, wait_s: float) -> News:
        own = self.ringing.get(self.agent)
        news = self._reached(own, leg.since) if own is not None and own is not leg else []
        return news + LiveCall._answer(self, leg, ring_s, wait_s)

    def found_talking(self, queue: str, interface: str, uniqueid: str, at: datetime) -> News:
        own = self.ringing.get(self.agent)
        if own is None or self.caller_uniqueid != self.id.linkedid:
            if not self.agent and not self.is_agent(interface):
                return []  # the one who was called, by an agent who is not known any more
            return LiveCall.found_talking(self, queue, interface, uniqueid, at)
        if self.is_agent(interface):
            return LiveCall.found_talking(self, queue, interface, uniqueid, at)
        return self._reached(own, at)

    def outcome(self) -> CallOutcome:
        if self.answered:
            return CallOutcome.ANSWERED
        return _OUTCOMES.get(self.status, CallOutcome.FAILED)
