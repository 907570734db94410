"""Every text that a caller may hear must exist in the language of that caller's number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from config.actions import Action, AskCallback, every_step, followers
from config.checks.recordings import every_text
from config.checks.ways import entered_by_rules, menu_actions, menus_in, reachable
from config.problems import Place, Problem, Severity
from config.reading.found import Found
from config.rulebook import Menu, NumberEntry
from config.spoken_text import ANY_LANGUAGE, Text

#: Texts and lines that one problem names.
MOST_NAMED = 3
MOST_LINES = 20
_FILLED_IN = re.compile(r"{#.*?#}|{{.*?}}|{%.*?%}", re.S)


def missing_languages(found: Found) -> Iterator[Problem]:
    told: set[tuple[Place, str | None, str]] = set()
    for entry in _speaking(found):
        assert entry.language is not None
        missing: list[Text] = []
        for text in _heard_on(entry, found):
            which = (text.place, text.name, entry.language)
            if not speaks(text, entry.language) and which not in told:
                told.add(which)
                missing.append(text)
        yield from _missing(entry, entry.language, missing, found)


def _missing(
    entry: NumberEntry, language: str, texts: list[Text], found: Found
) -> Iterator[Problem]:
    """Each in its own line; those that have none, and all in a language that nobody writes, in the
    number's."""
    own = [text for text in texts if text.place.file]
    is_foreign = len(own) > MOST_NAMED and not any(
        language in text.by_language for text in every_text(found) if text.place.file
    )
    together = texts if is_foreign else [text for text in texts if not text.place.file]
    if together:
        names = ", ".join(_named(text) for text in together[:MOST_NAMED])
        more = f" and {len(together) - MOST_NAMED} more" if len(together) > MOST_NAMED else ""
        are = "text is" if len(together) == 1 else "texts are"
        first = next((text.name for text in together if not text.place.file), None)
        hint = f"; write it as texts: {first}: {language}: ..." if first else ""
        what = f"{entry.key} speaks '{language}'"
        sentence = f"{what}, and {len(together)} {are} not written in it: {names}"
        yield Problem.at(entry.place, f"{sentence}{more}{hint}")
    for text in own if not is_foreign else ():
        is_named = found.texts.get(text.name or "") is text
        what = f"the text '{text.name}'" if is_named else "the text"
        yield Problem.at(text.place, f"{what} has no '{language}', which {entry.key} speaks")


def _named(text: Text) -> str:
    if not text.place.file:
        return str(text.name)
    return f"{Path(text.place.file).name}:{text.place.line}"


def read_as_they_are(found: Found) -> Iterator[Problem]:
    """Texts in no language of their own that callers of several hear."""
    heard: dict[int, tuple[Text, set[str]]] = {}
    for entry in _speaking(found):
        for text in _heard_on(entry, found):
            if ANY_LANGUAGE in text.by_language and text.place.file and _has_words(text):
                heard.setdefault(id(text), (text, set()))[1].add(str(entry.language))
    lines: dict[str, set[int]] = {}
    languages: dict[str, set[str]] = {}
    for text, spoken in heard.values():
        if len(spoken) > 1:
            lines.setdefault(text.place.file, set()).add(text.place.line)
            languages.setdefault(text.place.file, set()).update(spoken)
    for file, numbers in lines.items():
        ordered = sorted(numbers)
        plural = "s" if len(ordered) > 1 else ""
        listed = ", ".join(map(str, ordered[:MOST_LINES]))
        listed += " and others" if len(ordered) > MOST_LINES else ""
        sentence = (
            f"what is said in line{plural} {listed} names no language; it is read as it is to "
            f"callers who hear {' or '.join(sorted(languages[file]))}"
        )
        yield Problem(file, ordered[0], sentence, Severity.WARNING)


def _has_words(text: Text) -> bool:
    words = _FILLED_IN.sub("", text.by_language[ANY_LANGUAGE].source)
    return any(letter.isalpha() for letter in words)


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
