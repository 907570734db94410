"""Which calls live now, from AMI events and from our own dialogs; the only publisher of CallEnded.

Without AMI a call that ends in its dialog is ended at once; one that went on to a queue stays open
until the next resync.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ami_bridge import ami_events as ami
from ami_bridge.call_state import LiveCall, News
from ami_bridge.conferences import Conferences
from ami_bridge.live_channels import LiveChannels, interface_of
from ami_bridge.placed_call import PlacedCall
from ami_bridge.placing import Placing
from calls import crash_points
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome, Direction
from calls.clocks import Clock, steady, utc_now
from calls.events import CallArrived, CallEnded, CallRemembered
from calls.ports import CallJournal

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Told:
    ended: CallEnded
    #: When it was published; `ended.at` may be long before.
    at: datetime


class CallTracker:
    """One Asterisk's calls. `apply` takes AMI events in order and never waits; a call that only
    Asterisk knew is journaled by a task of its own, and its news are held until that is done."""

    def __init__(
        self,
        *,
        system: str,
        journal: CallJournal,
        bus: EventBus,
        placing: Placing | None = None,
        now: Clock | None = None,
        max_calls: int = 20_000,
        journal_deadline_s: float = 5.0,
    ) -> None:
        self.system = system
        self.now = now or utc_now
        #: The clock of one call; a test's, where it has one.
        self._clock_of_call = steady if now is None else lambda: now
        self.channels = LiveChannels()
        #: Asterisk tells us every hang-up at the moment; set by whoever holds the connection.
        self.followed = False
        #: Called where an event was left out that may have been true; set by the same.
        self.doubted: Callable[[], None] = lambda: None
        #: Live calls by linked id.
        self.calls: dict[str, LiveCall] = {}
        self._placing = placing or Placing(login_of=lambda _: None, outbound=False, internal=False)
        self._journal = journal
        self._bus = bus
        self._max_calls = max_calls
        self._journal_deadline_s = journal_deadline_s
        #: By unique id of each of its channels, as a channel's linked id may change.
        self._call_of: dict[str, LiveCall] = {}
        #: The phone a queue's Local member stands for, by the member's interface.
        self._phone_behind: dict[str, str] = {}
        self._conferences = Conferences()
        self._ended: OrderedDict[CallId, _Told] = OrderedDict()
        #: News of calls whose journal row is not written yet.
        self._held: dict[CallId, News] = {}
        self._openings: set[asyncio.Task[None]] = set()

    # What the AGI side tells

    def dialog_started(self, call_id: CallId, now: Clock | None = None) -> None:
        """`now`: the clock that it was given as it arrived, where we are told."""
        call = self.calls.get(call_id.linkedid)
        if call is None:
            self._ended.pop(call_id, None)
            call = self.track(call_id)
            if not call.channels and not self.channels.has_left(call_id.linkedid):
                self._attach(call, call_id.linkedid)
        if now is not None:
            call.now = now
        call.dialogs += 1

    def dialog_ended(
        self,
        call_id: CallId,
        *,
        hung_up: bool,
        queued: bool,
        left_for: CallOutcome | None = None,
    ) -> None:
        """`hung_up`: the caller left. `queued`: the caller goes on, to a queue or `left_for` a
        mailbox or a transfer. Neither: we sent the caller away. Both: one of the two, we cannot
        tell.

        Asterisk says HANGUP also where its own timeout takes the caller back from us, so while it
        tells of hang-ups, its word on the channel counts.
        """
        call = self.calls.get(call_id.linkedid)
        if call is None:
            return
        call.dialogs = max(0, call.dialogs - 1)
        if call.dialogs:
            return
        call.left_for = left_for
        if hung_up:
            call.hung_up_in_dialog = not call.joined_queue
            # Left the queue to be asked something, and rang off instead.
            call.abandoned = call.joined_queue
            if not call.channels or not (queued or self.followed):
                self._end(call)
        elif not queued:
            self._end(call, outcome=None if call.is_settled else CallOutcome.NOT_ANSWERED)
        elif call.is_over:
            # Asterisk's news of the hang-up was faster than the end of the dialog.
            call.hung_up_in_dialog = left_for is None
            self._end(call)

    def callback_requested(self, call_id: CallId) -> None:
        """However the call ends now, unless an agent still answers: they will be called back."""
        call = self.calls.get(call_id.linkedid)
        if call is not None:
            call.callback_requested = True

    # What our agents place

    def placed(self, event: ami.DialBegun, *, at: datetime | None = None) -> None:
        """Somebody dials in a conversation that is not followed. `at`: since when, if not now."""
        call_id = CallId(self.system, event.linkedid)
        if call_id in self._ended or self.channels.has_left(event.linkedid):
            return
        placed = self._placing.look_at(event, self.channels)
        if placed is None:
            return
        at = at or self.now()
        is_outbound = placed.direction is Direction.OUTBOUND
        call = Call(
            id=call_id,
            channel=placed.channel.name,
            from_raw=placed.number,
            from_name="" if is_outbound else placed.login,
            withheld=False,
            dialled=placed.dialled,
            language="en",
            arrived_at=at,
            direction=placed.direction,
        )
        live = self._placed_call(call_id, placed.agent, placed.channel.uniqueid)
        self.track(call_id, live)
        self._held[call_id] = []
        if self._talks_already(placed.login):
            live.withheld = call
        else:
            self._journal_soon(call, arrived=True)
        self.publish(call_id, live.begun(event, at))

    def resume_placed(self, call_id: CallId) -> None:
        """One that the journal knows and that lives still."""
        if call_id.linkedid in self.calls:
            return
        first = self.channels.get(call_id.linkedid)
        agent = self._placing.agent_of(interface_of(first.name)) if first is not None else None
        live = self._placed_call(call_id, agent or "", call_id.linkedid)
        self.track(call_id, live)
        live.resumed(live.now())

    def _placed_call(self, call_id: CallId, agent: str, uniqueid: str) -> PlacedCall:
        return PlacedCall(
            call_id,
            call_id.linkedid,
            agent=agent,
            own={call_id.linkedid, uniqueid},
            is_agent=lambda interface: self._placing.agent_of(interface) is not None,
        )

    def _talks_already(self, login: str) -> bool:
        """Whoever calls somebody else in the middle of a call may be about to transfer it."""
        legs = (leg for call in self.calls.values() for leg in call.talking.values())
        return any(self._placing.login_behind(leg.interface, leg.phone) == login for leg in legs)

    def _absorb(self, event: ami.Transferred) -> None:
        """A call by which an agent's phone asked, before it transferred, is part of the call that
        is transferred. Where that was not known, it ends here."""
        into = self._find(event)
        if into is None or not (event.attended and event.succeeded):
            return
        for uniqueid in (event.second_uniqueid, event.target_uniqueid):
            asked = self._call_of.get(uniqueid)
            if not isinstance(asked, PlacedCall) or asked is into:
                continue
            if asked.withheld is None:
                self._end(asked)
            else:
                self._forget(asked)
                self._held.pop(asked.id, None)

    # What Asterisk tells

    def apply(self, event: ami.AmiEvent) -> None:
        """Takes one event; publishes what follows from it."""
        if isinstance(event, ami.ChannelCreated | ami.ChannelHungUp) and self.channels.contradicts(
            event.uniqueid, event.channel
        ):
            # Asterisk names the channel before anything of the caller's: the id is made up.
            log.warning("an AMI event of one channel tells of another: left out")
            self.doubted()
            return
        match event:
            case ami.ChannelCreated():
                self._channel_seen(event.uniqueid, event.linkedid, event.channel, event.exten)
            case ami.BridgeEntered():
                self._channel_seen(event.uniqueid, event.linkedid, event.channel)
            case ami.ChannelHungUp():
                self._channel_left(event)
            case ami.ChannelRenamed():
                self.channels.renamed(event.uniqueid, event.channel)
            case ami.MemberSeen():
                self.member_seen(event)
            case ami.FallbackTook():
                self._fallback_took(event)
            case ami.QueueJoined():
                self._queue_joined(event)
            case ami.ConferenceJoined():
                self._conference_joined(event)
            case ami.Booted() | ami.ExitKeyPressed() | ami.MemberGone() | ami.RecordingSeen():
                pass
            case _:
                self._apply_to_its_call(event)

    def _apply_to_its_call(self, event: ami.AmiEvent) -> None:
        if isinstance(event, ami.Transferred):
            self._absorb(event)
        call = self._find(event)
        if call is not None:
            self.publish(call.id, self._react(call, event))
        elif isinstance(event, ami.DialBegun):
            self.placed(event)
        elif isinstance(event, ami.DialEnded):
            self._placing.answered(event, self.channels)
        if isinstance(event, ami.ConferenceLeft):
            self._conferences.left(event)

    def _react(self, call: LiveCall, event: ami.AmiEvent) -> News:
        at = call.now()
        news: News = []
        match event:
            case ami.HangupRequested():
                if event.uniqueid == call.caller_uniqueid:
                    call.hangup_requested = True
            case ami.AgentEvent():
                news = self._react_to_agent(call, event, at)
            case ami.DialBegun():
                news = call.dials(event, at)
            case ami.DialEnded():
                news = call.dialled(event, at)
            case ami.QueueLeft():
                call.left()
            case ami.QueueAbandoned():
                news = call.gave_up(at)
            case ami.LocalsPaired():
                call.paired(event)
            case ami.ParkedTooLong():
                call.parked_too_long()
            case ami.ConferenceLeft():
                news = call.left_conference(event.uniqueid, at)
            case ami.Held():
                news = call.held(event.uniqueid, at, on=event.on)
            case _:
                news = self._react_to_move(call, event, at)
        return news

    def _react_to_move(self, call: LiveCall, event: ami.AmiEvent, at: datetime) -> News:
        """What gives the call to somebody else, and other channels to the call."""
        news: News = []
        match event:
            case ami.Transferred():
                news = call.transferred(event, at)
            case ami.LocalsOptimizedAway():
                call.replaced(event)
            case ami.PickedUp():
                news = call.picked_up(event, at)
            case ami.Parked():
                news = call.parked(event, at)
            case ami.Unparked():
                news = call.unparked(event, at)
        self._claim(call)
        return news

    def _conference_joined(self, event: ami.ConferenceJoined) -> None:
        """Whoever belongs to no call of ours takes part in the one they confer with."""
        members = dict(self._conferences.joined(event))
        for inside in list(members):
            call = self._call_of.get(inside)
            if call is None:
                continue
            for uniqueid, channel in members.items():
                if uniqueid not in self._call_of:
                    news = call.confers_with(uniqueid, channel, call.now())
                    self._claim(call)
                    self.publish(call.id, news)

    def _react_to_agent(self, call: LiveCall, event: ami.AgentEvent, at: datetime) -> News:
        news: News = []
        match event:
            case ami.AgentCalled():
                phone = self._phone_behind.get(event.interface)
                news = call.rings(event.queue, event.interface, event.agent_uniqueid, at, phone)
            case ami.AgentConnected():
                news = call.connected(event, at)
            case ami.AgentCompleted():
                news = call.completed(event, at)
            case ami.AgentRangOut():
                news = call.missed(event.interface, at, in_vain=True)
            case ami.AgentDumped():
                news = call.dumped(event.interface, at)
        return news

    def member_seen(self, event: ami.MemberSeen) -> None:
        if event.state_interface and event.state_interface != event.interface:
            self._phone_behind[event.interface] = event.state_interface
            self._placing.member_seen(event.interface, event.state_interface)

    def _find(self, event: ami.AmiEvent) -> LiveCall | None:
        call = self._call_of.get(event.uniqueid)
        if call is None and isinstance(event, ami.Transferred):
            call = self._call_of.get(event.caller_uniqueid)
        if call is None and isinstance(event, ami.AgentCompleted) and not event.uniqueid:
            # Seen with 22.10.1 where the caller's channel has gone before it is sent.
            call = next((c for c in self.calls.values() if event.interface in c.talking), None)
        return call or self.calls.get(event.linkedid)

    def _channel_seen(self, uniqueid: str, linkedid: str, name: str, exten: str = "") -> None:
        self.channels.seen(uniqueid, linkedid, name, exten)
        call = self.calls.get(linkedid)
        if call is not None and uniqueid in self.channels and uniqueid not in self._call_of:
            self._attach(call, uniqueid)

    def _channel_left(self, event: ami.ChannelHungUp) -> None:
        self.channels.left(event.uniqueid)
        self._conferences.gone(event.uniqueid)
        # A resync may have taken the channel off its call just before.
        call = self._call_of.pop(event.uniqueid, None) or self.calls.get(event.linkedid)
        if call is None:
            return
        self.publish(call.id, call.hung_up(event.uniqueid, call.now()))
        if call.is_over:
            self._end(call)
        crash_points.reached("ami.hangup_applied")

    def _queue_joined(self, event: ami.QueueJoined) -> None:
        call = self._call_of.get(event.uniqueid) or self.calls.get(event.linkedid)
        if call is None:
            self.channels.seen(event.uniqueid, event.linkedid, event.channel)
            call = self.take_over(
                self._call_from(event, dialled=""), queue=event.queue, uniqueid=event.uniqueid
            )
            return
        call.caller_uniqueid = event.uniqueid
        self._attach(call, event.uniqueid)
        self.publish(call.id, call.joined(event.queue, call.now(), say=call.fallback))

    def _fallback_took(self, event: ami.FallbackTook) -> None:
        call = self._call_of.get(event.uniqueid) or self.calls.get(event.linkedid)
        if call is not None:
            self.fell_back(call, self._call_from(event, dialled=event.dialled), event.uniqueid)
            return
        self.channels.seen(event.uniqueid, event.linkedid, event.channel)
        self.take_over(self._call_from(event, dialled=event.dialled), uniqueid=event.uniqueid)

    def _call_from(self, event: ami.QueueJoined | ami.FallbackTook, *, dialled: str) -> Call:
        language = event.language if isinstance(event, ami.FallbackTook) else ""
        return Call(
            id=CallId(self.system, event.linkedid or event.uniqueid),
            channel=event.channel,
            from_raw=event.caller,
            from_name=event.caller_name,
            withheld=not any(letter.isdigit() for letter in event.caller),
            dialled=dialled,
            language=language or "en",
            arrived_at=self.now(),
        )

    def fell_back(self, live: LiveCall, call: Call, uniqueid: str) -> None:
        """A call we follow is in the dialplan's fallback, whatever its dialog believes."""
        live.fallback = True
        live.hung_up_in_dialog = False
        live.caller_uniqueid = uniqueid
        self._journal_soon(call, arrived=False)

    # What the resync tells

    def take_over(self, call: Call, *, uniqueid: str, queue: str | None = None) -> LiveCall | None:
        """Journals a call that did not come through a dialog of ours, then says that it arrived.
        None where it ended lately: its news was only late. In a `queue` it may come from a dialog
        of another process that could not tell us: then the journal has it."""
        if call.id in self._ended or self.channels.has_left(uniqueid):
            return None
        live = self.track(call.id)
        live.fallback = True
        if uniqueid in self.channels:
            live.caller_uniqueid = uniqueid
            self._attach(live, uniqueid)
        self._journal_soon(call, arrived=True, maybe=live if queue is not None else None)
        if queue is not None:
            self.publish(call.id, live.joined(queue, live.now(), say=True))
        return live

    def _journal_soon(self, call: Call, *, arrived: bool, maybe: LiveCall | None = None) -> None:
        """`maybe`: unless another process talks with its caller."""
        if arrived:
            self._held.setdefault(call.id, [])
        work = self._open(call, arrived=arrived, maybe=maybe)
        task = asyncio.create_task(work, name=f"ami:open:{call.id}")
        self._openings.add(task)
        task.add_done_callback(self._openings.discard)

    async def _open(self, call: Call, *, arrived: bool, maybe: LiveCall | None) -> None:
        """Where the journal fails, the agents still learn of the call; the dialplan's trace in
        AstDB brings it back at the next resync, and its keeper hears of the arrival itself."""
        fallback = not call.is_placed
        if maybe is not None and (known := await self._talked_with_elsewhere(call.id)) is not None:
            maybe.fallback = False
            self._bus.publish(known)
            for event in self._held.pop(call.id, []):
                self._bus.publish(event)
            return
        try:
            async with asyncio.timeout(self._journal_deadline_s):
                await self._journal.open_call(call, fallback=fallback)
        except Exception:
            log.exception("%s could not be journaled", call.id)
        if arrived:
            self._bus.publish(CallArrived(call.id, call.arrived_at, call, fallback=fallback))
            for event in self._held.pop(call.id, []):
                self._bus.publish(event)

    async def _talked_with_elsewhere(self, call_id: CallId) -> CallRemembered | None:
        try:
            async with asyncio.timeout(self._journal_deadline_s):
                return await self._journal.talked_with(call_id)
        except Exception:
            log.exception("%s: the journal could not be asked", call_id)
            return None

    async def settle(self) -> None:
        """Returns when every call taken over so far is journaled."""
        while self._openings:
            await asyncio.wait(tuple(self._openings))

    def end_as(
        self,
        call_id: CallId,
        outcome: CallOutcome,
        *,
        at: datetime | None = None,
        estimated: bool,
    ) -> None:
        """Ends a call whose end was found out, tracked or not; not one that has ended before."""
        call = self.calls.get(call_id.linkedid)
        if call is not None:
            self._end(call, outcome=outcome, at=at, estimated=estimated)
        elif call_id not in self._ended:
            self._remember(CallEnded(call_id, at or self.now(), outcome, estimated))

    def ending_of(self, call_id: CallId) -> CallEnded | None:
        """How a call ended, of the last ten thousand."""
        told = self._ended.get(call_id)
        return told.ended if told is not None else None

    def repeat(self, call_id: CallId, *, told_before: datetime) -> None:
        """Tells a call's end again, the same, where it was told before then: the journal's keeper
        has not heard of it."""
        told = self._ended.get(call_id)
        if told is not None and told.at < told_before:
            self._remember(told.ended)

    def is_unknown(self, event: ami.DialBegun) -> bool:
        return self._find(event) is None

    def call_with(self, uniqueid: str) -> LiveCall | None:
        return self._call_of.get(uniqueid)

    def channel_names_of(self, call_id: CallId) -> list[str]:
        """Of the call's channels that live."""
        call = self.calls.get(call_id.linkedid)
        if call is None:
            return []
        found = map(self.channels.get, sorted(call.channels))
        return [one.name for one in found if one is not None and one.name]

    def prune(self, call: LiveCall) -> None:
        """Keeps of the call's channels those that live."""
        for uniqueid in [known for known in call.channels if known not in self.channels]:
            call.channels.discard(uniqueid)
            self._call_of.pop(uniqueid, None)
        for uniqueid in tuple(self.channels.of(call.id.linkedid)):
            self._attach(call, uniqueid)

    # Inside

    def track(self, call_id: CallId, new: LiveCall | None = None) -> LiveCall:
        """Follows the call from now on, with the channels Asterisk has for it. `new`: as what."""
        call = self.calls.get(call_id.linkedid)
        if call is None:
            if len(self.calls) >= self._max_calls:
                self._drop_oldest()
            call = new or LiveCall(call_id, call_id.linkedid)
            call.now = self._clock_of_call()
            self.calls[call_id.linkedid] = call
        for uniqueid in tuple(self.channels.of(call_id.linkedid)):
            self._attach(call, uniqueid)
        return call

    def _attach(self, call: LiveCall, uniqueid: str) -> None:
        if not self.channels.has_left(uniqueid) and uniqueid not in self._call_of:
            call.channels.add(uniqueid)
            self._call_of[uniqueid] = call

    def _claim(self, call: LiveCall) -> None:
        """Of the channels that a transfer brought into the call, those that live and belong to no
        other call of ours are its own from now on."""
        for uniqueid in tuple(call.channels):
            if self.channels.has_left(uniqueid) or (
                self._call_of.setdefault(uniqueid, call) is not call
            ):
                call.channels.discard(uniqueid)

    def _drop_oldest(self) -> None:
        """Memory stays bounded however long AMI is away; the journal has these calls, and the
        next resync ends them."""
        oldest = next((call for call in self.calls.values() if not call.dialogs), None)
        if oldest is not None:
            log.error(
                "more than %d calls live: %s is no longer followed", self._max_calls, oldest.id
            )
            self._forget(oldest)

    def _forget(self, call: LiveCall) -> None:
        self.calls.pop(call.id.linkedid, None)
        for uniqueid in call.channels:
            self._call_of.pop(uniqueid, None)

    def _end(
        self,
        call: LiveCall,
        *,
        outcome: CallOutcome | None = None,
        at: datetime | None = None,
        estimated: bool = False,
    ) -> None:
        self._forget(call)
        if isinstance(call, PlacedCall) and call.withheld is not None:
            # It was none of a transfer.
            self._journal_soon(call.withheld, arrived=True)
        *before, ended = call.ended(at or call.now(), outcome, estimated=estimated)
        assert isinstance(ended, CallEnded)
        self.publish(call.id, before)
        self._remember(ended)

    def _remember(self, ended: CallEnded) -> None:
        self._ended[ended.call_id] = _Told(ended, self.now())
        if len(self._ended) > 10_000:
            self._ended.popitem(last=False)
        self.publish(ended.call_id, [ended])

    def publish(self, call_id: CallId, news: News) -> None:
        held = self._held.get(call_id) if self._held else None
        for event in news:
            if held is None:
                self._bus.publish(event)
            else:
                held.append(event)
