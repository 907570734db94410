"""What can only be seen with the whole rulebook on the table: names, ways, keys and languages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from config.actions import Action, SayText, ToMenu, ToQueue
from config.problems import Place, Problem, Severity, did_you_mean
from config.rulebook import Menu, RouteTo, ToProgramme
from config.section_readers import Found
from config.spoken_text import ANY_LANGUAGE, Text


def check_whole(found: Found) -> Iterator[Problem]:
    yield from _numbers(found)
    yield from _menus(found)
    yield from _rules(found)
    yield from _unreachable(found)
    yield from _silent_loops(found)
    yield from _languages(found)


def _numbers(found: Found) -> Iterator[Problem]:
    if not found.has_default_number:
        yield Problem.at(
            found.numbers_place,
            "numbers has no 'default'; write default: {menu: ...} for every other number",
        )
    for entry in found.numbers.values():
        yield from _known_menu(entry.menu, entry.place, found)


def _known_menu(menu: str, place: Place, found: Found) -> Iterator[Problem]:
    if menu not in found.menu_names:
        hint = did_you_mean(menu, found.menu_names)
        yield Problem.at(place, f"there is no menu '{menu}'{hint}")


def _menus(found: Found) -> Iterator[Problem]:
    for menu in found.menus.values():
        yield from _keys(menu)
        actions = [(option.action, option.place) for option in menu.options]
        for action, place in [*actions, (menu.failure, menu.place)]:
            last = last_step(action)
            if isinstance(last, ToMenu):
                yield from _known_menu(last.menu, place, found)


def _keys(menu: Menu) -> Iterator[Problem]:
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
        if option.digit == "0" and (
            not isinstance(last_step(option.action), ToQueue) or option.when is not None
        ):
            yield Problem.at(
                option.place, "the digit 0 always leads to a person: a queue, and without 'when'"
            )
    free = 9 - len(digits.keys() & set("123456789"))
    if sum(option.digit is None for option in menu.options) > free:
        yield Problem.at(
            menu.place,
            f"the menu '{menu.name}' has more options than keys; some may never be heard",
            Severity.WARNING,
        )


def last_step(action: Action) -> Action:
    """Where an action leads once everything is said."""
    while isinstance(action, SayText):
        action = action.then
    return action


def _rules(found: Found) -> Iterator[Problem]:
    always: dict[str, tuple[str, int]] = {}
    for rule in found.rules:
        if rule.group in always:
            name, line = always[rule.group]
            yield Problem.at(
                rule.place,
                f"the rule '{rule.name}' is never reached: '{name}' in line {line} always matches",
                Severity.WARNING,
            )
        elif rule.when is None:
            always[rule.group] = (rule.name, rule.place.line)
        if isinstance(rule.then, RouteTo) and rule.then.menu is not None:
            yield from _known_menu(rule.then.menu, rule.place, found)
        if isinstance(rule.then, ToProgramme) and rule.then.programme not in found.programme_names:
            hint = did_you_mean(rule.then.programme, found.programme_names)
            yield Problem.at(
                rule.place, f"there is no hold programme '{rule.then.programme}'{hint}"
            )


def _next_menus(menu: Menu) -> Iterator[str]:
    for action in [*(option.action for option in menu.options), menu.failure]:
        last = last_step(action)
        if isinstance(last, ToMenu):
            yield last.menu


def reachable(start: Iterable[str], menus: dict[str, Menu]) -> set[str]:
    seen: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name in menus and name not in seen:
            seen.add(name)
            todo.extend(_next_menus(menus[name]))
    return seen


def _routed_menus(found: Found) -> list[str]:
    thens = (rule.then for rule in found.rules)
    return [then.menu for then in thens if isinstance(then, RouteTo) and then.menu]


def _unreachable(found: Found) -> Iterator[Problem]:
    if found.has_partial_menus or found.menu_names - found.menus.keys():
        return  # what could not be read may lead to any other
    start = [entry.menu for entry in found.numbers.values()]
    seen = reachable([*start, *_routed_menus(found)], found.menus)
    for menu in found.menus.values():
        if menu.name not in seen:
            sentence = f"no number, option or rule leads to the menu '{menu.name}'"
            yield Problem.at(menu.place, sentence, Severity.WARNING)
    used = {r.then.programme for r in found.rules if isinstance(r.then, ToProgramme)}
    for name, place in found.programme_places.items():
        if name not in used and name != "default":
            sentence = f"no rule chooses the hold programme '{name}'"
            yield Problem.at(place, sentence, Severity.WARNING)


def _silent_loops(found: Found) -> Iterator[Problem]:
    """A caller who presses nothing follows the `failure` actions; that way must have an end."""
    for menu in found.menus.values():
        way = [menu.name]
        while isinstance(last := last_step(found.menus[way[-1]].failure), ToMenu):
            if last.menu == menu.name:
                steps = " to ".join(f"'{name}'" for name in [*way, menu.name])
                yield Problem.at(
                    menu.place,
                    f"a caller who presses nothing never gets out: failure leads from {steps}",
                )
            if last.menu in way or last.menu not in found.menus:
                break
            way.append(last.menu)


def menu_texts(menu: Menu) -> Iterator[Text]:
    yield from filter(None, [menu.greeting, menu.invalid.say, menu.timeout.say])
    yield from _said_in(menu.failure)
    for option in menu.options:
        yield option.say
        yield from _said_in(option.action)


def _said_in(action: Action) -> Iterator[Text]:
    while isinstance(action, SayText):
        yield action.text
        action = action.then


def _languages(found: Found) -> Iterator[Problem]:
    """Each text written per language must have the language of every number that leads to it."""
    missing: dict[tuple[Place, str | None, str], tuple[str, Text]] = {}
    speaking = {(e.menu, e.language): e for e in reversed(found.numbers.values())}
    for entry in speaking.values():
        if entry.language is None:
            continue
        menus = reachable([entry.menu, *_routed_menus(found)], found.menus)
        texts = [text for name in menus for text in menu_texts(found.menus[name])]
        texts += [e.say for entries in found.programmes.values() for e in entries if e.say]
        texts.append(found.texts["option_key"])
        for text in texts:
            if not speaks(text, entry.language):
                missing.setdefault((text.place, text.name, entry.language), (entry.key, text))
    for (place, _, language), (key, text) in missing.items():
        what = f"the text '{text.name}'" if text.name else "the text"
        stock = not place.file
        where = found.numbers_place if stock else place
        hint = f"; write it as texts: {text.name}: {language}: ..." if stock else ""
        yield Problem.at(where, f"{what} has no '{language}', which {key} speaks{hint}")


def speaks(text: Text, language: str) -> bool:
    return language in text.by_language or ANY_LANGUAGE in text.by_language


def full_languages(found: Found) -> dict[str, frozenset[str]]:
    """By menu: the languages in which everything reachable from it is written."""
    held = [e.say for entries in found.programmes.values() for e in entries if e.say]
    by_menu: dict[str, frozenset[str]] = {}
    for name in found.menus:
        menus = reachable([name, *_routed_menus(found)], found.menus)
        texts = [text for menu in menus for text in menu_texts(found.menus[menu])]
        each = [set(text.by_language) for text in [*texts, *held, found.texts["option_key"]]]
        by_menu[name] = frozenset(set.intersection(*each)) - {ANY_LANGUAGE}
    return by_menu
