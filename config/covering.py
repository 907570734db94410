"""Does one condition hold whenever another does? Answered soundly: a yes is certain, a no may mean
that it was too much to find out.

A condition is turned into alternatives, each a set of comparisons that must hold together; it
cannot hold where each alternative contradicts itself in one fact. What one fact's comparisons can
be together is found by trying every value that makes a difference to them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.conditions import All, Comparison, Condition, Not, OneOf, holds
from config.facts import FACTS, Fact, FactKind

#: Alternatives that are looked through; a condition with more is left alone.
MAX_ALTERNATIVES = 64
MAX_PATTERNS = 4

#: A comparison, and whether it is to hold or not to hold.
Literal = tuple[Comparison, bool]
Alternative = frozenset[Literal]


@dataclass(frozen=True, slots=True)
class Meaning:
    """`holds` are the alternatives in which a condition holds, `fails` those in which it does not;
    None where there are too many."""

    holds: tuple[Alternative, ...] | None
    fails: tuple[Alternative, ...] | None
    #: Names of facts that are whole numbers.
    whole: frozenset[str] = frozenset()

    @property
    def is_impossible(self) -> bool:
        return self.holds is not None and all(
            _contradicts_itself(alternative, self.whole) for alternative in self.holds
        )

    def covers(self, other: Meaning) -> bool:
        """True only where this holds for every set of facts for which `other` does."""
        if self.fails is None or other.holds is None:
            return False
        if len(self.fails) * len(other.holds) > MAX_ALTERNATIVES:
            return False
        return all(
            _contradicts_itself(mine | theirs, self.whole)
            for mine in self.fails
            for theirs in other.holds
        )


def meaning_of(condition: Condition | None, facts: Mapping[str, Fact] = FACTS) -> Meaning:
    """Of None, that always holds. Both of two that are compared take the same `facts`."""
    if condition is None:
        return Meaning((frozenset(),), ())
    whole = frozenset(name for name, fact in facts.items() if fact.kind is FactKind.WHOLE)
    return Meaning(_alternatives(condition, True), _alternatives(condition, False), whole)


def _alternatives(condition: Condition, wanted: bool) -> tuple[Alternative, ...] | None:
    match condition:
        case Comparison():
            return (frozenset({(condition, wanted)}),)
        case Not(part):
            return _alternatives(part, not wanted)
        case All(parts):
            return _together(parts, True) if wanted else _any_of(parts, False)
        case OneOf(parts):
            return _any_of(parts, True) if wanted else _together(parts, False)


def _any_of(parts: Iterable[Condition], wanted: bool) -> tuple[Alternative, ...] | None:
    found: dict[Alternative, None] = {}
    for part in parts:
        alternatives = _alternatives(part, wanted)
        if alternatives is None or len(found) + len(alternatives) > MAX_ALTERNATIVES:
            return None
        found.update(dict.fromkeys(alternatives))
    return tuple(found)


def _together(parts: Iterable[Condition], wanted: bool) -> tuple[Alternative, ...] | None:
    found: tuple[Alternative, ...] = (frozenset(),)
    for part in parts:
        alternatives = _alternatives(part, wanted)
        if alternatives is None or len(found) * len(alternatives) > MAX_ALTERNATIVES:
            return None
        found = tuple(dict.fromkeys(a | b for a in found for b in alternatives))
    return found


def _contradicts_itself(alternative: Alternative, whole: frozenset[str]) -> bool:
    by_fact: dict[str, list[Literal]] = {}
    for literal in alternative:
        by_fact.setdefault(literal[0].fact, []).append(literal)
    return any(_cannot_be(literals, name in whole) for name, literals in by_fact.items())


def _cannot_be(literals: list[Literal], is_whole: bool) -> bool:
    """Whether no value of one fact makes all of these true."""
    if all(holds(one.operator, None, one.value) is wanted for one, wanted in literals):
        return False
    operators = {one.operator for one, _ in literals}
    if "has" in operators:
        codes = frozenset(one.value for one, wanted in literals if one.operator == "has" and wanted)
        return not _all_hold(literals, codes)
    constants = {value for one, _ in literals for value in _constants(one)}
    if any(isinstance(value, bool) for value in constants):
        return not any(_all_hold(literals, value) for value in (True, False))
    if any(isinstance(value, str) for value in constants) or "matches" in operators:
        return not any(_texts_hold(literals, constants))
    points = _whole_points(constants) if is_whole else _points(constants)
    return not any(_all_hold(literals, value) for value in points)


def _constants(one: Comparison) -> tuple[Any, ...]:
    if one.operator in ("exists", "matches", "has"):
        return ()
    return one.value if isinstance(one.value, tuple) else (one.value,)


def _all_hold(literals: list[Literal], value: Any) -> bool:
    return all(holds(one.operator, value, one.value) is wanted for one, wanted in literals)


def _points(constants: set[Any]) -> Iterator[float]:
    """Every number, between two, below and above them: comparisons see no other difference."""
    ordered = sorted(constants)
    if not ordered:
        yield 0
        return
    yield ordered[0] - 1
    for low, high in itertools.pairwise(ordered):
        yield from (low, (low + high) / 2)
    yield from (ordered[-1], ordered[-1] + 1)


def _whole_points(constants: set[Any]) -> Iterator[int]:
    """The same of whole numbers: those at and right beside each constant."""
    for constant in constants or {0}:
        yield from (math.floor(constant) + beside for beside in (-1, 0, 1))


def _texts_hold(literals: list[Literal], constants: set[Any]) -> Iterator[bool]:
    """Any text that is named; and any other one, which each wildcard may fit or not."""
    for value in constants:
        yield _all_hold(literals, value)
    patterns = sorted({one.value for one, _ in literals if one.operator == "matches"})
    if len(patterns) > MAX_PATTERNS:
        yield True
        return
    for fits in itertools.product((True, False), repeat=len(patterns)):
        fitting = dict(zip(patterns, fits, strict=True))
        yield all(_other_text_holds(one, fitting) is wanted for one, wanted in literals)


def _other_text_holds(one: Comparison, fitting: dict[str, bool]) -> bool:
    if one.operator == "matches":
        return fitting[one.value]
    return one.operator in ("ne", "not_in", "exists") and one.value is not False
