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
from calls.clocks import Clock, steady
from calls.records import LegVia

News = list[events.CallEvent]


@dataclass(slots=True)
class TalkingLeg:
    """One agent, ringing or talking. `queue` is empty where a dialplan or a transfer rang.
    `uniqueids` are the channels that stand for it: its phone's, and those of a Local channel
    before that."""

    queue: str
    interface: str
    uniqueids: set[str]
    since: datetime
    via: LegVia
    #: As app_queue names it: another's where it was picked up.
    member: str = ""
    #: The phone behind a Local channel.
    phone: str | None = None
    transferred: bool = False
    #: In a conference of three that it began: app_queue tells nothing more of it (22.10.1).
    confers: bool = False
    held: bool = False


@dataclass(slots=True)
class LiveCall:
    """`channels` are the unique ids that belong to the call and have not hung up: the call is over
    with the last of them (what CEL calls LINKEDID_END), however often it was transferred."""

    id: CallId
    caller_uniqueid: str
    #: Its own, so that a machine's clock that is set anew makes no part of it longer or shorter.
    now: Clock = field(default_factory=steady)
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
    ringing: dict[str, TalkingLeg] = field(default_factory=dict)
    talking: dict[str, TalkingLeg] = field(default_factory=dict)
    #: Channels of parts that are over: what is told of them again begins no new one. Then those
    #: that were answered, and those that gave the call away.
    spent: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    gave_away: set[str] = field(default_factory=set)
    #: Of Local channels: the outer half by the inner one.
    locals: dict[str, str] = field(default_factory=dict)
    #: How whoever the dialplan rings next gets the call.
    next_via: LegVia = LegVia.DIAL
    #: Where a transfer leads that nobody has answered yet.
    transferring_to: str | None = None
    #: The space it is parked in.
    parked_in: str | None = None

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
        self.transferring_to = None
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
        if interface in self.ringing or interface in self.talking or uniqueid in self.spent:
            return []
        leg = TalkingLeg(queue, interface, {uniqueid}, at, self._via(queue), interface)
        return self._ring(leg, state)

    def _ring(self, leg: TalkingLeg, state: str | None) -> News:
        self.ringing[leg.interface] = leg
        told = events.AgentRinging(self.id, leg.since, leg.queue, leg.interface, state, leg.via)
        return [told]

    def held(self, uniqueid: str, at: datetime, *, on: bool) -> News:
        """Only what an agent's own phone does; callers may hold too."""
        legs = [leg for leg in self.talking.values() if uniqueid in leg.uniqueids]
        for leg in legs:
            leg.held = on
        return [events.AgentHeld(self.id, at, leg.interface, on) for leg in legs]

    def missed(self, interface: str, at: datetime, *, in_vain: bool = False) -> News:
        leg = self.ringing.pop(interface, None)
        if leg is None:
            return []
        self.spent |= leg.uniqueids - {""}
        return [events.AgentMissed(self.id, at, leg.queue, interface, in_vain)]

    def connected(self, event: ami.AgentConnected, at: datetime) -> News:
        news = self._picked_up_unseen(event, at)
        rang = self._leg_of(event.agent_uniqueid) or self.ringing.get(event.interface)
        interface = rang.interface if rang else event.interface
        if interface in self.talking or event.agent_uniqueid in self.released:
            return news
        wait_s = event.wait_s
        if self.queued_again and self.queued_at is not None:
            wait_s = max(wait_s, round((at - self.queued_at).total_seconds()))
        leg = TalkingLeg(
            event.queue,
            interface,
            (rang.uniqueids if rang else set()) | {event.agent_uniqueid},
            at,
            rang.via if rang else LegVia.QUEUE,
            event.interface,
            rang.phone if rang else None,
        )
        news += self._answer(leg, event.ring_s, wait_s)
        self.queue = None
        return news + self._all_missed(at)

    def _picked_up_unseen(self, event: ami.AgentConnected, at: datetime) -> News:
        """Asterisk tells of a pickup by another way than app_queue tells of the answer, so the news
        of it may come late; the channel that answered tells it too."""
        rang = self.ringing.get(event.interface)
        picker = interface_of(event.agent_channel)
        if rang is None or rang.phone or not event.agent_channel or picker == rang.interface:
            return []
        if event.agent_uniqueid in rang.uniqueids or "Local/" in (picker[:6], rang.interface[:6]):
            return []
        uniqueid = next(iter(rang.uniqueids), "")
        picked_up = ami.PickedUp(uniqueid, "", event.agent_uniqueid, event.agent_channel)
        return self.picked_up(picked_up, at)

    def completed(self, event: ami.AgentCompleted, at: datetime) -> News:
        leg = self._leg_of(event.agent_uniqueid) or next(
            (leg for leg in self.talking.values() if leg.member == event.interface), None
        )
        if leg is None:
            return []
        leg.transferred = leg.transferred or event.reason == "transfer"
        return self._release(leg.interface, at, event.talk_s)

    def dumped(self, interface: str, at: datetime) -> News:
        return self.missed(interface, at) or self._release(interface, at, 0.0)

    def paired(self, event: ami.LocalsPaired) -> None:
        self.locals[event.inner_uniqueid] = event.uniqueid

    def dials(self, event: ami.DialBegun, at: datetime) -> News:
        """A phone rung by the dialplan (after a transfer, or without a queue). What a queue rings
        it announces itself, and has announced by `AgentCalled` before: of a Local member only the
        phone is new."""
        outer = self.locals.get(event.uniqueid, "")
        leg = self._leg_of(outer)
        if leg is not None:
            leg.uniqueids.add(event.dest_uniqueid)
            leg.phone = leg.phone or interface_of(event.dest_channel)
            return []
        if self.queue is not None or event.dest_uniqueid == self.caller_uniqueid:
            return []
        if not event.uniqueid or self._leg_of(event.dest_uniqueid) is not None:
            return []
        interface = interface_of(event.dest_channel)
        if interface in self.ringing or interface in self.talking:
            return []
        if event.dest_uniqueid in self.spent:
            return []
        asked = outer and self.talking
        via = LegVia.ATTENDED_TRANSFER if asked else self.next_via
        reached_by = {event.dest_uniqueid, outer} if outer else {event.dest_uniqueid}
        return self._ring(TalkingLeg("", interface, reached_by, at, via, interface), None)

    def dialled(self, event: ami.DialEnded, at: datetime) -> News:
        leg = next(
            (leg for leg in self.ringing.values() if event.dest_uniqueid in leg.uniqueids), None
        )
        if leg is None:
            return []
        if event.status != "ANSWER":
            # Of a queue's Local member, app_queue says what came of it.
            if leg.queue and leg.phone:
                return []
            # Who hears of a ring's end before app_queue tells why: the other end stopped it.
            return self.missed(leg.interface, at, in_vain=event.status != "CANCEL")
        if leg.queue:
            return []  # AgentConnect says more
        ring_s = (at - leg.since).total_seconds()
        leg.since = at
        return self._answer(leg, ring_s, 0.0)

    def picked_up(self, event: ami.PickedUp, at: datetime) -> News:
        """Somebody else answers what rings here."""
        rang = self._leg_of(event.uniqueid)
        picker = interface_of(event.picker_channel)
        if rang is None or rang.interface not in self.ringing or picker in self.talking:
            return []
        news = self.missed(rang.interface, at) + self.missed(picker, at)
        self.channels.add(event.picker_uniqueid)
        held = (rang.uniqueids - {event.uniqueid}) | {event.picker_uniqueid}
        leg = TalkingLeg(rang.queue, picker, held, at, LegVia.PICKUP, rang.member)
        news += self._ring(leg, None)
        return news if rang.queue else news + self._answer(leg, 0.0, 0.0)

    def transferred(self, event: ami.Transferred, at: datetime) -> News:
        if not event.succeeded or event.uniqueid in self.gave_away:
            return []
        if event.threeway:
            return self._three_talk(event, at)
        self.gave_away |= {event.uniqueid} - {""}
        leg = self._leg_of(event.uniqueid)
        interface = leg.interface if leg else interface_of(event.from_channel) or None
        if event.attended:
            return self._handed_over(event, interface, leg, at)
        to = event.extension or None
        news: News = [events.CallTransferred(self.id, at, interface, to, attended=False)]
        news += self._gives_away(leg, at)
        if to is not None and self.parked_in is None:
            news.append(events.CallRouted(self.id, at, "transfer", to))
            self.transferring_to, self.next_via = to, LegVia.BLIND_TRANSFER
        return news

    def _three_talk(self, event: ami.Transferred, at: datetime) -> News:
        """Whoever asked a colleague takes both into the caller's call, and stays."""
        leg = self._leg_of(event.uniqueid)
        if leg is None:
            return []
        leg.confers = True
        return self.held(event.uniqueid, at, on=False) if leg.held else []

    def _handed_over(
        self, event: ami.Transferred, interface: str | None, leg: TalkingLeg | None, at: datetime
    ) -> News:
        """`SecondTransfererExten` names the dialplan's place, not who was asked (22.10.1)."""
        target = self._leg_of(event.target_uniqueid) if event.target_uniqueid else None
        reached = target.interface if target else interface_of(event.target_channel) or None
        rings = next(iter(self.ringing), None)
        to = reached or rings or event.extension or None
        news: News = [events.CallTransferred(self.id, at, interface, to, attended=True)]
        if event.target_uniqueid:
            self.channels.add(event.target_uniqueid)
            # Of a Local channel without a phone yet, its other half tells.
            if target is None and reached and not reached.startswith("Local/"):
                via = LegVia.ATTENDED_TRANSFER
                news += self._answer(
                    TalkingLeg("", reached, {event.target_uniqueid}, at, via, reached), 0.0, 0.0
                )
        return news + self._gives_away(leg, at)

    def _gives_away(self, leg: TalkingLeg | None, at: datetime) -> News:
        """app_queue may say so too, and says nothing of a Local member before the call's end."""
        if leg is None or leg.interface not in self.talking:
            return []
        leg.transferred = True
        return self._release(leg.interface, at, None)

    def parked(self, event: ami.Parked, at: datetime) -> News:
        """Nobody talks with who is parked; app_queue takes the agent's part for going on."""
        if self._leg_of(event.uniqueid) is not None:
            return []
        self.parked_in, self.transferring_to = event.space, None
        return [news for leg in list(self.talking.values()) for news in self._gives_away(leg, at)]

    def parked_too_long(self) -> None:
        self.parked_in, self.next_via = None, LegVia.PARK

    def unparked(self, event: ami.Unparked, at: datetime) -> News:
        self.parked_in = None
        if not event.retriever_uniqueid:
            return []
        return self._joins(event.retriever_uniqueid, event.retriever_channel, LegVia.PARK, at)

    def confers_with(self, uniqueid: str, channel: str, at: datetime) -> News:
        """Somebody is in a conference with one of the call's channels."""
        self.transferring_to = None
        return self._joins(uniqueid, channel, LegVia.CONFERENCE, at)

    def _joins(self, uniqueid: str, channel: str, via: LegVia, at: datetime) -> News:
        interface = interface_of(channel)
        if interface in self.talking or self._leg_of(uniqueid) is not None:
            return []
        self.channels.add(uniqueid)
        return self._answer(TalkingLeg("", interface, {uniqueid}, at, via, interface), 0.0, 0.0)

    def left_conference(self, uniqueid: str, at: datetime) -> News:
        leg = self._leg_of(uniqueid)
        if leg is None or leg.via is not LegVia.CONFERENCE:
            return []
        return self._release(leg.interface, at, None)

    def replaced(self, event: ami.LocalsOptimizedAway) -> None:
        """The phone behind a Local channel takes its place."""
        leg = self._leg_of(event.local_uniqueid)
        if leg is not None:
            leg.uniqueids.add(event.source_uniqueid)
        if self.caller_uniqueid == event.local_uniqueid:
            self.caller_uniqueid = event.source_uniqueid
        if event.local_uniqueid in self.channels:
            self.channels.add(event.source_uniqueid)

    def hung_up(self, uniqueid: str, at: datetime) -> News:
        """One channel is gone. A leg that no queue speaks for ends with its last channel."""
        self.saw_hangup = True
        self.channels.discard(uniqueid)
        self.locals.pop(uniqueid, None)
        self.spent.add(uniqueid)
        leg = self._leg_of(uniqueid)
        if leg is None or (leg.queue and not leg.confers) or not leg.uniqueids <= self.spent:
            return []
        return self.missed(leg.interface, at) or self._release(leg.interface, at, None)

    def ended(
        self, at: datetime, outcome: CallOutcome | None = None, *, estimated: bool = False
    ) -> News:
        """Closes what is open, then the call."""
        news = self._all_missed(at)
        for interface in list(self.talking):
            news += self._release(interface, at, None)
        if self.parked_in is not None:
            news.append(events.CallRouted(self.id, at, "parked", self.parked_in))
        elif self.transferring_to is not None:
            news.append(events.CallRouted(self.id, at, "transfer_failed", self.transferring_to))
        return [*news, events.CallEnded(self.id, at, outcome or self.outcome(), estimated)]

    def found_talking(self, queue: str, interface: str, uniqueid: str, at: datetime) -> News:
        """The answer was given while nobody looked."""
        if self.talking or not interface:
            return []
        self.queue = None
        leg = TalkingLeg(queue, interface, {uniqueid}, at, self._via(queue), interface)
        return self._answer(leg, 0.0, 0.0) + self._all_missed(at)

    def found_ringing(self, uniqueids: set[str], at: datetime) -> News:
        """Whoever we believe rings, and has no channel any more, does not."""
        gone = [leg.interface for leg in self.ringing.values() if not leg.uniqueids & uniqueids]
        return [news for interface in gone for news in self.missed(interface, at)]

    def _via(self, queue: str) -> LegVia:
        return LegVia.QUEUE if queue else self.next_via

    def _answer(self, leg: TalkingLeg, ring_s: float, wait_s: float) -> News:
        self.answered, self.transferring_to = True, None
        self.ringing.pop(leg.interface, None)
        self.talking[leg.interface] = leg
        answered = events.AgentAnswered(
            self.id, leg.since, leg.queue, leg.interface, ring_s, wait_s, leg.phone, leg.via
        )
        return [answered]

    def _release(self, interface: str, at: datetime, talk_s: float | None) -> News:
        leg = self.talking.pop(interface, None)
        if leg is None:
            return []
        self.spent |= leg.uniqueids - {""}
        self.released |= leg.uniqueids - {""}
        if talk_s is None:
            talk_s = max(0.0, (at - leg.since).total_seconds())
        return [events.AgentReleased(self.id, at, leg.queue, interface, talk_s, leg.transferred)]

    def _all_missed(self, at: datetime) -> News:
        return [news for interface in list(self.ringing) for news in self.missed(interface, at)]

    def _leg_of(self, uniqueid: str) -> TalkingLeg | None:
        for legs in (self.talking, self.ringing):
            for leg in legs.values():
                if uniqueid in leg.uniqueids:
                    return leg
        return None
