"""What is known of a caller and a call, under the names of `config.facts`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from calls.call import Call
from calls.caller import Caller, Contact, Order
from calls.segments import Segments
from config.facts import FACTS, WEEKDAYS

MAX_SPOKEN = 200

#: As for somebody the CRM does not know.
_NO_CONTACT: dict[str, Any] = {
    "caller.known": False,
    "caller.first_name": None,
    "caller.last_name": None,
    "caller.name": None,
    "caller.company": None,
    "caller.language": None,
    "caller.open_orders": 0,
    "caller.open_cases": 0,
    "caller.open_complaints": 0,
    "caller.owns": frozenset(),
    "caller.last_order.product": None,
    "caller.last_order.days_ago": None,
    "caller.last_order.late_days": None,
    "caller.last_order.status": None,
}
_SEGMENTS = (
    "tier",
    "lifecycle",
    "recency",
    "frequency",
    "monetary",
    "spend_12m",
    "days_since_last",
    "usual_gap_days",
)
_NO_SEGMENTS: dict[str, Any] = {f"caller.{name}": None for name in _SEGMENTS}


@dataclass(frozen=True, slots=True)
class Facts:
    """`values` are for conditions, by dotted name; `spoken` are the variables of texts, without
    personal facts where the identity is not sure enough to speak them."""

    values: Mapping[str, Any]
    spoken: Mapping[str, Any]


def facts_of(caller: Caller, call: Call, now: datetime, language: str) -> Facts:
    """`now` is aware and on the clock of the dialled number."""
    values = {
        "caller.identity": caller.identity.outcome.value,
        "caller.confidence": caller.identity.confidence,
        "caller.number": caller.number,
        "call.dialled": call.dialled,
        "call.withheld": call.withheld,
        "call.hour": now.hour,
        "call.weekday": WEEKDAYS[now.weekday()],
        "call.language": language,
        **_of_contact(caller.contact, now),
        **_of_segments(caller.segments),
    }
    return facts_from(values, may_be_personal=caller.may_hear_personal_facts)


def facts_from(values: Mapping[str, Any], *, may_be_personal: bool) -> Facts:
    spoken = values if may_be_personal else {**values, **_NO_CONTACT, **_NO_SEGMENTS}
    return Facts(values, _namespaces(spoken))


def _of_contact(contact: Contact | None, now: datetime) -> dict[str, Any]:
    if contact is None:
        return _NO_CONTACT
    order = _last_order(contact)
    open_cases = [case for case in contact.cases if case.is_open]
    return {
        "caller.known": True,
        "caller.first_name": contact.first_name or None,
        "caller.last_name": contact.last_name or None,
        "caller.name": contact.name or None,
        "caller.company": contact.company or None,
        "caller.language": contact.language or None,
        "caller.open_orders": sum(order.is_open for order in contact.orders),
        "caller.open_cases": len(open_cases),
        "caller.open_complaints": sum(case.kind == "complaint" for case in open_cases),
        "caller.owns": contact.owns,
        "caller.last_order.product": order.product_name if order else None,
        "caller.last_order.days_ago": (now - order.placed_at).days if order else None,
        "caller.last_order.late_days": late_days(order, now) if order else None,
        "caller.last_order.status": order.status if order else None,
    }


def _last_order(contact: Contact) -> Order | None:
    """The newest that is still open, else the newest (orders come newest first)."""
    return next(
        (order for order in contact.orders if order.is_open), next(iter(contact.orders), None)
    )


def late_days(order: Order, now: datetime) -> int:
    if not order.is_open or order.due_on is None:
        return 0
    return max(0, (now.date() - order.due_on).days)


def _of_segments(segments: Segments | None) -> dict[str, Any]:
    if segments is None:
        return _NO_SEGMENTS
    found = {f"caller.{name}": getattr(segments, name) for name in _SEGMENTS}
    found["caller.tier"] = segments.tier.value
    found["caller.lifecycle"] = segments.lifecycle.value
    return found


def _namespaces(values: Mapping[str, Any]) -> dict[str, Any]:
    roots: dict[str, Any] = {}
    for name in FACTS:
        *groups, leaf = name.split(".")
        value = values.get(name)
        scope = roots
        for group in groups:
            scope = scope.setdefault(group, SimpleNamespace()).__dict__
        scope[leaf] = value[:MAX_SPOKEN] if isinstance(value, str) else value
    return roots
