"""Digits and intents of one menu that get into each other's way."""

from __future__ import annotations

from collections.abc import Iterator

from config.actions import ToQueue
from config.checks.ways import last_step
from config.problems import Place, Problem, Severity
from config.reading.found import Found
from config.rulebook import Menu, Option


def keys(found: Found) -> Iterator[Problem]:
    for menu in found.menus.values():
        yield from _clashes(menu)
        yield from _too_few(menu)
        yield from _beyond_the_limit(menu)


def _clashes(menu: Menu) -> Iterator[Problem]:
    digits: dict[str, Place] = {}
    intents: dict[str, Place] = {}
    for option in menu.options:
        if option.intent in intents:
            line = intents[option.intent].line
            sentence = f"the intent '{option.intent}' is given twice in the menu '{menu.name}'"
            yield Problem.at(option.place, f"{sentence}; the first is in line {line}")
        intents.setdefault(option.intent, option.place)
        if option.digit is None:
            continue
        if option.digit in digits:
            line = digits[option.digit].line
            sentence = f"the digit {option.digit} is given twice in the menu '{menu.name}'"
            yield Problem.at(option.place, f"{sentence}; the first is in line {line}")
        digits.setdefault(option.digit, option.place)
        yield from _person(option)


def _person(option: Option) -> Iterator[Problem]:
    if option.digit == "0" and (
        not isinstance(last_step(option.action), ToQueue) or option.when is not None
    ):
        yield Problem.at(
            option.place, "the digit 0 always leads to a person: a queue, and without 'when'"
        )


def _too_few(menu: Menu) -> Iterator[Problem]:
    taken = {option.digit for option in menu.options}
    free = 9 - len(taken & set("123456789"))
    wanted = sum(option.digit is None for option in menu.options) + (menu.offer_slot is not None)
    if wanted > free:
        yield Problem.at(
            menu.place,
            f"the menu '{menu.name}' has more options than keys; some may never be heard",
            Severity.WARNING,
        )


def _beyond_the_limit(menu: Menu) -> Iterator[Problem]:
    """In the order written: what stands behind enough options that everybody hears."""
    always = 0
    for option in menu.options if menu.order == "fixed" else ():
        if option.digit == "0":
            continue
        if always >= menu.max_options:
            sentence = (
                f"the option '{option.intent}' is never heard: {always} stand before it, and the "
                f"menu's max_options is {menu.max_options}"
            )
            yield Problem.at(option.place, sentence, Severity.WARNING)
        always += option.when is None
