"""Dates, times of day and spans of time as authors write them."""

from __future__ import annotations

import itertools
import re
from datetime import date, datetime, time, timedelta
from typing import Any

from config.opening_hours import Span
from config.problems import as_said

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2}) ?- ?([0-9]{1,2}):([0-9]{2})")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2}))?")
_FIRST_YEAR, _LAST_YEAR = 2000, 2199


def _no_such(raw: Any) -> None:
    """Raises ValueError with the sentence where only the calendar or the clock is against it."""
    match = _MOMENT.match(raw) if isinstance(raw, str) else None
    if match is None:
        return
    try:
        date.fromisoformat(match[1])
    except ValueError as error:
        raise ValueError(f"there is no day {match[1]}") from error
    if match[2] and (int(match[2]) > 23 or int(match[3]) > 59):
        raise ValueError(f"there is no time {match[2]}:{match[3]}")


def read_date(raw: Any) -> date:
    """Raises ValueError with the sentence."""
    _no_such(raw)
    try:
        day = date.fromisoformat(raw) if isinstance(raw, str) and len(raw) == 10 else None
    except ValueError:
        day = None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"a date is written like 2026-12-24, not {as_said(raw)}")
    return day


def read_moment(raw: Any, key: str, *, is_end: bool = False) -> datetime:
    """On a clock that is named elsewhere. A date means its first moment, or as an end its last.
    Raises ValueError with the sentence."""
    sentence = f"'{key}' is written like 2026-11-23 or 2026-11-23T08:00, not {as_said(raw)}"
    _no_such(raw)
    if not isinstance(raw, str) or not 10 <= len(raw) <= 19:
        raise ValueError(sentence)
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError as error:
        raise ValueError(sentence) from error
    if moment.tzinfo is not None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(sentence)
    return moment + timedelta(days=1) if is_end and len(raw) == 10 else moment


def read_instant(raw: Any, what: str) -> datetime:
    """A moment with or without its own clock. Raises ValueError with the sentence."""
    sentence = f"{what} is written like 2026-11-23T10:00, not {as_said(raw)}"
    _no_such(raw)
    try:
        moment = datetime.fromisoformat(raw if isinstance(raw, str) else "")
    except ValueError as error:
        raise ValueError(sentence) from error
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:  # clocks cannot be told far outside
        raise ValueError(f"{what} lies in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment


def read_days(written: str) -> list[int]:
    """`mon`, or `mon-fri`; the range may go over the week's end. Raises ValueError."""
    first, dash, last = written.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        days = ", ".join(DAYS)
        raise ValueError(f"'{written[:40]}' is not a day ({days}) or days like mon-fri")
    start = DAYS.index(first)
    count = (DAYS.index(last) - start) % 7 + 1 if dash else 1
    return [(start + offset) % 7 for offset in range(count)]


def read_span(raw: Any) -> Span:
    """`09:00-18:00`; until 24:00 at the latest. Raises ValueError."""
    match = _SPAN.fullmatch(raw) if isinstance(raw, str) else None
    numbers = [int(number) for number in match.groups()] if match else []
    if not numbers or numbers[1] > 59 or numbers[3] > 59:
        raise ValueError(f'hours are written like "09:00-18:00", not {as_said(raw)}')
    opens, until = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if opens >= 24 * 60 or until > 24 * 60:
        raise ValueError(f"a day ends at 24:00, not {as_said(raw)}")
    if opens >= until:
        raise ValueError(
            f"{as_said(raw)} ends before it starts; hours past midnight are two: "
            "22:00-24:00, and 00:00-02:00 on the next day"
        )
    return Span(_time(opens), _time(until))


def _time(minutes: int) -> time:
    return time(minutes // 60 % 24, minutes % 60)


def overlap(spans: list[Span]) -> bool:
    ordered = sorted(
        (span.opens, span.until if span.until != time() else time.max) for span in spans
    )
    return any(later[0] < earlier[1] for earlier, later in itertools.pairwise(ordered))
