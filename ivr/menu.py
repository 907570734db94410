"""A menu as one caller hears it, and what a key does there. Pure: no clock, no channel."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from config.rulebook import HangUp, ToMenu, ToQueue


@dataclass(frozen=True, slots=True)
class SayThen:
    """Say the finished text, then go on."""

    text: str
    then: PresentedAction


PresentedAction = ToQueue | ToMenu | HangUp | SayThen


@dataclass(frozen=True, slots=True)
class PresentedOption:
    digit: str
    intent: str
    #: As the author wrote it, filled in: `For an invoice`.
    say: str
    action: PresentedAction
    reasons: tuple[str, ...] = ()
    #: The whole sentence to speak, with the key: `For an invoice, press 3.`
    spoken: str = ""


@dataclass(frozen=True, slots=True)
class PresentedMenu:
    """What to speak, finished, in `language`. Always holds an option `0` that leads to a person."""

    name: str
    language: str
    greeting: str | None
    options: tuple[PresentedOption, ...]
    tries: int
    timeout_s: float
    invalid_text: str
    timeout_text: str
    failure: PresentedAction


class Outcome(enum.StrEnum):
    MATCH = "match"
    INVALID = "invalid"
    TIMEOUT = "timeout"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Pressed:
    """`option` is set on a match only. `say` is what to tell the caller before the next try;
    on a failure the menu's `failure` action is next."""

    outcome: Outcome
    digits: str
    option: PresentedOption | None = None
    say: str | None = None


def press(menu: PresentedMenu, digits: str, *, attempt: int = 1) -> Pressed:
    """What `digits` (empty: no key in time) mean on the `attempt`-th try, counted from 1."""
    for option in menu.options:
        if option.digit == digits:
            return Pressed(Outcome.MATCH, digits, option)
    if attempt >= menu.tries:
        return Pressed(Outcome.FAILURE, digits)
    if digits:
        return Pressed(Outcome.INVALID, digits, say=menu.invalid_text)
    return Pressed(Outcome.TIMEOUT, digits, say=menu.timeout_text)
