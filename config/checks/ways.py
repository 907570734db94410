"""How callers get from one menu to another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from config.actions import Action, SayText, ToMenu, every_step
from config.problems import Place
from config.reading.found import Found
from config.rulebook import Menu


def menu_actions(menu: Menu) -> Iterator[tuple[Action, Place]]:
    for option in menu.options:
        yield option.action, option.place
    for retry in (menu.invalid, menu.timeout):
        if retry.then is not None:
            yield retry.then, menu.place
    yield menu.failure, menu.place


def placed_actions(found: Found) -> Iterator[tuple[Action, Place]]:
    """Every action of the rulebook, with where to look for it."""
    for menu in found.menus.values():
        yield from menu_actions(menu)
    for number in found.numbers.values():
        if number.closed is not None:
            yield number.closed, number.place
    for rule, then in found.route_rules():
        if then.action is not None:
            yield then.action, rule.place
    for offer in found.offers.values():
        if offer.action is not None:
            yield offer.action, offer.place


def menus_in(action: Action) -> Iterator[str]:
    for step in every_step(action):
        if isinstance(step, ToMenu):
            yield step.menu


def next_menus(menu: Menu) -> list[str]:
    return [name for action, _ in menu_actions(menu) for name in menus_in(action)]


def entered_by_rules(found: Found) -> list[str]:
    """Menus to which a rule or an offer may bring any caller."""
    names = []
    for _, then in found.route_rules():
        names += [then.menu] if then.menu else []
        names += menus_in(then.action) if then.action is not None else []
    for offer in found.offers.values():
        names += menus_in(offer.action) if offer.action is not None else []
    return names


def entered_first(found: Found) -> list[str]:
    """Menus that a dialled number leads to, doors open or shut."""
    names = []
    for number in found.numbers.values():
        names.append(number.menu)
        names += menus_in(number.closed) if number.closed is not None else []
    return names


def reachable(start: Iterable[str], menus: Mapping[str, Menu]) -> set[str]:
    seen: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name in menus and name not in seen:
            seen.add(name)
            todo.extend(next_menus(menus[name]))
    return seen


def last_step(action: Action) -> Action:
    """Where an action leads once everything is said."""
    while isinstance(action, SayText):
        action = action.then
    return action
