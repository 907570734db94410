"""Public holidays: a country's own calendar (PyPI `holidays`), corrected by the author.

    holidays:
      {country: DE, subdivision: BE, also: {"2026-12-24": Christmas Eve}, not: ["2026-10-31"]}

written with each of `hours`, or once under the section `holidays` and named there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Annotated, Any

import holidays
from pydantic import Field

from config.problems import as_said, did_you_mean
from config.reading.moments import read_date
from config.reading.parts import REGION, Part
from config.reading.reader import Path, Reader
from config.reading.written import WrittenHolidays
from config.shape import check_shape

#: This year and the next ones: a server is restarted, or its rulebook changed, before they end.
YEARS_AHEAD = 3


class HolidaysPart(Part):
    country: Annotated[str, Field(pattern=REGION)] | None = None
    """Whose public holidays: DE, US, CN ..."""
    subdivision: Annotated[str, Field(pattern=r"^[A-Za-z0-9 .-]{1,40}$")] | None = None
    """Its state or province, where holidays differ: BE for Berlin."""
    also: dict[str, str] = Field(default_factory=dict)
    """Further days with their names, by date."""
    not_: list[str] = Field([], alias="not")
    """Dates that are working days all the same."""


def read_holidays(reader: Reader, raw: Any, path: Path) -> WrittenHolidays:
    part = check_shape(HolidaysPart, raw, path, reader.report)
    if part is None:
        return WrittenHolidays()
    also = {
        day: name
        for text, name in part.also.items()
        if (day := _date(reader, text, (*path, "also", text)))
    }
    days = [_date(reader, text, (*path, "not", i)) for i, text in enumerate(part.not_)]
    _check_country(reader, part, path)
    return WrittenHolidays(part.country, part.subdivision, also, frozenset(filter(None, days)))


def _date(reader: Reader, raw: str, path: Path) -> date | None:
    try:
        return read_date(raw)
    except ValueError as error:
        reader.report(path, str(error))
        return None


def _check_country(reader: Reader, part: HolidaysPart, path: Path) -> None:
    if part.country is None:
        if part.subdivision is not None:
            reader.report((*path, "subdivision"), "'subdivision' goes with 'country'")
        return
    known = _countries()
    if part.country not in known:
        hint = did_you_mean(part.country, known)
        sentence = f"no calendar of holidays is known for {as_said(part.country)}{hint}"
        reader.report((*path, "country"), sentence)
    elif part.subdivision is not None and part.subdivision not in known[part.country]:
        parts = known[part.country]
        hint = did_you_mean(part.subdivision, parts) or f"; there are: {', '.join(parts) or 'none'}"
        sentence = f"{part.country} has no subdivision {as_said(part.subdivision)}{hint}"
        reader.report((*path, "subdivision"), sentence)


@functools.cache
def _countries() -> Mapping[str, list[str]]:
    return {
        code: list(parts)
        for code, parts in holidays.list_supported_countries(include_aliases=True).items()
    }


def dates_of(written: WrittenHolidays, years: Iterable[int]) -> dict[date, str]:
    """By date, in order."""
    days: dict[date, str] = {}
    if written.country in _countries():
        days.update(_calendar(str(written.country), written.subdivision, tuple(sorted(set(years)))))
    days.update(written.also)
    return {day: days[day] for day in sorted(days) if day not in written.not_}


@functools.lru_cache(maxsize=50)
def _calendar(
    country: str, subdivision: str | None, years: tuple[int, ...]
) -> tuple[tuple[date, str], ...]:
    if subdivision is not None and subdivision not in _countries()[country]:
        return ()
    calendar = holidays.country_holidays(country, subdiv=subdivision, years=years)
    return tuple(calendar.items())
