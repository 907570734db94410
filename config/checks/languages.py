"""Every text that a caller may hear must exist in the language of that caller's number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from config.actions import Action, AskCallback, every_step, followers
from config.checks.ways import entered_by_rules, menu_actions, menus_in, reachable
from config.problems import Place, Problem
from config.reading.found import Found
from config.rulebook import Menu, NumberEntry
from config.spoken_text import ANY_LANGUAGE, Text


def missing_languages(found: Found) -> Iterator[Problem]:
    missing: dict[tuple[Place, str | None, str], tuple[str, Text]] = {}
    for entry in _speaking(found):
        assert entry.language is not None
        for text in _heard_on(entry, found):
            if not speaks(text, entry.language):
                missing.setdefault((text.place, text.name, entry.language), (entry.key, text))
    for (place, _, language), (key, text) in missing.items():
        is_named = found.texts.get(text.name or "") is text
        what = f"the text '{text.name}'" if is_named else "the text"
        stock = not place.file
        where = found.numbers_place if stock else place
        hint = f"; write it as texts: {text.name}: {language}: ..." if stock else ""
        yield Problem.at(where, f"{what} has no '{language}', which {key} speaks{hint}")


def _speaking(found: Found) -> list[NumberEntry]:
    """One number for each thing that can be different between them."""
    named = [entry for entry in found.numbers.values() if entry.language is not None]
    unlike = {(e.menu, e.language, id(e) if e.closed else 0): e for e in reversed(named)}
    return list(unlike.values())


def _heard_on(entry: NumberEntry, found: Found) -> Iterator[Text]:
    start = [entry.menu, *entered_by_rules(found)]
    if entry.closed is not None:
        start += menus_in(entry.closed)
        yield from texts_in(entry.closed, found)
    for name in reachable(start, found.menus):
        yield from menu_texts(found.menus[name], found)
    yield from _heard_anywhere(found)


def _heard_anywhere(found: Found) -> Iterator[Text]:
    for _, then in found.route_rules():
        if then.action is not None:
            yield from texts_in(then.action, found)
    for entries in found.programmes.values():
        yield from (entry.say for entry in entries if entry.say)
    for offer in found.offers.values():
        yield from filter(None, (offer.menu, offer.hold))
        if offer.action is not None:
            yield from texts_in(offer.action, found)
    yield found.texts["option_key"]


def menu_texts(menu: Menu, found: Found) -> Iterator[Text]:
    yield from filter(None, [menu.greeting, menu.invalid.say, menu.timeout.say])
    for option in menu.options:
        yield option.say
    for action, _ in menu_actions(menu):
        yield from texts_in(action, found)


def texts_in(action: Action, found: Found) -> Iterator[Text]:
    for step in every_step(action):
        yield from followers(step).texts
        if isinstance(step, AskCallback):
            yield found.texts["callback_yes"]


def speaks(text: Text, language: str) -> bool:
    return language in text.by_language or ANY_LANGUAGE in text.by_language


def full_languages(found: Found) -> dict[str, frozenset[str]]:
    """By menu: the languages in which everything reachable from it is written."""
    anywhere = _shared(_heard_anywhere(found))
    by_rules = entered_by_rules(found)
    own = {name: _shared(menu_texts(menu, found)) for name, menu in found.menus.items()}
    closed: dict[str, list[Action]] = {}
    for number in found.numbers.values():
        if number.closed is not None:
            closed.setdefault(number.menu, []).append(number.closed)
    by_menu: dict[str, frozenset[str]] = {}
    for name in found.menus:
        actions = closed.get(name, [])
        start = [name, *by_rules, *(menu for action in actions for menu in menus_in(action))]
        shut = [_shared(texts_in(action, found)) for action in actions]
        each = [anywhere, *shut, *(own[menu] for menu in reachable(start, found.menus))]
        known = [languages for languages in each if languages is not None]
        by_menu[name] = frozenset.intersection(*known) - {ANY_LANGUAGE} if known else frozenset()
    return by_menu


def _shared(texts: Iterable[Text]) -> frozenset[str] | None:
    """Languages that all of them have; None of no texts."""
    sets = [frozenset(text.by_language) for text in texts]
    return frozenset.intersection(*sets) if sets else None
