"""Turns what an author wrote under `when:` into a condition, or says what is wrong with it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config.conditions import All, Comparison, Condition, Not, OneOf
from config.facts import DIALLED, FACTS, Fact, FactKind, as_dialled
from config.problems import as_said, did_you_mean

MAX_PATTERN = 100
MAX_DEPTH = 10
MAX_LIST = 1_000

Path = tuple[str | int, ...]
Report = Callable[[Path, str], None]

_ORDERED = ("lt", "lte", "gt", "gte", "between")
OPERATORS_BY_KIND: dict[FactKind, tuple[str, ...]] = {
    FactKind.YES_NO: ("eq", "ne", "exists"),
    FactKind.WHOLE: ("eq", "ne", "in", "not_in", "exists", *_ORDERED),
    FactKind.NUMBER: ("eq", "ne", "in", "not_in", "exists", *_ORDERED),
    FactKind.TEXT: ("eq", "ne", "in", "not_in", "matches", "exists"),
    FactKind.SET: ("has", "exists"),
    FactKind.MONEY: ("exists", *_ORDERED),
    FactKind.DATE: ("exists",),
    FactKind.MOMENT: ("exists",),
}
OPERATORS = tuple(dict.fromkeys(name for names in OPERATORS_BY_KIND.values() for name in names))


#: What a fact of another kind is compared with.
_COMPARED_WITH = {
    FactKind.SET: "one code",
    FactKind.MONEY: "an amount as a plain number like 12.5",
}


#: What people write for an operator.
_OTHER_WORDS = {
    **dict.fromkeys((">", "greater", "greater_than", "more", "more_than", "above", "over"), "gt"),
    **dict.fromkeys(("<", "less", "less_than", "fewer", "below", "under"), "lt"),
    **dict.fromkeys((">=", "min", "at_least", "least"), "gte"),
    **dict.fromkeys(("<=", "max", "at_most", "most"), "lte"),
    **dict.fromkeys(("=", "==", "is", "equals"), "eq"),
    **dict.fromkeys(("!=", "<>", "is_not"), "ne"),
    **dict.fromkeys(("like", "starts_with", "begins"), "matches"),
    **dict.fromkeys(("contains", "includes"), "has"),
}
_SIGNED = re.compile(r"\s*(>=|<=|!=|==|=|>|<)\s*(-?[0-9]+(?:\.[0-9]+)?)\s*")


def read_condition(
    raw: Any, path: Path, report: Report, facts: Mapping[str, Fact] = FACTS
) -> Condition | None:
    """`path` leads to `raw` in its document. `report(path, sentence)` hears of every problem; the
    answer is None where there was one."""
    return _Reader(report, facts).condition(raw, path, 0)


@dataclass(frozen=True, slots=True)
class _Reader:
    report: Report
    facts: Mapping[str, Fact]

    def condition(self, raw: Any, path: Path, depth: int) -> Condition | None:
        if depth > MAX_DEPTH:
            return self._bad(path, f"conditions are nested more than {MAX_DEPTH} levels deep")
        if not isinstance(raw, dict) or not raw:
            return self._bad(path, "a condition is written as {fact: value}, all, any or not")
        parts = [self._entry(key, value, (*path, key), depth) for key, value in raw.items()]
        good = tuple(part for part in parts if part is not None)
        if len(good) < len(parts):
            return None
        return good[0] if len(good) == 1 else All(good)

    def _entry(self, key: str, value: Any, path: Path, depth: int) -> Condition | None:
        if key in ("all", "any"):
            return self._several(key, value, path, depth)
        if key == "not":
            part = self.condition(value, path, depth + 1)
            return None if part is None else Not(part)
        fact = self.facts.get(key)
        if fact is None:
            hint = _meant_fact(key, self.facts)
            return self._bad(path, f"unknown fact '{key[:60]}'{hint}")
        if isinstance(value, dict):
            return self._operators(key, fact, value, path)
        if isinstance(value, list) and fact.kind is not FactKind.SET:
            return self._comparison(key, fact, "in", value, path)
        return self._comparison(
            key, fact, "has" if fact.kind is FactKind.SET else "eq", value, path
        )

    def _several(self, key: str, value: Any, path: Path, depth: int) -> Condition | None:
        if not isinstance(value, list) or not value:
            return self._bad(path, f"'{key}' takes a list of conditions")
        parts = [
            self.condition(item, (*path, index), depth + 1) for index, item in enumerate(value)
        ]
        good = tuple(part for part in parts if part is not None)
        if len(good) < len(parts):
            return None
        return All(good) if key == "all" else OneOf(good)

    def _operators(
        self, key: str, fact: Fact, value: dict[str, Any], path: Path
    ) -> Condition | None:
        if not value:
            return self._bad(path, f"{key} has no operator; there are: {_listed(fact)}")
        parts = []
        for operator, operand in value.items():
            at = (*path, operator)
            if operator not in OPERATORS:
                hint = _meant_operator(operator) or f"; there are: {_listed(fact)}"
                parts.append(self._bad(at, f"unknown operator '{operator[:60]}'{hint}"))
            else:
                parts.append(self._comparison(key, fact, operator, operand, at))
        good = tuple(part for part in parts if part is not None)
        if len(good) < len(parts):
            return None
        return good[0] if len(good) == 1 else All(good)

    def _comparison(
        self, key: str, fact: Fact, operator: str, raw: Any, path: Path
    ) -> Condition | None:
        if operator not in OPERATORS_BY_KIND[fact.kind]:
            sentence = f"'{operator}' does not fit {key}, which is {fact.kind}"
            return self._bad(path, f"{sentence}; there are: {_listed(fact)}")
        try:
            value = _operand(key, fact, operator, raw)
        except ValueError as error:
            return self._bad(path, str(error))
        return Comparison(key, operator, value)

    def _bad(self, path: Path, sentence: str) -> Condition | None:
        self.report(path, sentence)
        return None


def _meant_fact(key: str, facts: Mapping[str, Fact]) -> str:
    named = [fact for fact in facts if fact.endswith(f".{key}")]
    if named:
        return f"; did you mean '{named[0]}'?"
    return did_you_mean(key, [*facts, "all", "any", "not"])


def _meant_operator(operator: str) -> str:
    meant = _OTHER_WORDS.get(operator.lower())
    return f"; did you mean '{meant}'?" if meant else did_you_mean(operator, OPERATORS)


def _as_operator(raw: Any) -> str:
    """How `"> 2"` is written."""
    match = _SIGNED.fullmatch(raw) if isinstance(raw, str) else None
    return f"; write {{{_OTHER_WORDS[match[1]]}: {match[2]}}}" if match else ""


def _listed(fact: Fact) -> str:
    return ", ".join(OPERATORS_BY_KIND[fact.kind])


def _operand(key: str, fact: Fact, operator: str, raw: Any) -> Any:
    match operator:
        case "exists":
            if not isinstance(raw, bool):
                raise ValueError(f"'exists' takes true or false, not {as_said(raw)}")
            return raw
        case "in" | "not_in":
            if not isinstance(raw, list) or not raw or len(raw) > MAX_LIST:
                raise ValueError(f"'{operator}' takes a list of 1 to {MAX_LIST} values")
            return tuple(fact_value(key, fact, item) for item in raw)
        case "between":
            if not isinstance(raw, list) or len(raw) != 2:
                raise ValueError("'between' takes a list of two values, the lower one first")
            low, high = (fact_value(key, fact, item) for item in raw)
            if low > high:
                raise ValueError(f"'between' takes the lower value first; {low} is above {high}")
            return (low, high)
        case "matches":
            pattern = _pattern(raw)
            return re.sub(r"[ ().+]", "", pattern) if key == DIALLED else pattern
    return fact_value(key, fact, raw)


def fact_value(key: str, fact: Fact, raw: Any) -> Any:
    """One value of the fact's own kind. Raises ValueError with the sentence."""
    fits = {
        FactKind.YES_NO: isinstance(raw, bool),
        FactKind.WHOLE: isinstance(raw, int) and not isinstance(raw, bool),
        FactKind.NUMBER: isinstance(raw, int | float) and not isinstance(raw, bool),
        FactKind.TEXT: isinstance(raw, str),
        FactKind.SET: isinstance(raw, str),
        FactKind.MONEY: isinstance(raw, int | float) and not isinstance(raw, bool),
        FactKind.DATE: False,
        FactKind.MOMENT: False,
    }[fact.kind]
    if not fits:
        wanted = _COMPARED_WITH.get(fact.kind, fact.kind)
        quotes = " (put it in quotes)" if wanted == FactKind.TEXT and not _is_nested(raw) else ""
        hint = _as_operator(raw) or quotes
        raise ValueError(f"{key} is compared with {wanted}, not {as_said(raw)}{hint}")
    if isinstance(raw, float) and not math.isfinite(raw):
        raise ValueError(f"{key} is compared with a finite number")
    if key == DIALLED:
        return as_dialled(raw)
    if fact.least is not None and raw < fact.least:
        raise ValueError(f"{key} is never below {fact.least:g}, and this is {raw}")
    if fact.most is not None and raw > fact.most:
        raise ValueError(f"{key} is never above {fact.most:g}, and this is {raw}")
    if fact.choices and raw not in fact.choices:
        hint = did_you_mean(raw, fact.choices)
        listed = "" if hint else f"; there are: {', '.join(fact.choices)}"
        raise ValueError(f"{key} is never '{raw[:60]}'{hint}{listed}")
    return raw


def _pattern(raw: Any) -> str:
    if not isinstance(raw, str) or not 0 < len(raw) <= MAX_PATTERN:
        raise ValueError(f"'matches' takes a text of 1 to {MAX_PATTERN} characters")
    if raw.startswith("^") or raw.endswith("$") or ".*" in raw or "\\" in raw:
        raise ValueError(
            "'matches' takes wildcards (* for anything, ? for one character), not a regular "
            "expression"
        )
    return raw


def _is_nested(raw: Any) -> bool:
    return raw is None or isinstance(raw, list | dict)
