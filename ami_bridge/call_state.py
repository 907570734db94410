"""One call as a state machine: what Asterisk says of it in, what we say of it out.

Pure: no clock, no socket, no bus. Each method returns the events to publish, in order. Every method
takes news that is late, repeated or out of order without harm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ami_bridge import ami_events as ami
from ami_bridge.live_channels import interface_of
from calls import events
from calls.call import CallId, CallOutcome

News = list[events.CallEvent]


@dataclass(slots=True)
class _Leg:
    """One agent, ringing or talking. `queue` is empty where a dialplan or a transfer rang."""

    queue: str
    interface: str
    uniqueid: str
    since: datetime
    transferred: bool = False


@dataclass(slots=True)
class LiveCall:
    """`channels` are the unique ids that belong to the call and have not hung up: the call is over
    with the last of them (what CEL calls LINKEDID_END), however often it was transferred."""

    id: CallId
    caller_uniqueid: str
    channels: set[str] = field(default_factory=set)
    #: AGI dialogs with us now.
    dialogs: int = 0
    #: The dialplan's fallback took it: nobody else says CallQueued for it.
    fallback: bool = False
    #: The queue it waits in now.
    queue: str | None = None
    joined_queue: bool = False
    #: When it came into its first queue, and that it was in several: a preferred agent is tried
    #: in a queue of its own, and Asterisk counts the wait anew in each.
    queued_at: datetime | None = None
    queued_again: bool = False
    answered: bool = False
    #: The caller's own end hung up, or Asterisk was told to hang it up.
    hangup_requested: bool = False
    abandoned: bool = False
    #: Handed to a mailbox or to somebody outside our queues, and not queued since.
    left_for: CallOutcome | None = None
    callback_requested: bool = False
    hung_up_in_dialog: bool = False
    #: Some channel of it was seen to end.
    saw_hangup: bool = False
    ringing: dict[str, _Leg] = field(default_factory=dict)
    talking: dict[str, _Leg] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.saw_hangup and not self.channels and not self.dialogs

    @property
    def is_settled(self) -> bool:
        """The caller got something, whoever hangs up."""
        return self.answered or self.callback_requested

    def outcome(self) -> CallOutcome:
        """As it stands now; final once the call is over."""
        if self.answered and self.left_for is None:
            return CallOutcome.ANSWERED
        if self.callback_requested:
            return CallOutcome.CALLBACK
        return self.left_for or self._in_vain()

    def _in_vain(self) -> CallOutcome:
        if self.abandoned or (self.queue is not None and self.hangup_requested):
            return CallOutcome.ABANDONED_IN_QUEUE
        if self.hung_up_in_dialog:
            return CallOutcome.ABANDONED_IN_MENU
        if not self.joined_queue and self.hangup_requested:
            # Between the dialog and the queue; of the fallback there is only the queue.
            return (
                CallOutcome.ABANDONED_IN_QUEUE if self.fallback else CallOutcome.ABANDONED_IN_MENU
            )
        return CallOutcome.NOT_ANSWERED

    def joined(self, queue: str, at: datetime, *, say: bool) -> News:
        """`say`: nobody else tells that the call waits. After a mailbox or a transfer that failed
        nobody does."""
        again = self.queue == queue
        say = say or self.left_for is not None
        self.left_for = None
        self.queued_again = self.queued_again or (self.queued_at is not None and not again)
        self.queued_at = self.queued_at or at
        self.queue, self.joined_queue, self.abandoned = queue, True, False
        self.hung_up_in_dialog = False
        return [] if again or not say else [events.CallQueued(self.id, at, queue)]

    def left(self) -> None:
        """With or without an agent."""
        self.queue = None

    def gave_up(self, at: datetime) -> News:
        """`QueueCallerAbandon`: the caller hung up if it was said so before; else the queue did."""
        self.abandoned = self.abandoned or self.hangup_requested
        self.queue = None
        return self._all_missed(at)

    def rings(
        self, queue: str, interface: str, uniqueid: str, at: datetime, state: str | None
    ) -> News:
        if interface in self.ringing or interface in self.talking:
            return []
        self.ringing[interface] = _Leg(queue, interface, uniqueid, at)
        return [events.AgentRinging(self.id, at, queue, interface, state)]

    def missed(self, interface: str, at: datetime) -> News:
        leg = self.ringing.pop(interface, None)
        return [events.AgentMissed(self.id, at, leg.queue, interface)] if leg else []

    def connected(self, event: ami.AgentConnected, at: datetime) -> News:
        if event.interface in self.talking:
            return []
        wait_s = event.wait_s
        if self.queued_again and self.queued_at is not None:
            wait_s = max(wait_s, round((at - self.queued_at).total_seconds()))
        leg = _Leg(event.queue, event.interface, event.agent_uniqueid, at)
        news = self._answer(leg, event.ring_s, wait_s)
        self.queue = None
        return news + self._all_missed(at)

    def completed(self, event: ami.AgentCompleted, at: datetime) -> News:
        leg = self.talking.get(event.interface)
        if leg is not None and event.reason == "transfer":
            leg.transferred = True
        return self._release(event.interface, at, event.talk_s)

    def dumped(self, interface: str, at: datetime) -> News:
        return self.missed(interface, at) or self._release(interface, at, 0.0)

    def dials(self, event: ami.DialBegun, at: datetime) -> News:
        """A phone rung by the dialplan (after a transfer, or without a queue). What a queue rings
        it announces itself, and has announced by `AgentCalled` before."""
        if self.queue is not None or event.dest_uniqueid == self.caller_uniqueid:
            return []
        if not event.uniqueid or self._leg_of(event.dest_uniqueid) is not None:
            return []
        return self.rings("", interface_of(event.dest_channel), event.dest_uniqueid, at, None)

    def dialled(self, event: ami.DialEnded, at: datetime) -> News:
        leg = next(
            (leg for leg in self.ringing.values() if leg.uniqueid == event.dest_uniqueid), None
        )
        if leg is None:
            return []
        if event.status != "ANSWER":
            return self.missed(leg.interface, at)
        if leg.queue:
            return []  # AgentConnect says more
        ring_s = (at - leg.since).total_seconds()
        return self._answer(_Leg("", leg.interface, leg.uniqueid, at), ring_s, 0.0)

    def transferred(self, event: ami.Transferred, at: datetime) -> News:
        if not event.succeeded:
            return []
        leg = self._leg_of(event.uniqueid)
        interface = leg.interface if leg else interface_of(event.from_channel) or None
        if leg is not None:
            leg.transferred = True
        to = event.extension or interface_of(event.target_channel) or None
        news: News = [events.CallTransferred(self.id, at, interface, to, event.attended)]
        if event.attended and event.target_uniqueid:
            self.channels.add(event.target_uniqueid)
            target = interface_of(event.target_channel)
            if target not in self.talking:
                news += self._answer(_Leg("", target, event.target_uniqueid, at), 0.0, 0.0)
        return news

    def replaced(self, event: ami.LocalsOptimizedAway) -> None:
        """The phone behind a Local channel takes its place."""
        leg = self._leg_of(event.local_uniqueid)
        if leg is not None:
            leg.uniqueid = event.source_uniqueid
        if self.caller_uniqueid == event.local_uniqueid:
            self.caller_uniqueid = event.source_uniqueid
        if event.local_uniqueid in self.channels:
            self.channels.add(event.source_uniqueid)

    def hung_up(self, uniqueid: str, at: datetime) -> News:
        """One channel is gone. A leg that no queue speaks for ends with its channel."""
        self.saw_hangup = True
        self.channels.discard(uniqueid)
        leg = self._leg_of(uniqueid)
        if leg is None or leg.queue:
            return []
        return self.missed(leg.interface, at) or self._release(leg.interface, at, None)

    def ended(
        self, at: datetime, outcome: CallOutcome | None = None, *, estimated: bool = False
    ) -> News:
        """Closes what is open, then the call."""
        news = self._all_missed(at)
        for interface in list(self.talking):
            news += self._release(interface, at, None)
        return [*news, events.CallEnded(self.id, at, outcome or self.outcome(), estimated)]

    def found_talking(self, queue: str, interface: str, uniqueid: str, at: datetime) -> News:
        """The answer was given while nobody looked."""
        if self.talking or not interface:
            return []
        self.queue = None
        return self._answer(_Leg(queue, interface, uniqueid, at), 0.0, 0.0) + self._all_missed(at)

    def found_ringing(self, uniqueids: set[str], at: datetime) -> News:
        """Whoever we believe rings, and has no channel any more, does not."""
        gone = [leg.interface for leg in self.ringing.values() if leg.uniqueid not in uniqueids]
        return [news for interface in gone for news in self.missed(interface, at)]

    def _answer(self, leg: _Leg, ring_s: float, wait_s: float) -> News:
        self.answered = True
        self.ringing.pop(leg.interface, None)
        self.talking[leg.interface] = leg
        return [events.AgentAnswered(self.id, leg.since, leg.queue, leg.interface, ring_s, wait_s)]

    def _release(self, interface: str, at: datetime, talk_s: float | None) -> News:
        leg = self.talking.pop(interface, None)
        if leg is None:
            return []
        if talk_s is None:
            talk_s = max(0.0, (at - leg.since).total_seconds())
        return [events.AgentReleased(self.id, at, leg.queue, interface, talk_s, leg.transferred)]

    def _all_missed(self, at: datetime) -> News:
        return [news for interface in list(self.ringing) for news in self.missed(interface, at)]

    def _leg_of(self, uniqueid: str) -> _Leg | None:
        for legs in (self.talking, self.ringing):
            for leg in legs.values():
                if leg.uniqueid == uniqueid:
                    return leg
        return None
