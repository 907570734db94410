"""Texts of a template with `[Variable]` in them, made into texts with `{name}`.

`[Name]` is a value, `[[Name].Method(argument)]` a method of it, anything else in brackets an
expression (3CX, "CRM Template XML Description", section Expressions). A mapping has values only, so
methods are carried over where there is a value that says the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from crm_adapter.threecx.report import Untranslatable

_NAME = re.compile(r"\w{1,80}")
_METHOD = re.compile(r"\[(\w{1,80})\]\.(\w{1,40})\((.*)\)", re.DOTALL)
_DATES = {
    "yyyy-MM-ddTHH:mm:ssZ": "",
    "yyyy-MM-ddTHH:mm:ss.fffZ": "",
    "yyyy-MM-ddTHH:mm:sszzz": "",
    "yyyy-MM-ddTHH:mm:ss": "",
    "o": "",
    "O": "",
    "s": "",
    "u": "",
    "yyyy-MM-dd HH:mm:ss": "_sql",
    "yyyy-MM-dd": "_date",
}


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """`method` is empty for the value itself."""

    name: str
    method: str = ""
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Expression:
    """Computes something."""

    source: str


Piece = Text | Value | Expression


def pieces_of(text: str) -> list[Piece]:
    return list(_pieces(text))


def _pieces(text: str) -> Iterator[Piece]:
    at = start = 0
    while (start := text.find("[", at)) >= 0:
        end = _closing(text, start)
        if end is None:
            break
        if start > at:
            yield Text(text[at:start])
        yield _bracketed(text[start + 1 : end])
        at = end + 1
    if at < len(text):
        yield Text(text[at:])


def _closing(text: str, start: int) -> int | None:
    depth = 0
    for index in range(start, len(text)):
        depth += {"[": 1, "]": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return None


def _bracketed(inside: str) -> Piece:
    if _NAME.fullmatch(inside):
        return Value(inside)
    method = _METHOD.fullmatch(inside.strip())
    if method:
        return Value(method[1], method[2], method[3].strip().strip("\"'"))
    return Expression(inside)


def names_in(text: str) -> set[str]:
    """Of all values, also those inside expressions."""
    return set(re.findall(r"\[(\w{1,80})\]", text))


@dataclass(frozen=True, slots=True)
class Scope:
    """What values are called here. `parameter` names a parameter of the template, and notes that
    it is needed."""

    values: Mapping[str, str]
    parameter: Callable[[str], str | None]
    #: Values that are moments, which can be written in several ways.
    moments: frozenset[str] = frozenset()

    def template(self, text: str) -> str:
        """Raises Untranslatable."""
        return "".join(map(self._one, pieces_of(text)))

    def _one(self, piece: Piece) -> str:
        if isinstance(piece, Text):
            return piece.text.replace("{", "{{").replace("}", "}}")
        if isinstance(piece, Expression):
            raise Untranslatable(f"the expression [{piece.source[:80]}] computes something")
        name = self.values.get(piece.name)
        if piece.method:
            return self._method(piece, name)
        name = name or self.parameter(piece.name)
        if name is None:
            raise Untranslatable(f"[{piece.name}] is not known here")
        return "{" + name + "}"

    def _method(self, value: Value, name: str | None) -> str:
        seconds = {"get_TotalSeconds": "talk_s", "get_TotalMinutes": "talk_minutes"}
        if value.name == "DurationTimespan" and value.method in seconds and name:
            return "{" + seconds[value.method] + "}"
        if value.method == "ToString" and name in self.moments and value.argument in _DATES:
            return "{" + name + _DATES[value.argument] + "}"
        if value.method in ("ToString", "Trim") and name and not value.argument:
            return "{" + name + "}"
        raise Untranslatable(f"the method {value.method} of [{value.name}] computes something")
