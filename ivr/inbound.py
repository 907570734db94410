"""One inbound call, the whole story on one page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, Self

from calls.bus import EventBus
from calls.caller import Caller
from calls.deadlines import Deadline
from calls.errors import CallerHungUp, ChannelBroken
from calls.events import CallQueued, DecisionMade
from calls.ports import CallChannel, ContactDirectory, QueueRequest, SpokenText
from config.actions import Ending, HangUp, ToMenu, ToQueue
from config.rulebook import Rulebook
from config.settings import CrmSettings
from ivr import rules
from ivr.dialog import Dialog, first_texts
from ivr.hold import HoldProgrammes
from ivr.inquiry import Inquiry, unknown_in_time
from ivr.prompts import render_all

log = logging.getLogger(__name__)


class RulebookSource(Protocol):
    """Implemented by `config.publishing.Rulebooks`."""

    @property
    def current(self) -> Rulebook: ...


class InboundCalls:
    """Serves every call; owns the questions to the CRM that outlast their dialog. Use as
    `async with`; `serve` is the AGI server's handler."""

    def __init__(
        self,
        *,
        directory: ContactDirectory,
        rulebooks: RulebookSource,
        speech: SpokenText,
        hold: HoldProgrammes,
        bus: EventBus,
        crm: CrmSettings,
        default_queue: str,
        speech_deadline_s: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.directory = directory
        self.rulebooks = rulebooks
        self.speech = speech
        self.hold = hold
        self.bus = bus
        self.crm = crm
        self.default_queue = default_queue
        self.speech_deadline_s = speech_deadline_s
        self.now = now
        self._inquiries: set[asyncio.Task[Caller]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._inquiries:
            task.cancel()
        await asyncio.gather(*self._inquiries, return_exceptions=True)

    async def serve(self, channel: CallChannel) -> None:
        """Ends with the caller in a queue or sent away; raises CallerHungUp or ChannelBroken
        where that cannot be."""
        await InboundCall(self, channel).run()

    def inquire(self, inquiry: Inquiry) -> asyncio.Task[Caller]:
        task = asyncio.create_task(inquiry.run(), name=f"identify:{inquiry.call.id}")
        self._inquiries.add(task)
        task.add_done_callback(self._inquiries.discard)
        return task


class InboundCall:
    def __init__(self, house: InboundCalls, channel: CallChannel) -> None:
        self._house = house
        self._channel = channel
        self._call = channel.call

    async def run(self) -> None:
        try:
            await self._story()
        except (CallerHungUp, ChannelBroken):
            raise
        except Exception:
            log.exception("call %s: its dialog failed, to the default queue", self._call.id)
            await self._to_queue(ToQueue(self._house.default_queue))

    async def _story(self) -> None:
        rulebook = self._house.rulebooks.current
        inquiry = self._inquiry(rulebook)
        asked = self._house.inquire(inquiry)
        deciding = asyncio.create_task(
            self._decide_in_time(rulebook, inquiry, asked), name=f"decide:{self._call.id}"
        )
        try:
            await self._channel.answer()
            await self._channel.begin_dialog()
            plan = await deciding
        finally:
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)
        await self._channel.set_language(plan.decision.language)
        end = await self._converse(plan)
        if isinstance(end, HangUp):
            await self._channel.hang_up()
        elif isinstance(end, ToQueue):
            await self._to_queue(end, self._with_late_news(plan, rulebook, inquiry, asked))

    def _inquiry(self, rulebook: Rulebook) -> Inquiry:
        crm = self._house.crm
        return Inquiry(
            call=self._call,
            region=rulebook.number_for(self._call.dialled).region or crm.region,
            directory=self._house.directory,
            bus=self._house.bus,
            deadline_s=max(crm.late_deadline_s, crm.lookup_deadline_s),
            now=self._house.now,
        )

    async def _decide_in_time(
        self, rulebook: Rulebook, inquiry: Inquiry, asked: asyncio.Task[Caller]
    ) -> rules.CallPlan:
        """Decides on what is known when the caller's own deadline is over, and begins to
        render the first words while the call is still being answered."""
        await asyncio.wait({asked}, timeout=self._house.crm.lookup_deadline_s)
        caller = asked.result() if asked.done() else inquiry.give_up_waiting(unknown_in_time())
        plan = self._decide(rulebook, caller)
        first = plan.decision.menu
        if first is not None:
            await self._render_ahead(plan, first)
        return plan

    async def _render_ahead(self, plan: rules.CallPlan, name: str) -> None:
        menu = plan.menu(name)
        begun = Deadline.after(0)
        await render_all(self._house.speech, first_texts(menu), menu.language, deadline=begun)

    def _decide(self, rulebook: Rulebook, caller: Caller) -> rules.CallPlan:
        plan = rules.decide(rulebook, self._call, caller, self._house.now())
        self._house.bus.publish(
            DecisionMade(self._call.id, self._house.now(), decision=plan.decision)
        )
        return plan

    async def _converse(self, plan: rules.CallPlan) -> Ending:
        dialog = Dialog(
            channel=self._channel,
            speech=self._house.speech,
            bus=self._house.bus,
            plan=plan,
            speech_deadline_s=self._house.speech_deadline_s,
            now=self._house.now,
        )
        end: Ending | None = None
        if plan.decision.menu is not None:
            end = await dialog.run(ToMenu(plan.decision.menu))
        if end is not None and not isinstance(end, ToQueue):
            return end
        # Past the menu, or no menu to speak: the route's own queue, else the default.
        route = plan.decision.route
        chosen = route.target if route.kind == "queue" else None
        await dialog.say_if_ready(plan.stock("connecting"))
        return end or ToQueue(chosen or self._house.default_queue, route.priority)

    def _with_late_news(
        self,
        plan: rules.CallPlan,
        rulebook: Rulebook,
        inquiry: Inquiry,
        asked: asyncio.Task[Caller],
    ) -> rules.CallPlan:
        """Who was recognised only during the menu still waits with their own programme and
        priority."""
        if inquiry.given_up and asked.done() and inquiry.answered:
            return self._decide(rulebook, asked.result())
        return plan

    async def _to_queue(self, end: ToQueue, plan: rules.CallPlan | None = None) -> None:
        hold_class, programme, priority = None, None, end.priority
        if plan is not None:
            programme = plan.decision.hold_programme
            priority = max(end.priority, plan.decision.route.priority)
            hold_class = await self._house.hold.prepare(
                self._call.id,
                plan.decision.hold,
                plan.decision.language,
                deadline=Deadline.after(self._house.speech_deadline_s),
            )
        # Told first: the queue's own events must not overtake it.
        self._house.bus.publish(
            CallQueued(
                self._call.id,
                self._house.now(),
                queue=end.queue,
                priority=priority,
                hold_programme=programme if hold_class else None,
            )
        )
        await self._channel.to_queue(
            QueueRequest(end.queue, priority=priority, hold_class=hold_class)
        )
