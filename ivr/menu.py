"""A menu as one caller hears it, and what a key does there. Pure: no clock, no channel."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from config.actions import Action


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

    def after(self, outcome: Outcome) -> Mistakes:
        if outcome is Outcome.INVALID:
            return replace(self, invalid=self.invalid + 1)
        return replace(self, timeout=self.timeout + 1)


@dataclass(frozen=True, slots=True)
class Pressed:
    """`option` is set on a match only, `retry` where the caller may try again; on a failure
    `next_action` is next."""

    outcome: Outcome
    digits: str
    option: PresentedOption | None = None
    retry: PresentedRetry | None = None
    next_action: Action | None = None


def press(menu: PresentedMenu, digits: str, mistakes: Mistakes = Mistakes()) -> Pressed:
    """What `digits` (empty: no key in time) mean after the mistakes of this visit."""
    for option in menu.options:
        if option.digit == digits:
            return Pressed(Outcome.MATCH, digits, option, next_action=option.action)
    kind = menu.invalid if digits else menu.timeout
    of_kind = (mistakes.invalid if digits else mistakes.timeout) + 1
    if of_kind >= kind.tries or mistakes.invalid + mistakes.timeout + 1 >= menu.tries:
        then = kind.then if of_kind >= kind.tries and kind.then is not None else menu.failure
        return Pressed(Outcome.FAILURE, digits, next_action=then)
    return Pressed(Outcome.INVALID if digits else Outcome.TIMEOUT, digits, retry=kind)
