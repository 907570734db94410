"""Finishes a menu for one caller: which options, on which keys, in which words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.rulebook import Action, Menu, Option, Rulebook, SayText, Text, ToQueue
from config.stock_texts import STOCK_TEXTS
from config.templates import TemplateFailed
from ivr.facts import Facts
from ivr.menu import PresentedAction, PresentedMenu, PresentedOption, SayThen


@dataclass(frozen=True, slots=True)
class PresentedWith:
    """What a menu is presented with. A route rule's `person_queue` and `priority` hold for the
    way to a person and for every queue of the menu."""

    rulebook: Rulebook
    facts: Facts
    language: str
    person_queue: str | None = None
    priority: int = 0


def present(with_: PresentedWith, name: str) -> PresentedMenu:
    """Never fails for a text: what cannot be filled in is left out or said neutrally. Raises
    KeyError where there is no such menu (the loader has checked every name)."""
    menu = with_.rulebook.menus[name]
    chosen = [_considered(option, with_) for option in menu.options]
    shown = [item for item in chosen if item is not None]
    person = [item for item in shown if item[0].digit == "0"]
    others = [item for item in shown if item[0].digit != "0"][: menu.max_options]
    options = [*_numbered(others, menu, with_), *_person(person, with_)]
    return PresentedMenu(
        name=name,
        language=with_.language,
        greeting=_greeting(menu, with_),
        options=tuple(options),
        tries=menu.tries,
        timeout_s=menu.timeout_s,
        invalid_text=said(menu.invalid, with_) or stock(with_, "not_understood"),
        timeout_text=said(menu.timeout, with_) or stock(with_, "nothing_pressed"),
        failure=_to_person(_action(menu.failure, with_, may_skip=True), with_),
    )


def said(text: Text, with_: PresentedWith, **values: str) -> str | None:
    """The finished text, or None where a value is not known for this caller."""
    try:
        return text.in_language(with_.language).render({**with_.facts.spoken, **values}) or None
    except TemplateFailed:
        return None


def stock(with_: PresentedWith, name: str) -> str:
    """A text that must not fail: the author's, else the one we ship."""
    shipped = STOCK_TEXTS[name]
    return said(with_.rulebook.text(name), with_) or shipped.get(with_.language, shipped["en"])


def _greeting(menu: Menu, with_: PresentedWith) -> str | None:
    if menu.greeting is None:
        return None
    return said(menu.greeting, with_) or stock(with_, "welcome")


#: An option that is shown: as written, its text, its action, and why.
_Shown = tuple[Option, str, PresentedAction, tuple[str, ...]]


def _considered(option: Option, with_: PresentedWith) -> _Shown | None:
    reasons: tuple[str, ...] = ()
    if option.when is not None:
        verdict = option.when.evaluate(with_.facts.values)
        if not verdict.matched:
            return None
        reasons = (f"shown because {verdict.because}",)
    say = said(option.say, with_)
    action = _action(option.action, with_)
    if option.digit == "0":
        say, action = say or stock(with_, "person"), action or ToQueue(with_.rulebook.default_queue)
    if say is None or action is None:
        return None
    return option, say, action, reasons


def _action(action: Action, with_: PresentedWith, *, may_skip: bool = False) -> Any:
    """None where something to say cannot be filled in; with `may_skip` it goes unsaid instead."""
    if isinstance(action, ToQueue):
        return ToQueue(action.queue, max(action.priority, with_.priority))
    if not isinstance(action, SayText):
        return action
    text = said(action.text, with_)
    then = _action(action.then, with_, may_skip=may_skip)
    if text is None or then is None:
        return then if may_skip else None
    return SayThen(text, then)


def _numbered(shown: list[_Shown], menu: Menu, with_: PresentedWith) -> list[PresentedOption]:
    taken = {option.digit for option in menu.options}
    free = iter([digit for digit in "123456789" if digit not in taken])
    options = []
    for option, say, action, reasons in shown:
        digit = option.digit or next(free, None)
        if digit is None:
            break
        why = "digit fixed in the rulebook" if option.digit else "digit in the order of the menu"
        if menu.order == "by_propensity":
            why += " (by_propensity: no propensities yet, so the written order holds)"
        spoken = _with_key(say, digit, with_)
        options.append(PresentedOption(digit, option.intent, say, action, (*reasons, why), spoken))
    return options


def _with_key(say: str, digit: str, with_: PresentedWith) -> str:
    text = with_.rulebook.text("option_key")
    return said(text, with_, say=say, digit=digit) or f"{say}, {digit}."


def _person(shown: list[_Shown], with_: PresentedWith) -> list[PresentedOption]:
    """The `0` that every menu has."""
    intent, say = "agent", stock(with_, "person")
    action: PresentedAction = ToQueue(with_.rulebook.default_queue, with_.priority)
    for option, say_, action_, _ in shown:
        intent, say, action = option.intent, say_, action_
    why = ("a person is always one key away",)
    spoken = _with_key(say, "0", with_)
    return [PresentedOption("0", intent, say, _to_person(action, with_), why, spoken)]


def _to_person(action: PresentedAction, with_: PresentedWith) -> PresentedAction:
    """The queue of a route rule stands in for the one that the menu names for a person."""
    if isinstance(action, SayThen):
        return SayThen(action.text, _to_person(action.then, with_))
    if isinstance(action, ToQueue) and with_.person_queue is not None:
        return ToQueue(with_.person_queue, action.priority)
    return action
