"""A menu as one caller hears it, and what a key does there. Pure: no clock, no channel."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from config.actions import Action, ToTarget
from ivr.direct_dial import NO_EXTENSIONS, Extensions


@dataclass(frozen=True, slots=True)
class PresentedOption:
    digit: str
    intent: str
    #: As the author wrote it, filled in: `For an invoice`.
    say: str
    #: As written: its own texts are filled in when they are reached.
    action: Action
    reasons: tuple[str, ...] = ()
    #: The whole sentence to speak, with the key: `For an invoice, press 3.`
    spoken: str = ""
    #: Set where the option is an offer.
    offer: str | None = None
    probability: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PresentedRetry:
    """`tries` mistakes of this kind end in `then`, or (None) in the menu's failure."""

    say: str
    tries: int
    then: Action | None = None
    greet_again: bool = False


@dataclass(frozen=True, slots=True)
class PresentedMenu:
    """What to speak, finished, in `language`. Always holds an option `0` that leads to a person."""

    name: str
    language: str
    greeting: str | None
    options: tuple[PresentedOption, ...]
    tries: int
    timeout_s: float
    invalid: PresentedRetry
    timeout: PresentedRetry
    failure: Action
    direct_dial: bool = False


class Outcome(enum.StrEnum):
    MATCH = "match"
    INVALID = "invalid"
    TIMEOUT = "timeout"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Of one visit so far."""

    invalid: int = 0
    timeout: int = 0

    def after(self, digits: str) -> Mistakes:
        """One more: a wrong key, or (empty) none."""
        if digits:
            return replace(self, invalid=self.invalid + 1)
        return replace(self, timeout=self.timeout + 1)


@dataclass(frozen=True, slots=True)
class Pressed:
    """`option` is set on a match of one, `retry` where the caller may try again; else
    `next_action` is next."""

    outcome: Outcome
    digits: str
    option: PresentedOption | None = None
    retry: PresentedRetry | None = None
    next_action: Action | None = None


def press(
    menu: PresentedMenu,
    digits: str,
    mistakes: Mistakes = Mistakes(),
    extensions: Extensions = NO_EXTENSIONS,
) -> Pressed:
    """What `digits` (empty: no key in time) mean after the mistakes of this visit. Wrong keys and
    no keys are counted apart, each to its own end."""
    for option in menu.options:
        if option.digit == digits:
            return Pressed(Outcome.MATCH, digits, option, next_action=option.action)
    if menu.direct_dial and extensions.has(digits):
        return Pressed(Outcome.MATCH, digits, next_action=ToTarget(digits))
    retry = menu.invalid if digits else menu.timeout
    made = mistakes.after(digits)
    if (made.invalid if digits else made.timeout) >= retry.tries:
        return Pressed(Outcome.FAILURE, digits, next_action=retry.then or menu.failure)
    return Pressed(Outcome.INVALID if digits else Outcome.TIMEOUT, digits, retry=retry)


def may_go_on(menu: PresentedMenu, typed: str, extensions: Extensions = NO_EXTENSIONS) -> bool:
    """Whether a further key could mean something else than what is typed so far."""
    if any(len(o.digit) > len(typed) and o.digit.startswith(typed) for o in menu.options):
        return True
    return menu.direct_dial and extensions.may_begin_with(typed)


def answer_in(
    menu: PresentedMenu, typed: str, extensions: Extensions = NO_EXTENSIONS
) -> tuple[str, str]:
    """The longest beginning of `typed` that means something here, and the keys after it, which
    were typed ahead for what comes next. `#` may end an extension. Where nothing means anything,
    all of it is the (wrong) answer."""
    for length in range(len(typed), 0, -1):
        answer, rest = typed[:length], typed[length:]
        if press(menu, answer, extensions=extensions).outcome is Outcome.MATCH:
            return answer, rest.removeprefix("#")
    return typed, ""
