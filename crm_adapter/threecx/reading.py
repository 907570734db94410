"""Where a scenario's answer holds what, as JMESPath.

A path of a template (`contacts.phones.number`) leads through lists as if they were not there. In
JMESPath `[a][].b[]` does so: what is an object or a list at each step becomes one list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from crm_adapter.threecx.expressions import Text, Value, pieces_of
from crm_adapter.threecx.report import Report, Untranslatable
from crm_adapter.threecx.template import Node

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EQUAL = {"Equal": "==", "Equals": "==", "NotEqual": "!=", "NotEquals": "!="}

Steps = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`wanted`: only where this path (from the root) has this text."""

    path: Steps
    wanted: tuple[Steps, str, str] | None = None


def steps_of(path: str) -> Steps:
    found = tuple(step for step in path.strip().split(".") if step)
    if not found or len(path) > 200 or any("[" in step or "*" in step for step in found):
        raise Untranslatable(f"the path {path[:60]!r} is none of names with dots between")
    return found


def variables_of(scenario: Node, report: Report) -> dict[str, Variable]:
    found = {}
    for group in scenario.all("Variables"):
        for node in group.all("Variable"):
            node.ignore("Skip", "IsArray")
            try:
                if node.get("LookupValue"):
                    raise Untranslatable("LookupValue picks by a value that is only known then")
                path = steps_of(node.get("Path") or node.text())
                found[node.get("Name")] = Variable(path, _filter(node))
            except Untranslatable as why:
                node.use_up()
                report.lost(node.where, str(why))
    return found


def _filter(node: Node) -> tuple[Steps, str, str] | None:
    rules = [rule for group in node.all("Filter") for rule in group.all("Rule")]
    if not rules:
        return None
    if len(rules) > 1:
        raise Untranslatable("a filter of several rules")
    kind = rules[0].get("Type")
    if kind not in _EQUAL:
        raise Untranslatable(f"a filter of the type {kind!r}; there are Equal and NotEqual")
    return steps_of(rules[0].text()), _EQUAL[kind], rules[0].get("Ethalon")


class Answer:
    """The records of one scenario's answer."""

    def __init__(self, variables: dict[str, Variable]) -> None:
        self._variables = variables
        parents = [variable.path[:-1] for variable in variables.values()]
        self.records = _common(parents)

    def items(self, rules: Sequence[Node], report: Report) -> str:
        """JMESPath to the list of records; the scenario's rules say which of them count."""
        found = _listed(self.records) if self.records else "[@][]"
        conditions = [one for rule in rules if (one := self._condition(rule, report))]
        if len(conditions) > 1:
            report.look(rules[0].where, "several rules: here it is enough that one of them holds")
        return f"{found} | [?{' || '.join(conditions)}]" if conditions else found

    def _condition(self, rule: Node, report: Report) -> str | None:
        kind, wanted = rule.get("Type"), rule.get("Ethalon")
        try:
            path = steps_of(rule.text())
            if kind == "Any" and path == self.records:
                return None
            inside = self._inside(path)
            if kind == "Any":
                return _single(inside)
            if kind in _EQUAL:
                return f"to_string({_single(inside)}) {_EQUAL[kind]} {_quoted(wanted)}"
            raise Untranslatable(f"a rule of the type {kind!r}; there are Any, Equal and NotEqual")
        except Untranslatable as why:
            rule.use_up()
            report.lost(rule.where, str(why))
            return None

    def _inside(self, path: Steps) -> Steps:
        depth = len(self.records)
        if path[:depth] != self.records or len(path) == depth:
            raise Untranslatable(f"{'.'.join(path)} stands outside the records")
        return path[depth:]

    def part(self, text: str) -> str:
        """JMESPath within a record, of an output's value. Raises Untranslatable."""
        pieces = pieces_of(text)
        if len(pieces) == 1 and isinstance(pieces[0], Value):
            return self._value(pieces[0])
        words = []
        for piece in pieces:
            if isinstance(piece, Text):
                words.append(_quoted(piece.text))
            elif isinstance(piece, Value):
                words.append(self._value(piece))
            else:
                raise Untranslatable(f"the expression [{piece.source[:80]}] computes something")
        if all(isinstance(piece, Text) for piece in pieces):
            raise Untranslatable("it is the same text for everybody")
        blanks = [piece for piece in pieces if isinstance(piece, Text)]
        if all(not blank.text.strip() for blank in blanks):
            # Of names that are missing no blank is left.
            values = [
                word for word, piece in zip(words, pieces, strict=True) if piece not in blanks
            ]
            return f"join(' ', [{', '.join(values)}][?@])"
        return f"join('', [{', '.join(words)}][?@])"

    def from_root(self, name: str) -> str:
        """JMESPath in the whole answer. Raises Untranslatable."""
        variable = self._variables.get(name)
        if variable is None or variable.wanted is not None:
            raise Untranslatable(f"[{name}] is read from nowhere")
        return _single(variable.path)

    def _value(self, value: Value) -> str:
        if value.method:
            raise Untranslatable(f"the method {value.method} of [{value.name}] computes something")
        variable = self._variables.get(value.name)
        if variable is None:
            raise Untranslatable(f"[{value.name}] is read from nowhere")
        path = self._inside(variable.path)
        if variable.wanted is None:
            return _single(path)
        where, operator, wanted = variable.wanted
        beside = self._inside(where)
        shared = _common([path[:-1], beside[:-1]])
        if not shared:
            condition = f"to_string({_single(beside)}) {operator} {_quoted(wanted)}"
            return f"([@][?{condition}].{_dotted(path)} | [0])"
        condition = f"to_string({_dotted(beside[len(shared) :])}) {operator} {_quoted(wanted)}"
        rest = _dotted(path[len(shared) :])
        return f"({_listed(shared)} | [?{condition}].{rest} | [0])"


def _common(paths: Sequence[Steps]) -> Steps:
    if not paths:
        return ()
    shared: list[str] = []
    for steps in zip(*paths, strict=False):
        if len(set(steps)) > 1:
            break
        shared.append(steps[0])
    return tuple(shared)


def _named(step: str) -> str:
    return step if _PLAIN.fullmatch(step) else json.dumps(step, ensure_ascii=False)


def _dotted(path: Steps) -> str:
    return ".".join(map(_named, path))


def _listed(path: Steps) -> str:
    first, *rest = map(_named, path)
    return f"[{first}][]" + "".join(f".{step}[]" for step in rest)


def _single(path: Steps) -> str:
    if len(path) == 1:
        return _named(path[0])
    return f"({_listed(path[:-1])}.{_named(path[-1])} | [0])"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
