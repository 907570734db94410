"""Speak a menu, collect a key, do what it means; again until the caller is somewhere.

The four outcomes of a menu (match, invalid, timeout, failure) are values. A caller who hangs up
ends the dialog by CallerHungUp out of the channel.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from calls.bus import EventBus
from calls.call import KeyPress
from calls.deadlines import Deadline
from calls.events import MenuPresented, OptionChosen
from calls.ports import CallChannel, Keys, SpokenText
from config.actions import Action, Ending, SayText, ToMenu
from ivr.menu import Mistakes, PresentedMenu, Pressed, press
from ivr.prompts import render_all
from ivr.rules import CallPlan

log = logging.getLogger(__name__)

#: Menus one caller may visit before a person takes over: nobody circles for ever.
VISITS_LIMIT = 20
#: Sounds in one question: their addresses must fit one AGI line of 8,192 bytes.
ASK_LIMIT = 40

Sounds = tuple[str, ...]


class Dialog:
    """One caller's way through the menus. `plan` finishes menus and texts for this caller."""

    def __init__(
        self,
        *,
        channel: CallChannel,
        speech: SpokenText,
        bus: EventBus,
        plan: CallPlan,
        speech_deadline_s: float,
        now: Callable[[], datetime],
    ) -> None:
        self._channel = channel
        self._speech = speech
        self._bus = bus
        self._plan = plan
        self._speech_deadline_s = speech_deadline_s
        self._now = now
        self._language = plan.decision.language
        self._greeted: set[str] = set()
        #: The menus entered, the last one last.
        self._way: list[str] = []
        #: Spoken before the next menu, so that a key cuts it short.
        self._lead_in: Sounds = ()

    async def run(self, action: Action) -> Ending | None:
        """Follows `action` to its end; None where no menu could be spoken or the caller went in
        circles: a person is next."""
        visits = 0
        while not isinstance(action, Ending):
            if isinstance(action, SayText):
                text = self._plan.say(action.text)
                if text is not None:
                    self._lead_in += await self._sounds(text)
                action = action.then
                continue
            if not isinstance(action, ToMenu):
                return None
            visits += 1
            if visits > VISITS_LIMIT:
                log.warning("call %s: went through %d menus", self._channel.call.id, visits - 1)
                return None
            following = await self._visit(self._plan.menu(action.menu))
            if following is None:
                return None
            action = following
        if self._lead_in:
            await self._channel.play(self._lead_in)
            self._lead_in = ()
        return action

    async def say_if_ready(self, text: str) -> None:
        """Only what is rendered already: nobody waits for a courtesy."""
        sounds = await render_all(self._speech, [text], self._language, deadline=Deadline.after(0))
        if sounds:
            await self._channel.play(sounds)

    async def _visit(self, menu: PresentedMenu) -> Action | None:
        """The action that the caller chose, or what a failure leads to; None: it cannot be
        spoken."""
        self._publish_presented(menu)
        mistakes = Mistakes()
        greet = menu.name not in self._greeted
        while True:
            sounds = await self._menu_sounds(menu, greet=greet)
            if sounds is None:
                return None
            keys = await self._ask(menu, sounds)
            pressed = press(menu, keys.digits, mistakes)
            self._publish_pressed(menu, pressed)
            if pressed.retry is None:
                return pressed.next_action
            mistakes = mistakes.after(pressed.outcome)
            greet = pressed.retry.greet_again
            self._lead_in = await self._sounds(pressed.retry.say)

    async def _ask(self, menu: PresentedMenu, sounds: Sounds) -> Keys:
        """A list too long for one command is begun before: keys pressed there count here."""
        if len(sounds) > ASK_LIMIT:
            await self._channel.play(sounds[:-ASK_LIMIT])
        return await self._channel.ask(
            sounds[-ASK_LIMIT:], max_digits=_longest_digit(menu), timeout_s=menu.timeout_s
        )

    async def _menu_sounds(self, menu: PresentedMenu, *, greet: bool) -> Sounds | None:
        """Lead-in, greeting and options. What is not ready in time is left out and will be there
        at the next try; None where not one option can be heard."""
        greeting = menu.greeting if greet else None
        texts = [greeting or "", *(option.spoken or option.say for option in menu.options)]
        deadline = Deadline.after(self._speech_deadline_s)
        greeted, *options = await asyncio.gather(
            *(render_all(self._speech, [text], menu.language, deadline=deadline) for text in texts)
        )
        if menu.options and not any(options):
            log.warning("call %s: no speech in time for a menu", self._channel.call.id)
            return None
        self._greeted.add(menu.name)
        heard = self._lead_in + (greeted or ()) + tuple(url for o in options for url in o or ())
        self._lead_in = ()
        return heard

    async def _sounds(self, text: str) -> Sounds:
        deadline = Deadline.after(self._speech_deadline_s)
        return await render_all(self._speech, [text], self._language, deadline=deadline) or ()

    def _publish_presented(self, menu: PresentedMenu) -> None:
        self._bus.publish(MenuPresented(self._channel.call.id, self._now(), menu=menu.name))

    def _publish_pressed(self, menu: PresentedMenu, pressed: Pressed) -> None:
        intent = pressed.option.intent if pressed.option else None
        key = KeyPress(menu.name, pressed.digits, pressed.outcome.value, intent)
        self._bus.publish(OptionChosen(self._channel.call.id, self._now(), key=key))


def _longest_digit(menu: PresentedMenu) -> int:
    return max((len(option.digit) for option in menu.options), default=1)


def first_texts(menu: PresentedMenu) -> list[str]:
    """What a caller hears first of a menu: worth rendering before it is asked for."""
    options = [option.spoken or option.say for option in menu.options]
    return [*([menu.greeting] if menu.greeting else []), *options]
