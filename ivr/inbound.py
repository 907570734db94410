"""One inbound call, the whole story on one page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, Self

from calls.bus import EventBus
from calls.call import CallId
from calls.caller import Caller
from calls.clocks import Clock
from calls.deadlines import Deadline
from calls.decision import HoldEntryPlanned
from calls.errors import CallerHungUp, ChannelBroken
from calls.events import CallEnded, CallQueued, CallRouted, DialogFailed
from calls.experiments import StoppedArms
from calls.ports import (
    CallChannel,
    CallerMemories,
    ContactDirectory,
    OfferLedger,
    OfferPolicies,
    PinCheck,
    PropensityScorer,
    QueueRequest,
    SpokenText,
    Webhooks,
)
from calls.recordings import LineRecordings
from config.actions import Ending, HangUp, ToQueue, ToTarget, ToVoicemail
from config.rulebook import Rulebook
from config.settings import CrmSettings, RulebookSettings
from ivr.deciding import Advisers, CallCourse
from ivr.dialog import Dialog
from ivr.direct_dial import Extensions
from ivr.inquiry import Inquiry
from ivr.menu_visit import first_texts
from ivr.prompts import render_all
from ivr.queued_calls import QueuedCall, QueuedCalls

log = logging.getLogger(__name__)

#: In place of an agent's login: whoever talked with this contact last.
LAST_AGENT = "last"


class RulebookSource(Protocol):
    """Implemented by `config.publishing.Rulebooks`."""

    @property
    def current(self) -> Rulebook: ...


class WaitingMusic(Protocol):
    """Implemented by `ivr.hold.HoldProgrammes`."""

    async def prepare(
        self,
        call_id: CallId,
        entries: Sequence[HoldEntryPlanned],
        language: str,
        *,
        deadline: Deadline,
    ) -> str | None:
        """The music class to wait with; None: the queue's own music plays."""
        ...

    async def replan(
        self, call_id: CallId, entries: Sequence[HoldEntryPlanned], language: str
    ) -> None: ...


class InboundCalls:
    """Serves every call; owns what outlasts a dialog: questions to the CRM, and what their late
    answers change for who waits by then. Use as `async with`; `serve` is the AGI server's
    handler."""

    def __init__(
        self,
        *,
        directory: ContactDirectory,
        rulebooks: RulebookSource,
        speech: SpokenText,
        recordings: LineRecordings,
        hold: WaitingMusic,
        bus: EventBus,
        memories: CallerMemories,
        scorer: PropensityScorer,
        ledger: OfferLedger,
        policies: OfferPolicies,
        experiments: StoppedArms,
        pins: PinCheck,
        webhooks: Webhooks,
        crm: CrmSettings,
        rulebook: RulebookSettings,
        speech_deadline_s: float,
        now: Clock | None = None,
    ) -> None:
        self.rulebooks = rulebooks
        self.recordings = recordings
        self.hold = hold
        self.bus = bus
        self.crm = crm
        self.rulebook_settings = rulebook
        self.default_queue = rulebook.default_queue
        self.extensions = Extensions.of(rulebook.direct_dial)
        self.speech_deadline_s = speech_deadline_s
        #: A test's; else each call has its own.
        self.now = now
        self.advisers = Advisers(
            directory=directory,
            memories=memories,
            scorer=scorer,
            ledger=ledger,
            policies=policies,
            experiments=experiments,
            pins=pins,
            webhooks=webhooks,
            speech=speech,
        )
        self.queued = QueuedCalls()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self.bus.subscribe("dialogs", self.queued.call_ended, CallEnded)
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve(self, channel: CallChannel) -> None:
        """Ends with the caller in a queue or sent away; raises CallerHungUp or ChannelBroken
        where that cannot be."""
        await InboundCall(self, channel).run()

    def inquire(self, inquiry: Inquiry) -> asyncio.Task[Caller]:
        task = asyncio.create_task(inquiry.run(), name=f"identify:{inquiry.call.id}")
        self._keep(task)
        return task

    def see_to(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """After the dialog is over."""
        self._keep(asyncio.create_task(work, name=name))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class InboundCall:
    def __init__(self, house: InboundCalls, channel: CallChannel) -> None:
        self._house = house
        self._channel = channel
        self._call = channel.call
        self._now = house.now or channel.now
        #: Where the caller goes should anything of ours fail from here on.
        self._safe_end = ToQueue(house.default_queue)

    async def run(self) -> None:
        try:
            await self._story()
        except (CallerHungUp, ChannelBroken):
            raise
        except Exception as error:
            log.exception("call %s: failed, to the queue %s", self._call.id, self._safe_end.queue)
            self._house.bus.publish(DialogFailed(self._call.id, self._now(), type(error).__name__))
            await self._to_queue(self._safe_end)

    async def _story(self) -> None:
        rulebook = self._house.rulebooks.current
        inquiry = self._inquiry(rulebook)
        course = self._course(rulebook, inquiry)
        asked = self._house.inquire(inquiry)
        deciding = asyncio.create_task(
            self._decide_in_time(course, inquiry, asked), name=f"decide:{self._call.id}"
        )
        try:
            await self._channel.answer()
            await self._channel.begin_dialog()
            await self._channel.listen_during(deciding)
        finally:
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)
        await self._channel.set_language(course.plan.decision.language)
        try:
            end = await self._converse(course)
        finally:
            # Also of who rings off: what they typed, proved and were answered is in it.
            course.tell()
        if isinstance(end, ToQueue):
            if asked.done():
                await self._take_late_news(course, inquiry, asked)
            await self._to_queue(end, course)
            if not asked.done() or not course.memory.is_read:
                self._house.see_to(
                    f"late:{self._call.id}", self._replan_when_known(course, inquiry, asked)
                )
        else:
            await self._send_away(end)

    def _inquiry(self, rulebook: Rulebook) -> Inquiry:
        return Inquiry(
            call=self._call,
            region=rulebook.number_for(self._call.dialled).region or self._house.crm.region,
            directory=self._house.advisers.directory,
            bus=self._house.bus,
            deadline_s=self._late_s,
            now=self._now,
        )

    def _course(self, rulebook: Rulebook, inquiry: Inquiry) -> CallCourse:
        return CallCourse(
            call=self._call,
            rulebook=rulebook,
            advisers=self._house.advisers,
            inquiry=inquiry,
            bus=self._house.bus,
            control_share=self._house.rulebook_settings.control_share,
            answer_s=self._house.crm.answer_deadline_s,
            now=self._now,
        )

    @property
    def _late_s(self) -> float:
        return max(self._house.crm.late_deadline_s, self._house.crm.lookup_deadline_s)

    async def _decide_in_time(
        self, course: CallCourse, inquiry: Inquiry, asked: asyncio.Task[Caller]
    ) -> None:
        """Decides on what is known when the caller's own deadline is over, and begins to
        render the first words while the call is still being answered."""
        deadline = Deadline.after(self._house.crm.lookup_deadline_s)
        await asyncio.wait({asked}, timeout=deadline.left_s)
        caller = asked.result() if asked.done() else await inquiry.give_up_waiting()
        await course.decide_for(caller, deadline=deadline)
        first = course.plan.decision.menu
        if first is not None:
            menu = course.plan.menu(first)
            begun = Deadline.after(0)
            speech = self._house.advisers.speech
            await render_all(speech, first_texts(menu), menu.language, deadline=begun)

    async def _converse(self, course: CallCourse) -> Ending:
        dialog = self._dialog(course)
        if course.record_wish is not None:
            await dialog.record_call(course.record_wish)
        end = await dialog.run(course.plan.entry)
        if end is None:
            # A person is wanted, or no menu to speak: the route's own queue, else the default.
            end = course.plan.presented_with.person or ToQueue(self._house.default_queue)
        if isinstance(end, ToQueue):
            self._safe_end = course.plan.finish(end)
            await dialog.say_if_ready(course.plan.stock("connecting"))
        return end

    def _dialog(self, course: CallCourse, *, position_given_up: int | None = None) -> Dialog:
        return Dialog(
            channel=self._channel,
            speech=self._house.advisers.speech,
            recordings=self._house.recordings,
            bus=self._house.bus,
            course=course,
            speech_deadline_s=self._house.speech_deadline_s,
            now=self._now,
            extensions=self._house.extensions,
            position_given_up=position_given_up,
        )

    async def _take_late_news(
        self, course: CallCourse, inquiry: Inquiry, asked: asyncio.Task[Caller]
    ) -> None:
        """Who was recognised only during the menu still waits with their own programme and
        priority. What the caller typed outranks it."""
        if inquiry.given_up and inquiry.answered and not inquiry.overruled:
            deadline = Deadline.after(self._house.crm.lookup_deadline_s)
            await course.decide_for(asked.result(), deadline=deadline)

    async def _replan_when_known(
        self, course: CallCourse, inquiry: Inquiry, asked: asyncio.Task[Caller]
    ) -> None:
        """Who is recognised or remembered only while waiting hears their own programme from then
        on."""
        try:
            await asyncio.wait({asked})
            if self._house.queued.of(self._call.id) is None:
                return  # over: an offer claimed now would be given back by nobody
            await self._take_late_news(course, inquiry, asked)
            await course.read_memory_again(
                deadline=Deadline.after(self._house.crm.lookup_deadline_s)
            )
            decision = course.plan.decision
            await self._house.hold.replan(self._call.id, _entries(course), decision.language)
        except Exception:
            log.exception("call %s: its programme was not made anew", self._call.id)

    async def _send_away(self, end: HangUp | ToVoicemail | ToTarget) -> None:
        """Told first: the end of the call must not overtake it."""
        kind, target = _routed(end)
        if not self._channel.hung_up:
            self._house.bus.publish(
                CallRouted(self._call.id, self._now(), kind=kind, target=target)
            )
        match end:
            case HangUp():
                await self._channel.hang_up()
            case ToVoicemail():
                await self._channel.to_voicemail(end.mailbox)
            case ToTarget():
                await self._channel.to_target(end.target)

    async def _to_queue(
        self,
        end: ToQueue,
        course: CallCourse | None = None,
        *,
        again: bool = False,
        position: int | None = None,
    ) -> None:
        """`again`: the caller has been in that queue, at `position` where that is known. Nobody is
        then rung first a second time, while the others move on."""
        hold_class, programme, prefer = None, None, None
        if course is not None:
            end = course.plan.finish(end)
            if not again:
                prefer = course.memory.last_agent if end.prefer == LAST_AGENT else end.prefer
            programme = course.plan.decision.hold_programme
            hold_class = await self._prepare_hold(course)
            self._house.queued.remember(self._call.id, QueuedCall(course, end))
        # Told first: the queue's own events must not overtake it.
        self._house.bus.publish(
            CallQueued(
                self._call.id,
                self._now(),
                queue=end.queue,
                priority=end.priority,
                hold_programme=programme if hold_class else None,
                prefer=prefer,
            )
        )
        # What the line itself refuses is not tried again.
        self._safe_end = ToQueue(self._house.default_queue)
        await self._channel.to_queue(
            QueueRequest(
                end.queue,
                priority=end.priority,
                hold_class=hold_class,
                min_penalty=end.min_penalty,
                max_penalty=end.max_penalty,
                prefer=prefer,
                prefer_s=end.prefer_s if prefer else 0,
                position=position,
            )
        )

    async def _prepare_hold(self, course: CallCourse) -> str | None:
        return await self._house.hold.prepare(
            self._call.id,
            _entries(course),
            course.plan.decision.language,
            deadline=Deadline.after(self._house.speech_deadline_s),
        )


def _entries(course: CallCourse) -> list[HoldEntryPlanned]:
    """Without an offer where one was heard in a menu: nobody hears two in a call."""
    offered = course.offer_heard is not None
    return [entry for entry in course.plan.decision.hold if not (entry.offer and offered)]


def _routed(end: HangUp | ToVoicemail | ToTarget) -> tuple[str, str | None]:
    match end:
        case HangUp():
            return "hangup", None
        case ToVoicemail():
            return "voicemail", end.mailbox
        case ToTarget():
            return "transfer", end.target
