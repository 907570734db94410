"""Spoken text: Jinja2, of which only what a sentence needs is let in.

Three fences, each enough alone for most attacks: the grammar (`config.template_grammar`: a short
list of node types, filters and tests; no loops, calls, item access or arithmetic that multiplies)
and the known variables, both checked at load; and at call time Jinja2's immutable sandbox with
strict undefined, its filters and tests cut to ours, no globals, and a bound on what comes out.
Time needs no clock: without loops, what is done is bounded by the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from calls.errors import SwitchboardError
from config import mandarin_numbers, template_filters
from config.facts import Fact
from config.template_grammar import FILTERS, TESTS, BadTemplate, Grammar

__all__ = ["BadTemplate", "Template", "TemplateFailed", "compile_template", "speakable"]

MAX_SOURCE = 2_000
MAX_OUTPUT = 2_000


class TemplateFailed(SwitchboardError):
    """A text could not be filled in for this caller; say something neutral instead."""


def _make_environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        finalize=template_filters.printed,
        autoescape=False,
        cache_size=0,
    )
    stock = {name: environment.filters[name] for name in FILTERS & environment.filters.keys()}
    environment.filters = {**stock, **template_filters.ON_WORDS, **template_filters.SPEAKING}
    own_tests = {"even": template_filters.is_even, "odd": template_filters.is_odd}
    environment.tests = {**{name: environment.tests[name] for name in TESTS}, **own_tests}
    environment.globals = {}
    return environment


_environment = _make_environment()


@dataclass(frozen=True, slots=True)
class Template:
    """One text in one language, compiled and checked. `fixed` is the text where nothing varies."""

    source: str
    fixed: str | None
    _compiled: jinja2.Template | None = None

    def render(
        self, variables: Mapping[str, Any], language: str = "en", *, today: date | None = None
    ) -> str:
        """One line of speakable text; amounts, dates and numbers in the words of `language`. Dates
        of the year of `today` are spoken without their year; times by the clock they are on.
        Raises TemplateFailed where a value is not known or cannot be said."""
        if self.fixed is not None:
            return self.fixed
        assert self._compiled is not None
        context = {
            **variables,
            template_filters.LANGUAGE: language,
            template_filters.TODAY: today,
        }
        try:
            # Jinja's own render, but for its rewriting of tracebacks: that made a failure dear.
            filled = self._compiled.new_context(context)
            text = "".join(self._compiled.root_render_func(filled))
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


def compile_template(source: str, variables: Mapping[str, Fact] | Iterable[str]) -> Template:
    """`variables` are dotted names (`caller.first_name`), with their facts where the way each is
    spoken shall be checked too. Raises BadTemplate."""
    if len(source) > MAX_SOURCE:
        raise BadTemplate(f"the text has {len(source)} characters; at most {MAX_SOURCE} are spoken")
    known: Mapping[str, Fact | None]
    known = variables if isinstance(variables, Mapping) else dict.fromkeys(variables)
    try:
        tree = _environment.parse(source)
        Grammar(known).check(tree)
        words = _fixed_words(tree)
        if words is not None and not speakable(words):
            raise BadTemplate("the text says nothing")
        if words is not None:
            return Template(source, speakable(words))
        return Template(source, None, _compiled(tree))
    except jinja2.TemplateSyntaxError as error:
        raise BadTemplate(f"the text cannot be read: {error.message}", error.lineno) from error
    except TemplateFailed as error:
        raise BadTemplate(f"the text cannot be spoken: {error}") from error
    except (RecursionError, MemoryError, SyntaxError, OverflowError) as error:
        raise BadTemplate("the text is nested too deeply") from error


def _compiled(tree: nodes.Template) -> jinja2.Template:
    """With every number spoken that would come out as digits: joined by `~`, or right before what
    it counts."""
    for joined in list(tree.find_all(nodes.Concat)):
        joined.nodes = [_filtered(part, template_filters.PRINTED) for part in joined.nodes]
    for output in tree.find_all(nodes.Output):
        output.nodes = [
            _filtered(_number_of(part), template_filters.COUNTED)
            if _is_counted(output.nodes[index - 1 : index], output.nodes[index + 1 : index + 2])
            and not isinstance(part, nodes.TemplateData)
            else part
            for index, part in enumerate(output.nodes)
        ]
    return jinja2.Template.from_code(_environment, _environment.compile(tree), {})


def _is_counted(before: list[nodes.Expr], after: list[nodes.Expr]) -> bool:
    """第 makes of it a number in a row, whatever follows: 第二天."""
    words = [
        part.data if isinstance(part, nodes.TemplateData) else "" for part in (*before, *after)
    ]
    counts = bool(after) and mandarin_numbers.counts(words[-1].lstrip())
    return counts and not (before and words[0].rstrip().endswith("第"))


def _number_of(part: nodes.Expr) -> nodes.Expr:
    """Without the filter that speaks it as a bare number."""
    if isinstance(part, nodes.Filter) and part.name == "number" and part.node is not None:
        return part.node
    return part


def _filtered(part: nodes.Expr, name: str) -> nodes.Filter:
    made = nodes.Filter(part, name, [], [], None, None, lineno=part.lineno)
    made.set_environment(_environment)
    return made


def _fixed_words(tree: nodes.Template) -> str | None:
    """What the template says without its comments, where nothing in it varies."""
    parts = [part for node in tree.body if isinstance(node, nodes.Output) for part in node.nodes]
    words = [part.data for part in parts if isinstance(part, nodes.TemplateData)]
    varies = len(words) < len(parts) or not all(isinstance(n, nodes.Output) for n in tree.body)
    return None if varies else "".join(words)
