"""Spoken text lets in what a sentence needs and nothing that a machine could be taken over by."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from config.facts import FACTS
from config.templates import BadTemplate, TemplateFailed, compile_template, speakable

pytestmark = pytest.mark.unit

HOSTILE = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ caller.__class__ }}",
    "{{ caller.first_name.__class__ }}",
    "{{ caller['first_name'] }}",
    "{{ caller.first_name.format(1) }}",
    "{{ '{0.__class__}'.format(caller) }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].system('id') }}",
    "{{ joiner() }}",
    "{{ namespace(x=1) }}",
    "{{ range(10**9)|list }}",
    "{% for x in range(999999999) %}x{% endfor %}",
    "{% set x = caller %}{{ x }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{{ 'a' * 1000000000 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ ('x' * 99999)|center(999999999) }}",
    "{{ caller.first_name|attr('__class__') }}",
    "{{ caller.first_name|map(attribute='__class__') }}",
    "{{ [caller]|pprint }}",
    "{{ {'a': caller} }}",
    "{{ caller.first_name[::-1] }}",
    "{% filter upper %}x{% endfilter %}",
    "{% call caller.first_name() %}{% endcall %}",
    "{% with x = 1 %}{{ x }}{% endwith %}",
    "{% autoescape true %}x{% endautoescape %}",
    "{% raw %}" + "x" * 3000,
    "{{ " + "(" * 900 + "1" + ")" * 900 + " }}",
    "{{ " + "not " * 400 + "1 }}",
    "{{ " + "1+" * 900 + "1 }}",
    "{{ 10 // 0 }}",
    "{{",
    "{% if %}",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_hostile_text_is_refused_at_load(source: str) -> None:
    started = time.monotonic()
    with pytest.raises(BadTemplate) as caught:
        compile_template(source, FACTS)
    assert str(caught.value)
    assert time.monotonic() - started < 2


def variables(**caller: object) -> dict[str, object]:
    return {"caller": SimpleNamespace(**caller)}


def test_a_text_without_values_is_known_beforehand() -> None:
    template = compile_template("  To order\n something ", FACTS)
    assert template.fixed == "To order something"
    assert template.render({}) == "To order something"


def test_values_are_filled_in_on_one_line() -> None:
    template = compile_template("Hello,\n{{ caller.first_name|title }}!", FACTS)
    assert template.fixed is None
    assert template.render(variables(first_name="maria")) == "Hello, Maria!"


def test_what_is_not_known_is_never_spoken_as_none() -> None:
    template = compile_template("For {{ caller.first_name }}", FACTS)
    with pytest.raises(TemplateFailed):
        template.render(variables(first_name=None))
    with pytest.raises(TemplateFailed):
        template.render(variables())


def test_what_is_not_known_counts_as_no() -> None:
    template = compile_template("Hi{% if caller.name %} {{ caller.name }}{% endif %}", FACTS)
    assert template.render(variables(name=None)) == "Hi"


def test_an_expression_that_fails_for_this_caller_is_a_failed_text() -> None:
    template = compile_template("{{ caller.recency + 1 }}", FACTS)
    with pytest.raises(TemplateFailed):
        template.render(variables(recency="x"))


def test_a_text_that_grows_too_long_is_not_spoken() -> None:
    template = compile_template("{{ caller.name }}" * 100, FACTS)
    with pytest.raises(TemplateFailed):
        template.render(variables(name="x" * 200))


def test_control_characters_are_not_spoken() -> None:
    assert speakable("a\x1b[31m\u202e b\r\nc\x00") == "a [31m b c"


def test_a_value_is_text_even_if_it_looks_like_a_template() -> None:
    template = compile_template("{{ caller.name }}", FACTS)
    assert template.render(variables(name="{{ 7 + 7 }}")) == "{{ 7 + 7 }}"
