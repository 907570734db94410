"""Spoken text: Jinja2, of which only what a sentence needs is let in.

Three fences, each enough alone for most attacks: the grammar (a short list of node types, filters
and tests; no loops, calls, item access or arithmetic that multiplies), the known variables, both
checked at load; and at call time Jinja2's immutable sandbox with strict undefined and a bound on
what comes out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from calls.errors import SwitchboardError
from config.problems import did_you_mean

MAX_SOURCE = 2_000
MAX_OUTPUT = 2_000
MAX_DEPTH = 25

FILTERS = frozenset({"capitalize", "default", "int", "lower", "round", "title", "trim", "upper"})
TESTS = frozenset({"defined", "even", "none", "odd"})
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
    """What is wrong in a text, as a sentence; `line` counts from the text's own first line."""

    def __init__(self, sentence: str, line: int = 1) -> None:
        super().__init__(sentence)
        self.line = line


class TemplateFailed(SwitchboardError):
    """A text could not be filled in for this caller; say something neutral instead."""


def _finalize(value: Any) -> Any:
    if value is None:
        raise TemplateFailed("a value in the text is not known")
    return value


_environment = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, finalize=_finalize, autoescape=False, cache_size=0
)


@dataclass(frozen=True, slots=True)
class Template:
    """One text in one language, compiled and checked. `fixed` is the text where nothing varies."""

    source: str
    fixed: str | None
    _compiled: jinja2.Template | None = None

    def render(self, variables: Mapping[str, Any]) -> str:
        """One line of speakable text. Raises TemplateFailed where a value is not known."""
        if self.fixed is not None:
            return self.fixed
        assert self._compiled is not None
        try:
            text = self._compiled.render(variables)
        except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise TemplateFailed(f"the text could not be filled in ({error})") from error
        if len(text) > MAX_OUTPUT:
            raise TemplateFailed(f"the text came out longer than {MAX_OUTPUT} characters")
        return speakable(text)


def speakable(text: str) -> str:
    """One line without control, format or private-use characters."""
    if text.isascii() and text.isprintable():  # nearly always, and much faster to see
        return " ".join(text.split())
    kept = (
        " " if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") else letter
        for letter in text
    )
    return re.sub(r"\s+", " ", "".join(kept)).strip()


def compile_template(source: str, variables: Iterable[str]) -> Template:
    """`variables` are dotted names (`caller.first_name`). Raises BadTemplate."""
    if len(source) > MAX_SOURCE:
        raise BadTemplate(f"the text has {len(source)} characters; at most {MAX_SOURCE} are spoken")
    known = frozenset(variables)
    try:
        tree = _environment.parse(source)
        _check(tree, known, depth=0)
        if all(isinstance(node, nodes.Output) for node in tree.body) and all(
            isinstance(part, nodes.TemplateData) for node in tree.body for part in _children(node)
        ):
            return Template(source, speakable(source))
        return Template(source, None, _environment.from_string(source))
    except jinja2.TemplateSyntaxError as error:
        raise BadTemplate(f"the text cannot be read: {error.message}", error.lineno) from error
    except (RecursionError, MemoryError, SyntaxError, OverflowError) as error:
        raise BadTemplate("the text is nested too deeply") from error


def _check(node: nodes.Node, known: frozenset[str], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise BadTemplate("the text is nested too deeply", node.lineno)
    if not isinstance(node, _ALLOWED):
        _refuse(node)
    if isinstance(node, nodes.Name | nodes.Getattr):
        _check_variable(node, known)
        return
    if isinstance(node, nodes.Filter):
        _check_word(node, "filter", node.name, FILTERS)
    if isinstance(node, nodes.Test):
        _check_word(node, "test", node.name, TESTS)
    for child in _children(node):
        _check(child, known, depth + 1)


def _children(node: nodes.Node) -> Iterator[nodes.Node]:
    return node.iter_child_nodes()


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


def _check_variable(node: nodes.Name | nodes.Getattr, known: frozenset[str]) -> None:
    name = _dotted(node)
    if name is None:
        raise BadTemplate("only values like 'caller.first_name' have a dot", node.lineno)
    if name not in known:
        raise BadTemplate(
            f"unknown value '{name}' in the text{did_you_mean(name, known)}", node.lineno
        )


def _dotted(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Name):
        return node.name if node.ctx == "load" else None
    if isinstance(node, nodes.Getattr):
        left = _dotted(node.node)
        return None if left is None else f"{left}.{node.attr}"
    return None
