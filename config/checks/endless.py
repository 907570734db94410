"""A caller who presses nothing is led on all the same; that way must have an end."""

from __future__ import annotations

from collections.abc import Iterator

from config.actions import (
    Action,
    AskCallback,
    AskWebhook,
    Back,
    CheckPin,
    Collect,
    Record,
    SayText,
    ToMenu,
)
from config.checks.ways import entered_by_rules, entered_first, next_menus
from config.problems import Problem
from config.reading.found import Found
from config.rulebook import Menu


def endless_ways(found: Found) -> Iterator[Problem]:
    entered = set(entered_first(found)) | set(entered_by_rules(found))
    before: dict[str, set[str]] = {
        name: {name} if name in entered else set() for name in found.menus
    }
    for menu in found.menus.values():
        for name in next_menus(menu):
            before.setdefault(name, set()).add(menu.name)
    leads = {name: _silent_menus(menu, before[name]) for name, menu in found.menus.items()}
    for name, menu in found.menus.items():
        way = _way_round(name, leads)
        if way is not None:
            steps = " to ".join(f"'{step}'" for step in way)
            by = "failure" if not _gives_up_by_timeout(menu) else "the timeout's 'then'"
            sentence = f"a caller who presses nothing never gets out: {by} leads from {steps}"
            yield Problem.at(menu.place, sentence)


def _gives_up_by_timeout(menu: Menu) -> bool:
    timeout = menu.timeout
    return timeout.then is not None and (timeout.tries or menu.tries) <= menu.tries


def _silent_menus(menu: Menu, before: set[str]) -> list[str]:
    """Where silence leads from this menu."""
    timeout = menu.timeout
    gives_up = timeout.then if _gives_up_by_timeout(menu) and timeout.then else menu.failure
    menus: list[str] = []
    for step in _silent_steps(gives_up):
        if isinstance(step, ToMenu):
            menus.append(step.menu)
        elif isinstance(step, Back):
            menus += sorted(before)
    return menus


def _silent_steps(action: Action) -> Iterator[Action]:
    """The steps of one who never presses a key; a webhook may answer or not."""
    todo = [action]
    while todo:
        step = todo.pop()
        yield step
        match step:
            case SayText() | Record():
                todo.append(step.then)
            case Collect() | CheckPin():
                todo.append(step.failure)
            case AskCallback():
                todo.append(step.otherwise)
            case AskWebhook():
                todo += [step.then, step.failure]


def _way_round(start: str, leads: dict[str, list[str]]) -> list[str] | None:
    """From a menu back to itself, or None."""
    came_from: dict[str, str] = {}
    todo = [start]
    while todo:
        name = todo.pop(0)
        for following in leads.get(name, ()):
            if following == start:
                way = [start, name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1] if len(way) > 2 else [start, start]
            if following not in came_from:
                came_from[following] = name
                todo.append(following)
    return None
