"""Spoken text lets in what a sentence needs and nothing that a machine could be taken over by."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from calls.money import Money
from config.facts import FACTS
from config.templates import BadTemplate, TemplateFailed, compile_template, speakable
from tests.unit.config.hostile_templates import REFUSED_AT_LOAD, REFUSED_AT_RENDER

pytestmark = pytest.mark.unit

#: Of this thread's own time, that of collecting a long run's garbage in it too. What is refused
#: here would take minutes.
SOON_S = 2.0
#: The caller's name is hostile too: it formats to a gigabyte where somebody formats by it.
HOSTILE_CALLER = {"name": "%999999999d" + "x" * 180, "first_name": "%d", "recency": 3}


def test_the_corpus_is_large_enough() -> None:
    assert len({*REFUSED_AT_LOAD, *REFUSED_AT_RENDER}) >= 120


@pytest.mark.parametrize("source", REFUSED_AT_LOAD)
@pytest.mark.parametrize("known", [FACTS, FACTS.keys()])
def test_hostile_text_is_refused_at_load(source: str, known: Any) -> None:
    started = time.thread_time()
    with pytest.raises(BadTemplate) as caught:
        compile_template(source, known)
    assert time.thread_time() - started < SOON_S
    assert str(caught.value)


@pytest.mark.parametrize("source", REFUSED_AT_RENDER)
def test_hostile_text_comes_to_nothing(source: str) -> None:
    started = time.thread_time()
    template = compile_template(source, FACTS)
    with pytest.raises(TemplateFailed):
        template.render(variables(**HOSTILE_CALLER, number="x" * 99, company=None))
    assert time.thread_time() - started < SOON_S


def variables(**caller: object) -> dict[str, object]:
    return {"caller": SimpleNamespace(**caller)}


@pytest.mark.parametrize(
    "source", ["{% autoescape true %}x{% endautoescape %}", "{{ -'x' }}", "{{ 1() }}"]
)
def test_what_is_refused_has_a_line(source: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        compile_template(source, FACTS)
    assert caught.value.line == 1


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


AT = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "english", "mandarin"),
    [
        ("{{ caller.balance | money }}", "twelve dollars and fifty cents", "十二美元五十美分"),
        (
            "{{ caller.last_order.due_on | date }}",
            "Tuesday, the twenty-fourth of November",
            "十一月二十四日星期二",
        ),
        ("{{ caller.next_appointment.at | time }}", "three thirty p.m.", "下午三点半"),
        (
            "{{ caller.next_appointment.at | date }}",
            "Tuesday, the twenty-fourth of November",
            "十一月二十四日星期二",
        ),
        (
            "{{ caller.next_appointment.at | datetime }}",
            "Tuesday, the twenty-fourth of November, at three thirty p.m.",
            "十一月二十四日星期二下午三点半",
        ),
        ("{{ caller.open_orders | number }}", "one thousand five", "一千零五"),
        ("{{ caller.last_order.number | digits }}", "four two", "四二"),
        ("{% if caller.balance %}yes{% else %}no{% endif %}", "yes", "yes"),
        ("{{ caller.balance | money if caller.known else 'x' }}", "x", "x"),
        ("{{ caller.open_orders | number | capitalize }}", "One thousand five", "一千零五"),
    ],
)
def test_values_are_spoken_in_the_language_of_the_text(
    source: str, english: str, mandarin: str
) -> None:
    values = variables(
        known=False,
        balance=Money(Decimal("12.50"), "USD"),
        last_order=SimpleNamespace(due_on=AT.date(), number="42"),
        next_appointment=SimpleNamespace(at=AT),
        open_orders=1005,
    )
    template = compile_template(source, FACTS)
    assert template.render(values, today=date(2026, 1, 1)) == english
    assert template.render(values, "zh", today=date(2026, 1, 1)) == mandarin


def test_a_date_has_its_year_unless_it_is_this_one() -> None:
    template = compile_template("{{ caller.last_order.due_on | date }}", FACTS)
    values = variables(last_order=SimpleNamespace(due_on=AT.date()))
    assert template.render(values, today=date(2025, 12, 31)).endswith("twenty twenty-six")
    assert template.render(values).endswith("twenty twenty-six")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{{ caller.balance }}", "write how to say it: '{{ caller.balance | money }}'"),
        ("{{ caller.balance | upper }}", "caller.balance | money"),
        ("{{ 'a' ~ caller.balance }}", "caller.balance | money"),
        ("{{ caller.balance or 1 }}", "caller.balance | money"),
        ("{{ caller.balance if caller.known else 1 }}", "caller.balance | money"),
        ("{{ caller.last_order.due_on }}", "{{ caller.last_order.due_on | date }}"),
        ("{{ caller.next_appointment.at }}", "| date }}' or '{{ caller.next_appointment.at | time"),
        ("{{ caller.owns }}", "which nobody says"),
        ("{{ caller.known }}", "{% if caller.known %}"),
        ("{{ caller.recency > 3 }}", "true or false, which nobody says"),
        ("{{ caller.name is defined }}", "true or false, which nobody says"),
        ("{% if caller.balance > 3 %}x{% endif %}", "compare it in a 'when'"),
        ("{{ caller.name | money }}", "'money' speaks an amount of money, and 'caller.name' is a"),
        ("{{ caller.last_order.due_on | time }}", "'time' speaks a point in time, and"),
        ("{{ caller.balance | number }}", "'number' speaks a number or a whole number, and"),
        ("{{ caller.balance | money('x') }}", "takes nothing in brackets"),
        ("{{ caller.balance | mony }}", "did you mean 'money'"),
        ("{{ caller.balanse | money }}", "did you mean 'caller.balance'"),
        ("{{ 12 | money }}", "right behind a value"),
    ],
)
def test_how_a_value_is_said_is_checked_at_load(source: str, says: str) -> None:
    with pytest.raises(BadTemplate) as caught:
        compile_template(source, FACTS)
    assert says in str(caught.value)


def test_a_value_of_unknown_kind_is_checked_when_it_is_spoken() -> None:
    values = {"a": Money(Decimal(3), "USD"), "b": AT, "c": True, "d": frozenset("x")}
    for name in values:
        with pytest.raises(TemplateFailed, match="without saying how"):
            compile_template(f"{{{{ {name} }}}}", values.keys()).render(values)
    assert compile_template("{{ a | money }}", ["a"]).render(values) == "three dollars"
    for filter_ in ("date", "time", "datetime", "number", "digits"):
        with pytest.raises(TemplateFailed, match="Money"):
            compile_template(f"{{{{ a | {filter_} }}}}", ["a"]).render(values)


@pytest.mark.parametrize("filter_", ["money", "date", "time", "datetime", "number", "digits"])
def test_what_is_not_known_is_not_said_through_a_filter(filter_: str) -> None:
    template = compile_template(f"{{{{ a.b | {filter_} }}}}", ["a.b"])
    for a in (SimpleNamespace(b=None), SimpleNamespace()):
        with pytest.raises(TemplateFailed, match=r"not known|no attribute"):
            template.render({"a": a})


def test_rounding_keeps_a_few_digits() -> None:
    template = compile_template("{{ caller.spend_12m | round(1) }}", FACTS)
    assert template.render(variables(spend_12m=2.25)) == "two point two"
    assert template.render(variables(spend_12m=1234567.891), "zh") == (
        "一百二十三万四千五百六十七点九"
    )


LATE = "caller.last_order.late_days"


@pytest.mark.parametrize(
    ("source", "value", "english", "mandarin"),
    [
        (f"{{{{ {LATE} }}}}", 1005, "one thousand five", "一千零五"),
        (f"{{{{ {LATE} }}}}", 2, "two", "二"),
        (f"{{{{ {LATE} + 1 }}}}", 11, "twelve", "十二"),
        (f"{{{{ {LATE} | default(7) }}}}", 3, "three", "三"),
        (f"{{{{ {LATE} | capitalize }}}}", 21, "Twenty-one", "二十一"),
        (f"{{{{ {LATE} | upper }}}}", 3, "THREE", "三"),
        (f"{{{{ 'x' ~ {LATE} ~ 4 }}}}", 3, "xthreefour", "x三四"),
        (f"{{{{ {LATE} | digits }}}}", 15, "one five", "一五"),
        ("{{ caller.spend_12m }}", 1234567.891,
         "one million two hundred thirty-four thousand five hundred sixty-seven point eight nine "
         "one",
         "一百二十三万四千五百六十七点八九一"),
        ("{{ caller.spend_12m }}", -0.5, "minus zero point five", "负零点五"),
        ("{{ 2 }} and {{ 1 + 1 }}", 0, "two and two", "二 and 二"),
    ],
)  # fmt: skip
def test_a_number_without_a_filter_is_spoken_in_words(
    source: str, value: float, english: str, mandarin: str
) -> None:
    values = variables(last_order=SimpleNamespace(late_days=value), spend_12m=value)
    template = compile_template(source, FACTS)
    assert template.render(values) == english
    assert template.render(values, "zh") == mandarin
    assert compile_template("{{ n }}", ["n"]).render({"n": 1234.5}, "de") == "1.234,5"


@pytest.mark.parametrize(
    ("before", "after", "value", "mandarin"),
    [
        ("已延误", "天", 2, "已延误两天"),
        ("已延误", "\n  天，", 2, "已延误两 天，"),
        ("", "个月", 2, "两个月"),
        ("", "小时", 2.0, "两小时"),
        ("", "天", 12, "十二天"),
        ("", "天", 22, "二十二天"),
        ("", "天", 200, "二百天"),
        ("", "天", 2.5, "二点五天"),
        ("", "天", -2, "负二天"),
        ("第", "天", 2, "第二天"),
        ("", "月", 2, "二月"),
        ("", "楼", 2, "二楼"),
        ("天", "", 2, "天二"),
        ("", "，天", 2, "二，天"),
    ],
)
@pytest.mark.parametrize("filter_", ["", " | number"])
def test_a_two_that_counts_is_liang(
    before: str, after: str, value: float, mandarin: str, filter_: str
) -> None:
    template = compile_template(f"{before}{{{{ caller.recency{filter_} }}}}{after}", FACTS)
    assert template.render(variables(recency=value), "zh") == mandarin


def test_only_numbers_count() -> None:
    values = {"a": "2", "b": True, "c": None, "d": float("nan")}
    assert compile_template("{{ a }}天", ["a"]).render(values, "zh") == "2天"
    for name in "bcd":
        with pytest.raises(TemplateFailed):
            compile_template(f"{{{{ {name} }}}}天", values.keys()).render(values, "zh")
    assert (
        compile_template("{{ a }}{{ n }}天", ["a", "n"]).render({"a": "x", "n": 2}, "zh") == "x两天"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{# until the new year #}We are open.", "We are open."),
        ("{% raw %}{{ braces }}{% endraw %}", "{{ braces }}"),
        ("We are{# still #}   open.", "We are open."),
    ],
)
def test_remarks_are_not_spoken(source: str, said: str) -> None:
    assert compile_template(source, FACTS).fixed == said


@pytest.mark.parametrize("source", ["{# nothing yet #}", "\u200b", "{% raw %} {% endraw %}"])
def test_a_text_of_nothing_is_refused(source: str) -> None:
    with pytest.raises(BadTemplate, match="says nothing"):
        compile_template(source, FACTS)
