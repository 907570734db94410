"""What Pipedrive's records mean, and what ours look like there."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

from calls.caller import Purchase
from calls.records import CallRecord
from crm_adapter.adapter import HitKind
from crm_adapter.adapters import readings, texts
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.readings import Record


def found_person(item: Record) -> Person:
    """An item of a search has plain numbers."""
    phones = item.get("phones")
    numbers = phones if isinstance(phones, list) else []
    company = readings.said(readings.record(item, "organization").get("name"))
    owner = readings.said(readings.record(item, "owner").get("id"))
    return _person(item, numbers, company, owner)


def person(found: Record) -> Person:
    numbers = [one.get("value") for one in readings.listed(found.get("phones"))]
    return _person(found, numbers, None, readings.said(found.get("owner_id")))


def _person(found: Record, numbers: list[Any], company: str | None, owner: str | None) -> Person:
    first, last = readings.text(found.get("first_name")), readings.text(found.get("last_name"))
    whole = readings.text(found.get("name"))
    return Person(
        id=readings.text(found.get("id")),
        kind=HitKind.CONTACT,
        first_name=first,
        last_name=last if first or last else whole,
        company=company,
        numbers=tuple(map(readings.text, numbers)),
        version=readings.said(found.get("update_time")),
        owner=owner,
        name=whole,
        changed_at=readings.moment(found.get("update_time")),
    )


def purchase(found: Record) -> Purchase | None:
    at, name = readings.moment(found.get("won_time")), readings.text(found.get("title"))
    if at is None:
        return None
    amount, currency = readings.amount(found.get("value")), readings.text(found.get("currency"))
    return Purchase(name, name, "", at, amount, currency)


def call(record: CallRecord, idem: str) -> dict[str, Any]:
    """Times without an offset are UTC; the duration is in seconds, as text."""
    started = record.answered_at or record.arrived_at
    told: dict[str, Any] = {
        "subject": texts.call_title(record),
        "duration": str(record.talk_s),
        "outcome": "connected" if record.answered_at is not None else "no_answer",
        "to_phone_number": record.dialled,
        "start_time": _time(started),
        "end_time": _time(record.ended_at or started),
        "note": texts.as_html(texts.call_text(record, idem)),
    }
    if record.number:
        told["from_phone_number"] = record.number
    return told


def lines(note: Any) -> list[str]:
    """Of a note, however Pipedrive has written its line ends."""
    if not isinstance(note, str):
        return []
    return html.unescape(re.sub(r"<br ?/?>|</?p>", "\n", note)).splitlines()


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def since(at: datetime) -> str:
    """As lists want to be told a time."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
