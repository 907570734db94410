"""Sections `closures` and `promotions`: from one moment to another.

closures:
  burst_pipe: {from: "2026-11-23T08:00", to: "2026-11-23T14:00", hours: [shop]}
promotions:
  black_week: {from: "2026-11-23", to: "2026-11-30", timezone: Europe/Berlin}
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Annotated, Any

from pydantic import Field

from config.opening_hours import OpeningHours, Period
from config.reading.hours import fact_name
from config.reading.moments import read_moment
from config.reading.parts import Clock, Name, Part, shaped
from config.reading.reader import Path, Reader
from config.reading.written import WrittenClosure
from config.rulebook import NumberEntry
from config.shape import check_shape

_Moment = Annotated[Any, shaped("moment")]


class ClosurePart(Part):
    from_: _Moment = Field(alias="from")
    """First day or moment."""
    to: _Moment
    """Last day, or the moment at which it is over."""
    hours: list[Name] | None = None
    """The hours that are shut; without it all of them."""


class PromotionPart(Part):
    from_: _Moment = Field(alias="from")
    """First day or moment."""
    to: _Moment
    """Last day, or the moment at which it is over."""
    timezone: Clock | None = None
    """Without it the server's."""


def read_closure(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("closures", name)
    part = check_shape(ClosurePart, raw, path, reader.report)
    span = span_of(reader, raw, path)
    if part is None or span is None:
        return
    names = part.hours if part.hours is not None else list(reader.found.named("hours"))
    for index, hours in enumerate(part.hours or []):
        reader.known("hours", hours, (*path, "hours", index), "opening hours")
    closure = WrittenClosure(name, *span, tuple(names), reader.place(path))
    reader.found.closures.append(closure)


def read_promotion(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("promotions", name)
    fact_name(reader, name, path)
    part = check_shape(PromotionPart, raw, path, reader.report)
    span = span_of(reader, raw, path)
    if part is None or span is None:
        return
    zone = zoneinfo.ZoneInfo(part.timezone) if part.timezone else None
    reader.found.promotions[name] = Period(name, aware(span[0], zone), aware(span[1], zone))


def span_of(reader: Reader, raw: Any, path: Path) -> tuple[datetime, datetime] | None:
    if not isinstance(raw, dict) or "from" not in raw or "to" not in raw:
        return None
    ends: dict[str, datetime] = {}
    for key in ("from", "to"):
        try:
            ends[key] = read_moment(raw[key], key, is_end=key == "to")
        except ValueError as error:
            reader.report((*path, key), str(error))
    if len(ends) < 2:
        return None
    if ends["from"] >= ends["to"]:
        reader.report((*path, "to"), "'to' must be later than 'from'")
        return None
    return ends["from"], ends["to"]


def aware(local: datetime, zone: tzinfo | None) -> datetime:
    """None: the server's clock."""
    return local.replace(tzinfo=zone) if zone else local.astimezone()


def closures_of(
    hours: OpeningHours, written: Iterable[WrittenClosure], numbers: Iterable[NumberEntry]
) -> tuple[Period, ...]:
    """On the clock of the hours; where they name none, on that of the numbers which keep them."""
    zones = {number.timezone for number in numbers if number.hours == hours.name}
    zone = hours.timezone or (zones.pop() if len(zones) == 1 else None)
    return tuple(
        Period(closure.name, aware(closure.starts, zone), aware(closure.ends, zone))
        for closure in written
        if hours.name in closure.hours
    )
