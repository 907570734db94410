"""What may stand in a text, judged when it is loaded: kinds of node, words, values and their use.

A value is printed, compared or only asked for (`if`). What no ear could make sense of when it is
printed as it is (an amount, a date, a list of codes) needs its filter, or an `if`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NoReturn

from jinja2 import nodes

from config.facts import Fact, FactKind
from config.problems import did_you_mean

MAX_DEPTH = 25
#: Digits after the point that `round` may keep.
MAX_ROUND = 6
#: What an author may write; Jinja2 makes code of it, where an infinite one is a name without value.
MAX_NUMBER = 10**15

_ON_WORDS = ("capitalize", "default", "int", "lower", "round", "title", "trim", "upper")
#: By filter: the kinds of values that it speaks; it stands right behind such a value.
SPEAKS: Mapping[str, frozenset[FactKind]] = {
    "money": frozenset({FactKind.MONEY}),
    "date": frozenset({FactKind.DATE, FactKind.MOMENT}),
    "time": frozenset({FactKind.MOMENT}),
    "datetime": frozenset({FactKind.MOMENT}),
    "number": frozenset({FactKind.WHOLE, FactKind.NUMBER}),
    "digits": frozenset({FactKind.TEXT, FactKind.WHOLE}),
}
FILTERS = frozenset({*_ON_WORDS, *SPEAKS})
TESTS = frozenset({"defined", "even", "none", "odd"})

_UNSPEAKABLE = frozenset(
    {FactKind.MONEY, FactKind.DATE, FactKind.MOMENT, FactKind.SET, FactKind.YES_NO}
)
#: Comparing an amount needs its currency, a date its clock: conditions do that.
_INCOMPARABLE = frozenset({FactKind.MONEY, FactKind.DATE, FactKind.MOMENT})

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Add,
    nodes.Sub,
    nodes.Concat,
    nodes.Filter,
    nodes.Test,
)


class BadTemplate(ValueError):
    """What is wrong in a text, as a sentence; `line` counts from the text's own first line. Jinja2
    makes some nodes without one."""

    def __init__(self, sentence: str, line: int | None = 1) -> None:
        super().__init__(sentence)
        self.line = line or 1


class Use(enum.Enum):
    """What becomes of the value of an expression."""

    PRINTED = "printed"
    COMPARED = "compared"
    ASKED = "asked"


class Grammar:
    """`known` are the dotted names of values; None where a value's kind is not known."""

    def __init__(self, known: Mapping[str, Fact | None]) -> None:
        self._known = known

    def check(self, tree: nodes.Template) -> None:
        """Raises BadTemplate for the first thing that may not be there."""
        self._check(tree, Use.PRINTED, depth=0)

    def _check(self, node: nodes.Node, use: Use, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise BadTemplate("the text is nested too deeply", node.lineno)
        if not isinstance(node, _ALLOWED):
            _refuse(node)
        if isinstance(node, nodes.Name | nodes.Getattr):
            self._check_value(node, use)
            return
        if isinstance(node, nodes.Const):
            _check_const(node, use)
        if isinstance(node, nodes.Filter):
            self._check_filter(node)
            if node.name in SPEAKS:
                return
        if isinstance(node, nodes.Test):
            _check_word(node, "test", node.name, TESTS)
        if use is Use.PRINTED and isinstance(node, nodes.Compare | nodes.Not | nodes.Test):
            raise BadTemplate(
                "a comparison is true or false, which nobody says; write "
                "'{% if ... %}words{% endif %}'",
                node.lineno,
            )
        for child in node.iter_child_nodes():
            self._check(child, _use_of(child, node, use), depth + 1)

    def _check_value(self, node: nodes.Name | nodes.Getattr, use: Use) -> None:
        name = self._name_of(node)
        fact = self._known[name]
        if fact is None:
            return
        if use is Use.PRINTED and fact.kind in _UNSPEAKABLE:
            raise BadTemplate(_how_to_say(name, fact.kind), node.lineno)
        if use is Use.COMPARED and fact.kind in _INCOMPARABLE:
            raise BadTemplate(
                f"'{name}' is {fact.kind.value}; compare it in a 'when', not in a text",
                node.lineno,
            )

    def _name_of(self, node: nodes.Node) -> str:
        name = _dotted(node)
        if name is None:
            raise BadTemplate("only values like 'caller.first_name' have a dot", node.lineno)
        if name not in self._known:
            raise BadTemplate(
                f"unknown value '{name}' in the text{did_you_mean(name, self._known)}", node.lineno
            )
        return name

    def _check_filter(self, node: nodes.Filter) -> None:
        _check_word(node, "filter", node.name, FILTERS)
        if node.node is None or node.kwargs or node.dyn_args or node.dyn_kwargs:
            _refuse(node)
        if node.name == "round":
            _check_round(node)
        elif node.name in SPEAKS:
            self._check_speaking(node, node.node)
        elif node.args and node.name != "default":
            raise BadTemplate(f"'{node.name}' takes nothing in brackets", node.lineno)

    def _check_speaking(self, node: nodes.Filter, spoken: nodes.Node) -> None:
        if node.args:
            raise BadTemplate(f"'{node.name}' takes nothing in brackets", node.lineno)
        if not isinstance(spoken, nodes.Name | nodes.Getattr):
            raise BadTemplate(
                f"'{node.name}' stands right behind a value: '{{{{ a.value | {node.name} }}}}'",
                node.lineno,
            )
        name = self._name_of(spoken)
        fact = self._known[name]
        if fact is not None and fact.kind not in SPEAKS[node.name]:
            kinds = " or ".join(sorted(kind.value for kind in SPEAKS[node.name]))
            raise BadTemplate(
                f"'{node.name}' speaks {kinds}, and '{name}' is {fact.kind.value}", node.lineno
            )


def _use_of(child: nodes.Node, parent: nodes.Node, use: Use) -> Use:
    match parent:
        case nodes.If() | nodes.CondExpr():
            found = Use.ASKED if child is parent.test else use
        case nodes.Not() | nodes.Test(name="defined" | "none"):
            found = Use.ASKED
        case nodes.Test() | nodes.Compare() | nodes.Operand():
            found = Use.COMPARED
        case nodes.Filter() if isinstance(child, nodes.Const) and child is not parent.node:
            found = Use.ASKED
        case nodes.Filter() | nodes.Concat() | nodes.Add() | nodes.Sub():
            found = Use.PRINTED
        case _:
            found = use
    return found


def _how_to_say(name: str, kind: FactKind) -> str:
    filters = [word for word, kinds in SPEAKS.items() if kind in kinds]
    if filters:
        ways = " or ".join(f"'{{{{ {name} | {word} }}}}'" for word in filters)
        return f"'{name}' is {kind.value}; write how to say it: {ways}"
    return (
        f"'{name}' is {kind.value}, which nobody says; write '{{% if {name} %}}words{{% endif %}}'"
    )


def _check_const(node: nodes.Const, use: Use) -> None:
    if isinstance(node.value, int | float) and not abs(node.value) < MAX_NUMBER:
        raise BadTemplate("a number in the text is too large", node.lineno)
    if use is Use.PRINTED and not isinstance(node.value, str | int | float):
        raise BadTemplate(f"'{node.value}' is nothing one can say", node.lineno)
    if use is Use.PRINTED and isinstance(node.value, bool):
        raise BadTemplate("'true' and 'false' are nothing one can say", node.lineno)


def _check_round(node: nodes.Filter) -> None:
    """More digits, or another method, would have the machine multiply by ten for an hour."""
    digits = [arg.value if isinstance(arg, nodes.Const) else None for arg in node.args]
    allowed = len(digits) <= 1 and all(
        isinstance(count, int) and 0 <= count <= MAX_ROUND for count in digits
    )
    if not allowed:
        raise BadTemplate(
            f"'round' takes the number of digits to keep, 0 to {MAX_ROUND}", node.lineno
        )


def _refuse(node: nodes.Node) -> NoReturn:
    raise BadTemplate(
        f"'{type(node).__name__.lower()}' is not allowed in a text; there are values, "
        f"'if', comparisons and the filters {', '.join(sorted(FILTERS))}",
        node.lineno,
    )


def _check_word(node: nodes.Node, what: str, word: str, known: frozenset[str]) -> None:
    if word not in known:
        hint = did_you_mean(word, known) or f" (there are: {', '.join(sorted(known))})"
        raise BadTemplate(f"unknown {what} '{word}' in the text{hint}", node.lineno)


def _dotted(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Name):
        return node.name if node.ctx == "load" else None
    if isinstance(node, nodes.Getattr):
        left = _dotted(node.node)
        return None if left is None else f"{left}.{node.attr}"
    return None
