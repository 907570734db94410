"""Menus, programmes and queues that are named and are not there."""

from __future__ import annotations

from collections.abc import Iterator

from config.actions import Action, AskCallback, Record, ToMenu, ToQueue, every_step
from config.checks.ways import placed_actions
from config.problems import Place, Problem, Severity, did_you_mean
from config.reading.found import Found
from config.rulebook import RouteTo, ToProgramme


def unknown_names(found: Found) -> Iterator[Problem]:
    if not found.has_default_number:
        yield Problem.at(
            found.numbers_place,
            "numbers has no 'default'; write default: {menu: ...} for every other number",
        )
    for entry in found.numbers.values():
        yield from _known_menu(entry.menu, entry.place, found)
    for action, place in placed_actions(found):
        for step in every_step(action):
            if isinstance(step, ToMenu):
                yield from _known_menu(step.menu, place, found)
            yield from _known_queue(step, place, found)
    yield from _rules(found)
    yield from _default_queue(found)


def _known_menu(menu: str, place: Place, found: Found) -> Iterator[Problem]:
    names = found.named("menus")
    if menu not in names:
        yield Problem.at(place, f"there is no menu '{menu}'{did_you_mean(menu, names)}")


def _rules(found: Found) -> Iterator[Problem]:
    names = found.named("programmes")
    for rule in found.rules:
        then = rule.then
        if isinstance(then, RouteTo) and then.menu is not None:
            yield from _known_menu(then.menu, rule.place, found)
        if isinstance(then, ToProgramme) and then.programme not in names:
            hint = did_you_mean(then.programme, names)
            yield Problem.at(rule.place, f"there is no hold programme '{then.programme}'{hint}")


def _known_queue(step: Action, place: Place, found: Found) -> Iterator[Problem]:
    queues = found.around.queues
    queue = step.queue if isinstance(step, ToQueue | AskCallback | Record) else None
    if queues is None or queue is None or queue in queues or queue == found.around.default_queue:
        return
    hint = did_you_mean(queue, queues)
    yield Problem.at(place, f"Asterisk has no queue '{queue}'{hint}", Severity.WARNING)


def _default_queue(found: Found) -> Iterator[Problem]:
    queue, queues = found.around.default_queue, found.around.queues
    if queues is not None and queue not in queues:
        sentence = (
            f"Asterisk has no queue '{queue}', which the settings' rulebook.default_queue names"
        )
        yield Problem.at(found.numbers_place, sentence, Severity.WARNING)
