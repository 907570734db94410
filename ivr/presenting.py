"""Finishes a menu for one caller: which options, on which keys, in which words. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from config.actions import Action, SayText, ToQueue
from config.rulebook import Menu, Option, Retry, Rulebook
from config.spoken_text import Text
from config.stock_texts import STOCK_TEXTS
from config.templates import TemplateFailed
from ivr.facts import Facts
from ivr.menu import PresentedMenu, PresentedOption, PresentedRetry


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
        invalid=_retry(menu.invalid, menu, "not_understood", with_),
        timeout=_retry(menu.timeout, menu, "nothing_pressed", with_),
        failure=_to_person(menu.failure, with_),
        direct_dial=menu.direct_dial,
    )


def _retry(retry: Retry, menu: Menu, otherwise: str, with_: PresentedWith) -> PresentedRetry:
    say = said(retry.say, with_) or stock(with_, otherwise)
    return PresentedRetry(say, retry.tries or menu.tries, retry.then, retry.greet_again)


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
_Shown = tuple[Option, str, Action, tuple[str, ...]]


def _considered(option: Option, with_: PresentedWith) -> _Shown | None:
    reasons: tuple[str, ...] = ()
    if option.when is not None:
        verdict = option.when.evaluate(with_.facts.values)
        if not verdict.matched:
            return None
        reasons = (f"shown because {verdict.because}",)
    say = said(option.say, with_)
    can_be_said = _can_be_said(option.action, with_)
    if option.digit == "0":
        action = option.action if can_be_said else ToQueue(with_.rulebook.default_queue)
        return option, say or stock(with_, "person"), action, reasons
    if say is None or not can_be_said:
        return None
    return option, say, option.action, reasons


def _can_be_said(action: Action, with_: PresentedWith) -> bool:
    """Whether the texts on the straight way are known now; what comes after a question to the
    caller may become known by it."""
    while isinstance(action, SayText):
        if said(action.text, with_) is None:
            return False
        action = action.then
    return True


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
    action: Action = ToQueue(with_.rulebook.default_queue)
    for option, say_, action_, _ in shown:
        intent, say, action = option.intent, say_, action_
    why = ("a person is always one key away",)
    spoken = _with_key(say, "0", with_)
    return [PresentedOption("0", intent, say, _to_person(action, with_), why, spoken)]


def _to_person(action: Action, with_: PresentedWith) -> Action:
    """The queue of a route rule stands in for the one that the menu names for a person."""
    if isinstance(action, SayText):
        return replace(action, then=_to_person(action.then, with_))
    if isinstance(action, ToQueue) and with_.person_queue is not None:
        return replace(action, queue=with_.person_queue)
    return action
