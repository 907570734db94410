"""Section `hours`: when somebody is there.

hours:
  shop:
    timezone: Europe/Berlin
    week: {mon-fri: "09:00-18:00", sat: ["10:00-13:00", "14:00-16:00"]}
    holidays: {country: DE, subdivision: BE}
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated, Any

from config.opening_hours import OpeningHours, Span
from config.reading.calendars import dates_of, read_holidays
from config.reading.moments import DAYS, overlap, read_days, read_span
from config.reading.parts import FACT_NAME, Clock, Part, shaped
from config.reading.reader import Path, Reader
from config.reading.written import WrittenHolidays
from config.shape import check_shape


class HoursPart(Part):
    week: Annotated[Any, shaped("week")]
    """Hours by day (mon) or days (mon-fri); a day that is missing is closed."""
    timezone: Clock | None = None
    """Their clock; without it the dialled number's, else the server's."""
    holidays: Annotated[Any, shaped("holidays")] = None
    """Closed all day: a country's public holidays, or a name from `holidays`."""


def read_hours(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("hours", name)
    fact_name(reader, name, path)
    part = check_shape(HoursPart, raw, path, reader.report)
    given = raw if isinstance(raw, dict) else {}
    week = _week(reader, given["week"], (*path, "week")) if "week" in given else {}
    days = WrittenHolidays()
    if given.get("holidays") is not None:
        days = _holidays(reader, given["holidays"], (*path, "holidays"))
    zone = part.timezone if part else None
    reader.found.hours[name] = OpeningHours(
        name,
        zoneinfo.ZoneInfo(zone) if zone else None,
        week,
        dates_of(days, reader.found.years),
    )


def fact_name(reader: Reader, name: str, path: Path) -> None:
    """Texts use it too: `opens.shop`."""
    if not re.match(FACT_NAME, name):
        sentence = (
            f"the name '{name[:60]}' may hold letters a to z, digits and _ only, a letter first"
        )
        reader.report(path, sentence)


def _holidays(reader: Reader, raw: Any, path: Path) -> WrittenHolidays:
    if not isinstance(raw, str):
        return read_holidays(reader, raw, path)
    reader.known("holidays", raw, path, "calendar of holidays")
    return reader.found.holidays.get(raw, WrittenHolidays())


def _week(reader: Reader, raw: Any, path: Path) -> dict[int, tuple[Span, ...]]:
    if not isinstance(raw, dict):
        reader.report(path, "'week' must be a mapping like {mon-fri: \"09:00-18:00\"}")
        return {}
    week: dict[int, tuple[Span, ...]] = {}
    for written, value in raw.items():
        at = (*path, written)
        try:
            days = read_days(written)
            spans = [read_span(one) for one in (value if isinstance(value, list) else [value])]
        except ValueError as error:
            reader.report(at, str(error))
            continue
        if overlap(spans):
            reader.report(at, f"the hours of {written} overlap")
        for day in days:
            if day in week:
                reader.report(at, f"{DAYS[day]} is given twice, the second time by '{written}'")
            week[day] = tuple(sorted(spans, key=lambda span: span.opens))
    return week
