"""Conditions are data: evaluated with a reason. Read and checked by `config.condition_reader`.

    {caller.tier: vip, caller.open_complaints: {gt: 0}}          every one of them
    {any: [{caller.tier: vip}, {not: {call.hour: {between: [9, 17]}}}]}

A fact that is not known matches nothing but `ne`, `not_in` and `exists: false`.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from calls.money import Money


class Verdict(NamedTuple):
    """`because` names the value that decided."""

    matched: bool
    because: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """One fact, one operator, one value."""

    fact: str
    operator: str
    value: Any
    #: How a verdict ends, made once: a thousand rules are asked in each call.
    _met: str = field(init=False, repr=False, compare=False)
    _unmet: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wanted = _WORDS[self.operator].format(_shown(self.value))
        object.__setattr__(self, "_met", "" if self.operator == "eq" else f", {wanted}")
        object.__setattr__(self, "_unmet", f", not {wanted}")

    def evaluate(self, facts: Mapping[str, Any]) -> Verdict:
        actual = facts.get(self.fact)
        if holds(self.operator, actual, self.value):
            return Verdict(True, f"{self.fact} is {_shown(actual)}{self._met}")
        return Verdict(False, f"{self.fact} is {_shown(actual)}{self._unmet}")


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Condition, ...]

    def evaluate(self, facts: Mapping[str, Any]) -> Verdict:
        verdicts = []
        for part in self.parts:
            verdict = part.evaluate(facts)
            if not verdict.matched:
                return verdict
            verdicts.append(verdict.because)
        return Verdict(True, " and ".join(verdicts) or "always")


@dataclass(frozen=True, slots=True)
class OneOf:
    parts: tuple[Condition, ...]

    def evaluate(self, facts: Mapping[str, Any]) -> Verdict:
        verdicts = []
        for part in self.parts:
            verdict = part.evaluate(facts)
            if verdict.matched:
                return verdict
            verdicts.append(verdict.because)
        return Verdict(False, " and ".join(verdicts))


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition

    def evaluate(self, facts: Mapping[str, Any]) -> Verdict:
        verdict = self.part.evaluate(facts)
        return Verdict(not verdict.matched, verdict.because)


Condition = Comparison | All | OneOf | Not

_WORDS = {
    "eq": "{}",
    "ne": "other than {}",
    "lt": "below {}",
    "lte": "at most {}",
    "gt": "above {}",
    "gte": "at least {}",
    "in": "one of {}",
    "not_in": "outside {}",
    "has": "with {}",
    "matches": "like {}",
    "between": "between {}",
    "exists": "known: {}",
}


def _shown(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return value[:100]  # type: ignore[no-any-return]
    if kind is int:
        return str(value)
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, frozenset | tuple):
        items = [
            _shown(item) for item in (sorted(value) if isinstance(value, frozenset) else value)
        ]
        return ", ".join(items[:10]) or "empty"
    return str(value)[:100]


def holds(operator: str, actual: Any, value: Any) -> bool:
    """Whether `actual`, a fact's value or None, stands so to `value`."""
    if operator == "exists":
        return (actual is not None) is value
    if actual is None:
        return operator in ("ne", "not_in")
    if isinstance(actual, Money):
        actual = actual.amount
    return bool(_HOLDS[operator](actual, value))


@functools.lru_cache(maxsize=1_000)
def _pattern(wildcards: str) -> str:
    """fnmatch's translation never backtracks over an earlier `*`: its cost stays bounded."""
    return fnmatch.translate(wildcards)


_HOLDS: dict[str, Callable[[Any, Any], object]] = {
    "eq": lambda actual, value: actual == value,
    "ne": lambda actual, value: actual != value,
    "lt": lambda actual, value: actual < value,
    "lte": lambda actual, value: actual <= value,
    "gt": lambda actual, value: actual > value,
    "gte": lambda actual, value: actual >= value,
    "in": lambda actual, value: actual in value,
    "not_in": lambda actual, value: actual not in value,
    "has": lambda actual, value: value in actual,
    "between": lambda actual, value: value[0] <= actual <= value[1],
    "matches": lambda actual, value: re.match(_pattern(value), str(actual)[:200]),
}
