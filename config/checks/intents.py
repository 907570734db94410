"""Intents that are asked for or expected, and that no menu has."""

from __future__ import annotations

from collections.abc import Iterator

from config.checks.conditions import comparisons, placed_conditions
from config.problems import Problem, Severity, did_you_mean
from config.reading.found import Found
from config.rulebook import ExampleTest

#: The way to a person, which every menu has.
PERSON = "agent"
ASKED = "caller.past_intents"


def unknown_intents(found: Found) -> Iterator[Problem]:
    if found.has_partial_menus or found.named("menus") - found.menus.keys():
        return  # it may stand in what could not be read
    known = {option.intent for menu in found.menus.values() for option in menu.options}
    known |= {PERSON, *found.named("offers")}
    for test in found.tests:
        for intent in _expected(test):
            if intent not in known:
                sentence = f"no menu has the intent '{intent[:60]}'{did_you_mean(intent, known)}"
                yield Problem.at(test.place, f"the example '{test.name}': {sentence}")
    for condition, place in placed_conditions(found):
        for one in comparisons(condition):
            intent = str(one.value)
            if one.fact == ASKED and one.operator == "has" and intent not in known:
                sentence = f"no menu has the intent '{intent[:60]}'{did_you_mean(intent, known)}"
                yield Problem.at(place, sentence, Severity.WARNING)


def _expected(test: ExampleTest) -> Iterator[str]:
    for key in ("options", "digits"):
        intents = test.expect.get(key)
        yield from intents if isinstance(intents, list | dict) else ()
