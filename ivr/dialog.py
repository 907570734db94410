"""Follow what the rulebook says, step by step, until the caller is somewhere.

A caller who hangs up ends the dialog by CallerHungUp out of the channel.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from calls.bus import EventBus
from calls.deadlines import Deadline
from calls.ports import CallChannel, SpokenText
from calls.recordings import LineRecordings
from config.actions import (
    Action,
    AskCallback,
    AskWebhook,
    Back,
    CheckPin,
    Collect,
    Ending,
    Record,
    SayText,
    ToMenu,
    ToQueue,
)
from config.rulebook import RecordCalls
from ivr import messages
from ivr.callback import ask_callback
from ivr.collecting import collect
from ivr.consent import record_call
from ivr.conversation import PERSON_KEY, Conversation, Next, Person
from ivr.direct_dial import NO_EXTENSIONS, Extensions
from ivr.menu_visit import MenuVisit
from ivr.pin import check_pin
from ivr.plan import Course
from ivr.prompts import render_all
from ivr.quiet import Quiet
from ivr.voice import Voice

log = logging.getLogger(__name__)

#: Menus one caller may visit before a person takes over: nobody circles for ever.
VISITS_LIMIT = 20


class Dialog:
    """One caller's way through menus and questions. `course` holds the plan for this caller."""

    def __init__(
        self,
        *,
        channel: CallChannel,
        speech: SpokenText,
        recordings: LineRecordings,
        bus: EventBus,
        course: Course,
        speech_deadline_s: float,
        now: Callable[[], datetime],
        extensions: Extensions = NO_EXTENSIONS,
        position_given_up: int | None = None,
    ) -> None:
        self._channel = channel
        self._speech = speech
        self._course = course
        self._extensions = extensions
        self._voice = Voice(
            channel=channel,
            speech=speech,
            language=course.plan.decision.language,
            deadline_s=speech_deadline_s,
        )
        quiet = Quiet(channel=channel, recordings=recordings)
        self._talk = Conversation(
            channel.call.id, self._voice, course, bus, now, quiet, position_given_up
        )
        self._greeted: set[str] = set()
        #: From the first menu to the one that the caller is in, as each was entered from the last.
        self._way: list[str] = []
        self._visits = 0
        self._recordings = 0

    async def run(self, action: Action) -> Ending | None:
        """Follows `action` to its end. None: a person is next, because the caller asked for one
        outside of any menu, no menu could be spoken, or they went in circles."""
        step: Action | None = action
        while step is not None:
            if isinstance(step, Ending):
                key = await self._voice.last_words()
                if key != PERSON_KEY or isinstance(step, ToQueue):
                    return step
                step = self._person()
            else:
                following = await self._follow(step)
                step = self._person() if isinstance(following, Person) else following
        await self._voice.last_words()
        return None

    async def record_call(self, wish: RecordCalls) -> None:
        """To be asked before `run`; who refuses is not recorded."""
        await record_call(wish, self._talk, self._channel)

    async def say_if_ready(self, text: str) -> None:
        """Only what is rendered already: nobody waits for a courtesy."""
        sounds = await render_all(
            self._speech, [text], self._voice.language, deadline=Deadline.after(0)
        )
        if sounds:
            await self._channel.play(sounds)

    async def _follow(self, step: Action) -> Next | None:
        following: Next | None
        match step:
            case SayText():
                await self._voice.lead_in(self._course.plan.say(step.text))
                following = step.then
            case ToMenu():
                following = await self._enter(step.menu)
            case Back():
                following = await self._back()
            case Collect():
                following = await collect(step, self._talk)
            case CheckPin():
                following = await check_pin(step, self._talk)
            case Record():
                self._recordings += 1
                following = await messages.record(step, self._talk, self._recordings)
            case AskCallback():
                following = await ask_callback(step, self._talk)
            case AskWebhook():
                answered = await self._voice.during(self._course.ask_webhook(step.webhook))
                following = step.then if answered else step.failure
            case _:
                raise AssertionError(f"not to be followed: {type(step).__name__}")
        return following

    async def _enter(self, name: str) -> Action | None:
        if not self._way or self._way[-1] != name:
            self._way.append(name)
        return await self._visit(name)

    async def _back(self) -> Action | None:
        """Where the first menu is left backwards it is spoken again."""
        if len(self._way) > 1:
            self._way.pop()
        return await self._visit(self._way[-1]) if self._way else None

    async def _visit(self, name: str) -> Action | None:
        self._visits += 1
        if self._visits > VISITS_LIMIT:
            log.warning("call %s: went through %d menus", self._channel.call.id, VISITS_LIMIT)
            return None
        greet = name not in self._greeted
        self._greeted.add(name)
        menu = self._course.plan.menu(name)
        visit = MenuVisit(menu=menu, talk=self._talk, extensions=self._extensions)
        return await visit.run(greet=greet)

    def _person(self) -> Action | None:
        """The way to a person that the menu names in which the caller is."""
        if not self._way:
            return None
        options = self._course.plan.menu(self._way[-1]).options
        return next((option.action for option in options if option.digit == PERSON_KEY), None)
