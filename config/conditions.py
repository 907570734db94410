"""Conditions are data: evaluated with a reason. Read and checked by `config.condition_reader`.

    {caller.tier: vip, caller.open_complaints: {gt: 0}}          every one of them
    {any: [{caller.tier: vip}, {not: {call.hour: {between: [9, 17]}}}]}

A fact that is not known matches nothing but `ne`, `not_in` and `exists: false`.
"""

from __future__ import annotations

import fnmatch
import functools
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from calls.money import Money


class Verdict(NamedTuple):
    """`because` names the value that decided."""

    matched: bool
    because: str


class Seen(dict[str, tuple[Any, str]]):
    """Facts as conditions look at them: what is compared, and `caller.tier is vip`; each made once,
    however many rules ask. Asks `facts` for no other."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__()
        self._facts = facts

    def __missing__(self, fact: str) -> tuple[Any, str]:
        found = self[fact] = seen_as(fact, self._facts.get(fact))
        return found


def seen_as(fact: str, value: Any) -> tuple[Any, str]:
    """An entry of Seen."""
    return value.amount if isinstance(value, Money) else value, f"{fact} is {_shown(value)}"


class _Judging:
    """`judge` is the fast way, for many conditions on the same facts; its answer is a Verdict but
    for the type."""

    __slots__ = ()

    def judge(self, seen: Seen) -> tuple[bool, str]:
        raise NotImplementedError  # each kind of condition below has its own

    def evaluate(self, facts: Mapping[str, Any]) -> Verdict:
        return Verdict(*self.judge(Seen(facts)))


@dataclass(frozen=True, slots=True)
class Comparison(_Judging):
    """One fact, one operator, one value."""

    fact: str
    operator: str
    value: Any
    # Made once: a thousand rules are asked in each call.
    _test: Callable[[Any, Any], object] = field(init=False, repr=False, compare=False)
    _of_unknown: bool = field(init=False, repr=False, compare=False)
    _met: str = field(init=False, repr=False, compare=False)
    _unmet: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wanted = _WORDS[self.operator].format(_shown(self.value))
        object.__setattr__(self, "_test", _HOLDS[self.operator])
        object.__setattr__(self, "_of_unknown", holds(self.operator, None, self.value))
        object.__setattr__(self, "_met", "" if self.operator == "eq" else f", {wanted}")
        object.__setattr__(self, "_unmet", f", not {wanted}")

    def judge(self, seen: Seen) -> tuple[bool, str]:
        actual, words = seen[self.fact]
        if self._of_unknown if actual is None else self._test(actual, self.value):
            return True, words + self._met
        return False, words + self._unmet


@dataclass(frozen=True, slots=True)
class All(_Judging):
    parts: tuple[Condition, ...]

    def judge(self, seen: Seen) -> tuple[bool, str]:
        reasons = []
        for part in self.parts:
            found = part.judge(seen)
            if not found[0]:
                return found
            reasons.append(found[1])
        return True, " and ".join(reasons) or "always"


@dataclass(frozen=True, slots=True)
class OneOf(_Judging):
    parts: tuple[Condition, ...]

    def judge(self, seen: Seen) -> tuple[bool, str]:
        reasons = []
        for part in self.parts:
            found = part.judge(seen)
            if found[0]:
                return found
            reasons.append(found[1])
        return False, " and ".join(reasons)


@dataclass(frozen=True, slots=True)
class Not(_Judging):
    part: Condition

    def judge(self, seen: Seen) -> tuple[bool, str]:
        matched, because = self.part.judge(seen)
        return not matched, because


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
        return str(value)[:100]
    if kind is int or kind is float:
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


def holds(how: str, actual: Any, value: Any) -> bool:
    """Whether `actual`, a fact's value or None, stands so to `value`."""
    if actual is None:
        return how in ("ne", "not_in") or (how == "exists" and value is False)
    if isinstance(actual, Money):
        actual = actual.amount
    return bool(_HOLDS[how](actual, value))


@functools.lru_cache(maxsize=1_000)
def _pattern(wildcards: str) -> str:
    """fnmatch's translation never backtracks over an earlier `*`: its cost stays bounded."""
    return fnmatch.translate(wildcards)


_HOLDS: dict[str, Callable[[Any, Any], object]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "in": lambda actual, value: actual in value,
    "not_in": lambda actual, value: actual not in value,
    "has": operator.contains,
    "between": lambda actual, value: value[0] <= actual <= value[1],
    "matches": lambda actual, value: re.match(_pattern(value), str(actual)[:200]),
    # Of a fact that is known.
    "exists": lambda actual, value: value,
}
