"""Walks a rulebook's menus as a caller would, key by key, with neither a line nor a clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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
from config.spoken_text import Text
from ivr.direct_dial import Extensions
from ivr.known import Known
from ivr.menu import Mistakes, PresentedMenu, press
from ivr.rules import CallPlan

#: Nobody circles for ever.
STEPS_LIMIT = 200
YES_KEY, PERSON_KEY = "1", "0"


@dataclass(slots=True)
class Walked:
    """`ending` is None where the caller is still in a menu or a question."""

    says: list[str] = field(default_factory=list)
    #: The one heard last.
    menu: PresentedMenu | None = None
    ending: Ending | None = None
    pressed: bool = False


class Walk:
    """`decided` makes the plan anew from what is known by then. A number typed is taken where its
    length fits, a PIN where the example's caller is known, a webhook answers where the example
    gives its facts."""

    def __init__(
        self,
        *,
        decided: Callable[[Known], CallPlan],
        known: Known,
        given: Mapping[str, object],
        extensions: Extensions,
    ) -> None:
        self._decided = decided
        self._known = known
        self._given = given
        self._extensions = extensions
        self.plan = decided(known)
        self._walked = Walked()
        self._keys: deque[str] = deque()
        self._way: list[str] = []

    def run(self, presses: Sequence[str]) -> Walked:
        self._keys.extend(presses)
        action: Action | None = self.plan.entry
        for _ in range(STEPS_LIMIT):
            if action is None:
                break
            if isinstance(action, Ending):
                self._walked.ending = action
                break
            action = self._follow(action)
        return self._walked

    def _follow(self, step: Action) -> Action | None:
        following: Action | None = None
        match step:
            case SayText():
                self._say(step.text)
                following = step.then
            case ToMenu(menu):
                if not self._way or self._way[-1] != menu:
                    self._way.append(menu)
                following = self._visit(menu)
            case Back():
                if len(self._way) > 1:
                    self._way.pop()
                following = self._visit(self._way[-1]) if self._way else None
            case Collect():
                following = self._collect(step)
            case CheckPin():
                following = self._check_pin(step)
            case Record():
                self._say(step.say)
                following = step.then
            case AskCallback():
                self._say(step.say)
                key = self._key()
                if key == PERSON_KEY:
                    following = self._person()
                elif key is not None:
                    following = step.then if key == YES_KEY else step.otherwise
            case AskWebhook():
                answers = f"answers.{step.webhook}."
                answered = any(name.startswith(answers) for name in self._given)
                following = step.then if answered else step.failure
        return following

    def _visit(self, name: str) -> Action | None:
        menu = self._walked.menu = self.plan.menu(name)
        self._walked.says += [menu.greeting] if menu.greeting else []
        self._walked.says += [option.say for option in menu.options]
        mistakes = Mistakes()
        while (digits := self._key()) is not None:
            pressed = press(menu, digits, mistakes, self._extensions)
            if pressed.retry is None:
                return pressed.next_action
            self._walked.says.append(pressed.retry.say)
            mistakes = mistakes.after(digits)
        return None

    def _collect(self, step: Collect) -> Action | None:
        for _ in range(step.tries):
            self._say(step.say)
            digits = self._key()
            if digits is None:
                return None
            if digits == PERSON_KEY:
                return self._person()
            if step.min_digits <= len(digits) <= step.max_digits and digits.isdecimal():
                self._learn(self._known.with_typed(step.field, digits))
                return step.then
            self._say(step.invalid)
        return step.failure

    def _check_pin(self, step: CheckPin) -> Action | None:
        if not self._given.get("caller.known"):
            return step.failure
        self._say(step.say)
        pin = self._key()
        if pin is None:
            return None
        if pin == PERSON_KEY:
            return self._person()
        if not pin.isdecimal():
            return step.failure
        self._learn(self._known.with_pin_ok())
        return step.then

    def _person(self) -> Action:
        options = self._walked.menu.options if self._walked.menu else ()
        ways = (option.action for option in options if option.digit == PERSON_KEY)
        return next(ways, ToQueue(self.plan.presented_with.rulebook.default_queue))

    def _key(self) -> str | None:
        if not self._keys:
            return None
        self._walked.pressed = True
        return self._keys.popleft()

    def _say(self, text: Text) -> None:
        spoken = self.plan.say(text)
        if spoken is not None:
            self._walked.says.append(spoken)

    def _learn(self, known: Known) -> None:
        self._known = known
        self.plan = self._decided(known)
