"""The filters and tests that a text may use; those that speak do it in the text's language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import jinja2
from jinja2 import filters as stock
from jinja2.runtime import Context

from calls.money import Money
from config import spoken_digits, spoken_money, spoken_values

#: Where the language and the day of a rendering stand among its variables. Nobody can write these
#: names in a text: they have a space.
LANGUAGE = "spoken language"
TODAY = "day of speaking"
#: Filters that the compiler sets, by names that nobody can write either.
PRINTED = "as it is printed"
COUNTED = "before what it counts"


@jinja2.pass_context
def _money(context: Context, value: Any) -> str:
    return spoken_money.money(_known(value), _language(context))


@jinja2.pass_context
def _date(context: Context, value: Any) -> str:
    return spoken_values.day(_known(value), _language(context), _today(context))


@jinja2.pass_context
def _time(context: Context, value: Any) -> str:
    return spoken_values.clock(_known(value), _language(context))


@jinja2.pass_context
def _datetime(context: Context, value: Any) -> str:
    return spoken_values.moment(_known(value), _language(context), _today(context))


@jinja2.pass_context
def _number(context: Context, value: Any) -> str:
    return spoken_values.number(_known(value), _language(context))


@jinja2.pass_context
def _digits(context: Context, value: Any) -> str:
    return spoken_digits.digits(_known(value), _language(context))


@jinja2.pass_context
def printed(context: Context, value: Any) -> Any:
    """A value without a filter: a number in words, a text as it is."""
    if value is None:
        raise ValueError("a value in the text is not known")
    if isinstance(value, Money | date | bool | set | frozenset):
        raise ValueError("a value in the text was printed without saying how")
    if isinstance(value, int | float | Decimal):
        return spoken_values.number(value, _language(context))
    return value


@jinja2.pass_context
def _counted(context: Context, value: Any) -> Any:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return spoken_values.counted(value, _language(context))
    return printed(context, value)


def _on_words(filter_: Callable[..., str]) -> Callable[..., str]:
    """Jinja2's own, but for numbers, of which it would make digits."""

    @jinja2.pass_context
    def words(context: Context, value: Any) -> str:
        return filter_(printed(context, value))

    return words


#: Filters on words; Jinja2's own are looked for elsewhere.
ON_WORDS: dict[str, Callable[..., str]] = {
    "capitalize": _on_words(stock.do_capitalize),
    "lower": _on_words(stock.do_lower),
    "title": _on_words(stock.do_title),
    "trim": _on_words(stock.do_trim),
    "upper": _on_words(stock.do_upper),
}

SPEAKING: dict[str, Callable[..., str]] = {
    PRINTED: printed,
    COUNTED: _counted,
    "money": _money,
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "number": _number,
    "digits": _digits,
}


def is_even(value: Any) -> bool:
    """Jinja2's own would format a text by its `%`, at any length that the text asks for."""
    return _whole(value) % 2 == 0


def is_odd(value: Any) -> bool:
    return _whole(value) % 2 == 1


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise ValueError("only a whole number is even or odd")
    return value


def _known(value: Any) -> Any:
    if value is None or isinstance(value, jinja2.Undefined):
        raise ValueError("a value in the text is not known")
    return value


def _language(context: Context) -> str:
    return str(context.parent.get(LANGUAGE, "en"))


def _today(context: Context) -> date | None:
    today = context.parent.get(TODAY)
    return today if isinstance(today, date) else None
