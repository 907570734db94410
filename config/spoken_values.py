"""Numbers, dates and times as words that no speech engine can misread.

English and Mandarin are written out here; any other language gets what CLDR has for its eyes, by
Babel. `language` is a code like `en`, `zh` or `zh-CN`. Everything raises ValueError for what cannot
be said, and nothing else: a wrong value is worse than none.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from babel import dates as cldr_dates
from babel import numbers as cldr_numbers

from config import english_numbers, mandarin_numbers, number_parts
from config.spoken_languages import family_of, locale_of, words_for


def number(value: int | float | Decimal, language: str) -> str:
    """three point one four; 三点一四"""
    parts = number_parts.taken_apart(value)
    words = words_for(language, parts.whole)
    if words is not None:
        return str(words.number(parts))
    rounded = number_parts.rounded(value, number_parts.MAX_DECIMALS)
    return cldr_numbers.format_decimal(rounded, format="#,##0.######", locale=locale_of(language))


def counted(value: int | float | Decimal, language: str) -> str:
    """As `number`, right before the word for what is counted: 两 in 两天."""
    parts = number_parts.taken_apart(value)
    if words_for(language, parts.whole) is mandarin_numbers and not (
        parts.negative or parts.decimals
    ):
        return mandarin_numbers.counted(parts.whole, "")
    return number(value, language)


def day(value: date, language: str, today: date | None = None) -> str:
    """Tuesday, the twenty-fourth of November; 十一月二十四日星期二. With its year where that is not
    the year of `today`, or `today` is not known."""
    if not isinstance(value, date):
        raise ValueError(f"{type(value).__name__} is not a date")
    with_year = today is None or today.year != value.year
    family = family_of(language)
    if family == "en":
        return english_numbers.day(value, with_year=with_year)
    if family == "zh":
        return mandarin_numbers.day(value, with_year=with_year)
    return _cldr(cldr_dates.format_date, value, "full", language)


def clock(value: datetime | time, language: str) -> str:
    """three thirty p.m.; 下午三点半. By the clock that `value` is on; seconds are not spoken."""
    if not isinstance(value, datetime | time):
        raise ValueError(f"{type(value).__name__} is not a time of day")
    at = value.time() if isinstance(value, datetime) else value
    family = family_of(language)
    if family == "en":
        return english_numbers.clock(at)
    if family == "zh":
        return mandarin_numbers.clock(at)
    return _cldr(cldr_dates.format_time, at.replace(tzinfo=None), "short", language)


def moment(value: datetime, language: str, today: date | None = None) -> str:
    """Tuesday, the twenty-fourth of November, at three thirty p.m.;
    十一月二十四日星期二下午三点半"""
    if not isinstance(value, datetime):
        raise ValueError(f"{type(value).__name__} is not a point in time")
    on, at = day(value, language, today), clock(value, language)
    family = family_of(language)
    if family == "en":
        return english_numbers.moment(on, at)
    return mandarin_numbers.moment(on, at) if family == "zh" else f"{on}, {at}"


def _cldr(format_: Any, value: Any, length: str, language: str) -> str:
    """Whatever Babel makes of an extreme value is a ValueError."""
    try:
        return str(format_(value, length, locale=locale_of(language)))
    except (OverflowError, AttributeError, KeyError) as error:
        raise ValueError("this date or time cannot be said") from error
