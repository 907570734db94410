"""Leads, tasks and call records as rows. Text that came from the network is cut to its column."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from calls.call import KeyPress
from calls.records import CallRecord, Leg, NewLead, NewTask
from crm_adapter.wording import call_title

#: Ids follow from the key, so that two processes with one key agree on them.
_NAMESPACE = uuid.UUID("6f1d2f0c-5a0e-4c55-9c0a-3b1f2b1f7a11")


def _id(kind: str, idem: str) -> str:
    return f"{kind}-{uuid.uuid5(_NAMESPACE, f'{kind}:{idem}').hex}"


def _clean(text: str | None, length: int) -> str | None:
    """PostgreSQL refuses NUL in text, and more than the column holds."""
    return None if text is None else text.replace("\0", "")[:length]


def lead(lead: NewLead, idem: str) -> dict[str, Any]:
    return {
        "id": _id("L", idem),
        "idem": idem,
        "number": lead.number,
        "status": "open",
        "unverified": True,
        "system": lead.call_id.system,
        "linkedid": lead.call_id.linkedid,
        "dialled": _clean(lead.dialled, 80),
        "network_name": _clean(lead.network_name, 200),
        "name": _clean(lead.name, 200),
        "owner": _clean(lead.owner, 80),
        "rule": _clean(lead.rule, 80),
        "recording": _clean(lead.recording, 120),
        "menu_path": _keys(lead.menu_path),
        "rulebook_version": _clean(lead.rulebook_version, 80),
        "name_recording": _clean(lead.name_recording, 120),
        "created_at": lead.created_at,
    }


def task(task: NewTask, idem: str) -> dict[str, Any]:
    return {
        "id": _id("K", idem),
        "idem": idem,
        "kind": task.kind,
        "status": "open",
        "contact_id": None if task.contact is None else task.contact.id,
        "number": _clean(task.number, 20),
        "queue": _clean(task.queue, 80),
        "recording": _clean(task.recording, 120),
        "owner": _clean(task.owner, 80),
        "link": _clean(task.link, 200),
        "because": _clean(task.because, 300),
        "due_at": task.due,
        "note": _clean(task.note, 4000) or None,
        "system": task.call_id.system,
        "linkedid": task.call_id.linkedid,
        "created_at": task.created_at,
    }


def call_record(record: CallRecord, idem: str) -> dict[str, Any]:
    return {
        "id": _id("R", idem),
        "idem": idem,
        "system": record.call_id.system,
        "linkedid": record.call_id.linkedid,
        "contact_id": None if record.contact is None else record.contact.id,
        "number": _clean(record.number, 20),
        "dialled": _clean(record.dialled, 80),
        "identity": record.identity_outcome,
        "outcome": record.outcome.value,
        "queue": _clean(record.queue, 40),
        "arrived_at": record.arrived_at,
        "answered_at": record.answered_at,
        "ended_at": record.ended_at,
        "end_estimated": record.end_estimated,
        "fallback": record.fallback,
        "talk_s": record.talk_s,
        "rulebook_version": _clean(record.rulebook_version, 80),
        "menu_path": _keys(record.menu_path),
        "legs": [_leg(leg) for leg in record.legs],
        "typed": dict(record.typed) or None,
        "recordings": [
            {"what": one.what, "name": one.name, "seconds": one.seconds}
            for one in record.recordings
        ]
        or None,
        "routed": _routed(record.routed),
        "revision": record.revision,
        "title": _clean(call_title(record), 240),
        "direction": record.direction.value,
        "caller_name": _clean(record.caller_name, 240),
        "wait_s": record.wait_s,
        "offers": [
            {"offer": one.offer, "place": one.place.value, "answer": one.answer.value}
            | ({"reason": one.reason} if one.reason else {})
            for one in record.offers
        ]
        or None,
        "arm": _clean(record.arm, 20),
    }


def _keys(steps: Sequence[KeyPress]) -> list[dict[str, str | None]]:
    return [
        {"menu": s.menu, "digits": s.digits, "outcome": s.outcome, "intent": s.intent}
        for s in steps
    ]


def _routed(route: tuple[str, str | None] | None) -> dict[str, str | None] | None:
    return {"kind": route[0], "target": route[1]} if route else None


def _leg(leg: Leg) -> dict[str, str | None]:
    return {
        "agent": leg.agent,
        "interface": leg.interface,
        "rang_at": _utc(leg.rang_at),
        "answered_at": _utc(leg.answered_at),
        "ended_at": _utc(leg.ended_at),
        "disposition": leg.disposition,
        "note": _clean(leg.note, 4000),
        "via": leg.via.value,
    }


def _utc(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
