"""What other people's JSON really holds: each reader gives the value, or nothing where it is of
another kind. Only a missing list of records is an error: then something else answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_adapter.adapter import Unavailable
from crm_adapter.http.replies import Reply

Record = Mapping[str, Any]

#: Of one value; a CRM's own texts end long before.
_LONGEST = 2_000
#: Sums beyond are nonsense, and would make arithmetic slow.
_LARGEST = Decimal(10) ** 15


def records(reply: Reply, *path: str) -> list[Record]:
    """The list at `path` of a JSON object, without what is no object in it. Raises Unavailable
    where there is no list."""
    found: Any = reply.json_object()
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    if not isinstance(found, list):
        raise Unavailable(f"{reply.crm} answered without the list {'.'.join(path)!r}")
    return [one for one in found if isinstance(one, Mapping)]


def record(value: Any, *path: str) -> Record:
    """The object at `path`; an empty one where there is none."""
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def listed(value: Any) -> list[Record]:
    """The objects of a list; none where it is no list."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A text or whole number as text; empty for anything else."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value)
    return value.strip()[:_LONGEST] if isinstance(value, str) else ""


def said(value: Any) -> str | None:
    """As `text`, None where it is empty."""
    return text(value) or None


def identifier(reply: Reply, value: Any) -> str:
    """The id of what was read or written. Raises Unavailable where the answer holds none."""
    found = text(value)
    if not found:
        raise Unavailable(f"{reply.crm} answered without the id of a record")
    return found


def moment(value: Any) -> datetime | None:
    """ISO 8601; without an offset it is UTC. `2026-03-02T09:30:00.000+0000` is Salesforce's own."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(value: Any) -> date | None:
    at = moment(value)
    return at.date() if at else None


def amount(value: Any) -> Decimal:
    """Nothing readable is nothing spent."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return Decimal(0)
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() and abs(found) <= _LARGEST else Decimal(0)


def truth(value: Any) -> bool:
    """JSON's true, and what PHP makes of it."""
    return value is True or value in {1, "1"} if isinstance(value, bool | int | str) else False
