"""Menus that ask too much of a caller: long to listen to, too many options, too deep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from config.actions import ToMenu, every_step
from config.problems import Problem, Severity
from config.rulebook import Menu, Rulebook
from ivr import rules
from ivr.menu import PresentedMenu
from supervisor.sample_callers import sample_callers

#: Besides 0 for a person: what people keep in mind while they listen.
MOST_OPTIONS = 5
#: Menus one after the other, the first included.
MOST_LEVELS = 3

#: Of a text in a language: `SpokenText.seconds`.
Seconds = Callable[[str, str], float]


def too_long(rulebook: Rulebook, now: datetime, seconds: Seconds) -> Iterator[Problem]:
    """Warnings. `now` is aware: what is closed then is heard as closed."""
    plans = _plans(rulebook, now)
    for menu in rulebook.menus.values():
        heard = [plan.menu(menu.name) for plan in plans]
        for which, most_s, key in (
            ("first", menu.first_option_s, "first_option_s"),
            ("last", menu.budget_s, "budget_s"),
        ):
            spent = [
                (listening_seconds(one, seconds, first_only=which == "first"), one.language)
                for one in heard
            ]
            longest, language = max(spent, default=(0.0, ""))
            if longest > most_s:
                sentence = (
                    f"the menu '{menu.name}' takes up to {longest:.1f} s ({language}) until its "
                    f"{which} option is heard; its {key} is {most_s:g}"
                )
                yield Problem.at(menu.place, sentence, Severity.WARNING)
        most = max((sum(o.digit != "0" for o in one.options) for one in heard), default=0)
        if most > MOST_OPTIONS:
            sentence = (
                f"the menu '{menu.name}' has up to {most} options besides the person; "
                f"more than {MOST_OPTIONS} are hard to keep in mind"
            )
            yield Problem.at(menu.place, sentence, Severity.WARNING)
    yield from _too_deep(rulebook)


def listening_seconds(menu: PresentedMenu, seconds: Seconds, *, first_only: bool = False) -> float:
    """Until the last option has been heard, or the first."""
    options = menu.options[:1] if first_only else menu.options
    spoken = [menu.greeting or "", *(option.spoken for option in options)]
    return sum(seconds(text, menu.language) for text in spoken if text)


def _plans(rulebook: Rulebook, now: datetime) -> list[rules.CallPlan]:
    """Of every kind of caller, on one number of each language."""
    numbers = {number.language: number for number in reversed(list(rulebook.numbers.values()))}
    return [
        rules.decide(rulebook, sample.call(number.key, now), sample.caller, now)
        for number in numbers.values()
        for sample in sample_callers(now)
    ]


def _too_deep(rulebook: Rulebook) -> Iterator[Problem]:
    level = {number.menu: 1 for number in rulebook.numbers.values()}
    todo = list(level)
    while todo:
        name = todo.pop(0)
        for following in _next_menus(rulebook.menus[name]):
            if following not in level:
                level[following] = level[name] + 1
                todo.append(following)
    for name, depth in level.items():
        if depth > MOST_LEVELS:
            sentence = f"the menu '{name}' is the {depth}th in a row; {MOST_LEVELS} are enough"
            yield Problem.at(rulebook.menus[name].place, sentence, Severity.WARNING)


def _next_menus(menu: Menu) -> Iterator[str]:
    for option in menu.options:
        for step in every_step(option.action):
            if isinstance(step, ToMenu):
                yield step.menu
