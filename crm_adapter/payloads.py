"""What waits for the CRM, as JSON that a later version can still read. Whatever people wrote in it
is without card numbers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, overload

from calls.call import CallId, CallOutcome, Direction, KeyPress
from calls.caller import ContactRef
from calls.card_numbers import without_cards
from calls.offers import OfferAnswer, OfferPlace
from calls.records import (
    CallRecord,
    KeptRecording,
    Leg,
    LegVia,
    NewLead,
    NewTask,
    OfferGiven,
)

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
        "contact": _contact_to_json(record.contact),
        "identity_outcome": record.identity_outcome,
        "outcome": record.outcome.value,
        "queue": record.queue,
        "answered_at": _time_to_json(record.answered_at),
        "ended_at": _time_to_json(record.ended_at),
        "end_estimated": record.end_estimated,
        "fallback": record.fallback,
        "rulebook_version": record.rulebook_version,
        "menu_path": _steps_to_json(record.menu_path),
        "legs": [_leg_to_json(leg, (record.number, record.dialled)) for leg in record.legs],
        "typed": dict(record.typed),
        "recordings": [[one.what, one.name, one.seconds] for one in record.recordings],
        "routed": list(record.routed) if record.routed else None,
        "revision": record.revision,
        "direction": record.direction.value,
        "caller_name": _kept(record.caller_name, record.number),
        "wait_s": record.wait_s,
        "offers": [
            [one.offer, one.place.value, one.answer.value, _kept(one.reason, record.number)]
            for one in record.offers
        ],
        "arm": record.arm,
        "title": record.title,
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
            # What follows is missing in records written before version 0.2.
            typed=payload.get("typed", {}),
            recordings=tuple(KeptRecording(*one) for one in payload.get("recordings", ())),
            routed=_routed_from_json(payload.get("routed")),
            revision=payload.get("revision", 1),
            direction=Direction(payload.get("direction", Direction.INBOUND)),
            caller_name=payload.get("caller_name"),
            wait_s=payload.get("wait_s", 0),
            offers=tuple(
                OfferGiven(offer, OfferPlace(place), OfferAnswer(answer), *reason)
                for offer, place, answer, *reason in payload.get("offers", ())
            ),
            arm=payload.get("arm"),
            title=payload.get("title", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadablePayload(f"not a call record: {error!r}") from error


def lead_to_json(lead: NewLead) -> dict[str, Any]:
    return {
        "v": VERSION,
        "number": lead.number,
        "call_id": str(lead.call_id),
        "dialled": lead.dialled,
        "network_name": _kept(lead.network_name, lead.number),
        "created_at": lead.created_at.isoformat(),
        "menu_path": _steps_to_json(lead.menu_path),
        "rulebook_version": lead.rulebook_version,
        "name_recording": lead.name_recording,
        "name": _kept(lead.name, lead.number),
        "owner": lead.owner,
        "recording": lead.recording,
        "rule": lead.rule,
        "queue": lead.queue,
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
            name_recording=payload.get("name_recording"),
            # What follows is missing in leads written before version 0.2.
            name=payload.get("name") or "",
            owner=payload.get("owner"),
            recording=payload.get("recording"),
            rule=payload.get("rule") or "",
            queue=payload.get("queue"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadablePayload(f"not a lead: {error!r}") from error


def task_to_json(task: NewTask) -> dict[str, Any]:
    return {
        "v": VERSION,
        "kind": task.kind,
        "call_id": str(task.call_id),
        "created_at": task.created_at.isoformat(),
        "number": task.number,
        "contact": _contact_to_json(task.contact),
        "queue": task.queue,
        "recording": task.recording,
        "owner": task.owner,
        "end_unseen": task.end_unseen,
        "because": task.because,
        "because_zh": task.because_zh,
        "name": task.name,
        "due": _time_to_json(task.due),
        "note": _kept(task.note, task.number),
        "plan": task.plan,
    }


def task_from_json(payload: dict[str, Any]) -> NewTask:
    """Raises UnreadablePayload."""
    try:
        contact = payload["contact"]
        return NewTask(
            kind=payload["kind"],
            call_id=CallId.parse(payload["call_id"]),
            created_at=datetime.fromisoformat(payload["created_at"]),
            number=payload["number"],
            contact=ContactRef(*contact) if contact else None,
            queue=payload["queue"],
            recording=payload["recording"],
            owner=payload.get("owner"),
            end_unseen=bool(payload.get("end_unseen")),
            because=payload.get("because"),
            because_zh=payload.get("because_zh"),
            name=payload.get("name"),
            due=_time_from_json(payload.get("due")),
            note=payload.get("note") or "",
            plan=payload.get("plan"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadablePayload(f"not a task: {error!r}") from error


@overload
def _kept(written: str, *numbers: str | None) -> str: ...
@overload
def _kept(written: str | None, *numbers: str | None) -> str | None: ...
def _kept(written: str | None, *numbers: str | None) -> str | None:
    """`numbers` are the call's own, which stay."""
    return written and without_cards(written, spare=numbers)


def _contact_to_json(contact: ContactRef | None) -> list[str] | None:
    return [contact.crm, contact.id] if contact else None


def _routed_from_json(routed: list[Any] | None) -> tuple[str, str | None] | None:
    return (routed[0], routed[1]) if routed else None


def _time_to_json(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time_from_json(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _steps_to_json(steps: Iterable[KeyPress]) -> list[list[str | None]]:
    return [[step.menu, step.digits, step.outcome, step.intent] for step in steps]


def _steps_from_json(steps: list[list[Any]]) -> tuple[KeyPress, ...]:
    return tuple(KeyPress(*step) for step in steps)


def _leg_to_json(leg: Leg, numbers: tuple[str | None, ...]) -> dict[str, Any]:
    return {
        "agent": leg.agent,
        "interface": leg.interface,
        "rang_at": leg.rang_at.isoformat(),
        "answered_at": _time_to_json(leg.answered_at),
        "ended_at": _time_to_json(leg.ended_at),
        "disposition": leg.disposition,
        "note": _kept(leg.note, *numbers),
        "via": leg.via.value,
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
        via=LegVia(leg.get("via", LegVia.QUEUE)),
    )
