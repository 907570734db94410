"""Conditions that can never decide anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.conditions import All, Condition, Not
from config.covering import Meaning, meaning_of
from config.facts import Fact
from config.problems import Place, Problem, Severity
from config.reading.found import Found
from config.rulebook import RULE_GROUPS, Rule

#: Pairs of rules compared in one group; beyond any real rulebook.
MAX_PAIRS = 20_000


def never_matching(found: Found) -> Iterator[Problem]:
    for group in RULE_GROUPS:
        yield from _group([rule for rule in found.rules if rule.group == group], found.facts)
    for menu in found.menus.values():
        for option in menu.options:
            if _is_impossible(option.when, found.facts):
                sentence = (
                    f"the option '{option.intent}' is never heard: its 'when' contradicts itself"
                )
                yield Problem.at(option.place, sentence, Severity.WARNING)
    for offer in found.offers.values():
        always_never = All(tuple(part for part in (offer.when, _not(offer.never)) if part))
        if _is_impossible(always_never, found.facts):
            sentence = (
                f"the offer '{offer.name}' is never made: 'when' and 'never' exclude each other"
            )
            yield Problem.at(offer.place, sentence, Severity.WARNING)


def _not(condition: Condition | None) -> Condition | None:
    return None if condition is None else Not(condition)


def _is_impossible(condition: Condition | None, facts: Mapping[str, Fact]) -> bool:
    return condition is not None and meaning_of(condition, facts).is_impossible


def _group(rules: list[Rule], facts: Mapping[str, Fact]) -> Iterator[Problem]:
    earlier: list[tuple[Rule, Meaning]] = []
    pairs = 0
    for rule in rules:
        meaning = meaning_of(rule.when, facts)
        if meaning.is_impossible:
            sentence = f"the rule '{rule.name}' never matches: its 'when' contradicts itself"
            yield Problem.at(rule.place, sentence, Severity.WARNING)
            continue
        for other, wider in earlier:
            pairs += 1
            if pairs > MAX_PAIRS:
                return
            if wider.covers(meaning):
                yield _covered(rule, other)
                break
        else:
            earlier.append((rule, meaning))


def _covered(rule: Rule, other: Rule) -> Problem:
    where = _from(rule.place, other.place)
    why = (
        f"'{other.name}' {where} always matches"
        if other.when is None
        else f"whenever it matches, '{other.name}' {where} matched before"
    )
    sentence = f"the rule '{rule.name}' is never reached: {why}"
    return Problem.at(rule.place, sentence, Severity.WARNING)


def _from(here: Place, there: Place) -> str:
    return f"in line {there.line}" if here.file == there.file else f"in {there}"
