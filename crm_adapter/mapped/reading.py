"""What a CRM holds, as our own types: whatever does not fit is None, never an error."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from calls.caller import Contact, ContactRef
from calls.money import Money
from crm_adapter.mapped.record_values import LONGEST_TEXT

LONGEST_ID = 200
#: Numbers of one record that are looked at.
MOST_NUMBERS = 50
_LONGEST_NUMBER = 60
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
#: 2100 in seconds: what is larger counts milliseconds.
_LAST_SECOND = 4_102_444_800
_EASTERNMOST, _WESTERNMOST = (timezone(timedelta(hours=hours)) for hours in (14, -12))
_DATE_PARTS = ("year", "month", "day", "hour", "minute", "second")


def text(value: Any) -> str | None:
    """Numbers are texts too; false is what Odoo says for nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    cleaned = str(value).replace("\0", "").strip()[:LONGEST_TEXT]
    return cleaned or None


def record_id(value: Any) -> str | None:
    found = text(value) if not isinstance(value, float) else None
    return found if found is not None and len(found) <= LONGEST_ID else None


def texts(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    found = (text(item) for item in items[:MOST_NUMBERS])
    return tuple(dict.fromkeys(one for one in found if one and len(one) <= _LONGEST_NUMBER))


def moment(value: Any) -> datetime | None:
    """ISO 8601 (a date alone is its midnight), seconds or milliseconds since 1970, or an object
    with year, month and day. Without a zone it is UTC."""
    try:
        at = _moment(value)
        if at is None:
            return None
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        # Of what lies beyond the calendar in another zone nobody could say or store the time.
        at.astimezone(_EASTERNMOST)
        at.astimezone(_WESTERNMOST)
    except (ValueError, OverflowError, OSError, TypeError):
        return None
    return at


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, Mapping):
        year, month, day, hour, minute, second = (int(value.get(name, 0)) for name in _DATE_PARTS)
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) > _LAST_SECOND else value
        return datetime.fromtimestamp(seconds, UTC)
    return datetime.fromisoformat(value.strip()) if isinstance(value, str) else None


def day(value: Any) -> date | None:
    at = moment(value)
    return None if at is None else at.date()


def amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and abs(found) < Decimal(10) ** 15 else None


def quantity(value: Any) -> int:
    """1 where nothing sensible is said."""
    number = amount(value)
    if number is None or not math.isfinite(number):
        return 1
    return int(number.to_integral_value()) or 1


def currency(value: Any) -> str | None:
    found = text(value)
    return found if found is not None and _CURRENCY.fullmatch(found) else None


def truth(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() not in ("", "0", "false", "f", "no", "n")
    return bool(value)


def contact(ref: ContactRef, parts: Mapping[str, Any], *, url: str | None = None) -> Contact:
    """`parts` by the names of a mapping. A whole name stands where people look for the family's."""
    first, last = text(parts.get("first_name")), text(parts.get("last_name"))
    if first is None and last is None:
        last = text(parts.get("name"))
    owed, unit = amount(parts.get("balance")), currency(parts.get("currency"))
    return Contact(
        ref=ref,
        first_name=(first or "")[:300],
        last_name=(last or "")[:300],
        company=text(parts.get("company")),
        language=_language(parts.get("language")),
        url=web_address(parts.get("url")) or url,
        owner=text(parts.get("owner")),
        balance=Money(owed, unit) if owed is not None and unit is not None else None,
    )


def web_address(value: Any) -> str | None:
    """Nothing else may become a link on a screen."""
    found = text(value)
    is_web = found is not None and found.startswith(("https://", "http://"))
    return found if is_web and not any(sign <= " " for sign in found or "") else None


def _language(value: Any) -> str | None:
    """`en_GB` is en."""
    found = text(value)
    return re.split(r"[-_]", found)[0].lower()[:8] if found else None
