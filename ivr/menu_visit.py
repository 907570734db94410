"""One visit to a menu: speak it, collect a key, say what was wrong and speak it again."""

from __future__ import annotations

import logging

from calls.call import KeyPress
from calls.events import MenuPresented, OptionChosen
from calls.offers import OfferAnswer
from config.actions import Action
from ivr.conversation import Conversation
from ivr.direct_dial import Extensions
from ivr.menu import (
    Mistakes,
    PresentedMenu,
    PresentedOption,
    Pressed,
    answer_in,
    may_go_on,
    press,
)
from ivr.voice import Sounds

log = logging.getLogger(__name__)

#: Between the keys of an extension. Only where a longer one could begin with what is typed, so a
#: menu's own keys answer at once nearly everywhere.
INTER_DIGIT_S = 2.0


class MenuVisit:
    """`run` gives what the caller chose, or what a failure leads to."""

    def __init__(self, *, menu: PresentedMenu, talk: Conversation, extensions: Extensions) -> None:
        self._menu = menu
        self._talk = talk
        self._extensions = extensions
        self._mistakes = Mistakes()

    async def run(self, *, greet: bool) -> Action | None:
        """None where the menu cannot be spoken, not one option of it."""
        talk = self._talk
        talk.bus.publish(MenuPresented(talk.call_id, talk.now(), menu=self._menu.name))
        while True:
            parts = await self._parts(greet=greet)
            if parts is None:
                log.warning("call %s: no speech in time for a menu", talk.call_id)
                return None
            digits, heard = await self._answer(parts)
            pressed = press(self._menu, digits, self._mistakes, self._extensions)
            self._tell(pressed, offer_heard=heard)
            if pressed.retry is None:
                return pressed.next_action
            self._mistakes = self._mistakes.after(digits)
            greet = pressed.retry.greet_again
            await talk.voice.lead_in(pressed.retry.say)

    async def _parts(self, *, greet: bool) -> list[Sounds] | None:
        """What is not ready in time is left out and will be there at the next try. Two parts where
        an offer can be heard: up to its end, and what follows. Nothing for who has typed ahead."""
        if self._talk.voice.has_keys:
            return [()]
        menu = self._menu
        texts = [option.spoken or option.say for option in menu.options]
        greeted, *options = await self._talk.voice.rendered(
            (menu.greeting or "") if greet else "", *texts
        )
        if not any(options):
            return None
        offer = next((i for i, option in enumerate(menu.options) if option.offer), None)
        if offer is None or not options[offer]:
            return [greeted + _joined(options)]
        upto = offer + 1
        return [greeted + _joined(options[:upto]), _joined(options[upto:])]

    async def _answer(self, parts: list[Sounds]) -> tuple[str, bool]:
        """The keys, and whether the offer was heard to its end before the first of them. A key
        during an offer's own sentence counts as before it: we cannot know how much was heard."""
        voice = self._talk.voice
        typed, played = await voice.key(parts, self._menu.timeout_s)
        while typed and may_go_on(self._menu, typed, self._extensions):
            further = await voice.further_key(INTER_DIGIT_S)
            if not further:
                break
            typed += further
        answer, rest = answer_in(self._menu, typed, self._extensions)
        voice.keep(rest)
        return answer, len(parts) > 1 and played >= 1

    def _tell(self, pressed: Pressed, *, offer_heard: bool) -> None:
        talk, option = self._talk, pressed.option
        offered = next((option for option in self._menu.options if option.offer), None)
        if offer_heard and offered is not None:
            self._offer_met(offered, OfferAnswer.HEARD)
        if option is not None and option.offer:
            self._offer_met(option, OfferAnswer.ACCEPTED)
        intent = option.intent if option else None
        key = KeyPress(self._menu.name, pressed.digits, pressed.outcome.value, intent)
        talk.bus.publish(OptionChosen(talk.call_id, talk.now(), key=key))

    def _offer_met(self, option: PresentedOption, answer: OfferAnswer) -> None:
        assert option.offer is not None
        self._talk.course.offer_met(option.offer, answer)


def _joined(options: list[Sounds]) -> Sounds:
    return tuple(url for sounds in options for url in sounds)


def first_texts(menu: PresentedMenu) -> list[str]:
    """What a caller hears first of a menu: worth rendering before it is asked for."""
    options = [option.spoken or option.say for option in menu.options]
    return [*([menu.greeting] if menu.greeting else []), *options]
