"""Numbers, amounts, dates and times in English words.

Without "and" inside a number, so that the only "and" of an amount stands before its cents.
"""

from __future__ import annotations

from datetime import date, time

from config.number_parts import Decimals

#: Whole numbers from here on are left as digits.
LIMIT = 10**15

_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))
_IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)


def cardinal(number: int) -> str:
    """`number` is from 0 to below LIMIT."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f"-{_SMALL[ones]}" if ones else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_SMALL[hundreds]} hundred" + (f" {cardinal(rest)}" if rest else "")
    size, name = next(scale for scale in _SCALES if number >= scale[0])
    count, rest = divmod(number, size)
    return f"{cardinal(count)} {name}" + (f" {cardinal(rest)}" if rest else "")


def ordinal(number: int) -> str:
    """From 1 to 99."""
    before, dash, last = cardinal(number).rpartition("-")
    if last in _IRREGULAR_ORDINALS:
        last = _IRREGULAR_ORDINALS[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return f"{before}{dash}{last}"


def digits_of(digits: str) -> str:
    """One by one: `0` is zero, never oh."""
    return " ".join(_SMALL[int(digit)] for digit in digits)


def number(parts: Decimals) -> str:
    """three point one four; minus six."""
    words = cardinal(parts.whole)
    if parts.decimals:
        words = f"{words} point {digits_of(parts.decimals)}"
    return f"minus {words}" if parts.negative else words


def year(value: int) -> str:
    """nineteen oh five, two thousand five, twenty twenty-six."""
    century, rest = divmod(value, 100)
    if century < 10 or value % 1000 < 10:
        return cardinal(value)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {f'oh {_SMALL[rest]}' if rest < 10 else cardinal(rest)}"


def day(value: date, *, with_year: bool) -> str:
    """Tuesday, the twenty-fourth of November [twenty twenty-six]"""
    named = f"{_WEEKDAYS[value.weekday()]}, the {ordinal(value.day)} of {_MONTHS[value.month - 1]}"
    return f"{named} {year(value.year)}" if with_year else named


def clock(value: time) -> str:
    """three thirty p.m.; twelve o'clock has two meanings, noon and midnight have one."""
    if value.minute == 0 and value.hour in (0, 12):
        return "noon" if value.hour else "midnight"
    words = cardinal(value.hour % 12 or 12)
    if value.minute:
        minutes = cardinal(value.minute)
        words += f" oh {minutes}" if value.minute < 10 else f" {minutes}"
    return f"{words} {'a.m.' if value.hour < 12 else 'p.m.'}"


def moment(day_words: str, clock_words: str) -> str:
    return f"{day_words}, at {clock_words}"
