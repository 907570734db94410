"""What waits for the CRM, as JSON that a later version can still read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from calls.call import CallId, CallOutcome, KeyPress
from calls.caller import ContactRef
from calls.records import CallRecord, Leg, NewLead

VERSION = 1


class UnreadablePayload(ValueError):
    """A row of the outbox does not hold what its operation needs."""


def record_to_json(record: CallRecord) -> dict[str, Any]:
    return {
        "v": VERSION,
        "call_id": str(record.call_id),
        "arrived_at": record.arrived_at.isoformat(),
        "number": record.number,
        "dialled": record.dialled,
        "contact": [record.contact.crm, record.contact.id] if record.contact else None,
        "identity_outcome": record.identity_outcome,
        "outcome": record.outcome.value,
        "queue": record.queue,
        "answered_at": _time_to_json(record.answered_at),
        "ended_at": _time_to_json(record.ended_at),
        "end_estimated": record.end_estimated,
        "fallback": record.fallback,
        "rulebook_version": record.rulebook_version,
        "menu_path": _steps_to_json(record.menu_path),
        "legs": [_leg_to_json(leg) for leg in record.legs],
    }


def record_from_json(payload: dict[str, Any]) -> CallRecord:
    """Raises UnreadablePayload."""
    try:
        contact = payload["contact"]
        return CallRecord(
            call_id=CallId.parse(payload["call_id"]),
            arrived_at=datetime.fromisoformat(payload["arrived_at"]),
            number=payload["number"],
            dialled=payload["dialled"],
            contact=ContactRef(*contact) if contact else None,
            identity_outcome=payload["identity_outcome"],
            outcome=CallOutcome(payload["outcome"]),
            queue=payload["queue"],
            answered_at=_time_from_json(payload["answered_at"]),
            ended_at=_time_from_json(payload["ended_at"]),
            end_estimated=payload["end_estimated"],
            fallback=payload["fallback"],
            rulebook_version=payload["rulebook_version"],
            menu_path=_steps_from_json(payload["menu_path"]),
            legs=tuple(_leg_from_json(leg) for leg in payload["legs"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadablePayload(f"not a call record: {error!r}") from error


def lead_to_json(lead: NewLead) -> dict[str, Any]:
    return {
        "v": VERSION,
        "number": lead.number,
        "call_id": str(lead.call_id),
        "dialled": lead.dialled,
        "network_name": lead.network_name,
        "created_at": lead.created_at.isoformat(),
        "menu_path": _steps_to_json(lead.menu_path),
        "rulebook_version": lead.rulebook_version,
    }


def lead_from_json(payload: dict[str, Any]) -> NewLead:
    """Raises UnreadablePayload."""
    try:
        return NewLead(
            number=payload["number"],
            call_id=CallId.parse(payload["call_id"]),
            dialled=payload["dialled"],
            network_name=payload["network_name"],
            created_at=datetime.fromisoformat(payload["created_at"]),
            menu_path=_steps_from_json(payload["menu_path"]),
            rulebook_version=payload["rulebook_version"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadablePayload(f"not a lead: {error!r}") from error


def _time_to_json(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time_from_json(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _steps_to_json(steps: Iterable[KeyPress]) -> list[list[str | None]]:
    return [[step.menu, step.digits, step.outcome, step.intent] for step in steps]


def _steps_from_json(steps: list[list[Any]]) -> tuple[KeyPress, ...]:
    return tuple(KeyPress(*step) for step in steps)


def _leg_to_json(leg: Leg) -> dict[str, Any]:
    return {
        "agent": leg.agent,
        "interface": leg.interface,
        "rang_at": leg.rang_at.isoformat(),
        "answered_at": _time_to_json(leg.answered_at),
        "ended_at": _time_to_json(leg.ended_at),
        "disposition": leg.disposition,
        "note": leg.note,
    }


def _leg_from_json(leg: dict[str, Any]) -> Leg:
    return Leg(
        agent=leg["agent"],
        interface=leg["interface"],
        rang_at=datetime.fromisoformat(leg["rang_at"]),
        answered_at=_time_from_json(leg["answered_at"]),
        ended_at=_time_from_json(leg["ended_at"]),
        disposition=leg["disposition"],
        note=leg["note"],
    )
